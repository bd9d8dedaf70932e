//! File modes as chmod(1) and `COPY --chmod` take them.

const SETUID: u16 = 0o4000;
const SETGID: u16 = 0o2000;
const STICKY: u16 = 0o1000;
const EXECUTE: u16 = 0o111;
const ALL: u16 = 0o7777;
/// The umask of a build: what Docker and every shell in an image start with.
const UMASK: u16 = 0o022;

/// What a mode does to the permission bits of a file, whatever they were before: bits that are on afterwards, bits that
/// are off afterwards, and the rest, which stay or can't be known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mode {
    set: u16,
    cleared: u16,
}

impl Mode {
    /// Reads an octal (`4755`) or symbolic (`u+s,go=rX`) mode as GNU chmod does; `None` for what it refuses. Where no
    /// `ugoa` is given, the bits of the usual umask 022 are left alone, as chmod leaves them. An octal mode is read for a
    /// file (GNU chmod keeps setuid and setgid of a directory unless five digits are given).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            let bits = octal(text)?;
            return Some(Self { set: bits, cleared: ALL & !bits });
        }
        let mut mode = Self::default();
        for clause in text.split(',') {
            mode.apply(clause)?;
        }
        Some(mode)
    }

    /// Whether all of `bits` are on afterwards.
    #[must_use]
    pub fn sets(self, bits: u16) -> bool {
        self.set & bits == bits
    }

    /// Whether all of `bits` are off afterwards.
    #[must_use]
    pub fn clears(self, bits: u16) -> bool {
        self.cleared & bits == bits
    }

    /// Whether the file runs as its owner afterwards (`u+s`, `4755`).
    #[must_use]
    pub fn sets_setuid(self) -> bool {
        self.sets(SETUID)
    }

    /// Whether the file runs as its group afterwards (`g+s`, `2755`).
    #[must_use]
    pub fn sets_setgid(self) -> bool {
        self.sets(SETGID)
    }

    /// Whether the setuid bit is off afterwards (`u-s`, `a-s`, `755`).
    #[must_use]
    pub fn clears_setuid(self) -> bool {
        self.clears(SETUID)
    }

    /// Whether the setgid bit is off afterwards.
    #[must_use]
    pub fn clears_setgid(self) -> bool {
        self.clears(SETGID)
    }

    /// Whether the sticky bit is on afterwards (`+t`, `1777`).
    #[must_use]
    pub fn sticky(self) -> bool {
        self.sets(STICKY)
    }

    /// Whether everybody may write afterwards (`777`, `o+w`, `a+rwX`, not `+w`).
    #[must_use]
    pub fn world_writable(self) -> bool {
        self.sets(0o002)
    }

    /// Whether the group may write afterwards.
    #[must_use]
    pub fn group_writable(self) -> bool {
        self.sets(0o020)
    }

    /// All twelve bits, where the mode settles each of them (an octal mode, `a=rx,a-st`).
    #[must_use]
    pub fn bits(self) -> Option<u16> {
        (self.set | self.cleared == ALL).then_some(self.set)
    }

    /// One clause: `ugoa` letters, then one or more operators each with its permissions.
    fn apply(&mut self, clause: &str) -> Option<()> {
        let operators = clause.find(['+', '-', '='])?;
        let (who, mut rest) = clause.split_at(operators);
        let mut affected = 0;
        for letter in who.chars() {
            affected |= class(letter)?;
        }
        let umask = if who.is_empty() { UMASK } else { 0 };
        if who.is_empty() {
            affected = ALL;
        }
        while let Some(operator) = rest.chars().next() {
            let body = rest.get(1..)?;
            let end = body.find(['+', '-', '=']).unwrap_or(body.len());
            let (permissions, next) = body.split_at(end);
            self.act(operator, permissions, affected, umask)?;
            rest = next;
        }
        Some(())
    }

    /// One operator with its permissions, for the bits in `affected` but those in `umask`.
    fn act(&mut self, operator: char, permissions: &str, affected: u16, umask: u16) -> Option<()> {
        // Bits that are meant for sure, and bits that may be meant (`X`, the permissions of another class).
        let (sure, maybe) = self.meant(permissions)?;
        // The umask doesn't hold back octal digits behind an operator.
        let umask = if permissions.starts_with(|first: char| first.is_ascii_digit()) { 0 } else { umask };
        let (sure, maybe) = (sure & affected & !umask, maybe & affected & !umask & !sure);
        match operator {
            '+' => {
                self.set |= sure;
                self.cleared &= !(sure | maybe);
            }
            '-' => {
                self.cleared |= sure;
                self.set &= !(sure | maybe);
            }
            _ => {
                self.set = self.set & !affected | sure;
                self.cleared = self.cleared & !affected | affected & !(sure | maybe);
            }
        }
        Some(())
    }

    /// The bits that `permissions` name for any class: surely, and perhaps.
    fn meant(self, permissions: &str) -> Option<(u16, u16)> {
        // One class alone stands for the permissions it has now.
        let copied = match permissions {
            "u" => Some(6),
            "g" => Some(3),
            "o" => Some(0),
            _ => None,
        };
        if let Some(shift) = copied {
            let now = self.set >> shift & 0o7;
            let unknown = !(self.set | self.cleared) >> shift & 0o7;
            return Some((now * 0o111, unknown * 0o111));
        }
        if permissions.starts_with(|first: char| first.is_ascii_digit()) {
            return Some((octal(permissions)?, 0));
        }
        let (mut sure, mut maybe) = (0, 0);
        for letter in permissions.chars() {
            match letter {
                'r' => sure |= 0o444,
                'w' => sure |= 0o222,
                'x' => sure |= EXECUTE,
                'X' => maybe |= EXECUTE,
                's' => sure |= SETUID | SETGID,
                't' => sure |= STICKY,
                _ => return None,
            }
        }
        Some((sure, maybe))
    }
}

/// The bits that belong to a class of users, the special bit of the class with them.
fn class(letter: char) -> Option<u16> {
    match letter {
        'u' => Some(SETUID | 0o700),
        'g' => Some(SETGID | 0o070),
        'o' => Some(STICKY | 0o007),
        'a' => Some(ALL),
        _ => None,
    }
}

/// Octal digits alone, at most 7777.
fn octal(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    u16::from_str_radix(text, 8).ok().filter(|&bits| digits && bits <= ALL)
}

/// A symbolic mode without the letter `s` of what it sets; empty where nothing is left to do. `None` where it isn't
/// symbolic or copies the rights of another class.
#[must_use]
pub fn without_setid(mode: &str) -> Option<String> {
    rewritten(mode, |who, operator, rights| {
        let kept: String = rights.chars().filter(|letter| operator == '-' || *letter != 's').collect();
        (operator == '=' || !kept.is_empty()).then(|| format!("{who}{operator}{kept}"))
    })
}

/// A symbolic mode that lets others write no more and the owner as before; empty where nothing is left to do. `None` where
/// it isn't symbolic or copies the rights of another class.
#[must_use]
pub fn without_world_write(mode: &str) -> Option<String> {
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

    fn mode(text: &str) -> Mode {
        Mode::parse(text).unwrap_or_else(|| panic!("{text} is a mode"))
    }

    #[test]
    fn octal_modes_settle_every_bit() {
        for (text, bits) in [("4755", 0o4755), ("04755", 0o4755), ("777", 0o777), ("0", 0), ("00000755", 0o755)] {
            assert_eq!(mode(text).bits(), Some(bits), "{text}");
        }
        assert!(mode("6755").sets_setuid() && mode("6755").sets_setgid());
        assert!(mode("755").clears_setuid() && mode("755").clears_setgid());
        assert!(mode("1777").sticky() && mode("1777").world_writable());
        assert!(mode("2775").sets_setgid() && !mode("2775").sets_setuid());
        assert!(mode("2775").group_writable() && !mode("2775").world_writable());
    }

    #[test]
    fn symbolic_modes_set_special_bits_of_their_class_only() {
        for text in ["u+s", "+s", "ug+s", "a+s", "u=rws", "u+rxs", "u+x,u+s", "+4000", "ugo+rwxs", "u=s,g=x"] {
            assert!(mode(text).sets_setuid(), "{text}");
        }
        for text in ["g+s", "o+s", "+t", "u-s", "u+s,u-s", "u+s,u=rwx", "u+t", "+x"] {
            assert!(!mode(text).sets_setuid(), "{text}");
        }
        for text in ["g+s", "+s", "ug+s", "g=rxs", "=s"] {
            assert!(mode(text).sets_setgid(), "{text}");
        }
        for text in ["u-s", "a-s", "-s", "ug-s", "u=rwx", "a=rx", "=", "-6000", "u+s-s"] {
            assert!(mode(text).clears_setuid(), "{text}");
        }
        assert!(!mode("g-s").clears_setuid() && mode("g-s").clears_setgid());
        assert!(mode("+t").sticky() && mode("o+t").sticky() && !mode("u+t").sticky());
    }

    #[test]
    fn world_writable_heeds_the_umask() {
        for text in ["a+rwX", "o+w", "ugo+rwx", "a=rwx", "go=rwx", "a+w", "=666", "u=rwx,go=u", "o=rw"] {
            assert!(mode(text).world_writable(), "{text}");
        }
        for text in ["+w", "+rwx", "=rw", "g+w", "o-w", "u=rx,go=u", "go=u", "a+rwx,o-w", "o=g"] {
            assert!(!mode(text).world_writable(), "{text}");
        }
        assert_eq!(mode("=rw").bits(), Some(0o644));
        assert!(mode("g+w").group_writable() && mode("o-rwx").clears(0o007) && !mode("-w").clears(0o002));
    }

    #[test]
    fn a_conditional_execute_settles_nothing() {
        assert_eq!(mode("a=rX").bits(), None);
        assert!(!mode("a+X").sets(0o100) && !mode("a-x,a+X").clears(0o100) && !mode("a+x,a-X").sets(0o100));
    }

    #[test]
    fn what_chmod_refuses_is_no_mode() {
        for text in ["", "u", "rwx", "u+", "9", "0855", "10000", "u+s,", ",u+s", "u+rz", "z+r", "$MODE", "u+8", "7é"] {
            let expected = (text == "u+").then_some(Mode::default());
            assert_eq!(Mode::parse(text), expected, "{text}");
        }
    }

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
            assert_eq!(without_setid(mode).as_deref(), setid, "{mode}");
            assert_eq!(without_world_write(mode).as_deref(), world, "{mode}");
        }
    }
}
