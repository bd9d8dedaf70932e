//! The list of commands while it grows, and what the place of a command is made of.

use super::{Command, Guard, Nesting, Script};

/// How many words one script may come to. What is behind is left out and the script is not clean: a body of megabytes
/// would otherwise fill the memory.
const MAX_WORDS: usize = 1 << 18;

/// How deep scripts may hold scripts (`sh -c "sh -c '…'"`).
pub(super) const MAX_LEVEL: u8 = 8;

/// The commands found so far.
pub(super) struct List {
    pub(super) commands: Vec<Command>,
    pub(super) clean: bool,
    pipelines: u32,
    words: usize,
}

/// What the next command of a walk inherits from what it stands in.
#[derive(Clone, Copy)]
pub(super) struct Context {
    pub(super) nesting: Nesting,
    pub(super) parent: Option<u32>,
    pub(super) guard: Guard,
    /// The pipeline that the group is a link of, and the link's position.
    pub(super) pipeline: Option<(u32, u32)>,
    /// How many scripts this one is inside of.
    pub(super) level: u8,
}

impl Context {
    /// Where a body starts.
    pub(super) const TOP: Self =
        Self { nesting: Nesting::Plain, parent: None, guard: Guard::Always, pipeline: None, level: 0 };

    /// The start of a branch or of a loop's body. What matters more than "it may run" stays.
    pub(super) fn conditional(self) -> Self {
        let nesting = match self.nesting {
            Nesting::Plain | Nesting::Argument => Nesting::Conditional,
            other => other,
        };
        Self { nesting, guard: Guard::Always, ..self }
    }

    /// A list that stands on its own, run by `parent` or within it.
    pub(super) fn within(self, nesting: Nesting, parent: Option<u32>) -> Self {
        Self { nesting, parent, guard: Guard::Always, pipeline: None, level: self.level }
    }

    /// What the second and later commands of a list inherit.
    pub(super) fn after(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }
}

impl List {
    pub(super) fn new() -> Self {
        Self { commands: Vec::new(), clean: true, pipelines: 0, words: 0 }
    }

    /// The pipeline of a command or a group's first link: the one it is in already, or a new one.
    pub(super) fn pipeline(&mut self, context: Context) -> (u32, u32) {
        context.pipeline.unwrap_or_else(|| {
            self.pipelines += 1;
            (self.pipelines - 1, 0)
        })
    }

    /// Takes a command in and tells its index, or `None` when there are too many already.
    pub(super) fn push(&mut self, mut command: Command) -> Option<u32> {
        if self.is_full() {
            self.clean = false;
            return None;
        }
        let left = MAX_WORDS - self.words;
        self.words += 1 + command.arguments.len();
        if self.is_full() {
            self.clean = false;
            command.arguments.truncate(left);
        }
        self.commands.push(command);
        u32::try_from(self.commands.len() - 1).ok()
    }

    /// Whether no more commands are taken in.
    pub(super) fn is_full(&self) -> bool {
        self.words > MAX_WORDS
    }

    /// The highest position of `pipeline` among the commands from `first` on.
    pub(super) fn last_position(&self, first: usize, pipeline: u32) -> Option<u32> {
        let commands = self.commands.get(first..)?;
        commands.iter().filter(|command| command.pipeline.0 == pipeline).map(|command| command.pipeline.1).max()
    }

    /// The list in the order of places, a command before those nested in it.
    pub(super) fn finish(mut self) -> Script {
        let key = |command: &Command| command.span.start;
        if !self.commands.is_sorted_by_key(key) {
            let mut order: Vec<u32> = (0..self.commands.len() as u32).collect();
            order.sort_by_key(|&index| key(&self.commands[index as usize]));
            let mut rank = vec![0; order.len()];
            for (new, &old) in order.iter().enumerate() {
                rank[old as usize] = new as u32;
            }
            for command in &mut self.commands {
                command.parent = command.parent.map(|parent| rank[parent as usize]);
            }
            self.commands.sort_by_key(key);
        }
        Script { commands: self.commands, clean: self.clean }
    }
}
