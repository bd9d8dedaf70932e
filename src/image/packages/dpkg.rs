//! dpkg's database: `/var/lib/dpkg/status` (deb-control(5), dpkg-query(1)), its parts in distroless images, and the
//! lists of files.

use super::Package;
use super::database::Database;

/// The stanzas of `status` whose package is installed. What a removed package left behind is none.
pub fn status(bytes: &[u8], database: &mut Database) {
    for stanza in stanzas(bytes) {
        // Waiting for triggers is dpkg's word for a package that works already.
        let is_installed = stanza.status.is_some_and(|status| {
            let state = status.split(u8::is_ascii_whitespace).rfind(|word| !word.is_empty());
            matches!(state, Some(b"installed" | b"triggers-awaited" | b"triggers-pending"))
        });
        if is_installed {
            stanza.package(database);
        }
    }
}

/// A file of `/var/lib/dpkg/status.d`, which distroless images have instead of `status`: what it says is installed.
/// Returns the package's index.
pub fn part(bytes: &[u8], database: &mut Database) -> Option<u32> {
    stanzas(bytes).find_map(|stanza| stanza.package(database))
}

/// A file of `/var/lib/dpkg/info` whose name ends in `.list`: a path a line. Folders are in it too; those with
/// something in them are left out, since dozens of packages share them.
pub fn list(bytes: &[u8], package: u32, database: &mut Database) {
    let mut lines = lines(bytes).peekable();
    let paths = std::iter::from_fn(|| {
        loop {
            let path = lines.next()?;
            let holds = |next: &&[u8]| next.strip_prefix(path).is_some_and(|rest| rest.starts_with(b"/"));
            if path.starts_with(b"/") && path != b"/." && !lines.peek().is_some_and(holds) {
                return Some(path);
            }
        }
    });
    database.owns_paths(package, paths);
}

/// `md5sums`: a digest, blanks and a path from the root, a line each.
pub fn md5sums(bytes: &[u8], package: u32, database: &mut Database) {
    let path = |line| {
        let path = <[u8]>::trim_ascii_start(&line[memchr::memchr(b' ', line)?..]);
        Some(path.strip_prefix(b"./").unwrap_or(path))
    };
    database.owns_paths(package, lines(bytes).filter_map(path));
}

#[derive(Default)]
struct Stanza<'a> {
    name: Option<&'a [u8]>,
    status: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
    architecture: Option<&'a [u8]>,
}

impl Stanza<'_> {
    fn package(&self, database: &mut Database) -> Option<u32> {
        database.package(Package {
            name: super::database::word(self.name?)?,
            version: self.version.and_then(super::database::word).unwrap_or_default(),
            architecture: self.architecture.and_then(super::database::word).unwrap_or_default(),
        })
    }
}

/// The stanzas, which blank lines part. Lines that continue a field start with a blank and are none of those wanted.
fn stanzas(bytes: &[u8]) -> impl Iterator<Item = Stanza<'_>> {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    std::iter::from_fn(move || {
        let mut stanza = Stanza::default();
        let mut seen = false;
        for line in lines.by_ref() {
            if line.trim_ascii().is_empty() {
                if seen {
                    return Some(stanza);
                }
                continue;
            }
            seen = true;
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let value = line[colon + 1..].trim_ascii();
            let field = match &line[..colon] {
                name if name.eq_ignore_ascii_case(b"package") => &mut stanza.name,
                name if name.eq_ignore_ascii_case(b"status") => &mut stanza.status,
                name if name.eq_ignore_ascii_case(b"version") => &mut stanza.version,
                name if name.eq_ignore_ascii_case(b"architecture") => &mut stanza.architecture,
                _ => continue,
            };
            field.get_or_insert(value);
        }
        seen.then_some(stanza)
    })
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', bytes).chain(std::iter::once(bytes.len()));
    let line = move |end| {
        let line = &bytes[start..end];
        start = end + 1;
        line
    };
    ends.map(line).filter(|line| !line.is_empty())
}
