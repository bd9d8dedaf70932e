//! Lines of /proc/PID/mountinfo (proc_pid_mountinfo(5)). Their paths are names that an image may have chosen.

/// One mount, as one process sees it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Line {
    /// Its number, as statx(2) has it (`stx_mnt_id`).
    pub(crate) id: u64,
    /// The number of the mount that it lies on.
    pub(crate) parent: u64,
    /// What of its file system is shown.
    pub(crate) root: String,
    /// Where.
    pub(crate) point: String,
    /// Options of the mount: `ro,nosuid`.
    pub(crate) options: String,
    /// How mounts and unmounts spread: `shared:4 master:1`, or nothing.
    pub(crate) propagation: String,
    /// Type of the file system.
    pub(crate) kind: String,
    /// Options of the file system.
    pub(crate) super_options: String,
}

/// All lines; and those that make no sense, as they stand.
pub(crate) fn lines(text: &str) -> (Vec<Line>, Vec<&str>) {
    let (mut lines, mut torn) = (Vec::new(), Vec::new());
    for line in text.lines() {
        match one(line) {
            Some(line) => lines.push(line),
            None => torn.push(line),
        }
    }
    (lines, torn)
}

impl Line {
    /// Whether a word is among the mount's own options.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.options.split(',').any(|option| option == word)
    }
}

fn one(line: &str) -> Option<Line> {
    let (mount, system) = line.split_once(" - ")?;
    let mut fields = mount.split(' ');
    let (id, parent) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let root = unescaped(fields.nth(1)?);
    let (point, options) = (unescaped(fields.next()?), fields.next()?.to_owned());
    let propagation = fields.collect::<Vec<_>>().join(" ");
    let mut fields = system.splitn(3, ' ');
    let (kind, _source, super_options) = (fields.next()?.to_owned(), fields.next()?, fields.next()?.to_owned());
    point.starts_with('/').then_some(Line { id, parent, root, point, options, propagation, kind, super_options })
}

/// A path as it was before the kernel wrote blanks and the like as `\040`.
fn unescaped(field: &str) -> String {
    let bytes = field.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 4).filter(|_| *byte == b'\\');
        let value = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        plain.push(value.unwrap_or(*byte));
        at += if value.is_some() { 4 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_fields() {
        let text = "36 35 98:0 /mnt1 /a\\040b rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\n\
                    37 36 0:5 / / ro - tmpfs none ro,size=1k\n";
        let (lines, torn) = lines(text);
        assert!(torn.is_empty());
        assert_eq!((lines[0].id, lines[0].parent, lines[0].point.as_str()), (36, 35, "/a b"));
        assert_eq!((lines[0].root.as_str(), lines[0].propagation.as_str()), ("/mnt1", "shared:1 master:2"));
        assert!(lines[0].has("noatime") && !lines[0].has("no"));
        assert_eq!((lines[1].kind.as_str(), lines[1].super_options.as_str()), ("tmpfs", "ro,size=1k"));
        assert_eq!(lines[1].propagation, "");
    }

    #[test]
    fn torn_lines_are_told() {
        for text in
            ["x", "1 2 3:4 / /a rw", "1 2 3:4 / /a rw - tmpfs", "a 2 3:4 / / rw - t n o", "1 2 3:4 / a rw - t n o"]
        {
            assert_eq!(lines(text), (Vec::new(), vec![text]));
        }
        assert_eq!(unescaped("a\\040\\999\\04\\"), "a \\999\\04\\");
    }
}
