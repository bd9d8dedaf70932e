//! `harden explain`: the page of a lint.

use crate::lint::{self, Entry, Preset, UnknownLint};

use super::failure::Failure;
use super::output::Output;

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// A lint's name, or another tool's id for it, such as DL3002
    #[arg(value_name = "LINT")]
    lint: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let name = arguments.lint.as_str();
    let entries = lint::find(name);
    if entries.is_empty() {
        let unknown = UnknownLint { name: name.to_owned(), suggestion: lint::suggest(name) };
        return Err(Failure::UnknownLint { at: "harden explain".to_owned(), unknown });
    }
    let mut output = Output::stdout();
    output.write(|out| {
        if !entries[0].name.eq_ignore_ascii_case(name) {
            let names: Vec<String> = entries.iter().map(|entry| format!("`{}`", entry.name)).collect();
            writeln!(out, "{name} is a case of {}.\n", names.join(" and of "))?;
        }
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 {
                writeln!(out, "\n---\n")?;
            }
            writeln!(out, "{}\n\n{}", entry.readme.trim_end(), facts(entry))?;
        }
        Ok(())
    })?;
    output.finish()?;
    Ok(0)
}

fn facts(entry: &Entry) -> String {
    let lint = entry.lint;
    let preset = match lint.preset {
        Preset::Security => "on by default",
        Preset::Pedantic => "off by default",
    };
    let mut facts = format!(
        "Lint `{}`: {}, at most {} severity and {} confidence, {preset}.",
        entry.name,
        lint.category.as_str(),
        lint.severity.as_str(),
        lint.confidence.as_str()
    );
    if !lint.aliases.is_empty() {
        facts.push_str(&format!("\nElsewhere: {}.", lint.aliases.join(", ")));
    }
    facts
}
