//! Looks for secrets in the content of files as it passes: one search for all keywords, and a judge only where one stands.

use aho_corasick::{AhoCorasick, Input, MatchKind};

use crate::diagnostic::Confidence;
use crate::image::SecretHit;
use crate::secret::{Content, Window};

/// A file with a NUL in so many first bytes is no text.
const TEXT: usize = 8 << 10;

/// Bytes that a judge sees in front of a keyword, and from its start on.
const BEFORE: usize = 1 << 10;
const BEHIND: usize = 4 << 10;

/// Hits kept of one file and of one layer.
const FILE_HITS: usize = 32;
const LAYER_HITS: usize = 4096;

/// Judges are asked so often, and once more for each so many bytes: no file made of keywords alone takes for ever.
const QUESTIONS: u64 = 1 << 20;
const BYTES_A_QUESTION: u64 = 128;

/// The keywords of all [`Content`], and the file that passes now.
pub(super) struct Scanner {
    search: Option<AhoCorasick>,
    /// For each keyword that is searched for: the whole keywords that start with it, and whose they are.
    owners: Vec<Vec<(&'static str, &'static Content)>>,
    longest: usize,
    file: FileScan,
    found: Vec<SecretHit>,
    questions: u64,
    /// Bytes of text that were read.
    pub(super) scanned: u64,
    /// Bytes of other files, and of text that was given up.
    pub(super) skipped: u64,
    /// Whether keywords were so dense that the rest of a file was left out.
    pub(super) gave_up: bool,
}

/// The text file that passes now.
#[derive(Default)]
struct FileScan {
    kind: FileKind,
    /// Bytes that may still be needed.
    window: Vec<u8>,
    /// Offset in the file of the window's first byte, and line breaks before it.
    base: u64,
    lines: u64,
    /// Keywords that start in front of this place in the window have been judged.
    done: usize,
    /// How many hits there were before this file.
    hits: usize,
    /// Where the last secret ends in the file.
    last_end: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum FileKind {
    #[default]
    Unknown,
    Text,
    Other,
}

impl Scanner {
    pub(super) fn new(contents: &[&'static Content]) -> Self {
        let mut keywords: Vec<(&'static str, &'static Content)> =
            contents.iter().flat_map(|content| content.keywords.iter().map(|keyword| (*keyword, *content))).collect();
        keywords.sort_by_key(|(keyword, _)| *keyword);
        let longest = keywords.iter().map(|(keyword, _)| keyword.len()).max().unwrap_or(0);
        let mut owners: Vec<Vec<(&'static str, &'static Content)>> = Vec::new();
        for (keyword, content) in keywords {
            // Sorted, a keyword stands behind those it starts with; the shortest is enough to search for.
            match owners.last_mut() {
                Some(group) if keyword.starts_with(group[0].0) => group.push((keyword, content)),
                _ => owners.push(vec![(keyword, content)]),
            }
        }
        let patterns = owners.iter().map(|group| group[0].0);
        // Of keywords that overlap, the one that starts first is judged first.
        let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(patterns).ok();
        let search = search.filter(|_| !owners.is_empty());
        Self {
            search,
            owners,
            longest,
            file: FileScan::default(),
            found: Vec::new(),
            questions: QUESTIONS,
            scanned: 0,
            skipped: 0,
            gave_up: false,
        }
    }

    pub(super) fn start(&mut self) {
        let window = std::mem::take(&mut self.file.window);
        self.file = FileScan { window, hits: self.found.len(), ..FileScan::default() };
        self.file.window.clear();
        if self.search.is_none() {
            self.file.kind = FileKind::Other;
        }
    }

    /// Takes the next bytes of the file; `last` where none follow.
    pub(super) fn pass(&mut self, bytes: &[u8], last: bool, path: &str) {
        if self.file.kind == FileKind::Other {
            self.skipped += bytes.len() as u64;
            return;
        }
        if last && self.file.base == 0 && self.file.window.is_empty() {
            // Most files come in one piece, which needn't be copied.
            if is_text(bytes) {
                self.file.kind = FileKind::Text;
                self.search(bytes, bytes.len(), path);
            } else {
                self.skipped += bytes.len() as u64;
            }
            return;
        }
        let mut window = std::mem::take(&mut self.file.window);
        window.extend_from_slice(bytes);
        if self.file.kind == FileKind::Unknown && (last || window.len() >= TEXT) {
            self.file.kind = if is_text(&window) { FileKind::Text } else { FileKind::Other };
        }
        match self.file.kind {
            FileKind::Unknown => {}
            FileKind::Other => {
                self.skipped += window.len() as u64;
                window.clear();
            }
            FileKind::Text => {
                let end = if last { window.len() } else { window.len().saturating_sub(BEHIND) };
                self.search(&window, end, path);
                if self.file.kind == FileKind::Other {
                    window.clear();
                    self.file.done = 0;
                }
                let gone = self.file.done.saturating_sub(BEFORE);
                self.file.lines += line_breaks(&window[..gone]);
                self.file.base += gone as u64;
                self.file.done -= gone;
                window.drain(..gone);
            }
        }
        self.file.window = window;
    }

    /// Judges the keywords that start in `window` from where the last search ended up to `end`.
    fn search(&mut self, window: &[u8], end: usize, path: &str) {
        if end <= self.file.done {
            return;
        }
        self.scanned += (end - self.file.done) as u64;
        self.questions += (end - self.file.done) as u64 / BYTES_A_QUESTION;
        let until = (end + self.longest).min(window.len());
        let mut at = self.file.done;
        self.file.done = end;
        let next = |search: &Option<AhoCorasick>, at| search.as_ref()?.find(Input::new(window).range(at..until));
        while let Some(hit) = next(&self.search, at) {
            let (pattern, start) = (hit.pattern().as_usize(), hit.start());
            if start >= end {
                break;
            }
            at = start + 1;
            for owner in 0..self.owners[pattern].len() {
                let (keyword, content) = self.owners[pattern][owner];
                if window[start..].starts_with(keyword.as_bytes()) {
                    if self.questions == 0 || self.found.len() >= self.file.hits + FILE_HITS {
                        self.give_up(window.len() - start, end - start);
                        return;
                    }
                    self.questions -= 1;
                    self.judge(window, start, keyword, content, path);
                }
            }
        }
    }

    /// Leaves the rest of a file out, of which so many bytes are here, and so many have been counted as read.
    fn give_up(&mut self, left: usize, counted: usize) {
        self.gave_up |= self.questions == 0;
        self.file.kind = FileKind::Other;
        self.scanned -= counted as u64;
        self.skipped += left as u64;
    }

    fn judge(&mut self, window: &[u8], start: usize, keyword: &str, content: &Content, path: &str) {
        let from = start.saturating_sub(BEFORE);
        let bytes = &window[from..window.len().min(start + BEHIND)];
        let asked = Window { path, bytes, keyword: (start - from, start - from + keyword.len()) };
        let Some((range, secret)) = (content.judge)(&asked) else { return };
        let offset = self.file.base + (from + range.start) as u64;
        if offset < self.file.last_end || self.found.len() >= LAYER_HITS {
            return;
        }
        self.file.last_end = self.file.base + (from + range.end) as u64;
        self.found.push(SecretHit {
            entry: 0,
            content: content.name.to_owned(),
            offset,
            line: 1 + self.file.lines + line_breaks(&window[..(from + range.start).min(window.len())]),
            kind: secret.kind.to_owned(),
            confidence: match secret.confidence {
                Confidence::Low => 0,
                Confidence::Medium => 1,
                Confidence::High => 2,
            },
            shown: secret.shown,
        });
    }

    /// Says which entry the file that passed is.
    pub(super) fn finish_file(&mut self, entry: u32) {
        for hit in &mut self.found[self.file.hits..] {
            hit.entry = entry;
        }
        self.file.hits = self.found.len();
    }

    /// The hits of all files.
    pub(super) fn take_found(&mut self) -> Vec<SecretHit> {
        std::mem::take(&mut self.found)
    }
}

fn is_text(bytes: &[u8]) -> bool {
    memchr::memchr(0, &bytes[..bytes.len().min(TEXT)]).is_none()
}

fn line_breaks(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
