//! What stands in front of an entry of an archive and changes it: pax records (POSIX.1-2001) and GNU's long names, put
//! together as Go's `archive/tar` does.

use std::borrow::Cow;

use super::pax::Pax;
use super::tar::Header;

/// What stands in front of the next entry.
#[derive(Default)]
pub(in crate::image) struct Front {
    pub(in crate::image) pax: Option<Pax>,
    pub(super) name: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
}

/// A header with a content that engines refuse.
pub(in crate::image) struct Refused;

impl Front {
    /// Whether a header of this type stands in front of an entry, and is none itself.
    pub(in crate::image) fn is(flag: u8) -> bool {
        matches!(flag, b'x' | b'g' | b'L' | b'K' | b'X')
    }

    /// Takes the content of a header for which [`Front::is`] holds. What readers understand differently is told to `odd`,
    /// in the present tense.
    ///
    /// # Errors
    /// Records at which Go's reader gives up; what could be read of them is taken all the same.
    pub(in crate::image) fn add(&mut self, flag: u8, text: &[u8], odd: &mut dyn FnMut(String)) -> Result<(), Refused> {
        let twice = match flag {
            b'x' | b'X' => self.pax.is_some(),
            b'L' => self.name.is_some(),
            b'K' => self.link.is_some(),
            _ => false,
        };
        if twice {
            odd("two headers of the same kind stand in front of one entry".to_owned());
        }
        if matches!(flag, b'L' | b'K') && self.pax.is_some() {
            // GHSA-3pv8-6f4r-ffg2: some readers apply the records to the long name's own header.
            odd("a pax header stands in front of a GNU long name, which readers apply differently".to_owned());
        }
        let until_nul = || text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        match flag {
            b'L' => self.name = Some(until_nul()),
            b'K' => self.link = Some(until_nul()),
            _ => {
                let pax = Pax::read(text, &mut *odd);
                // Solaris' type is unknown to Go, which passes over its records.
                let refused = pax.refused && flag != b'X';
                if flag == b'x' {
                    self.pax = Some(pax);
                } else {
                    if flag == b'X' {
                        odd("a pax header has Solaris' type, which most readers skip".to_owned());
                    } else if pax.matters {
                        // Go leaves global headers out, and so do the engines; others apply them.
                        odd("a global pax header changes entries for some readers and not for others".to_owned());
                    }
                    self.interrupt(odd);
                }
                return if refused { Err(Refused) } else { Ok(()) };
            }
        }
        Ok(())
    }

    /// To Go's reader the header that comes is an entry of its own, so that what stood in front of it is used up.
    fn interrupt(&mut self, odd: &mut dyn FnMut(String)) {
        if self.is_set() {
            odd("a header stands between an entry and its long name or pax records, which readers forget or keep"
                .to_owned());
        }
        *self = Self::default();
    }

    /// The name of the entry: GNU's long name counts more than the pax path, and an empty one of them not at all.
    pub(in crate::image) fn name<'a>(&'a self, header: Header<'a>) -> Cow<'a, [u8]> {
        let pax = self.pax.as_ref();
        let sparse = pax.and_then(|pax| pax.sparse_name.as_deref());
        let long = self.name.as_deref().filter(|name| !name.is_empty());
        if let Some(name) = sparse.or(long).or(pax.and_then(|pax| pax.path.as_deref())) {
            return name.into();
        }
        match header.name() {
            (b"", name) => name.into(),
            (prefix, name) => [prefix, b"/", name].concat().into(),
        }
    }

    /// The target of a link, by the same rule.
    pub(in crate::image) fn link<'a>(&'a self, header: Header<'a>) -> Cow<'a, [u8]> {
        let long = self.link.as_deref().filter(|link| !link.is_empty());
        long.or(self.pax.as_ref().and_then(|pax| pax.link.as_deref())).unwrap_or_else(|| header.link()).into()
    }

    pub(super) fn is_set(&self) -> bool {
        self.pax.is_some() || self.name.is_some() || self.link.is_some()
    }
}
