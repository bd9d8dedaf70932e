//! The lints of this build, and finding one by the name it has here or in another tool.

use super::Lint;

/// A lint with its name and its page.
pub struct Entry {
    /// The name of its folder, in kebab-case.
    pub name: &'static str,
    /// What it is.
    pub lint: &'static Lint,
    /// Its README.md: what, why, when it is fine, how to fix; the text of `harden explain`.
    pub readme: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/registry.rs"));

/// Every lint of this build, ordered by name.
#[must_use]
pub fn registry() -> &'static [Entry] {
    ENTRIES
}

/// The lints that a name or another tool's id means: the one of that name, or else all that have a case with that id.
/// Empty when nobody knows it.
#[must_use]
pub fn find(name: &str) -> Vec<&'static Entry> {
    find_in(ENTRIES, name)
}

/// The name or id nearest to one that nobody knows, for "did you mean"; `None` when nothing is near.
#[must_use]
pub fn suggest(name: &str) -> Option<&'static str> {
    suggest_in(ENTRIES, name, &[])
}

pub(super) fn find_in(registry: &'static [Entry], name: &str) -> Vec<&'static Entry> {
    match registry.iter().find(|entry| entry.name.eq_ignore_ascii_case(name)) {
        Some(entry) => vec![entry],
        None => registry.iter().filter(|entry| entry.lint.aliases.iter().any(|alias| same_id(alias, name))).collect(),
    }
}

/// As [`suggest`], among the lints of `registry` and further words.
pub(super) fn suggest_in(registry: &'static [Entry], name: &str, words: &[&'static str]) -> Option<&'static str> {
    let wanted = name.to_ascii_lowercase();
    let names = registry.iter().map(|entry| entry.name);
    let aliases = registry.iter().flat_map(|entry| entry.lint.aliases.iter().copied());
    let scored = names
        .chain(aliases)
        .chain(words.iter().copied())
        .map(|known| (known, nearness(&wanted, &known.to_ascii_lowercase())));
    let (best, score) = scored.max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (score >= 0.75).then_some(best)
}

/// How alike two names are, from 0 to 1: by edits, and by the words they share where somebody remembers the words but not
/// their order or number (`user-missing`).
fn nearness(a: &str, b: &str) -> f64 {
    let words = |text: &str| {
        let mut words: Vec<String> = text.split(['-', '_']).map(str::to_owned).collect();
        words.sort_unstable();
        words.join("-")
    };
    let sorted = strsim::normalized_damerau_levenshtein(&words(a), &words(b));
    strsim::normalized_damerau_levenshtein(a, b).max(sorted)
}

/// Whether two spellings mean the same id of another tool: case does not matter, nor the name of the tool in front
/// (`hadolint/DL3006`), nor which of trivy's spellings it is (`DS-0001`, `DS001`, `AVD-DS-0001`).
#[must_use]
pub fn same_id(a: &str, b: &str) -> bool {
    let (a, b) = (without_tool(a), without_tool(b));
    a.eq_ignore_ascii_case(b) || trivy_number(a).is_some_and(|number| trivy_number(b) == Some(number))
}

/// The tool whose id this is, by its shape. Only wildcards (`# check=skip=all`) need to know.
pub(super) fn tool_of(alias: &str) -> Option<Tool> {
    let prefixed = alias.split_once('/').map(|(tool, _)| tool.to_ascii_lowercase());
    match prefixed.as_deref() {
        Some("hadolint") => return Some(Tool::Hadolint),
        Some("buildkit") => return Some(Tool::BuildKit),
        Some("tally") => return Some(Tool::Tally),
        _ => {}
    }
    let digits = |prefix: &str| {
        alias.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    if digits("DL") || digits("SC") {
        Some(Tool::Hadolint)
    } else if trivy_number(alias).is_some() {
        Some(Tool::Trivy)
    } else if alias.starts_with("CKV") {
        Some(Tool::Checkov)
    } else if alias.contains('.') && !alias.starts_with("CIS") {
        Some(Tool::Semgrep)
    } else if alias.starts_with(|c: char| c.is_ascii_uppercase())
        && alias.bytes().all(|b| b.is_ascii_alphabetic())
        && alias.bytes().any(|b| b.is_ascii_lowercase())
    {
        Some(Tool::BuildKit)
    } else {
        None
    }
}

/// The tools whose comments we read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tool {
    Harden,
    Hadolint,
    BuildKit,
    Trivy,
    Checkov,
    Tally,
    Semgrep,
}

fn without_tool(id: &str) -> &str {
    match id.split_once('/') {
        Some((tool, rest)) if ["hadolint", "buildkit", "tally"].iter().any(|t| t.eq_ignore_ascii_case(tool)) => rest,
        _ => id,
    }
}

fn trivy_number(id: &str) -> Option<u32> {
    let rest = strip_prefix_ignore_case(id, "avd-").unwrap_or(id);
    let rest = strip_prefix_ignore_case(rest, "ds")?;
    let digits = rest.strip_prefix('-').unwrap_or(rest);
    let plain = (3..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// The rest of `text` behind `prefix`, whatever their case.
pub(super) fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_id_are_the_same() {
        for (a, b) in [
            ("DL3006", "dl3006"),
            ("DL3006", "hadolint/DL3006"),
            ("DS-0001", "AVD-DS-0001"),
            ("DS-0001", "DS001"),
            ("DS-0001", "avd-ds-0001"),
            ("StageNameCasing", "buildkit/StageNameCasing"),
            ("tally/no-latest", "no-latest"),
        ] {
            assert!(same_id(a, b) && same_id(b, a), "{a} and {b}");
        }
        for (a, b) in
            [("DL3006", "DL3007"), ("DS-0001", "DS-0010"), ("DS-0001", "DS-1"), ("CKV_DOCKER_7", "CKV_DOCKER_70")]
        {
            assert!(!same_id(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn the_tool_shows_in_the_shape() {
        assert_eq!(tool_of("DL3006"), Some(Tool::Hadolint));
        assert_eq!(tool_of("DS-0002"), Some(Tool::Trivy));
        assert_eq!(tool_of("CKV2_DOCKER_1"), Some(Tool::Checkov));
        assert_eq!(tool_of("SecretsUsedInArgOrEnv"), Some(Tool::BuildKit));
        assert_eq!(tool_of("dockerfile.security.missing-user.missing-user"), Some(Tool::Semgrep));
        assert_eq!(tool_of("CIS-4.1"), None);
        assert_eq!(tool_of("fd54f200"), None);
    }

    #[test]
    fn names_are_unique_and_ordered() {
        assert!(registry().windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
