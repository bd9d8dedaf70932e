//! What BuildKit refuses to read, and bytes that no text has.

use crate::diagnostic::{Category, Severity};
use crate::lint::{Findings, Lint};
use crate::model::Dockerfile;
use crate::text::Span;

pub(super) static LINT: Lint = Lint {
    summary: "The file is not a valid Dockerfile",
    category: Category::Build,
    severity: Severity::High,
    aliases: &["DL1000"],
    sources: &[
        "https://docs.docker.com/reference/dockerfile/",
        "https://github.com/moby/buildkit/tree/master/frontend/dockerfile/parser",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for error in &dockerfile.errors {
        findings.report(error.span, error.message.as_str()).help(error.help.as_str()).aliases(&["DL1000"]);
    }
    let invalid = dockerfile.source.invalid();
    odd_bytes(
        findings,
        invalid.first().copied(),
        invalid.len(),
        "not valid UTF-8",
        "Save the file as UTF-8: a builder keeps the bytes as they are, and what they come to depends on who reads them",
    );
    let text = dockerfile.source.text().as_bytes();
    let mut zeros = memchr::memchr_iter(0, text);
    let first = zeros.next().map(|at| at as u32);
    odd_bytes(
        findings,
        first,
        1 + zeros.count(),
        "zero (NUL)",
        "Remove it: arguments and environment variables end at a NUL byte when a process is started",
    );
}

/// One finding a file, where the first such byte is: the rest is more of the same.
fn odd_bytes(findings: &mut Findings, first: Option<u32>, count: usize, what: &str, help: &str) {
    let Some(first) = first else { return };
    let bytes = if count == 1 { "a byte is".to_owned() } else { format!("{count} bytes are") };
    findings.report(Span::new(first, first + 1), format!("{bytes} {what}")).help(help).severity(Severity::Low);
}
