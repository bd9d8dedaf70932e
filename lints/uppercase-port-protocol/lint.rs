//! EXPOSE with a protocol in capitals.

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::Dockerfile;
use crate::syntax::ast::{Arguments, Keyword};
use crate::syntax::ports;
use crate::text::{Edit, Span};

pub(super) static LINT: Lint = Lint {
    summary: "EXPOSE names a protocol in capitals",
    category: Category::Network,
    severity: Severity::Info,
    preset: Preset::Pedantic,
    aliases: &["ExposeProtoCasing"],
    sources: &["https://docs.docker.com/reference/build-checks/expose-proto-casing/"],
    dockerfile: Some(check),
    ..Lint::BASE
};

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for instruction in &dockerfile.instructions {
        let ast = instruction.effective();
        let (Keyword::Expose, Arguments::Words(words)) = (ast.keyword, &ast.arguments) else { continue };
        for (word, value) in words.iter().zip(&instruction.values) {
            let Some((front, protocol)) = word.text.rsplit_once('/') else { continue };
            let is_odd = protocol.bytes().any(|byte| byte.is_ascii_uppercase());
            if !is_odd || !protocol.bytes().all(|byte| byte.is_ascii_alphabetic()) || ports::parse(&value.text).is_err()
            {
                continue;
            }
            let lower = protocol.to_ascii_lowercase();
            let at = word.span.start + front.len() as u32 + 1;
            let is_plain = dockerfile.is_plain(word);
            let span = if is_plain { Span::new(at, word.span.end) } else { word.span };
            let finding = findings.report(span, format!("the protocol `{protocol}` is written in capitals"));
            finding
                .aliases(&["ExposeProtoCasing"])
                .because("tools that compare it with `tcp` and `udp` letter by letter don't know it")
                .help(format!("Write `{lower}`"));
            if is_plain {
                let why = "the builder puts it into the image in lower case anyway";
                finding.fix(Fix::safe(format!("Write `{lower}`"), why, vec![Edit::replace(span, lower.clone())]));
            }
        }
    }
}
