//! Text that commands write to files: `echo … > file`, `printf … | tee file`, `cat <<EOF > file`, `sed -i s/…/…/ file`.

use crate::shell::{Command, Redirect, Script};

/// Text on its way to a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// What is written, variables as in the script; for sed, what it puts in.
    pub text: String,
    /// The file's name as written; empty where it isn't plain which it is.
    pub file: String,
}

/// What the command at `index` writes to a file, as far as the words tell.
#[must_use]
pub fn written(script: &Script, index: usize) -> Option<Written> {
    let command = script.commands.get(index)?;
    let operands = || command.arguments.iter().map(|word| word.text.as_str());
    let text = match command.base_name() {
        // Both turn `\n` into a newline: printf always, echo in some shells.
        "echo" | "printf" => operands().collect::<Vec<_>>().join(" ").replace("\\n", "\n"),
        "sed" => {
            let replaced: Vec<&str> = operands().filter_map(replacement).collect();
            let file = operands().next_back().unwrap_or("").to_owned();
            return (!replaced.is_empty()).then(|| Written { text: replaced.join("\n"), file });
        }
        _ => heredoc(command)?.to_owned(),
    };
    let file = target(command).or_else(|| teed(script, command));
    // A group's redirection (`{ echo a; echo b; } > file`) isn't part of its commands; what nobody else reads is taken
    // to be on its way to a file.
    let file = file.or_else(|| is_last(script, command).then(String::new))?;
    Some(Written { text, file })
}

/// What `s/a/b/` puts in.
fn replacement(expression: &str) -> Option<&str> {
    let at = expression.find('s')?;
    let delimiter = expression[at + 1..].chars().next().filter(|letter| letter.is_ascii_punctuation())?;
    expression[at + 1..].split(delimiter).nth(2)
}

fn heredoc(command: &Command) -> Option<&str> {
    let is_heredoc = |redirect: &&Redirect| redirect.operator.trim_start_matches('0').starts_with("<<");
    command.redirects.iter().find(is_heredoc).map(|redirect| redirect.target.text.as_str())
}

/// The file that a command's standard output goes to.
fn target(command: &Command) -> Option<String> {
    let own = command.redirects.iter().find(|redirect| {
        matches!(redirect.operator.as_str(), ">" | ">>" | "1>" | "1>>" | ">|" | "&>")
            && !redirect.target.text.starts_with("/dev/")
    });
    own.map(|redirect| redirect.target.text.clone()).or_else(|| tee_file(command))
}

fn tee_file(command: &Command) -> Option<String> {
    let is_tee = command.base_name() == "tee";
    let mut files = command.arguments.iter().filter(|word| !word.text.starts_with('-'));
    files.next().filter(|_| is_tee).map(|word| word.text.clone())
}

/// The file behind the command in its pipeline.
fn teed(script: &Script, command: &Command) -> Option<String> {
    let (pipeline, position) = command.pipeline;
    script.commands.iter().filter(|other| other.pipeline.0 == pipeline && other.pipeline.1 > position).find_map(target)
}

/// Whether no other command reads the command's output.
fn is_last(script: &Script, command: &Command) -> bool {
    let (pipeline, position) = command.pipeline;
    script.commands.iter().all(|other| other.pipeline.0 != pipeline || other.pipeline.1 <= position)
}
