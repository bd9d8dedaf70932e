//! Tree → facts: one walk over the instructions.

use std::collections::HashMap;
use std::sync::Arc;

use crate::shell::{self, Dialect};
use crate::syntax::ast::{self, Arguments, Keyword, Word};
use crate::syntax::mount::Mount;
use crate::syntax::{self, Parse};
use crate::tables::{self, Family};
use crate::text::{Source, Span};

use super::scope::{self, Expander};
use super::scripts::scripts;
use super::{
    Base, Binding, BindingKind, Context, Dockerfile, ImageName, Instruction, Origin, Setting, Shell, Stage, State,
    Value, Variables,
};

impl Dockerfile {
    /// Reads the facts of a file. Never fails: what is broken is in [`Dockerfile::errors`].
    ///
    /// Deeply nested shell text needs stack: call it on a thread with [`shell::STACK_BYTES`] to be quickest.
    #[must_use]
    pub fn new(path: &str, source: Source) -> Self {
        let parse = syntax::parse(&source);
        let Parse { instructions, errors, directives, escape, comments } = parse;
        let mut builder = Builder::new(source.text(), escape);
        for instruction in instructions {
            builder.instruction(instruction);
        }
        builder.finish_stage();
        mark_reached(&mut builder.stages);
        let Builder { instructions, stages, names, .. } = builder;
        Self {
            path: path.into(),
            instructions,
            stages,
            errors,
            comments,
            directives,
            escape,
            names,
            context: Context::default(),
            images: HashMap::new(),
            result: None,
            downloads: HashMap::new(),
            source,
        }
    }
}

struct Builder<'a> {
    file: &'a str,
    escape: char,
    expander: Expander,
    instructions: Vec<Instruction>,
    stages: Vec<Stage>,
    names: HashMap<String, Vec<usize>>,
    /// ARGs before the first FROM, and those that BuildKit predefines.
    global: Variables,
    state: Arc<State>,
    /// Whether CMD was set in the stage at hand; ENTRYPOINT drops an inherited one.
    own_cmd: bool,
}

impl<'a> Builder<'a> {
    fn new(file: &'a str, escape: char) -> Self {
        let (global, state, instructions, stages, names) = Default::default();
        Self {
            file,
            escape,
            expander: Expander::new(escape),
            instructions,
            stages,
            names,
            global,
            state,
            own_cmd: false,
        }
    }

    fn instruction(&mut self, ast: ast::Instruction) {
        let global_arg = self.stages.is_empty() && matches!(ast.keyword, Keyword::Arg | Keyword::Unknown);
        if ast.keyword == Keyword::From {
            self.finish_stage();
            self.start_stage(&ast);
        } else if self.stages.is_empty() && !global_arg {
            self.push_stage(None, Base::Unknown, None, State::default());
        }
        let index = self.instructions.len();
        let stage = self.stages.len().checked_sub(1);
        let before = Arc::clone(&self.state);
        let effective = if let Arguments::Onbuild(trigger) = &ast.arguments { &**trigger } else { &ast };
        let variables = if ast.keyword == Keyword::From { &self.global } else { &before.variables };
        let value = |word: &Word| self.expander.expand(&word.text, variables);
        let values: Vec<Value> = match &effective.arguments {
            Arguments::Words(words) if effective.keyword == Keyword::Arg => {
                words.iter().map(|w| self.default_of(w)).collect()
            }
            Arguments::Words(words) => words.iter().map(value).collect(),
            Arguments::Exec(words) if !runs(effective.keyword) => words.iter().map(value).collect(),
            Arguments::Pairs(pairs) => pairs.iter().map(|pair| value(&pair.value)).collect(),
            _ => Vec::new(),
        };
        let flag_values =
            effective.flags.iter().map(|flag| flag.value.as_ref().map(value).unwrap_or_default()).collect();
        let scripts = scripts(&ast, self.file, before.shell.dialect);
        let is_trigger = ast.keyword == Keyword::Onbuild;
        self.instructions.push(Instruction { ast, stage, before, values, flag_values, scripts });
        if !is_trigger {
            self.apply(index);
        }
        if let Some(stage) = stage {
            self.stages[stage].instructions.end = index + 1;
            self.needs(index, stage);
        }
    }

    /// The default of an ARG's `NAME=default`, or an empty value.
    fn default_of(&self, word: &Word) -> Value {
        let default = word.text.split_once('=').map_or("", |(_, default)| default);
        let variables = if self.stages.is_empty() { &self.global } else { &self.state.variables };
        self.expander.expand(default, variables)
    }

    /// Notes what an instruction changes for those behind it.
    fn apply(&mut self, index: usize) {
        let instruction = &self.instructions[index];
        let ast = &instruction.ast;
        let values = &instruction.values;
        let setting = || {
            let (Arguments::Words(words), [value, ..]) = (&ast.arguments, &values[..]) else { return None };
            Some(Setting { value: value.clone(), instruction: index, span: words[0].span })
        };
        match (ast.keyword, &ast.arguments) {
            (Keyword::Arg, Arguments::Words(words)) => {
                let bindings: Vec<_> = words.iter().zip(values).map(|(word, value)| arg(word, value, index)).collect();
                for (name, binding) in bindings {
                    self.bind_arg(name, binding);
                }
            }
            (Keyword::Env, Arguments::Pairs(pairs)) => {
                let mut variables = self.state.variables.clone();
                for (pair, value) in pairs.iter().zip(values) {
                    let name = self.expander.expand(&pair.name.text, &self.state.variables).text;
                    let origin = Origin::Instruction(index, pair.name.span);
                    variables.insert(name, Binding { kind: BindingKind::Env, value: Some(value.clone()), origin });
                }
                self.change().variables = variables;
            }
            (Keyword::User, _) => {
                if let Some(user) = setting() {
                    self.change().user = Some(Arc::new(user));
                }
            }
            (Keyword::Workdir, _) => {
                if let Some(mut workdir) = setting() {
                    workdir.value = self.absolute(workdir.value);
                    self.change().workdir = Some(Arc::new(workdir));
                }
            }
            (Keyword::Shell, Arguments::Exec(words)) if !words.is_empty() => {
                let argv: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
                let shell = Shell { dialect: shell::dialect_of(&argv), argv, instruction: Some(index) };
                self.change().shell = Arc::new(shell);
            }
            (Keyword::Entrypoint, _) => {
                let own_cmd = self.own_cmd;
                let state = self.change();
                state.entrypoint = Some(index);
                if !own_cmd {
                    state.cmd = None;
                }
            }
            (Keyword::Cmd, _) => {
                self.own_cmd = true;
                self.change().cmd = Some(index);
            }
            (Keyword::Healthcheck, _) => self.change().healthcheck = Some(index),
            _ => {}
        }
    }

    fn change(&mut self) -> &mut State {
        Arc::make_mut(&mut self.state)
    }

    fn bind_arg(&mut self, name: String, mut binding: Binding) {
        if self.stages.is_empty() {
            self.global.insert(name.clone(), binding.clone());
        } else if binding.value.is_none() {
            // Without a default, the global ARG's value is taken over; a predefined one has its value from the builder.
            match self.global.get(&name) {
                Some(global) if global.value.is_some() => {
                    binding.value.clone_from(&global.value);
                    binding.origin = global.origin;
                }
                None if scope::is_predefined(&name) => binding.origin = Origin::Predefined,
                _ => {}
            }
        }
        let hidden = self.state.variables.get(&name).is_some_and(|older| older.kind == BindingKind::Env);
        if !hidden {
            self.change().variables.insert(name, binding);
        }
    }

    fn absolute(&self, mut folder: Value) -> Value {
        let text = &folder.text;
        let rooted = text.starts_with(['/', '\\']) || text.as_bytes().get(1) == Some(&b':');
        if !rooted {
            let above = self.state.workdir.as_ref();
            let base = above.map_or("/", |above| above.value.text.as_str());
            folder.text = format!("{}/{}", base.trim_end_matches('/'), text);
            match above {
                Some(above) => folder.unknown.extend(above.value.unknown.iter().cloned()),
                // The base image's own WORKDIR is not known.
                None if !matches!(self.stages.last().map(|stage| &stage.base), Some(Base::Scratch)) => {
                    folder.unknown.push("the base image's WORKDIR".to_owned());
                }
                None => {}
            }
        }
        folder
    }

    fn start_stage(&mut self, from: &ast::Instruction) {
        let words: &[Word] = if let Arguments::Words(words) = &from.arguments { words } else { &[] };
        let name = match words {
            [_, keyword, name, ..] if keyword.text.eq_ignore_ascii_case("as") => Some(name.text.to_lowercase()),
            _ => None,
        };
        let platform = from.flags.iter().find(|flag| flag.name == "platform").and_then(|flag| flag.value.as_ref());
        let platform = platform.map(|word| self.expander.expand(&word.text, &self.global).text);
        let base = match words.first() {
            None => Base::Unknown,
            Some(image) => self.base(self.expander.expand(&image.text, &self.global), image.span),
        };
        let state = match &base {
            Base::Stage(index) => State::clone(&self.stages[*index].end),
            base => State { shell: Arc::new(self.default_shell(base, platform.as_deref())), ..State::default() },
        };
        self.push_stage(name, base, platform, state);
    }

    fn base(&self, value: Value, span: Span) -> Base {
        let lower = value.text.to_lowercase();
        if let Some(&index) = self.names.get(&lower).and_then(|indices| indices.last()) {
            return Base::Stage(index);
        }
        if value.text == "scratch" {
            return Base::Scratch;
        }
        if value.text.is_empty() { Base::Unknown } else { Base::Image(ImageName::parse(value, span)) }
    }

    /// Docker's default shell: cmd for Windows images, `/bin/sh` elsewhere. A few images set another one.
    fn default_shell(&self, base: &Base, platform: Option<&str>) -> Shell {
        let Base::Image(image) = base else { return Shell::default() };
        let (registry, tag) = (image.registry.as_deref(), image.tag.as_deref());
        let family = tables::family(registry, &image.repository, tag);
        let windows = family == Some(Family::Windows)
            || platform.is_some_and(|platform| platform.starts_with("windows"))
            || family.is_none() && self.escape == '`';
        let row = tables::base_image(registry, &image.repository, tag);
        match row.and_then(|row| row.shell) {
            Some(program) => {
                let argv = vec![program.to_owned(), "-c".to_owned()];
                Shell { dialect: shell::dialect_of(&argv), argv, instruction: None }
            }
            None if windows => {
                let argv = ["cmd", "/S", "/C"].map(str::to_owned).to_vec();
                Shell { argv, dialect: Dialect::Cmd, instruction: None }
            }
            None => Shell::default(),
        }
    }

    fn push_stage(&mut self, name: Option<String>, base: Base, platform: Option<String>, state: State) {
        let index = self.stages.len();
        self.own_cmd = false;
        self.state = Arc::new(state);
        let needs = if let Base::Stage(base) = base { vec![base] } else { Vec::new() };
        let start = self.instructions.len();
        let end = Arc::clone(&self.state);
        self.stages.push(Stage { index, name, base, platform, instructions: start..start, needs, reached: false, end });
    }

    fn finish_stage(&mut self) {
        let Some(stage) = self.stages.last_mut() else { return };
        stage.end = Arc::clone(&self.state);
        stage.needs.sort_unstable();
        stage.needs.dedup();
        if let Some(name) = &stage.name {
            self.names.entry(name.clone()).or_default().push(stage.index);
        }
    }

    /// Notes the stages that an instruction copies or mounts from.
    fn needs(&mut self, index: usize, stage: usize) {
        let instruction = &self.instructions[index];
        let mut sources = Vec::new();
        for (flag, value) in instruction.flags() {
            match flag.name.as_str() {
                "from" => sources.push(value.text.clone()),
                "mount" => {
                    sources.extend(Mount::parse(&value.text).ok().and_then(|mount| mount.from().map(str::to_owned)));
                }
                _ => {}
            }
        }
        for source in sources {
            let named = self.names.get(&source.to_lowercase()).and_then(|indices| indices.last()).copied();
            let found = named.or_else(|| source.parse().ok().filter(|&number: &usize| number < stage));
            self.stages[stage].needs.extend(found);
        }
    }
}

fn runs(keyword: Keyword) -> bool {
    matches!(keyword, Keyword::Run | Keyword::Cmd | Keyword::Entrypoint | Keyword::Healthcheck | Keyword::Shell)
}

fn arg(word: &Word, value: &Value, index: usize) -> (String, Binding) {
    let name = word.text.split('=').next().unwrap_or("");
    let value = word.text.contains('=').then(|| value.clone());
    let span = Span::new(word.span.start, word.span.start + name.len() as u32);
    (name.to_owned(), Binding { kind: BindingKind::Arg, value, origin: Origin::Instruction(index, span) })
}

/// Marks the last stage and all it needs.
fn mark_reached(stages: &mut [Stage]) {
    let mut open: Vec<usize> = stages.len().checked_sub(1).into_iter().collect();
    while let Some(index) = open.pop() {
        if !std::mem::replace(&mut stages[index].reached, true) {
            open.extend(&stages[index].needs);
        }
    }
}
