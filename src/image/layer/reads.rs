//! Which files are kept: the globs of [`Wanted::reads`] and what this room's own readers need, sorted so that an entry that
//! none asks for costs a few look-ups.

use std::collections::HashMap;

use crate::image::{Wanted, os_release, packages};

/// The files of accounts that are read here.
const ACCOUNTS: [&str; 5] = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/shells"];

/// What the readers of this room need themselves, and how many bytes of each.
fn own() -> impl Iterator<Item = (&'static str, usize)> {
    let short = ACCOUNTS.into_iter().chain(os_release::READS).map(|path| (path, Wanted::READ_BYTES));
    short.chain(packages::READS.iter().copied())
}

/// The globs, by what of them is literal.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// Whole paths.
    paths: HashMap<&'static str, usize>,
    /// Globs whose folder is literal, by that.
    folders: HashMap<&'static str, Vec<Glob>>,
    /// Globs whose last part is literal, by that.
    names: HashMap<&'static str, Vec<Glob>>,
    /// The others, with the literal bytes at their end.
    others: Vec<(&'static str, Glob)>,
}

#[derive(Debug)]
struct Glob {
    tokens: Vec<Token>,
    bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Token {
    Byte(u8),
    /// `?`
    One,
    /// `*`
    Many,
    /// `**`; with a slash behind it, that too.
    Deep,
}

impl Reads {
    pub(super) fn new(wanted: &Wanted) -> Self {
        let mut reads = Self::default();
        let globs = wanted.reads.iter().map(|glob| (*glob, Wanted::READ_BYTES));
        for (glob, bytes) in globs.chain(own()) {
            reads.add(glob, bytes);
        }
        reads
    }

    /// The files of accounts, and no other.
    pub(super) fn accounts() -> Self {
        let mut reads = Self::default();
        ACCOUNTS.iter().for_each(|path| reads.add(path, Wanted::READ_BYTES));
        reads
    }

    fn add(&mut self, glob: &'static str, bytes: usize) {
        let (folder, name) = glob.rsplit_once('/').unwrap_or(("", glob));
        let literal = |text: &str| !text.contains(['*', '?']);
        let compiled = Glob { tokens: tokens(glob), bytes };
        if literal(glob) {
            let kept = self.paths.entry(glob).or_default();
            *kept = bytes.max(*kept);
        } else if literal(folder) && !name.contains("**") {
            self.folders.entry(folder).or_default().push(compiled);
        } else if literal(name) {
            self.names.entry(name).or_default().push(compiled);
        } else {
            let end = name.rfind(['*', '?']).map_or(name, |at| &name[at + 1..]);
            self.others.push((end, compiled));
        }
    }

    /// How many bytes are kept of the file at an absolute path; `None` where nobody asks for it.
    pub(super) fn bytes(&self, path: &str) -> Option<usize> {
        let (folder, name) = path.rsplit_once('/')?;
        let whole = self.paths.get(path).copied();
        let globs = self.folders.get(folder).into_iter().chain(self.names.get(name)).flatten();
        let others = self.others.iter().filter(|(end, _)| name.ends_with(end)).map(|(_, glob)| glob);
        let matching = globs.chain(others).filter(|glob| matches(&glob.tokens, path.as_bytes()));
        matching.map(|glob| glob.bytes).chain(whole).max()
    }
}

fn tokens(glob: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = glob.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        tokens.push(match first {
            b'*' if behind.starts_with(b"*/") => {
                rest = &behind[2..];
                Token::Deep
            }
            b'*' if behind.starts_with(b"*") => {
                rest = &behind[1..];
                Token::Deep
            }
            b'*' => Token::Many,
            b'?' => Token::One,
            byte => Token::Byte(*byte),
        });
    }
    tokens
}

/// Whether tokens match a path whole: every state at once, so that no glob takes longer than its length times the path's.
fn matches(tokens: &[Token], path: &[u8]) -> bool {
    let mut states = vec![false; tokens.len() + 1];
    let mut next = states.clone();
    let skip = |states: &mut [bool]| {
        for (at, token) in tokens.iter().enumerate() {
            states[at + 1] |= states[at] && matches!(token, Token::Many | Token::Deep);
        }
    };
    states[0] = true;
    skip(&mut states);
    for byte in path {
        next.fill(false);
        for (at, token) in tokens.iter().enumerate().filter(|(at, _)| states[*at]) {
            match token {
                Token::Byte(wanted) => next[at + 1] |= wanted == byte,
                Token::One => next[at + 1] |= *byte != b'/',
                Token::Many => next[at] |= *byte != b'/',
                Token::Deep => next[at] = true,
            }
        }
        // `**/` takes whole folders only: what follows it starts a part of the path.
        for (at, token) in tokens.iter().enumerate() {
            match token {
                Token::Many => next[at + 1] |= next[at],
                Token::Deep if *byte == b'/' || at + 1 == tokens.len() => next[at + 1] |= next[at],
                _ => {}
            }
        }
        std::mem::swap(&mut states, &mut next);
    }
    states[tokens.len()]
}

#[cfg(test)]
mod tests {
    use super::{Reads, matches, tokens};
    use crate::image::Wanted;

    #[test]
    fn globs_match_as_documented() {
        for (glob, path, wanted) in [
            ("/etc/sudoers.d/*", "/etc/sudoers.d/a", true),
            ("/etc/sudoers.d/*", "/etc/sudoers.d/a/b", false),
            ("/etc/sudoers.d/*", "/etc/sudoers", false),
            ("**/.env", "/.env", true),
            ("**/.env", "/a/b/.env", true),
            ("/**/.env", "/.env", true),
            ("/**/.env", "/a/.env", true),
            ("/**/.env", "/a/b.env", false),
            ("/home/*/.ssh/id_*", "/home/a/.ssh/id_rsa", true),
            ("/home/*/.ssh/id_*", "/home/a/b/.ssh/id_rsa", false),
            ("/a/**", "/a/b/c", true),
            ("/a?c", "/abc", true),
            ("/a?c", "/a/c", false),
            ("/usr/**/*.conf", "/usr/x.conf", true),
            ("/usr/**/*.conf", "/usr/a/b/x.conf", true),
            ("/usr/**/*.conf", "/usr/a/b/x.conf.d", false),
            ("**/a/**/b", "/x/a/y/b", true),
        ] {
            assert_eq!(matches(&tokens(glob), path.as_bytes()), wanted, "{glob} {path}");
        }
    }

    #[test]
    fn the_largest_bound_holds() {
        let reads = Reads::new(&Wanted { reads: vec!["/var/lib/dpkg/*", "**/*.pem"], content: Vec::new() });
        assert_eq!(reads.bytes("/var/lib/dpkg/status"), Some(64 << 20));
        assert_eq!(reads.bytes("/var/lib/dpkg/available"), Some(1 << 20));
        assert_eq!(reads.bytes("/a/b.pem"), Some(1 << 20));
        assert_eq!(reads.bytes("/a/b.pe"), None);
        assert_eq!(reads.bytes("/etc/passwd"), Some(1 << 20));
    }
}
