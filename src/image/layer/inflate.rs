//! Unpacks a blob as it is read: gzip of several members (RFC 1952), zstd of several frames and skippable ones (RFC 8878),
//! or a plain archive, told by the first bytes and not by what a manifest says.

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

/// Unpacks one stream. The decoders are boxed, since they differ much in size.
pub(super) enum Unpacker {
    /// Nothing to unpack.
    Plain,
    /// gzip.
    Gzip(Box<Gzip>),
    /// zstd.
    Zstd(Box<Zstd>),
}

pub(super) struct Gzip {
    inflate: Decompress,
    /// Whether a member has ended and no other has begun.
    between: bool,
    end: End,
}

pub(super) struct Zstd {
    decoder: Decoder<'static>,
    between: bool,
    end: End,
}

/// What follows the last member or frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// Nothing yet.
    Nothing,
    /// Zeros only, as padding to whole blocks.
    Zeros,
    /// Something else, which readers ignore or refuse.
    Garbage,
}

/// How far one step came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Step {
    /// Bytes taken.
    pub(super) taken: usize,
    /// Bytes made.
    pub(super) made: usize,
}

impl Unpacker {
    /// Chooses by the first bytes of a blob, six where there are so many.
    ///
    /// # Errors
    /// A compression that no engine takes for a layer, or that none agree on, by its name.
    pub(super) fn choose(start: &[u8]) -> Result<Self, &'static str> {
        let skippable = start.get(1..4) == Some(&[0x2a, 0x4d, 0x18]) && start[0] & 0xf0 == 0x50;
        match start {
            [0x1f, 0x8b, ..] => {
                let inflate = Decompress::new_gzip(15);
                Ok(Self::Gzip(Box::new(Gzip { inflate, between: true, end: End::Nothing })))
            }
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::zstd(),
            _ if skippable => Self::zstd(),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Err("xz"),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => Err("bzip2"),
            _ => Ok(Self::Plain),
        }
    }

    fn zstd() -> Result<Self, &'static str> {
        let decoder = Decoder::new().map_err(|_| "zstd")?;
        Ok(Self::Zstd(Box::new(Zstd { decoder, between: true, end: End::Nothing })))
    }

    /// Unpacks from `input` to `output` until one of them ends.
    ///
    /// # Errors
    /// What is wrong with the stream, in the present tense.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, String> {
        match self {
            Self::Plain => {
                let length = input.len().min(output.len());
                output[..length].copy_from_slice(&input[..length]);
                Ok(Step { taken: length, made: length })
            }
            Self::Gzip(gzip) => gzip.step(input, output),
            Self::Zstd(zstd) => zstd.step(input, output),
        }
    }

    /// Whether the stream ends in the middle of a member or frame.
    pub(super) fn is_cut(&self) -> bool {
        match self {
            Self::Plain => false,
            Self::Gzip(gzip) => !gzip.between,
            Self::Zstd(zstd) => !zstd.between,
        }
    }

    /// Whether something but zeros follows the last member or frame.
    pub(super) fn has_garbage(&self) -> bool {
        match self {
            Self::Plain => false,
            Self::Gzip(gzip) => gzip.end == End::Garbage,
            Self::Zstd(zstd) => zstd.end == End::Garbage,
        }
    }
}

impl End {
    /// Takes bytes that are no member or frame.
    fn take(&mut self, input: &[u8]) -> Step {
        let zeros = input.iter().all(|byte| *byte == 0);
        *self = if zeros && *self != Self::Garbage { Self::Zeros } else { Self::Garbage };
        Step { taken: input.len(), made: 0 }
    }
}

impl Gzip {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, String> {
        if self.between {
            if input.is_empty() {
                return Ok(Step { taken: 0, made: 0 });
            }
            // Only a member that starts at once counts: readers stop at anything else.
            if self.end != End::Nothing || input[0] != 0x1f {
                return Ok(self.end.take(input));
            }
            self.inflate.reset(true);
            self.between = false;
        }
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(input, output, FlushDecompress::None)
            .map_err(|_| "the gzip stream is broken".to_owned())?;
        self.between = status == Status::StreamEnd;
        Ok(Step {
            taken: (self.inflate.total_in() - before_in) as usize,
            made: (self.inflate.total_out() - before_out) as usize,
        })
    }
}

impl Zstd {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, String> {
        if self.between && !input.is_empty() && (self.end != End::Nothing || !matches!(input[0], 0x28 | 0x50..=0x5f)) {
            return Ok(self.end.take(input));
        }
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(output);
        let hint = self.decoder.run(&mut from, &mut to).map_err(|_| "the zstd stream is broken".to_owned())?;
        let step = Step { taken: from.pos(), made: to.pos() };
        if step.taken > 0 || step.made > 0 {
            self.between = hint == 0;
        }
        Ok(step)
    }
}
