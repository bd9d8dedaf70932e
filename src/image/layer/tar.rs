//! The 512-byte header of a tar archive: POSIX.1-1988 ustar, POSIX.1-2001 pax, and GNU's and star's own forms, read as
//! Go's `archive/tar` reads them, since the engines use that.

/// Bytes of a block: headers and contents are padded to whole ones.
pub(in crate::image) const BLOCK: usize = 512;

/// A header block.
#[derive(Clone, Copy)]
pub(in crate::image) struct Header<'a> {
    block: &'a [u8; BLOCK],
    form: Form,
}

/// Which of the forms a header has, by its magic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// No magic: Unix Version 7.
    V7,
    /// `ustar\0`.
    Ustar,
    /// `ustar\0` with star's `tar\0` at the end.
    Star,
    /// `ustar  \0`.
    Gnu,
}

/// A numeric field that is neither octal nor base-256, or too big for 63 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::image) struct Odd;

impl<'a> Header<'a> {
    /// Reads a block as a header; `None` where its checksum is wrong.
    pub(in crate::image) fn read(block: &'a [u8; BLOCK]) -> Option<Self> {
        let said = number(&block[148..156]).ok()?;
        // Some old programs add up signed bytes; every reader takes both.
        let (mut unsigned, mut signed) = (0_i64, 0_i64);
        for (at, byte) in block.iter().enumerate() {
            let byte = if (148..156).contains(&at) { b' ' } else { *byte };
            unsigned += i64::from(byte);
            signed += i64::from(byte.cast_signed());
        }
        let magic = &block[257..265];
        let form = match magic {
            _ if magic.starts_with(b"ustar\0") && block[508..] == *b"tar\0" => Form::Star,
            _ if magic.starts_with(b"ustar\0") => Form::Ustar,
            b"ustar  \0" => Form::Gnu,
            _ => Form::V7,
        };
        (said == unsigned || said == signed).then_some(Self { block, form })
    }

    /// The type flag; NUL is an old regular file.
    pub(in crate::image) fn flag(self) -> u8 {
        self.block[156]
    }

    /// The name's prefix and the name; a slash belongs between them where the prefix isn't empty.
    pub(in crate::image) fn name(self) -> (&'a [u8], &'a [u8]) {
        let prefix: &[u8] = match self.form {
            Form::V7 => b"",
            Form::Ustar => string(&self.block[345..500]),
            Form::Star => string(&self.block[345..476]),
            // Go wrote such headers before version 1.8, and still reads the prefix where no time can stand.
            Form::Gnu if self.has_prefix_under_gnu_magic() => string(&self.block[345..500]),
            Form::Gnu => b"",
        };
        (prefix, string(&self.block[..100]))
    }

    /// Whether GNU's magic stands where the fields for times hold something else, so that readers part ways.
    pub(super) fn has_prefix_under_gnu_magic(self) -> bool {
        let time = |field: &[u8]| field[0] == 0 || number(field).is_ok();
        self.form == Form::Gnu && !(time(&self.block[345..357]) && time(&self.block[357..369]))
    }

    /// The target of a link.
    pub(in crate::image) fn link(self) -> &'a [u8] {
        string(&self.block[157..257])
    }

    pub(super) fn mode(self) -> Result<i64, Odd> {
        number(&self.block[100..108])
    }

    pub(super) fn uid(self) -> Result<i64, Odd> {
        number(&self.block[108..116])
    }

    pub(super) fn gid(self) -> Result<i64, Odd> {
        number(&self.block[116..124])
    }

    pub(in crate::image) fn size(self) -> Result<i64, Odd> {
        number(&self.block[124..136])
    }

    pub(super) fn modified(self) -> Result<i64, Odd> {
        number(&self.block[136..148])
    }

    /// Major and minor number of a device.
    pub(super) fn device(self) -> Result<(i64, i64), Odd> {
        if self.form == Form::V7 {
            return Ok((0, 0));
        }
        Ok((number(&self.block[329..337])?, number(&self.block[337..345])?))
    }

    /// Size with holes of an old GNU sparse file, and whether blocks with more of its map follow.
    pub(super) fn old_sparse(self) -> (Result<i64, Odd>, bool) {
        (number(&self.block[483..495]), self.block[482] != 0)
    }
}

/// A field up to its first NUL.
fn string(field: &[u8]) -> &[u8] {
    &field[..memchr::memchr(0, field).unwrap_or(field.len())]
}

/// A numeric field: octal digits with spaces and NULs around them, or base-256 in two's complement where the first bit is
/// set (GNU, star).
fn number(field: &[u8]) -> Result<i64, Odd> {
    if field[0] & 0x80 != 0 {
        let negative = field[0] & 0x40 != 0;
        let flip = if negative { 0xff } else { 0 };
        let mut value: u64 = 0;
        for (at, byte) in field.iter().enumerate() {
            let byte = if at == 0 { (byte ^ flip) & 0x7f } else { byte ^ flip };
            if value >> 56 != 0 {
                return Err(Odd);
            }
            value = value << 8 | u64::from(byte);
        }
        let value = i64::try_from(value).map_err(|_| Odd)?;
        return Ok(if negative { !value } else { value });
    }
    let is_padding = |byte: &&u8| matches!(byte, b' ' | 0);
    let start = field.iter().take_while(is_padding).count();
    let end = field.len() - field[start..].iter().rev().take_while(is_padding).count();
    let digits = string(&field[start..end]);
    let mut value: i64 = 0;
    for digit in digits {
        if !(b'0'..=b'7').contains(digit) {
            return Err(Odd);
        }
        value = value << 3 | i64::from(digit - b'0');
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::{Odd, number};

    #[test]
    fn numbers_are_octal_or_base_256() {
        assert_eq!(number(b"0000644\0"), Ok(0o644));
        assert_eq!(number(b"   644 \0"), Ok(0o644));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0"), Ok(0));
        assert_eq!(number(b"644\0junk"), Ok(0o644));
        assert_eq!(number(b"77777777777\0"), Ok(0o77_777_777_777));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x01\0\0\0\0"), Ok(1 << 32));
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]), Ok(0x2_0000_0001));
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 9]), Ok(9));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), Ok(-1));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\x80"), Ok(-128));
        for odd in [
            &b"0000648\0"[..],
            b"-000001\0",
            b"6 4\0\0\0\0\0",
            &[0x80, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(number(odd), Err(Odd), "{odd:?}");
        }
    }
}
