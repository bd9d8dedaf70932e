//! Walks a tar archive as its bytes pass: finds headers, gathers what stands in front of an entry (pax records, GNU's long
//! names), and gives entries and contents to the collector. What each header means is in `entry`.

use super::IrregularityKind::{Ambiguous, Broken, Limit};
use super::collect::Collector;
use super::front::Front;
use super::seen::Seen;
use super::tar::{BLOCK, Header};
use super::{LayerRequest, Sink};

/// Bytes of a pax header or a long name; Go's readers refuse longer ones.
const SPECIAL: u64 = 1 << 20;

/// What is broken behind the last entry only, so that no entry is missing.
pub(super) const END_IS_ODD: [&str; 3] =
    ["the archive has no end mark", "the archive's end mark is half there", "something follows the end of the archive"];

/// Walks one archive.
pub(super) struct Walk<'a> {
    pub(super) request: &'a LayerRequest<'a>,
    pub(super) collector: Collector,
    sink: Option<Sink<'a>>,
    state: State,
    block: [u8; BLOCK],
    filled: usize,
    pub(super) front: Front,
    pub(super) seen: Seen,
    /// Reused for every entry.
    pub(super) path: String,
    pub(super) link: String,
    /// Hard links whose target had not come yet: the link and its target.
    pub(super) early: Vec<(u32, String)>,
}

/// What the next bytes are.
pub(super) enum State {
    Header,
    /// A pax header or a long name.
    Special {
        flag: u8,
        left: u64,
        padding: u64,
        text: Vec<u8>,
    },
    /// A block of an old sparse file's map; then come so many bytes.
    SparseMap {
        content: u64,
    },
    /// The content of a regular file.
    Content {
        left: u64,
        padding: u64,
    },
    /// What nobody reads.
    Skip {
        left: u64,
    },
    /// A zero block has come; a second should follow.
    Zero,
    /// The end of the archive has come.
    Ended {
        garbage: bool,
    },
    /// What follows is not walked.
    Stopped,
}

/// Bytes up to the next whole block.
pub(super) fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

impl<'a> Walk<'a> {
    pub(super) fn new(request: &'a LayerRequest<'a>, sink: Option<Sink<'a>>) -> Self {
        Self {
            request,
            collector: Collector::new(request.wanted),
            sink,
            state: State::Header,
            block: [0; BLOCK],
            filled: 0,
            front: Front::default(),
            seen: Seen::default(),
            path: String::new(),
            link: String::new(),
            early: Vec::new(),
        }
    }

    /// Takes the next bytes of the archive.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = match &mut self.state {
                State::Header | State::Zero | State::SparseMap { .. } => self.gather(bytes),
                State::Special { left, padding, text, .. } => {
                    let taken = upto(*left, bytes);
                    text.extend_from_slice(&bytes[..taken]);
                    *left -= taken as u64;
                    let skipped = upto(*padding, &bytes[taken..]);
                    *padding -= skipped as u64;
                    if *left == 0 && *padding == 0 {
                        self.special();
                    }
                    taken + skipped
                }
                State::Content { left, padding } => {
                    let taken = upto(*left, bytes);
                    *left -= taken as u64;
                    let (left, padding) = (*left, *padding);
                    if let Some(sink) = &mut self.sink {
                        sink(self.collector.next_entry(), &bytes[..taken]);
                    }
                    self.collector.content(&bytes[..taken]);
                    if left == 0 {
                        self.state = skip(padding);
                        self.end_file();
                    }
                    taken
                }
                State::Skip { left } => {
                    let taken = upto(*left, bytes);
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::Header;
                    }
                    taken
                }
                State::Ended { garbage } => {
                    if *garbage || bytes.iter().all(|byte| *byte == 0) {
                        return;
                    }
                    self.after_end(bytes);
                    return;
                }
                State::Stopped => return,
            };
            bytes = &bytes[taken..];
        }
    }

    /// Ends the walk. `whole` where all bytes of the archive came.
    pub(super) fn finish(mut self, whole: bool) -> Collector {
        let place = self.collector.entries().len();
        let end = match &self.state {
            State::Header if self.filled > 0 => Some("the archive ends in the middle of a header"),
            State::Header if self.front.is_set() => Some("the archive ends behind a header that belongs to an entry"),
            State::Header => Some(END_IS_ODD[0]),
            State::Zero => Some(END_IS_ODD[1]),
            State::Special { .. } | State::SparseMap { .. } => Some("the archive ends in the middle of a header"),
            State::Content { .. } => Some("the archive ends in the middle of a file"),
            State::Skip { .. } => Some("the archive ends in the middle of an entry"),
            State::Ended { .. } | State::Stopped => None,
        };
        if matches!(self.state, State::Content { .. }) {
            self.end_file();
        }
        if let Some(end) = end.filter(|_| whole) {
            self.collector.note(Broken, "", format!("{end}, after {place} entries"));
        }
        self.judge_early();
        self.collector
    }

    /// Stops the walk: what follows is not read.
    pub(super) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    /// Sets what comes next.
    pub(super) fn expect(&mut self, state: State) {
        self.state = state;
    }

    /// Fills the block, and reads it when it is full.
    fn gather(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(BLOCK - self.filled);
        self.block[self.filled..][..taken].copy_from_slice(&bytes[..taken]);
        self.filled += taken;
        if self.filled == BLOCK {
            self.filled = 0;
            let block = self.block;
            self.block_is_full(&block);
        }
        taken
    }

    fn block_is_full(&mut self, block: &[u8; BLOCK]) {
        if let State::SparseMap { content } = self.state {
            let more = block[504] != 0;
            self.state = if more { State::SparseMap { content } } else { skip(content) };
            return;
        }
        let zero = block.iter().all(|byte| *byte == 0);
        match (&self.state, zero) {
            (State::Zero, true) => {
                if self.front.is_set() {
                    self.collector.note(Broken, "", "the archive ends behind a header that belongs to an entry");
                }
                self.state = State::Ended { garbage: false };
            }
            (_, true) => self.state = State::Zero,
            (State::Zero, false) => {
                let detail = "a single zero block stands between entries, where some readers stop";
                self.collector.note(Ambiguous, "", detail);
                self.header(block);
            }
            (_, false) => self.header(block),
        }
    }

    fn header(&mut self, block: &[u8; BLOCK]) {
        let Some(header) = Header::read(block) else {
            let detail = format!(
                "a header's checksum is wrong after {} entries; some readers stop, others look for the next header",
                self.collector.entries().len()
            );
            self.collector.note(Broken, "", detail);
            return self.stop();
        };
        match header.flag() {
            flag if Front::is(flag) => {
                // No path is set for these, since they aren't entries.
                let Some(size) = header.size().ok().and_then(|size| u64::try_from(size).ok()) else {
                    self.collector.note(Broken, "", "the size of an extended header is no number");
                    return self.stop();
                };
                if size > SPECIAL {
                    let detail = format!("an extended header is longer than {SPECIAL} bytes");
                    self.collector.note(Limit, "", detail);
                    return self.stop();
                }
                self.state = State::Special { flag, left: size, padding: padding(size), text: Vec::new() };
                if size == 0 {
                    self.special();
                }
            }
            _ => self.entry(header),
        }
    }

    /// A pax header or a long name is whole.
    fn special(&mut self) {
        let State::Special { flag, text, .. } = std::mem::replace(&mut self.state, State::Header) else { return };
        let collector = &mut self.collector;
        // What engines refuse is said like the rest, and the walk goes on.
        let _ = self.front.add(flag, &text, &mut |odd| collector.note(Ambiguous, "", odd));
    }

    /// Looks at what follows the end of the archive.
    fn after_end(&mut self, bytes: &[u8]) {
        self.state = State::Ended { garbage: true };
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
        let block = bytes[start..].first_chunk::<BLOCK>();
        if block.is_some_and(|block| Header::read(block).is_some()) {
            self.collector.note(Ambiguous, "", "an entry follows the end of the archive, which some readers go on to");
        } else {
            self.collector.note(Broken, "", END_IS_ODD[2]);
        }
    }
}

/// Skips so many bytes before the next header.
pub(super) fn skip(left: u64) -> State {
    if left == 0 { State::Header } else { State::Skip { left } }
}

fn upto(left: u64, bytes: &[u8]) -> usize {
    left.min(bytes.len() as u64) as usize
}
