//! EXPOSE with an address or a port of the host.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::Dockerfile;
use crate::syntax::ast::{Arguments, Keyword};
use crate::syntax::ports;
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "EXPOSE names an address or a port of the host",
    category: Category::Network,
    severity: Severity::Low,
    preset: Preset::Pedantic,
    aliases: &["ExposeInvalidFormat", "expose_host_port"],
    sources: &[
        "https://docs.docker.com/reference/build-checks/expose-invalid-format/",
        "https://docs.docker.com/reference/dockerfile/#expose",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for instruction in &dockerfile.instructions {
        let ast = instruction.effective();
        let (Keyword::Expose, Arguments::Words(words)) = (ast.keyword, &ast.arguments) else { continue };
        for (word, value) in words.iter().zip(&instruction.values) {
            let Some((host, _)) = value.text.rsplit_once(':') else { continue };
            if value.known().is_none() || ports::parse(&value.text).is_err() {
                continue;
            }
            let finding = findings.report(word.span, format!("`{}` names more than the container's port", value.text));
            finding
                .aliases(&["ExposeInvalidFormat", "expose_host_port"])
                .because(format!("`{host}` is dropped: where a port is published, only who starts the container says"))
                .help("Name the container's port alone, and publish it with `docker run -p`");
            // With variables, quotes or escapes in the word, it isn't sure which colon parts host and container.
            if word.text == value.text && dockerfile.is_plain(word) {
                let edit = Edit::delete(Span::new(word.span.start, word.span.start + host.len() as u32 + 1));
                let why = "the builder keeps the container's port alone";
                finding.fix(Fix::safe(format!("Take `{host}:` out"), why, vec![edit]));
            }
        }
    }
}
