//! What one comment line says about ignoring, in our words or another tool's.

use crate::text::Span;

use super::registry::{Tool, strip_prefix_ignore_case};

/// An ignore comment: who is addressed, what is to be silenced, and how far that reaches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pragma {
    pub(super) tool: Tool,
    pub(super) reach: Reach,
    /// The ids, with their places in the file.
    pub(super) ids: Vec<Id>,
    /// What stands behind our own list; nothing for other tools.
    pub(super) reason: String,
    /// Last day in force, `YYYY-MM-DD`.
    pub(super) until: Option<String>,
}

/// How far an ignore comment reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    /// The instruction it stands above or in.
    Instruction,
    /// The stage it stands above the FROM of, or else the rest of the stage it stands in.
    Stage,
    /// The whole file.
    File,
}

/// An id in an ignore comment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Id {
    pub(super) text: String,
    pub(super) span: Span,
}

/// Reads a comment line, `#` included, that starts at `offset` of the file. A line can hold several pragmas of trivy and
/// checkov; of the others the first one counts, as it does for them.
pub(super) fn read(line: &str, offset: u32) -> Vec<Pragma> {
    let body = line.trim_start().trim_start_matches('#').trim_start();
    let at = offset + (line.len() - body.len()) as u32;
    let text = Text { text: body.trim_end(), at };
    let first_word = body.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
    let one = match first_word.to_ascii_lowercase().as_str() {
        "harden" => harden(text),
        "hadolint" => hadolint(text),
        "check" => buildkit(text),
        "tally" => tally(text),
        "trivy" | "tfsec" => return trivy(text),
        _ => None,
    };
    match one {
        Some(pragma) => vec![pragma],
        None => checkov(text).into_iter().chain(semgrep(text)).collect(),
    }
}

/// A slice of the file that knows where it stands.
#[derive(Clone, Copy)]
struct Text<'a> {
    text: &'a str,
    at: u32,
}

impl<'a> Text<'a> {
    /// What follows `word` and the blanks around it.
    fn after(self, word: &str) -> Option<Self> {
        Some(self.skip_to(strip_prefix_ignore_case(self.text, word)?.trim_start()))
    }

    /// The same place, from `rest` on, which must be a tail of it.
    fn skip_to(self, rest: &'a str) -> Self {
        Self { text: rest, at: self.at + (self.text.len() - rest.len()) as u32 }
    }

    /// The ids of a list, each a run of characters that ids are made of.
    fn ids(self) -> Vec<Id> {
        let mut ids = Vec::new();
        let mut rest = self;
        while let Some(start) = rest.text.find(|c: char| !is_separator(c)) {
            rest = rest.skip_to(&rest.text[start..]);
            let length = rest.text.find(is_separator).unwrap_or(rest.text.len());
            let span = Span::new(rest.at, rest.at + length as u32);
            ids.push(Id { text: rest.text[..length].to_owned(), span });
            rest = rest.skip_to(&rest.text[length..]);
        }
        ids
    }

    /// The head up to the first character that `stop` accepts, and the rest from it on.
    fn split(self, stop: impl Fn(char) -> bool) -> (Self, Self) {
        let length = self.text.find(stop).unwrap_or(self.text.len());
        (Self { text: &self.text[..length], ..self }, self.skip_to(&self.text[length..]))
    }
}

fn is_separator(c: char) -> bool {
    c == ',' || c.is_whitespace()
}

fn pragma(tool: Tool, reach: Reach, ids: Vec<Id>) -> Option<Pragma> {
    (!ids.is_empty()).then(|| Pragma { tool, reach, ids, reason: String::new(), until: None })
}

/// `harden: ignore[name, …] reason`, `harden: ignore-file[name, …] reason`.
fn harden(text: Text<'_>) -> Option<Pragma> {
    let rest = text.after("harden")?.after(":")?;
    let (reach, rest) = match rest.after("ignore-file") {
        Some(rest) => (Reach::File, rest),
        None => (Reach::Instruction, rest.after("ignore")?),
    };
    let (list, behind) = rest.after("[")?.split(|c| c == ']');
    let reason = behind.text.strip_prefix(']')?.trim_start_matches([':', '-', '–', '—', ' ', '\t']).trim();
    // An empty list is kept: it silences nothing, and the user is told.
    Some(Pragma { tool: Tool::Harden, reach, ids: list.ids(), reason: reason.to_owned(), until: None })
}

/// `hadolint ignore=DL3006,SC2046 # why`, `hadolint global ignore=…`, and since 2.15 `hadolint stage ignore=…`.
/// Source: hadolint's README, "Inline ignores".
fn hadolint(text: Text<'_>) -> Option<Pragma> {
    let rest = text.after("hadolint")?;
    let (reach, rest) = match (rest.after("global"), rest.after("stage")) {
        (Some(rest), _) => (Reach::File, rest),
        (None, Some(rest)) => (Reach::Stage, rest),
        (None, None) => (Reach::Instruction, rest),
    };
    let (list, _) = rest.after("ignore")?.after("=")?.split(|c| c == '#');
    pragma(Tool::Hadolint, reach, list.ids())
}

/// `check=skip=Rule,Rule;error=true // why`. As a parser directive it holds for the file, which the caller knows; above an
/// instruction for that. Source: the Dockerfile reference, "check"; moby/buildkit #6334.
fn buildkit(text: Text<'_>) -> Option<Pragma> {
    let mut rest = text.after("check")?.after("=")?;
    if let Some(comment) = rest.text.find("//") {
        rest.text = &rest.text[..comment];
    }
    loop {
        let (part, behind) = rest.split(|c| c == ';');
        if let Some(list) = part.after("skip").and_then(|part| part.after("=")) {
            return pragma(Tool::BuildKit, Reach::Instruction, list.ids());
        }
        rest = behind.after(";")?;
    }
}

/// `tally ignore=RULE,RULE;reason=…`, `tally global ignore=…`. Source: tally's configuration guide.
fn tally(text: Text<'_>) -> Option<Pragma> {
    let rest = text.after("tally")?;
    let (reach, rest) = match rest.after("global") {
        Some(rest) => (Reach::File, rest),
        None => (Reach::Instruction, rest),
    };
    let (list, _) = rest.after("ignore")?.after("=")?.split(|c| c == ';');
    pragma(Tool::Tally, reach, list.ids())
}

/// `trivy:ignore:AVD-DS-0002`, with `:exp:2026-01-01` behind it, several in a line. Source: trivy's documentation,
/// "Filtering by inline comments".
fn trivy(text: Text<'_>) -> Vec<Pragma> {
    let mut pragmas = Vec::new();
    let mut rest = text;
    while !rest.text.is_empty() {
        let (word, behind) = rest.split(char::is_whitespace);
        let word = word.skip_to(word.text.trim_start_matches('#'));
        let tail = word.after("trivy:ignore:").or_else(|| word.after("tfsec:ignore:"));
        if let Some(tail) = tail {
            let (id, parameters) = tail.split(|c| c == ':' || c == '[');
            let until = parameters.text.split_once(":exp:").map(|(_, date)| date.chars().take(10).collect());
            pragmas.extend(pragma(Tool::Trivy, Reach::Instruction, id.ids()).map(|pragma| Pragma { until, ..pragma }));
        }
        rest = behind.skip_to(behind.text.trim_start());
    }
    pragmas
}

/// `checkov:skip=CKV_DOCKER_2:reason`, anywhere in a comment anywhere in the file, always for the whole file
/// (bridgecrewio/checkov #2139).
fn checkov(text: Text<'_>) -> Option<Pragma> {
    let start = ["checkov:skip=", "bridgecrew:skip="]
        .into_iter()
        .find_map(|marker| memchr::memmem::find(text.text.as_bytes(), marker.as_bytes()).map(|at| at + marker.len()))?;
    let rest = text.skip_to(text.text.get(start..)?.trim_start());
    let (id, _) = rest.split(|c| !c.is_ascii_alphanumeric() && c != '_');
    pragma(Tool::Checkov, Reach::File, id.ids())
}

/// `nosemgrep: id, id`, or bare for all of semgrep's. Source: semgrep's documentation, "Ignore files, folders, and code".
fn semgrep(text: Text<'_>) -> Option<Pragma> {
    let start = memchr::memmem::find(text.text.as_bytes(), b"nosem")?;
    let found = text.skip_to(text.text.get(start..)?);
    let rest = found.after("nosemgrep").or_else(|| found.after("nosem"))?;
    if rest.text.starts_with(|c: char| c.is_alphanumeric())
        && !found.text[..(rest.at - found.at) as usize].ends_with(' ')
    {
        return None;
    }
    match rest.after(":") {
        Some(list) => {
            let (list, _) = list.split(|c| c == '#');
            pragma(Tool::Semgrep, Reach::Instruction, list.ids())
        }
        None => {
            let id = Id { text: "all".to_owned(), span: Span::new(found.at, rest.at) };
            pragma(Tool::Semgrep, Reach::Instruction, vec![id])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(line: &str) -> Vec<(Tool, Reach, Vec<String>)> {
        let texts = |ids: Vec<Id>| ids.into_iter().map(|id| id.text).collect();
        read(line, 0).into_iter().map(|pragma| (pragma.tool, pragma.reach, texts(pragma.ids))).collect()
    }

    fn owned(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|&id| id.to_owned()).collect()
    }

    #[test]
    fn our_own_words() {
        let line = "  # harden: ignore[root-user, DL3006] needs ports below 1024";
        let [pragma] = &read(line, 10)[..] else { panic!("one pragma") };
        assert_eq!(pragma.reason, "needs ports below 1024");
        assert_eq!(pragma.reach, Reach::Instruction);
        for id in &pragma.ids {
            assert_eq!(&line[id.span.start as usize - 10..id.span.end as usize - 10], id.text);
        }
        assert_eq!(ids("#harden:ignore-file[all-of-it]"), [(Tool::Harden, Reach::File, owned(&["all-of-it"]))]);
        assert_eq!(ids("# harden: ignore[]"), [(Tool::Harden, Reach::Instruction, vec![])]);
        assert_eq!(ids("# harden: ignore root-user"), []);
        assert_eq!(ids("# hardened: ignore[root-user]"), []);
        assert_eq!(ids("# harden: ignore[root-user"), []);
    }

    #[test]
    fn the_words_of_others() {
        use Reach::{File, Instruction, Stage};
        for (line, tool, reach, expected) in [
            ("# hadolint ignore=DL3006,SC2046", Tool::Hadolint, Instruction, &["DL3006", "SC2046"][..]),
            ("#hadolint   ignore = DL3006, DL3007 # why, DL9", Tool::Hadolint, Instruction, &["DL3006", "DL3007"]),
            ("# hadolint global ignore=DL3006", Tool::Hadolint, File, &["DL3006"]),
            ("# hadolint stage ignore=DL3006", Tool::Hadolint, Stage, &["DL3006"]),
            ("# check=skip=A,B;error=true", Tool::BuildKit, Instruction, &["A", "B"]),
            ("# check=error=true;skip=A // why", Tool::BuildKit, Instruction, &["A"]),
            ("# trivy:ignore:AVD-DS-0002", Tool::Trivy, Instruction, &["AVD-DS-0002"]),
            ("# checkov:skip=CKV_DOCKER_2:no server in it", Tool::Checkov, File, &["CKV_DOCKER_2"]),
            ("# for CI: checkov:skip=CKV_DOCKER_2", Tool::Checkov, File, &["CKV_DOCKER_2"]),
            ("# tally ignore=hadolint/DL3002,a;reason=b", Tool::Tally, Instruction, &["hadolint/DL3002", "a"]),
            ("# tally global ignore=max-lines", Tool::Tally, File, &["max-lines"]),
            ("# nosemgrep: dockerfile.security.x.x", Tool::Semgrep, Instruction, &["dockerfile.security.x.x"]),
            ("# nosemgrep", Tool::Semgrep, Instruction, &["all"]),
        ] {
            assert_eq!(ids(line), [(tool, reach, owned(expected))], "{line}");
        }
        for line in
            ["# hadolint shell=bash", "# check the version", "# check=error=true", "# tally the votes", "# plain"]
        {
            assert_eq!(ids(line), [], "{line}");
        }
    }

    #[test]
    fn trivy_says_several_and_until_when() {
        let pragmas = read("# trivy:ignore:DS002:exp:2026-01-31 trivy:ignore:AVD-DS-0001[tag=latest]", 0);
        let seen: Vec<_> = pragmas.iter().map(|p| (p.ids[0].text.as_str(), p.until.as_deref())).collect();
        assert_eq!(seen, [("DS002", Some("2026-01-31")), ("AVD-DS-0001", None)]);
    }
}
