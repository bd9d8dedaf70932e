//! The difference of two texts as a patch that `git apply` and `patch -p1` take.

use core::time::Duration;
use std::borrow::Cow;

use similar::{Algorithm, TextDiff};

/// Lines of context around a change, as `diff -u` has it.
const CONTEXT: usize = 3;

/// How long a good difference is looked for; after that, a coarser one does. A patch is right either way.
const PATIENCE: Duration = Duration::from_secs(2);

/// A unified diff from `before` to `after`, which are the bytes of the file at `path` (relative, with `/`); empty where
/// they are the same. A file that is not there yet has no `before`.
#[must_use]
pub fn unified(path: &str, before: Option<&[u8]>, after: &[u8]) -> Vec<u8> {
    let old = before.unwrap_or_default();
    if old == after && before.is_some() {
        return Vec::new();
    }
    let path = path.trim_start_matches("./").trim_start_matches('/');
    let (from, to) = (header("a/", path), header("b/", path));
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).timeout(PATIENCE).diff_lines(old, after);
    let mut unified = diff.unified_diff();
    unified.context_radius(CONTEXT).missing_newline_hint(true);
    let mut patch = Vec::new();
    if before.is_none() {
        patch.extend_from_slice(format!("--- /dev/null\n+++ {to}\n").as_bytes());
    } else {
        patch.extend_from_slice(format!("--- {from}\n+++ {to}\n").as_bytes());
    }
    // Writing to a vector can't fail.
    let _ = unified.to_writer(&mut patch);
    patch
}

/// A path as a patch names it: quoted as C does where it has something that would end it, and with a tab behind it where
/// it has blanks, since a time may follow.
fn header(prefix: &str, path: &str) -> String {
    let odd = |c: char| c.is_control() || matches!(c, '"' | '\\');
    if !path.contains(odd) {
        let tab = if path.contains(' ') { "\t" } else { "" };
        return format!("{prefix}{path}{tab}");
    }
    let mut quoted = format!("\"{prefix}");
    for c in path.chars() {
        let escaped: Cow<'_, str> = match c {
            '"' => "\\\"".into(),
            '\\' => "\\\\".into(),
            '\n' => "\\n".into(),
            '\t' => "\\t".into(),
            '\r' => "\\r".into(),
            c if c.is_control() => c.to_string().bytes().map(|byte| format!("\\{byte:03o}")).collect::<String>().into(),
            c => c.to_string().into(),
        };
        quoted.push_str(&escaped);
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_names_the_file_and_keeps_line_ends() {
        let patch = |before, after| String::from_utf8(unified("./a b", before, after)).expect("UTF-8");
        assert_eq!(
            patch(Some(b"x\r\ny"), b"x\r\nz"),
            "--- a/a b\t\n+++ b/a b\t\n@@ -1,2 +1,2 @@\n x\r\n-y\n\\ No newline at end of file\n+z\n\\ No newline at end of file\n"
        );
        assert_eq!(patch(None, b"x\n"), "--- /dev/null\n+++ b/a b\t\n@@ -0,0 +1 @@\n+x\n");
        assert_eq!(patch(Some(b"x"), b"x"), "");
        assert_eq!(header("a/", "b\"\u{7}é"), "\"a/b\\\"\\007é\"");
    }
}
