//! The facts as data. How they come about is in the sibling files.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::image::Image;
use crate::shell::{self, Command, Dialect, Script};
use crate::syntax::ast;
use crate::text::{Source, Span};

use super::{Context, ImageFacts, Value, Variables};

/// Everything known of one Dockerfile.
#[derive(Debug)]
pub struct Dockerfile {
    /// The path as the user named or would name it, with `/`; `-` for standard input.
    pub path: Arc<str>,
    /// The bytes.
    pub source: Source,
    /// Instructions in order of the file; stages are ranges of them.
    pub instructions: Vec<Instruction>,
    /// Stages in order. Instructions before any FROM that need one form a stage of unknown base.
    pub stages: Vec<Stage>,
    /// What BuildKit's parser or its instruction step refuses.
    pub errors: Vec<crate::syntax::SyntaxError>,
    /// Every comment line, without its newline.
    pub comments: Vec<Span>,
    /// Parser directives.
    pub directives: Vec<crate::syntax::Directive>,
    /// The escape character in force, a backslash or a backtick.
    pub escape: char,
    /// The build context.
    pub context: Context,
    /// What is known of the images that it names, by the name as the builder gets it.
    pub images: HashMap<String, ImageFacts>,
    /// The image that it was built into, where the caller says so.
    pub result: Option<Arc<Image>>,
    /// What is known of the files that it downloads: digests (`sha256:…`) by address.
    pub downloads: HashMap<String, String>,
    /// Stages by name, ascending.
    pub(super) names: HashMap<String, Vec<usize>>,
}

/// An instruction with what is in force where it stands.
#[derive(Debug)]
pub struct Instruction {
    /// What it says. For ONBUILD, the trigger is `ast.arguments`.
    pub ast: ast::Instruction,
    /// Index of its stage; `None` for ARG before the first FROM and for unknown instructions there.
    pub stage: Option<usize>,
    /// What is in force before it runs.
    pub before: Arc<State>,
    /// Its words after expansion, in the order of [`ast::Arguments`]: one per word, per pair's value. Not for shell
    /// form and exec form of RUN, CMD, ENTRYPOINT, HEALTHCHECK, which Docker does not expand.
    pub values: Vec<Value>,
    /// Flags' values after expansion, in the order of [`ast::Instruction::flags`].
    pub flag_values: Vec<Value>,
    /// Commands of its body: shell form, exec form (as one command), and heredoc scripts, with spans in the file.
    pub scripts: Vec<Script>,
}

/// A build stage.
#[derive(Clone, PartialEq, Debug)]
pub struct Stage {
    /// Index among the stages.
    pub index: usize,
    /// Name given with AS, in lower case.
    pub name: Option<String>,
    /// What FROM names.
    pub base: Base,
    /// `--platform` of FROM.
    pub platform: Option<String>,
    /// The instructions, FROM (index `instructions.start`) included; a stage without FROM starts at its first one.
    pub instructions: Range<usize>,
    /// Stages it takes from: FROM, COPY --from, ADD --from, RUN --mount from. Indices, each once, ascending.
    pub needs: Vec<usize>,
    /// Whether the final stage is this one or needs it, directly or through others.
    pub reached: bool,
    /// What is in force at its end.
    pub end: Arc<State>,
}

/// What a stage starts from.
#[derive(Clone, PartialEq, Debug)]
pub enum Base {
    /// `FROM scratch`.
    Scratch,
    /// An earlier stage.
    Stage(usize),
    /// An image.
    Image(ImageName),
    /// FROM is missing or broken, or its variable has no known value.
    Unknown,
}

/// An image's name, taken apart by the rules of distribution/reference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageName {
    /// The name after expansion, as the builder gets it.
    pub text: String,
    /// The registry's host (with port) as written; `None` for Docker Hub by omission.
    pub registry: Option<String>,
    /// The repository without registry and without Docker Hub's `library/` (`node`, `bitnami/redis`).
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest, `sha256:…`.
    pub digest: Option<String>,
    /// Whether a build argument takes part in it, and which instructions set it.
    pub value: Value,
    /// Where FROM names it.
    pub span: Span,
}

/// What is in force at one point of a stage.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct State {
    /// The USER set last in this stage or in the stages it is built from; `None`: the base image's own.
    pub user: Option<Arc<Setting>>,
    /// The WORKDIR in force, made absolute where that is known.
    pub workdir: Option<Arc<Setting>>,
    /// The shell that shell forms run with.
    pub shell: Arc<Shell>,
    /// ARG and ENV in force by name; ENV hides ARG.
    pub variables: Variables,
    /// Instruction (index) whose ENTRYPOINT is in force, from this stage or one it is built from.
    pub entrypoint: Option<usize>,
    /// Instruction (index) whose CMD is in force.
    pub cmd: Option<usize>,
    /// Instruction (index) whose HEALTHCHECK is in force.
    pub healthcheck: Option<usize>,
}

/// A value that an instruction set.
#[derive(Clone, PartialEq, Debug)]
pub struct Setting {
    /// The value after expansion.
    pub value: Value,
    /// The instruction (index) that set it.
    pub instruction: usize,
    /// Where the value stands.
    pub span: Span,
}

/// The shell in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shell {
    /// Program and arguments, as SHELL gives them; Docker's default otherwise.
    pub argv: Vec<String>,
    /// Its language.
    pub dialect: Dialect,
    /// The SHELL instruction (index); `None` for the default.
    pub instruction: Option<usize>,
}

/// A variable in force.
#[derive(Clone, PartialEq, Debug)]
pub struct Binding {
    /// ARG or ENV.
    pub kind: BindingKind,
    /// Its value; `None` for an ARG without default.
    pub value: Option<Value>,
    /// Where it comes from.
    pub origin: Origin,
}

/// How a variable was set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum BindingKind {
    Arg,
    Env,
}

/// Where a variable's value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// An instruction of the file, and the place of the name there. For an ARG that repeats a global one without a
    /// default, the global one.
    Instruction(usize, Span),
    /// Predefined by BuildKit (`TARGETARCH`, `HTTP_PROXY`, …).
    Predefined,
}

/// A command with the instruction and script it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct CommandRef<'a> {
    /// The command.
    pub command: &'a Command,
    /// Its index in the script.
    pub index: usize,
    /// The script.
    pub script: &'a Script,
    /// The instruction.
    pub instruction: &'a Instruction,
    /// Index of the instruction.
    pub instruction_index: usize,
}

impl Default for Shell {
    fn default() -> Self {
        Self { argv: vec!["/bin/sh".to_owned(), "-c".to_owned()], dialect: Dialect::Posix, instruction: None }
    }
}

impl Dockerfile {
    /// The stage that a plain `docker build` makes: the last one.
    #[must_use]
    pub fn target(&self) -> Option<&Stage> {
        self.stages.last()
    }

    /// The instructions of a stage with their indices.
    pub fn instructions_of(&self, stage: &Stage) -> impl Iterator<Item = (usize, &Instruction)> {
        stage.instructions.clone().map(|index| (index, &self.instructions[index]))
    }

    /// Every command of every RUN (ONBUILD RUN included), in order.
    pub fn run_commands(&self) -> impl Iterator<Item = CommandRef<'_>> {
        self.commands_of(|instruction| instruction.effective().keyword == ast::Keyword::Run)
    }

    /// Every command of RUN, CMD, ENTRYPOINT and HEALTHCHECK (under ONBUILD too), in order.
    pub fn commands(&self) -> impl Iterator<Item = CommandRef<'_>> {
        self.commands_of(|_| true)
    }

    fn commands_of(&self, wanted: impl Fn(&Instruction) -> bool) -> impl Iterator<Item = CommandRef<'_>> {
        let numbered = self.instructions.iter().enumerate();
        let wanted = numbered.filter(move |(_, instruction)| wanted(instruction));
        wanted.flat_map(|(index, instruction)| instruction.commands(index))
    }

    /// The text at a span.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.source.text().get(span.range()).unwrap_or("")
    }

    /// The stage that a name or number in `--from=` means, seen from `before` (an index of a stage); `None` for an image.
    #[must_use]
    pub fn stage_named(&self, name: &str, before: usize) -> Option<&Stage> {
        let indices = self.names.get(&name.to_lowercase());
        let named = indices.and_then(|indices| indices.iter().rev().find(|&&index| index < before)).copied();
        let found = named.or_else(|| name.parse().ok().filter(|&number| number < before))?;
        self.stages.get(found)
    }

    /// The instructions of one kind in a stage and the stages it is built from, which the image's configuration adds up
    /// (EXPOSE, VOLUME, LABEL): indices with instructions, the stage's own first.
    pub fn inherited<'a>(
        &'a self,
        stage: &'a Stage,
        keyword: ast::Keyword,
    ) -> impl Iterator<Item = (usize, &'a Instruction)> {
        let all = self.lineage(stage).flat_map(|stage| self.instructions_of(stage));
        all.filter(move |(_, instruction)| instruction.ast.keyword == keyword)
    }

    /// For each stage, whether the image that a plain build makes is that stage or is built from it with FROM, so that
    /// its configuration and history are the image's.
    #[must_use]
    pub fn shipped(&self) -> Vec<bool> {
        let mut shipped = vec![false; self.stages.len()];
        for stage in self.target().into_iter().flat_map(|target| self.lineage(target)) {
            shipped[stage.index] = true;
        }
        shipped
    }

    /// The stages from `stage` down to the one with an image as its base, `stage` first.
    pub fn lineage<'a>(&'a self, stage: &'a Stage) -> impl Iterator<Item = &'a Stage> {
        std::iter::successors(Some(stage), |stage| match stage.base {
            Base::Stage(index) => self.stages.get(index),
            _ => None,
        })
    }
}

impl Instruction {
    /// Every command of its scripts, in order; `index` is its own.
    pub fn commands(&self, index: usize) -> impl Iterator<Item = CommandRef<'_>> {
        let (instruction, instruction_index) = (self, index);
        self.scripts.iter().flat_map(move |script| {
            let numbered = script.commands.iter().enumerate();
            numbered.map(move |(index, command)| CommandRef { command, index, script, instruction, instruction_index })
        })
    }

    /// The instruction itself, or the one that ONBUILD holds.
    #[must_use]
    pub fn effective(&self) -> &ast::Instruction {
        match &self.ast.arguments {
            ast::Arguments::Onbuild(inner) => inner,
            _ => &self.ast,
        }
    }

    /// Whether it is an ONBUILD trigger, which runs in images built from this one.
    #[must_use]
    pub fn is_trigger(&self) -> bool {
        self.ast.keyword == ast::Keyword::Onbuild
    }

    /// A flag of the effective instruction and its value after expansion.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<(&ast::Flag, &Value)> {
        self.flags().find(|(flag, _)| flag.name == name)
    }

    /// Flags of the effective instruction with their values after expansion.
    pub fn flags(&self) -> impl Iterator<Item = (&ast::Flag, &Value)> {
        self.effective().flags.iter().zip(&self.flag_values)
    }
}

impl CommandRef<'_> {
    /// A word of the command as far as the shell's variables are known to the Dockerfile: ENV and ARG filled in where
    /// the body does not set them itself. `None` where anything else takes part.
    #[must_use]
    pub fn resolve(&self, word: &shell::Word) -> Option<String> {
        if word.parts.is_empty() {
            return Some(word.text.clone());
        }
        let mut text = String::new();
        for part in &word.parts {
            match part {
                shell::Part::Literal(literal) => text.push_str(literal),
                shell::Part::Variable(name) => text.push_str(&self.variable(name)?),
                _ => return None,
            }
        }
        Some(text)
    }

    fn variable(&self, name: &str) -> Option<String> {
        let own = self.script.commands[..self.index].iter().chain([self.command]);
        let mut set_here = own.flat_map(|command| &command.assignments).filter(|a| a.name == name);
        if let Some(first) = set_here.next() {
            return if set_here.next().is_none() { first.value.literal().map(str::to_owned) } else { None };
        }
        let binding = self.instruction.before.variables.get(name)?;
        Some(binding.value.as_ref()?.known()?.to_owned())
    }
}
