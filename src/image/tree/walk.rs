//! Paths, walked component by component as path_resolution(7) says, with nothing allocated on the way.

/// Symlinks that one path may lead through, as in Linux; one more counts as a circle.
const MOST_LINKS: usize = 40;

/// The components of a path that are still to be walked. What a component leads to is the caller's to know, so one walk
/// serves the tree that grows and the one that is finished.
pub(super) struct Walk<'p> {
    /// What is left of the path and of the targets of symlinks in it, the innermost last.
    rest: [&'p str; MOST_LINKS + 1],
    depth: usize,
    links: usize,
}

impl<'p> Walk<'p> {
    pub(super) fn new(path: &'p str) -> Self {
        let mut rest = [""; MOST_LINKS + 1];
        rest[0] = path;
        Self { rest, depth: 1, links: 0 }
    }

    /// The next component; `.` and empty ones are left out, `..` is the caller's to climb.
    pub(super) fn step(&mut self) -> Option<&'p str> {
        while self.depth > 0 {
            let text = self.rest[self.depth - 1].trim_start_matches('/');
            let end = memchr::memchr(b'/', text.as_bytes()).unwrap_or(text.len());
            let (word, tail) = text.split_at(end);
            self.rest[self.depth - 1] = tail;
            match word {
                "" => self.depth -= 1,
                "." => {}
                _ => return Some(word),
            }
        }
        None
    }

    /// Whether the component that [`Walk::step`] gave last ends the path itself, with no slash behind it, rather than the
    /// target of a symlink.
    pub(super) fn ends_path(&self) -> bool {
        self.depth == 1 && self.rest[0].is_empty()
    }

    /// Goes on through the target of a symlink, which the last component was; `None` where there are too many of them. An
    /// absolute target is the caller's to start from the root.
    pub(super) fn follow(&mut self, target: &'p str) -> Option<()> {
        self.links += 1;
        if self.links > MOST_LINKS || target.is_empty() {
            return None;
        }
        *self.rest.get_mut(self.depth)? = target;
        self.depth += 1;
        Some(())
    }
}
