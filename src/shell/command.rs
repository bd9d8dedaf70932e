//! What a script comes to: a flat list of simple commands, in the order of their places.

use crate::text::Span;

/// The language of a body.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dialect {
    /// sh, bash, ash, dash, ksh, zsh: read with bash's grammar.
    Posix,
    /// cmd.exe.
    Cmd,
    /// Windows PowerShell and pwsh.
    PowerShell,
    /// A language we do not read (a heredoc whose `#!` names python, say).
    Other,
}

/// The text of a body within its file.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    /// The whole file.
    pub file: &'a str,
    /// Where the body stands in it.
    pub span: Span,
    /// Stretches inside the body that Docker takes out before a shell sees it, in order. Empty for heredoc scripts.
    pub gaps: &'a [Gap],
}

/// A stretch that Docker takes out before a shell sees the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// The bytes taken out.
    pub span: Span,
    /// Why.
    pub kind: GapKind,
}

/// Why a stretch is taken out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GapKind {
    /// Escape character, blanks behind it and the newline.
    Continuation,
    /// A comment or blank line between continuation lines, with its newline.
    Line,
}

/// The commands of one body.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Script {
    /// Every simple command wherever it stands (chains, subshells, functions, loops, substitutions, `sh -c`, `find
    /// -exec`, `xargs`, behind `sudo` and `env`), ordered by start; a command precedes those nested in it.
    pub commands: Vec<Command>,
    /// Whether the body was read whole. If not, findings deserve less confidence and no fix.
    pub clean: bool,
}

/// One simple command.
#[derive(Clone, PartialEq, Debug)]
pub struct Command {
    /// From the first assignment, the name or the first redirect to the end of the last word or redirect.
    pub span: Span,
    /// The command's name, path and all; empty where there are only assignments or redirects, and for a PowerShell
    /// expression, whose words are the arguments.
    pub name: Word,
    /// The words behind the name, redirects taken out.
    pub arguments: Vec<Word>,
    /// `NAME=value` in front of the name; also those of `export`, `local`, `declare`, `readonly`, which are commands.
    pub assignments: Vec<Assignment>,
    /// Redirections of this command.
    pub redirects: Vec<Redirect>,
    /// Which pipeline of the script the command is in, and its position there from 0. A command alone is a pipeline. The
    /// commands of a group that is a link, and what a link runs, count as that link: in `(a; b | c) | d` a and b are at
    /// 0, c is at 1, d at 2.
    pub pipeline: (u32, u32),
    /// How the command follows the one before it in its list; the first command of a group has its group's.
    pub guard: Guard,
    /// What the command stands in.
    pub nesting: Nesting,
    /// Index in the script of the command it is nested in: that runs it (`sudo`, `sh -c`), or that holds it in a
    /// substitution.
    pub parent: Option<u32>,
}

/// How a command follows the one before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guard {
    /// First of its list, or behind `;` or a newline.
    Always,
    /// Behind `&&`.
    And,
    /// Behind `||`.
    Or,
}

/// What a command stands in, the innermost that matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nesting {
    /// Nothing: it runs.
    Plain,
    /// A branch or a loop: it may run. A branch within a function, a substitution or a process counts as those.
    Conditional,
    /// A function's body: it runs when called.
    Function,
    /// `$(…)`, backticks: its output becomes a word or part of one of its parent.
    Substitution,
    /// `<(…)`, `>(…)`: its output or input becomes a file of its parent.
    Process,
    /// The script or command that its parent runs: `sh -c`, `sudo`, `env`, `xargs`, `find -exec`, a heredoc fed to a
    /// shell.
    Argument,
}

/// One word of a command.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Word {
    /// Where it stands in the file, quotes included.
    pub span: Span,
    /// The word with quotes and escapes removed and continuations taken out; expansions stay as written (`$HOME/x`).
    pub text: String,
    /// The word in parts, where anything in it is expanded by the shell; empty for a literal word.
    pub parts: Vec<Part>,
}

/// A part of a word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// Text that stands for itself.
    Literal(String),
    /// `$NAME` or `${NAME}`.
    Variable(String),
    /// `${NAME:-x}` and other forms with an operator; the name.
    Modified(String),
    /// `$(…)`, backticks, `<(…)`, arithmetic.
    Substitution,
    /// An unquoted glob or brace expansion, as written.
    Pattern(String),
}

/// `NAME=value`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assignment {
    /// The name.
    pub name: String,
    /// The value; empty where there is none.
    pub value: Word,
    /// The whole.
    pub span: Span,
}

/// A redirection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Redirect {
    /// The operator with its descriptor, such as `>`, `>>`, `2>`, `<`, `<<`, `<<<`.
    pub operator: String,
    /// The target: a file, a descriptor, or for a heredoc its body.
    pub target: Word,
}

impl Command {
    /// The command's name without its folder and a Windows `.exe`, in the case that it is written in.
    #[must_use]
    pub fn base_name(&self) -> &str {
        // Every lint asks this of every command.
        let name = self.name.text.as_str();
        let name = memchr::memrchr2(b'/', b'\\', name.as_bytes()).map_or(name, |at| &name[at + 1..]);
        name.strip_suffix(".exe").unwrap_or(name)
    }
}

impl Word {
    /// The text where nothing in the word is expanded.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        self.parts.is_empty().then_some(self.text.as_str())
    }
}
