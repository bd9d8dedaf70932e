//! The findings of `unused-ignore`: our own ignore comments that silence nothing. Only the engine can know that, so the
//! lint's folder holds no function. Other tools' comments are theirs to judge.

use crate::diagnostic::Fix;
use crate::model::Dockerfile;
use crate::text::{Edit, Span};

use super::registry::{Tool, find_in, same_id, suggest_in};
use super::suppress::{Effect, Suppression, Suppressions};
use super::{Draft, Findings, Settings};

/// Name of the lint whose findings are made here.
pub(super) const UNUSED_IGNORE: &str = "unused-ignore";

/// Looking for the nearest name costs more than all else here; whoever misspells so many names has another problem.
const MAX_SUGGESTIONS: usize = 100;

/// What is wrong with the ignore comments, after all other lints ran. `failed` could not run and are not judged.
pub(super) fn report(
    dockerfile: &Dockerfile,
    settings: &Settings,
    suppressions: &Suppressions,
    failed: &[&str],
) -> Vec<Draft> {
    let registry = settings.selection.registry();
    let Some(own) = registry.iter().find(|entry| entry.name == UNUSED_IGNORE) else { return Vec::new() };
    let mut judge = Judge { dockerfile, settings, failed, suggestions: 0, findings: Findings::new(own.lint) };
    for item in suppressions.all().filter(|item| item.pragma.tool == Tool::Harden) {
        judge.comment(item);
    }
    judge.findings.into_drafts()
}

struct Judge<'a> {
    dockerfile: &'a Dockerfile,
    settings: &'a Settings,
    failed: &'a [&'a str],
    /// How many names were looked for so far.
    suggestions: usize,
    findings: Findings,
}

impl Judge<'_> {
    fn comment(&mut self, item: &Suppression) {
        let ids = &item.pragma.ids;
        if ids.is_empty() {
            let fix = self.remove_comment(item.comment);
            self.findings
                .report(item.comment, "the ignore comment names no lint, so it silences nothing")
                .help(
                    "Name what is to be ignored, as in `# harden: ignore[missing-user] reason`, or remove the comment",
                )
                .fix(fix);
            return;
        }
        let unknown = ids.iter().filter(|id| find_in(self.settings.selection.registry(), &id.text).is_empty());
        for id in unknown {
            self.unknown(item, &id.text, id.span);
        }
        match item.effect {
            Effect::Silences(_) => self.stale(item),
            Effect::NoReason => {
                self.findings
                    .report(item.comment, "the ignore comment gives no reason, so it silences nothing")
                    .help("Say why behind the closing bracket: `require-reason` is set");
            }
            Effect::Unattached => {
                self.findings
                    .report(item.comment, "the ignore comment is attached to no instruction, so it silences nothing")
                    .help("Move it directly above the instruction it is about, without a blank line between");
            }
            Effect::NotAtTop => {
                self.findings
                    .report(item.comment, "`ignore-file` stands below the first instruction, so it silences nothing")
                    .help("Move it above the first instruction, or use `ignore[…]` above the one it is about");
            }
        }
    }

    fn unknown(&mut self, item: &Suppression, name: &str, span: Span) {
        self.suggestions += 1;
        let registry = self.settings.selection.registry();
        let suggestion = if self.suggestions <= MAX_SUGGESTIONS { suggest_in(registry, name, &[]) } else { None };
        let fix = match suggestion {
            Some(known) => Fix::suggestion(
                format!("Replace `{name}` by `{known}`"),
                "only who wrote the comment knows which lint was meant",
                vec![Edit::replace(span, known)],
            ),
            None => self.remove(item, &[span]),
        };
        let help = suggestion.map_or_else(
            || "Remove it; `harden lints` prints the names".to_owned(),
            |known| format!("Write `{known}` if that is meant"),
        );
        self.findings
            .report(span, format!("`{name}` is not the name of a lint, so the comment silences nothing by it"))
            .help(help)
            .fix(fix);
    }

    fn stale(&mut self, item: &Suppression) {
        let stale = |(id, used): &(&super::comments::Id, &bool)| !**used && self.is_judged(&id.text);
        let stale: Vec<_> = item.pragma.ids.iter().zip(&item.used).filter(stale).map(|(id, _)| id).collect();
        let (Some(first), Some(last)) = (stale.first(), stale.last()) else { return };
        let names: Vec<String> = stale.iter().map(|id| format!("`{}`", id.text)).collect();
        let spans: Vec<Span> = stale.iter().map(|id| id.span).collect();
        let message = format!("the comment ignores {}, which finds nothing here", names.join(", "));
        let fix = self.remove(item, &spans);
        self.findings.report(first.span.cover(last.span), message).help(fix.title.clone()).fix(fix);
    }

    /// Whether the lack of a finding by this name means something: all that could have found it did look.
    fn is_judged(&self, name: &str) -> bool {
        let selection = &self.settings.selection;
        let meant = find_in(selection.registry(), name);
        !meant.is_empty()
            && meant.iter().all(|entry| {
                let alias = entry.lint.aliases.iter().copied().find(|alias| same_id(alias, name));
                let alias = alias.filter(|_| !entry.name.eq_ignore_ascii_case(name));
                let looked =
                    entry.lint.dockerfile.is_some() || entry.lint.image.is_some() && self.dockerfile.result.is_some();
                looked
                    && !self.failed.contains(&entry.name)
                    && selection.position(entry.name).is_some_and(|index| selection.runs_all(index, alias))
            })
    }

    /// Takes these names out of a comment, or all of the comment when no name would be left.
    fn remove(&self, item: &Suppression, names: &[Span]) -> Fix {
        let ids = &item.pragma.ids;
        if names.len() == ids.len() {
            return self.remove_comment(item.comment);
        }
        let kept: Vec<&str> = ids.iter().filter(|id| !names.contains(&id.span)).map(|id| id.text.as_str()).collect();
        let list = ids[0].span.cover(ids[ids.len() - 1].span);
        let removed: Vec<String> = names.iter().map(|&span| format!("`{}`", self.dockerfile.text(span))).collect();
        let title = format!("Remove {} from the comment", removed.join(", "));
        Fix::safe(title, "a comment changes nothing in the image", vec![Edit::replace(list, kept.join(", "))])
    }

    fn remove_comment(&self, comment: Span) -> Fix {
        let text = self.dockerfile.source.text();
        let bytes = text.as_bytes();
        let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let start = memchr::memrchr(b'\n', &bytes[..comment.start as usize]).map_or(mark, |at| at + 1);
        let end = memchr::memchr(b'\n', &bytes[comment.end as usize..])
            .map_or(bytes.len(), |at| comment.end as usize + at + 1);
        // A comment on top keeps what follows from being read as a parser directive.
        let uncovers_directive = text[mark..start].lines().all(|line| line.trim_start().starts_with('#'))
            && text[end..].lines().next().is_some_and(looks_like_directive);
        let edits = vec![Edit::delete(Span::new(start as u32, end as u32))];
        if uncovers_directive {
            Fix::risky("Remove the comment", "the comment below becomes a parser directive", edits)
        } else {
            Fix::safe("Remove the comment", "a comment changes nothing in the image", edits)
        }
    }
}

fn looks_like_directive(line: &str) -> bool {
    let Some((name, _)) = line.trim_start().trim_start_matches('#').split_once('=') else { return false };
    line.trim_start().starts_with('#') && ["syntax", "escape", "check"].contains(&name.trim().to_lowercase().as_str())
}
