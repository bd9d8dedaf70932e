//! Texts with variables filled in, and where the fillings come from.

/// An argument after variable expansion.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Value {
    /// The text with every known variable filled in and quotes removed. An unknown variable is left out of it, as an
    /// unset one is.
    pub text: String,
    /// Names of variables in it whose value can't be known from the file: ARGs without default, undeclared names.
    pub unknown: Vec<String>,
    /// Instructions (indices) that set the variables used, ARG and ENV, each once.
    pub sources: Vec<usize>,
    /// Whether a build argument could change it: an ARG with or without default takes part.
    pub overridable: bool,
}

impl Value {
    /// The text, where nothing unknown takes part in it.
    #[must_use]
    pub fn known(&self) -> Option<&str> {
        self.unknown.is_empty().then_some(self.text.as_str())
    }
}
