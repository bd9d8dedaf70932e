//! An image as a picture: one page with everything in it, for people who look rather than read.
//!
//! The page runs no script and loads nothing: names in an image are an attacker's input, and the page may be opened from a
//! build's artefacts. A content security policy says the same to the browser.

mod parts;
mod style;
mod tree;

use std::io::{self, Write};

use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::image::{Image, size_said as bytes};

use super::Tool;
use parts::{escape, plural};

/// Findings written out; further ones are counted.
const MOST_FINDINGS: usize = 2000;

/// Writes the page about one image and what was found in it. `steps` are what made the layers, without secrets in them.
///
/// # Errors
/// Those of `out`.
pub fn write(
    out: &mut dyn Write,
    tool: &Tool,
    image: &Image,
    steps: &[Option<String>],
    diagnostics: &[Diagnostic],
) -> io::Result<()> {
    let name = escape(&image.name);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name} · {}</title>\n<style>{}</style>\n</head>\n<body>\n",
        tool.name,
        style::STYLE
    )?;
    head(out, image, diagnostics)?;
    layers(out, image, steps, diagnostics)?;
    findings(out, image, diagnostics)?;
    tree::write(out, image, diagnostics)?;
    savings(out, image)?;
    write!(out, "<footer>{} {}</footer>\n</body>\n</html>\n", tool.name, tool.version)
}

const SEVERITIES: [Severity; 4] = [Severity::High, Severity::Medium, Severity::Low, Severity::Info];

fn count(diagnostics: &[Diagnostic], severity: Severity) -> usize {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
}

fn head(out: &mut dyn Write, image: &Image, diagnostics: &[Diagnostic]) -> io::Result<()> {
    let stored: u64 = image.layers.iter().map(|layer| layer.size).sum();
    let plain: u64 = (0..image.layers.len()).filter_map(|layer| image.facts(layer)).map(|facts| facts.size).sum();
    writeln!(out, "<header>\n<h1>{}</h1>\n<dl>", escape(&image.name))?;
    let os = image.os.as_ref().map_or("not known", |os| &os.pretty_name);
    let user = if image.config.user.is_empty() { "root (none is set)" } else { &image.config.user };
    let start: Vec<&str> =
        [&image.config.entrypoint, &image.config.cmd].into_iter().flatten().flatten().map(String::as_str).collect();
    let start = if start.is_empty() { "nothing is set".to_owned() } else { start.join(" ") };
    for (key, value) in [
        ("Digest", image.digest.as_deref().unwrap_or("none")),
        ("Platform", &format!("{}/{}", image.config.os, image.config.architecture)),
        ("Distribution", os),
        ("User", user),
        ("Starts", &start),
        ("Download", &format!("{} in {} {}", bytes(stored), image.layers.len(), plural(image.layers.len(), "layer"))),
        ("Unpacked", &bytes(plain)),
    ] {
        writeln!(out, "<dt>{key}</dt><dd>{}</dd>", escape(value))?;
    }
    writeln!(out, "</dl>\n<ul class=\"counts\">")?;
    for severity in SEVERITIES {
        let word = severity.as_str();
        writeln!(out, "<li class=\"{word}\"><b>{}</b> {word}</li>", count(diagnostics, severity))?;
    }
    writeln!(out, "</ul>\n</header>")
}

/// The layer (index) that a finding's evidence is in.
fn layer_of(image: &Image, place: &Place) -> Option<usize> {
    match place {
        Place::Layer { layer, .. } => image.layers.iter().position(|one| one.digest == *layer),
        _ => None,
    }
}

fn layers(out: &mut dyn Write, image: &Image, steps: &[Option<String>], diagnostics: &[Diagnostic]) -> io::Result<()> {
    let largest = image.layers.iter().map(|layer| layer.size).max().unwrap_or(0).max(1);
    let hidden = image.hidden();
    writeln!(out, "<section id=\"layers\">\n<h2>Layers</h2>\n<table>")?;
    writeln!(
        out,
        "<thead><tr><th>#<th>Made by<th>Download<th><th>Unpacked<th>Entries<th>Hidden later<th>Findings</tr></thead>\n<tbody>"
    )?;
    for (index, layer) in image.layers.iter().enumerate() {
        let made = steps.get(index).and_then(Option::as_deref).unwrap_or("not known: the history doesn't say");
        let (plain, entries) = match &layer.facts {
            Ok(facts) => (bytes(facts.size), facts.entries.len().to_string()),
            Err(why) => (format!("not read: {}", escape(why)), String::new()),
        };
        let lost: u64 = hidden.iter().filter(|one| one.layer == index).map(|one| one.size).sum();
        let found: Vec<&Diagnostic> =
            diagnostics.iter().filter(|one| layer_of(image, &one.place) == Some(index)).collect();
        let marks: String = SEVERITIES
            .iter()
            .map(|severity| (severity, found.iter().filter(|one| one.severity == *severity).count()))
            .filter(|(_, count)| *count > 0)
            .map(|(severity, count)| format!("<span class=\"mark {}\">{count}</span>", severity.as_str()))
            .collect();
        writeln!(
            out,
            "<tr id=\"layer-{number}\"><td>{number}<td><code title=\"{digest}\">{made}</code><td>{size}<td class=\"bar\">\
             <i style=\"width:{width}%\"></i><td>{plain}<td>{entries}<td>{lost}<td>{marks}</tr>",
            number = index + 1,
            digest = escape(&layer.digest),
            made = escape(made),
            size = bytes(layer.size),
            width = (layer.size * 100).div_ceil(largest),
            lost = if lost == 0 { String::new() } else { bytes(lost) },
        )?;
    }
    writeln!(out, "</tbody></table>\n</section>")
}

fn findings(out: &mut dyn Write, image: &Image, diagnostics: &[Diagnostic]) -> io::Result<()> {
    writeln!(out, "<section id=\"findings\">\n<h2>Findings</h2>")?;
    if diagnostics.is_empty() {
        return writeln!(out, "<p>Nothing was found.</p>\n</section>");
    }
    // Radio buttons and style do what a script would.
    for (index, word) in ["all", "high", "medium", "low", "info"].iter().enumerate() {
        let checked = if index == 0 { " checked" } else { "" };
        writeln!(
            out,
            "<input type=\"radio\" name=\"show\" id=\"show-{word}\"{checked}><label for=\"show-{word}\">{word}</label>"
        )?;
    }
    writeln!(out, "<ol class=\"findings\">")?;
    for diagnostic in diagnostics.iter().take(MOST_FINDINGS) {
        let word = diagnostic.severity.as_str();
        writeln!(out, "<li class=\"finding {word}\"><details><summary><span class=\"mark {word}\">{word}</span> ")?;
        writeln!(out, "<b>{}</b> {}</summary>", diagnostic.lint, parts::message(&diagnostic.message))?;
        writeln!(out, "<p class=\"place\">{}</p>", place(image, &diagnostic.place))?;
        if !diagnostic.labels.is_empty() {
            writeln!(out, "<ul>")?;
            for label in diagnostic.labels.iter().take(100) {
                let at =
                    if label.place == diagnostic.place { String::new() } else { place(image, &label.place) + ": " };
                writeln!(out, "<li>{at}{}</li>", parts::message(&label.message))?;
            }
            writeln!(out, "</ul>")?;
        }
        writeln!(out, "<p class=\"help\">{}</p></details></li>", parts::message(&diagnostic.help))?;
    }
    writeln!(out, "</ol>")?;
    if let more @ 1.. = diagnostics.len().saturating_sub(MOST_FINDINGS) {
        writeln!(out, "<p>and {more} more {}</p>", plural(more, "finding"))?;
    }
    writeln!(out, "</section>")
}

fn place(image: &Image, place: &Place) -> String {
    match place {
        Place::Layer { path, .. } => {
            let path = format!("<code>{}</code>", escape(path));
            match layer_of(image, place) {
                Some(layer) => format!("{path} in {}", link(layer)),
                None => path,
            }
        }
        Place::Config { key, .. } => format!("<code>{}</code>", escape(key)),
        Place::Image { .. } => "the image".to_owned(),
        Place::File { path, .. } => format!("<code>{}</code>", escape(path)),
    }
}

/// A layer by its number from 1, as messages count them.
fn link(layer: usize) -> String {
    format!("<a href=\"#layer-{number}\">layer {number}</a>", number = layer + 1)
}

/// What a shorter image would save.
fn savings(out: &mut dyn Write, image: &Image) -> io::Result<()> {
    let hidden = image.hidden();
    let total: u64 = hidden.iter().map(|one| one.size).sum();
    writeln!(out, "<section id=\"savings\">\n<h2>What a shorter image saves</h2>")?;
    if total == 0 {
        return writeln!(out, "<p>Nothing: every file that is shipped is seen.</p>\n</section>");
    }
    let files = hidden.len();
    writeln!(
        out,
        "<p>{} unpacked, in {files} {} that a later layer hides or replaces and every pull still downloads.</p>\n\
         <table><thead><tr><th>File<th>Size<th>Shipped by<th>Hidden by</tr></thead>\n<tbody>",
        bytes(total),
        plural(files, "file"),
    )?;
    for one in hidden.iter().take(50) {
        let Some(facts) = image.facts(one.layer) else { continue };
        let path = facts.entries.get(one.entry).path;
        let why = if one.copied { ", to change mode or owner" } else { "" };
        writeln!(
            out,
            "<tr><td><code>{}</code><td>{}<td>{}<td>{}{why}</tr>",
            escape(path),
            bytes(one.size),
            link(one.layer),
            link(one.by),
        )?;
    }
    writeln!(out, "</tbody></table>")?;
    if let more @ 1.. = files.saturating_sub(50) {
        let rest: u64 = hidden[50..].iter().map(|one| one.size).sum();
        writeln!(out, "<p>and {more} more {} of {}</p>", plural(more, "file"), bytes(rest))?;
    }
    writeln!(out, "</section>")
}
