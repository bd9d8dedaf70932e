//! Secrets that can be left out of a command as such.

use crate::diagnostic::Fix;
use crate::model::Dockerfile;
use crate::shell::tools::{self, Tool};
use crate::text::{Edit, Span};

/// What takes the secret at `span` out of the instruction at `index`.
pub(super) fn of(dockerfile: &Dockerfile, index: usize, span: Span) -> Option<Fix> {
    if let Some(credentials) = credentials_of_url(dockerfile, span) {
        let why = "the server may ask for them: they are to come from a secret mount or a credential helper then";
        let title = "Take the name and password out of the address";
        return Some(Fix::suggestion(title, why, vec![Edit::delete(credentials)]));
    }
    let (words, title, why) = option(dockerfile, index, span)?;
    Some(Fix::suggestion(title, why, vec![dockerfile.without_words(index, words)?]))
}

/// `user:password@` of the address that the secret stands in.
fn credentials_of_url(dockerfile: &Dockerfile, span: Span) -> Option<Span> {
    let text = dockerfile.source.text();
    let before = text.get(..span.start as usize)?;
    let is_end = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'' | b'@');
    let start = before.bytes().rposition(is_end)? + 1;
    let behind = text.get(span.end as usize..)?;
    let is_authority = before[..start].ends_with("://") && behind.starts_with('@');
    is_authority.then(|| Span::new(start as u32, span.end + 1))
}

/// The option that the secret is the value of, for programs that do as well or better without.
fn option(dockerfile: &Dockerfile, index: usize, span: Span) -> Option<(Span, &'static str, &'static str)> {
    let instruction = dockerfile.instructions.get(index)?;
    let scripts = instruction.scripts.iter().filter(|script| script.clean);
    for command in scripts.flat_map(|script| &script.commands).filter(|command| command.span.contains(span)) {
        if let Some(invocation) =
            tools::invocation(command).filter(|it| matches!(it.tool, Tool::Useradd | Tool::Usermod))
        {
            let mut used = invocation.options_named("--password");
            let used = used.find(|used| used.value.is_some_and(|value| value.word.span.contains(span)));
            let title = "Leave the account without a password";
            return Some((used?.span()?, title, "nobody can log in with a password then, which few containers need"));
        }
        const TOKENS: [&str; 5] = [
            "--NotebookApp.token=",
            "--NotebookApp.password=",
            "--ServerApp.token=",
            "--ServerApp.password=",
            "--IdentityProvider.token=",
        ];
        let is_token = |text: &str| TOKENS.iter().any(|option| text.starts_with(option));
        if command.base_name().starts_with("jupyter")
            && let Some(word) = command.arguments.iter().find(|word| word.span.contains(span) && is_token(&word.text))
        {
            let why = "Jupyter makes a token for each start and prints it, and reads a fixed one from JUPYTER_TOKEN";
            return Some((word.span, "Let Jupyter make a token for each start", why));
        }
    }
    None
}
