//! SARIF 2.1.0 as GitHub code scanning reads it.
//!
//! Source: OASIS SARIF 2.1.0, and GitHub's "SARIF support for code scanning". All lints are listed as rules, not only
//! those that fired, so that two runs differ in their results alone.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::diagnostic::{Confidence, Diagnostic, Fix, Place, Severity};
use crate::lint::{Entry, Preset};
use crate::text::{LineIndex, Span};

use super::{FileResult, Format, Problem, Summary, Tool};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Further places written with one result; GitHub shows no more.
const MOST_PLACES: usize = 100;

/// Writes one log with one run.
pub struct Sarif {
    tool: Tool,
    any: bool,
}

impl Sarif {
    /// A log of `tool`.
    #[must_use]
    pub fn new(tool: Tool) -> Self {
        Self { tool, any: false }
    }

    fn result(&self, file: &FileResult, lines: &LineIndex, diagnostic: &Diagnostic) -> Value {
        let position = |span: Span| region(file.source.text(), lines, span);
        let location = |place: &Place| match place {
            Place::File { path, span } => {
                let artifact = json!({ "uri": uri(path, &self.tool.root) });
                json!({ "physicalLocation": { "artifactLocation": artifact, "region": position(*span) } })
            }
            // GitHub shows nothing without a file, so an image's files stand for themselves and the rest for the image.
            Place::Layer { image, layer, path } => {
                inside(path.trim_start_matches('/'), &format!("{image}/{layer}{path}"), "resource")
            }
            Place::Config { image, key } => inside(image, &format!("{image}/{key}"), "property"),
            Place::Image { image, .. } => inside(image, image, "resource"),
        };
        let related: Vec<Value> = diagnostic
            .labels
            .iter()
            .take(MOST_PLACES)
            .enumerate()
            .map(|(index, label)| {
                let mut location = location(&label.place);
                location["id"] = json!(index);
                location["message"] = text(&sentence(&label.message));
                location
            })
            .collect();
        let path = match &diagnostic.place {
            Place::File { path, .. } => path,
            _ => &file.path,
        };
        let fixes: Vec<Value> =
            diagnostic.fixes.iter().map(|fix| self.fix(fix, path, file.source.text(), lines)).collect();
        let message = if diagnostic.help.is_empty() {
            sentence(&diagnostic.message)
        } else {
            format!("{} {}", sentence(&diagnostic.message), sentence(&diagnostic.help))
        };
        let mut result = json!({
            "ruleId": diagnostic.lint,
            "level": level(diagnostic.severity),
            "message": text(&message),
            "locations": [location(&diagnostic.place)],
            "partialFingerprints": { "primaryLocationLineHash": diagnostic.fingerprint },
            "properties": {
                "severity": diagnostic.severity.as_str(),
                "confidence": diagnostic.confidence.as_str(),
                "aliases": diagnostic.aliases,
            },
        });
        if let Ok(index) = self.tool.lints.binary_search_by(|entry| entry.name.cmp(diagnostic.lint)) {
            result["ruleIndex"] = json!(index);
        }
        if !related.is_empty() {
            result["relatedLocations"] = Value::Array(related);
        }
        if !fixes.is_empty() {
            result["fixes"] = Value::Array(fixes);
        }
        result
    }

    fn fix(&self, fix: &Fix, path: &str, source: &str, lines: &LineIndex) -> Value {
        let replacement = |edit: &crate::text::Edit| {
            let mut replacement = json!({ "deletedRegion": region(source, lines, edit.span) });
            if !edit.text.is_empty() {
                replacement["insertedContent"] = text(&edit.text);
            }
            replacement
        };
        let own = (!fix.edits.is_empty()).then(|| {
            json!({
                "artifactLocation": { "uri": uri(path, &self.tool.root) },
                "replacements": fix.edits.iter().map(replacement).collect::<Vec<_>>(),
            })
        });
        // The text of another file is not at hand, so the place is given in bytes.
        let others = fix.others.iter().map(|edit| {
            json!({
                "artifactLocation": { "uri": uri(&edit.path, &self.tool.root) },
                "replacements": [{
                    "deletedRegion": { "byteOffset": edit.at, "byteLength": 0 },
                    "insertedContent": text(&edit.text),
                }],
            })
        });
        json!({
            "description": text(&sentence(&fix.title)),
            "artifactChanges": own.into_iter().chain(others).collect::<Vec<_>>(),
            "properties": { "safety": fix.safety.as_str(), "why": fix.why },
        })
    }
}

impl Format for Sarif {
    fn start(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let driver = json!({
            "name": self.tool.name,
            "version": self.tool.version,
            "semanticVersion": self.tool.version,
            "informationUri": information_uri(&self.tool),
            "rules": self.tool.lints.iter().map(rule).collect::<Vec<_>>(),
        });
        write!(out, "{{\"$schema\":\"{SCHEMA}\",\"version\":\"2.1.0\",\"runs\":[{{\"tool\":{{\"driver\":")?;
        serde_json::to_writer(&mut *out, &driver)?;
        write!(
            out,
            "}},\"columnKind\":\"utf16CodeUnits\",\"automationDetails\":{{\"id\":\"harden/{}/\"}},\"results\":[",
            self.tool.command
        )
    }

    fn file(&mut self, out: &mut dyn Write, file: &FileResult) -> io::Result<()> {
        let lines = LineIndex::new(file.source.text());
        for diagnostic in &file.diagnostics {
            out.write_all(if self.any { b",\n" } else { b"\n" })?;
            self.any = true;
            serde_json::to_writer(&mut *out, &self.result(file, &lines, diagnostic))?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write, _summary: &Summary, problems: &[Problem]) -> io::Result<()> {
        let notification = |problem: &Problem| {
            let mut notification = json!({ "level": "error", "message": text(&sentence(&problem.message)) });
            if let Some(path) = &problem.path {
                let artifact = json!({ "uri": uri(path, &self.tool.root) });
                notification["locations"] = json!([{ "physicalLocation": { "artifactLocation": artifact } }]);
            }
            notification
        };
        let mut invocation = json!({ "executionSuccessful": problems.is_empty() });
        if !problems.is_empty() {
            invocation["toolExecutionNotifications"] = problems.iter().map(notification).collect();
        }
        write!(out, "\n],\"invocations\":[")?;
        serde_json::to_writer(&mut *out, &invocation)?;
        writeln!(out, "]}}]}}")
    }
}

fn rule(entry: &Entry) -> Value {
    let lint = entry.lint;
    let (problem_severity, security_severity) = match lint.severity {
        Severity::High => ("error", "8.0"),
        Severity::Medium => ("warning", "5.5"),
        Severity::Low => ("recommendation", "3.0"),
        Severity::Info => ("recommendation", "1.0"),
    };
    let precision = match lint.confidence {
        Confidence::High => "high",
        Confidence::Medium => "medium",
        Confidence::Low => "low",
    };
    json!({
        "id": entry.name,
        "name": pascal_case(entry.name),
        "shortDescription": text(&sentence(lint.summary)),
        "fullDescription": text(&full_description(entry)),
        "help": { "text": entry.readme, "markdown": entry.readme },
        "defaultConfiguration": { "level": level(lint.severity), "enabled": lint.preset == Preset::Security },
        "properties": {
            "tags": ["security", lint.category.as_str()],
            "precision": precision,
            "problem.severity": problem_severity,
            "security-severity": security_severity,
            "aliases": lint.aliases,
        },
    })
}

/// The project's address, or the package URL where the package names none; SARIF wants an absolute URI.
fn information_uri(tool: &Tool) -> String {
    match env!("CARGO_PKG_REPOSITORY") {
        "" => format!("pkg:cargo/{}@{}", tool.name, tool.version),
        repository => repository.to_owned(),
    }
}

/// The first paragraph of the lint's page behind its title, or its summary.
fn full_description(entry: &Entry) -> String {
    let mut paragraphs = entry.readme.split("\n\n").map(str::trim);
    let prose = paragraphs.find(|text| !text.is_empty() && !text.starts_with('#'));
    let prose = prose.filter(|text| !text.starts_with("```"));
    sentence(&prose.unwrap_or(entry.lint.summary).split_whitespace().collect::<Vec<_>>().join(" "))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

fn text(text: &str) -> Value {
    json!({ "text": text })
}

/// A place in an image.
fn inside(file: &str, name: &str, kind: &str) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": encoded(file) },
            "region": { "startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1 },
        },
        "logicalLocations": [{ "fullyQualifiedName": name, "kind": kind }],
    })
}

/// The text with a full stop, which SARIF's readers expect.
fn sentence(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

fn pascal_case(name: &str) -> String {
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    name.split('-').filter(|word| word.is_ascii() && !word.is_empty()).map(capital).collect()
}

fn region(source: &str, lines: &LineIndex, span: Span) -> Value {
    let (start, end) = (lines.utf16_column(source, span.start), lines.utf16_column(source, span.end));
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

/// The path as a relative URI reference (RFC 3986): relative to `root`, `/` between segments, everything else but
/// unreserved characters percent-encoded. A path outside `root` is a `file:` URI.
fn uri(path: &str, root: &Path) -> String {
    let path = if std::path::MAIN_SEPARATOR == '\\' { path.replace('\\', "/") } else { path.to_owned() };
    let relative = Path::new(&path).strip_prefix(root).ok().and_then(Path::to_str).unwrap_or(&path);
    let scheme = if relative.starts_with('/') { "file://" } else { "" };
    format!("{scheme}{}", encoded(relative))
}

fn encoded(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(byte as char),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{pascal_case, sentence, uri};

    #[test]
    fn uris_are_relative_and_encoded() {
        let root = Path::new("/work/project");
        assert_eq!(uri("web app/Dockerfile#1", root), "web%20app/Dockerfile%231");
        assert_eq!(uri("/work/project/é/Dockerfile", root), "%C3%A9/Dockerfile");
        assert_eq!(uri("/elsewhere/Dockerfile", root), "file:///elsewhere/Dockerfile");
        assert_eq!(uri("../Dockerfile", root), "../Dockerfile");
    }

    #[test]
    fn names_and_sentences() {
        assert_eq!(pascal_case("missing-user"), "MissingUser");
        assert_eq!((sentence("a"), sentence("a.")), ("a.".to_owned(), "a.".to_owned()));
    }
}
