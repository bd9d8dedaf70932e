//! apk's database, `lib/apk/db/installed`: stanzas that blank lines part, a letter and a colon before each field
//! (apk-tools, `doc/apk-package.5` and the wiki's "Apk spec").

use super::Package;
use super::database::{Database, word};

/// Reads `installed`: `P`, `V` and `A` name the package; `F` a folder, `R` a file in it, `a` owner and mode of that
/// file.
pub fn installed(bytes: &[u8], database: &mut Database) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = memchr::memmem::find(rest, b"\n\n").map_or(rest.len(), |at| at + 1);
        stanza(&rest[..end], database);
        rest = &rest[end..];
    }
}

fn stanza(bytes: &[u8], database: &mut Database) {
    let field = |letter: u8| fields(bytes).find(|(one, _)| *one == letter).and_then(|(_, value)| word(value));
    let Some(name) = field(b'P') else { return };
    let (version, architecture) = (field(b'V').unwrap_or_default(), field(b'A').unwrap_or_default());
    let Some(package) = database.package(Package { name, version, architecture }) else { return };
    let mut folder = None;
    let mut fields = fields(bytes).peekable();
    while let Some((letter, value)) = fields.next() {
        match letter {
            b'F' => folder = database.owners.folder(value),
            b'R' => {
                let mode = fields.next_if(|(letter, _)| *letter == b'a').and_then(|(_, value)| mode(value));
                if let Some(folder) = folder {
                    database.owns(package, folder, value, mode.unwrap_or_default());
                }
            }
            _ => {}
        }
    }
}

/// `0:0:4755`, a digest of extended attributes behind it where there are any.
fn mode(value: &[u8]) -> Option<u16> {
    let octal = value.split(|byte| *byte == b':').nth(2)?;
    u16::from_str_radix(std::str::from_utf8(octal).ok()?, 8).ok()
}

fn fields(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    bytes.split(|byte| *byte == b'\n').filter_map(|line| match line {
        [letter, b':', value @ ..] => Some((*letter, value)),
        _ => None,
    })
}
