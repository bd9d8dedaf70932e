//! What a Dockerfile downloads by address, so that whoever can may look up the digests.

use crate::shell::tools::{self, Tool};
use crate::syntax::ast::{Arguments, Keyword};

use super::Dockerfile;

impl Dockerfile {
    /// The addresses of files that ADD, curl and wget fetch over http and https, as far as they are known, each once.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut add = |address: &str| {
            let is_remote = address.starts_with("https://") || address.starts_with("http://");
            if is_remote && !found.iter().any(|known| known == address) {
                found.push(address.to_owned());
            }
        };
        for instruction in &self.instructions {
            let ast = instruction.effective();
            if ast.keyword == Keyword::Add && matches!(ast.arguments, Arguments::Words(_) | Arguments::Exec(_)) {
                let sources = instruction.values.len().saturating_sub(1);
                instruction.values.iter().take(sources).filter_map(|value| value.known()).for_each(&mut add);
            }
        }
        for command in self.run_commands() {
            if !matches!(command.command.base_name(), "curl" | "wget") {
                continue;
            }
            let invocation = tools::invocation(command.command);
            for word in
                invocation.filter(|it| matches!(it.tool, Tool::Curl | Tool::Wget)).iter().flat_map(|it| it.urls())
            {
                if let Some(address) = command.resolve(word) {
                    add(&address);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;

    #[test]
    fn addresses_are_found_once() {
        let file = Dockerfile::new(
            "Dockerfile",
            Source::from(
                "FROM a\nARG V=1\nADD https://a.example/$V local /\nRUN curl https://a.example/1 -o x && wget https://b.example/\nRUN curl $UNKNOWN\n",
            ),
        );
        assert_eq!(file.addresses(), ["https://a.example/1", "https://b.example/"]);
    }
}
