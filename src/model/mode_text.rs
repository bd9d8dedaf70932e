//! The text of modes: where it stands, and what is left of a symbolic one without a bit.

use crate::text::Span;

use super::{Dockerfile, ModeChange};

impl Dockerfile {
    /// Where the text of a mode is written out, once, in the word or flag that holds it.
    #[must_use]
    pub fn place_of_mode(&self, change: &ModeChange<'_>) -> Option<Span> {
        let written = self.text(change.span);
        let at = written.rfind(&change.text)?;
        let alone = |c: char| !c.is_ascii_alphanumeric();
        let before = &written[..at];
        // `-m777` is the one form in which a letter stands in front.
        let free = before.is_empty() || before.ends_with(alone) || before == "-m";
        let start = change.span.start + at as u32;
        (free && !written.contains('$')).then(|| Span::new(start, start + change.text.len() as u32))
    }
}

/// A symbolic mode without the letter `s` of what it sets; empty where nothing is left to do. `None` where it isn't
/// symbolic or copies the rights of another class.
#[must_use]
pub fn mode_without_setid(mode: &str) -> Option<String> {
    rewritten(mode, |who, operator, rights| {
        let kept: String = rights.chars().filter(|letter| operator == '-' || *letter != 's').collect();
        (operator == '=' || !kept.is_empty()).then(|| format!("{who}{operator}{kept}"))
    })
}

/// A symbolic mode that lets others write no more and the owner as before; empty where nothing is left to do. `None` where
/// it isn't symbolic or copies the rights of another class.
#[must_use]
pub fn mode_without_world_write(mode: &str) -> Option<String> {
    rewritten(mode, |who, operator, rights| {
        let others = who.contains(['o', 'a']);
        if operator == '-' || !others || !rights.contains('w') {
            return Some(format!("{who}{operator}{rights}"));
        }
        let kept: String = rights.chars().filter(|letter| *letter != 'w').collect();
        let narrowed = (operator == '=' || !kept.is_empty()).then(|| format!("{who}{operator}{kept}"));
        let owner = who.contains(['u', 'a']).then(|| "u+w".to_owned());
        match (narrowed, owner) {
            (Some(narrowed), Some(owner)) => Some(format!("{narrowed},{owner}")),
            (narrowed, owner) => narrowed.or(owner),
        }
    })
}

/// The clauses of a symbolic mode, each one changed or left out.
fn rewritten(mode: &str, change: impl Fn(&str, char, &str) -> Option<String>) -> Option<String> {
    let mut clauses = Vec::new();
    for clause in mode.split(',') {
        let at = clause.find(['+', '-', '='])?;
        let (who, rest) = clause.split_at(at);
        let operator = rest.chars().next()?;
        let rights = &rest[1..];
        let letters = rights.chars().all(|letter| "rwxXst".contains(letter));
        if !letters || !who.chars().all(|letter| "ugoa".contains(letter)) {
            return None;
        }
        clauses.extend(change(who, operator, rights));
    }
    Some(clauses.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbolic_modes_lose_what_is_dropped() {
        for (mode, setid, world) in [
            ("+s", Some(""), Some("+s")),
            ("u+xs", Some("u+x"), Some("u+xs")),
            ("u=rxs,go=rx", Some("u=rx,go=rx"), Some("u=rxs,go=rx")),
            ("a+rwX", Some("a+rwX"), Some("a+rX,u+w")),
            ("o+w", Some("o+w"), Some("")),
            ("go+rw,u-s", Some("go+rw,u-s"), Some("go+r,u-s")),
            ("a=rwx", Some("a=rwx"), Some("a=rx,u+w")),
            ("go=u", None, None),
            ("4755", None, None),
        ] {
            assert_eq!(mode_without_setid(mode).as_deref(), setid, "{mode}");
            assert_eq!(mode_without_world_write(mode).as_deref(), world, "{mode}");
        }
    }
}
