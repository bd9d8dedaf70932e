//! `harden lints`: the list of all lints.

use std::io::{self, Write};

use clap::ValueEnum;
use serde_json::json;

use crate::lint::{self, Entry, Preset};

use super::failure::Failure;
use super::output::Output;

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// How to write the list
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Format {
    /// A table
    #[default]
    Text,
    /// One JSON document
    Json,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let mut output = Output::stdout();
    output.write(|out| match arguments.format {
        Format::Text => table(out, lint::registry()),
        Format::Json => document(out, lint::registry()),
    })?;
    output.finish()?;
    Ok(0)
}

fn table(out: &mut dyn Write, entries: &[Entry]) -> io::Result<()> {
    let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0).max("lint".len());
    writeln!(out, "{:width$}  {:8}  {:12}  {:8}  summary", "lint", "severity", "category", "preset")?;
    for entry in entries {
        let lint = entry.lint;
        let (severity, category, preset) = (lint.severity.as_str(), lint.category.as_str(), preset(lint.preset));
        writeln!(out, "{:width$}  {severity:8}  {category:12}  {preset:8}  {}", entry.name, lint.summary)?;
    }
    Ok(())
}

fn document(out: &mut dyn Write, entries: &[Entry]) -> io::Result<()> {
    let view = |entry: &Entry| {
        json!({
            "name": entry.name,
            "summary": entry.lint.summary,
            "category": entry.lint.category.as_str(),
            "severity": entry.lint.severity.as_str(),
            "confidence": entry.lint.confidence.as_str(),
            "preset": preset(entry.lint.preset),
            "aliases": entry.lint.aliases,
            "sources": entry.lint.sources,
        })
    };
    let lints: Vec<_> = entries.iter().map(view).collect();
    serde_json::to_writer_pretty(&mut *out, &json!({ "version": 1, "lints": lints }))?;
    writeln!(out)
}

fn preset(preset: Preset) -> &'static str {
    match preset {
        Preset::Security => "security",
        Preset::Pedantic => "pedantic",
    }
}
