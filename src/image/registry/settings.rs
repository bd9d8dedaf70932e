//! Files of settings, read whole or not at all.

use std::io::{ErrorKind, Read as _};
use std::path::Path;

use crate::image::Error;

/// The text of a file of settings; `None` where there is no such file.
///
/// # Errors
/// A file that can't be read, that is no text, or that is longer than [`MOST_BYTES`]: what is cut off could be the rule
/// that blocks a registry.
pub(super) fn text_of(path: &Path) -> Result<Option<String>, Error> {
    let wrong = |problem: String, remedy: &str| Error::new(path.display().to_string(), problem, remedy);
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text));
    match read {
        Ok(length) if length as u64 > MOST_BYTES => Err(wrong(
            format!("the file is longer than {MOST_BYTES} bytes"),
            "check that it is the file that was meant",
        )),
        Ok(_) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(wrong(format!("the file can't be read: {error}"), "make it readable, or write it anew")),
    }
}

/// Such a file has a handful of lines; what is longer than this is something else.
const MOST_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::{MOST_BYTES, text_of};

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("registries.conf");
        assert_eq!(text_of(&file), Ok(None));
        assert_eq!(text_of(&file.join("below")), Ok(None));
        let rule = "[[registry]]\nlocation = \"bad.example\"\nblocked = true\n";
        let full = "#".repeat(MOST_BYTES as usize - rule.len() - 1) + "\n" + rule;
        std::fs::write(&file, &full).expect("written");
        assert_eq!(text_of(&file), Ok(Some(full.clone())));
        std::fs::write(&file, "#".to_owned() + &full).expect("written");
        let error = text_of(&file).expect_err("one byte more");
        assert!(error.place.ends_with("registries.conf") && error.problem.contains("longer than"), "{error}");
        std::fs::write(&file, [0xFF]).expect("written");
        assert!(text_of(&file).expect_err("no text").problem.contains("can't be read"));
    }
}
