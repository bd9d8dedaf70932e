//! Words → values: variables filled in as BuildKit does, with provenance.

use std::borrow::Cow;
use std::cell::Cell;

use crate::syntax::expand::{Env, Expansion, Lexer};

use super::{Binding, BindingKind, Origin, Value, Variables};

/// ARGs that BuildKit knows before the first FROM. Source: the Dockerfile reference, "Automatic platform ARGs in the
/// global scope".
const PLATFORM_ARGS: [&str; 9] = [
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
];

/// ARGs that a RUN sees without being declared. Source: the Dockerfile reference, "Predefined ARGs".
const PREDEFINED_ARGS: [&str; 10] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Whether the builder gives an ARG of this name a value by itself.
pub(super) fn is_predefined(name: &str) -> bool {
    PLATFORM_ARGS.contains(&name) || PREDEFINED_ARGS.contains(&name)
}

/// Most bytes of values in one file, so that values that double line by line end somewhere.
const BUDGET: usize = 32 << 20;
/// Most bytes of one value; Linux refuses longer ones to exec.
const LONGEST: usize = 128 << 10;
/// Most variables a value names as its sources, or as unknown.
const MOST_NAMES: usize = 32;

/// Fills variables into words, within a budget for the whole file.
pub(super) struct Expander {
    lexer: Lexer,
    left: Cell<usize>,
}

impl Expander {
    pub(super) fn new(escape: char) -> Self {
        Self { lexer: Lexer { limit: LONGEST, ..Lexer::new(escape) }, left: Cell::new(BUDGET) }
    }

    /// Fills the variables in force into a word.
    pub(super) fn expand(&self, word: &str, variables: &Variables) -> Value {
        // BuildKit fails the build on a malformed word; to be useful all the same, the word then stands for itself and is
        // known to nobody.
        let unknown = || Value { text: word.to_owned(), unknown: vec![word.to_owned()], ..Value::default() };
        if self.left.get() == 0 && word.contains('$') {
            return unknown();
        }
        let Ok(expansion) = self.lexer.word(word, &InForce(variables)) else { return unknown() };
        if word.contains('$') {
            self.left.set(self.left.get().saturating_sub(expansion.text.len() + expansion.work));
        }
        value(word, expansion, variables)
    }
}

fn value(word: &str, expansion: Expansion, variables: &Variables) -> Value {
    let mut value = Value { text: expansion.text, ..Value::default() };
    for name in expansion.matched.iter().chain(&expansion.unmatched) {
        use_variable(&mut value, name, word, variables.get(name));
    }
    value.unknown.truncate(MOST_NAMES);
    value
}

/// Notes that a value depends on a variable.
fn use_variable(value: &mut Value, name: &str, word: &str, binding: Option<&Binding>) {
    // Where the word brings its own default, an unset variable leaves nothing open.
    let has_default = || word.contains(&format!("${{{name}:-")) || word.contains(&format!("${{{name}-"));
    let Some(binding) = binding else {
        value.overridable |= is_predefined(name);
        if !has_default() {
            value.unknown.push(name.to_owned());
        }
        return;
    };
    value.overridable |= binding.kind == BindingKind::Arg;
    let mut add_source = |source| {
        if value.sources.len() < MOST_NAMES && !value.sources.contains(&source) {
            value.sources.push(source);
        }
    };
    if let Origin::Instruction(instruction, _) = binding.origin {
        add_source(instruction);
    }
    match &binding.value {
        Some(inner) => {
            inner.sources.iter().copied().for_each(add_source);
            value.overridable |= inner.overridable;
            value.unknown.extend(inner.unknown.iter().cloned());
        }
        None if has_default() => {}
        None => value.unknown.push(name.to_owned()),
    }
}

struct InForce<'a>(&'a Variables);

impl Env for InForce<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.0.get(name)?.value.as_ref()?.text.as_str()))
    }
}
