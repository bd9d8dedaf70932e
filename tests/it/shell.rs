//! Bodies → commands: what is found, and that its places are right.

use harden::shell::{Body, Command, Dialect, Guard, Nesting, Script, exec, script};
use harden::text::Span;

fn read(text: &str) -> Script {
    script(&Body { file: text, span: Span::new(0, text.len() as u32), gaps: &[] }, Dialect::Posix)
}

/// One line a command: nesting, guard, pipeline, parent, name and arguments, and the file's text at the span.
fn show(file: &str, script: &Script) -> Vec<String> {
    let word = |command: &Command| {
        let mut words = vec![command.name.text.clone()];
        words.extend(command.arguments.iter().map(|argument| argument.text.clone()));
        words.join("|")
    };
    let line = |command: &Command| {
        let nesting = match command.nesting {
            Nesting::Plain => "",
            Nesting::Conditional => "? ",
            Nesting::Function => "fn ",
            Nesting::Substitution => "$ ",
            Nesting::Process => "< ",
            Nesting::Argument => "> ",
        };
        let guard = match command.guard {
            Guard::Always => "",
            Guard::And => "&& ",
            Guard::Or => "|| ",
        };
        let parent = command.parent.map(|parent| format!("^{parent} ")).unwrap_or_default();
        let (pipeline, position) = command.pipeline;
        format!("{pipeline}.{position} {parent}{nesting}{guard}{} @ {}", word(command), &file[command.span.range()])
    };
    script.commands.iter().map(line).collect()
}

#[test]
fn first() {
    let text = "apt-get update && sudo sh -c 'echo \"$X\" | bash'";
    let expected = [
        "0.0 apt-get|update @ apt-get update",
        "1.0 && sudo|sh|-c|echo \"$X\" | bash @ sudo sh -c 'echo \"$X\" | bash'",
        "1.0 ^1 > && sh|-c|echo \"$X\" | bash @ sh -c 'echo \"$X\" | bash'",
        "1.0 ^2 > echo|$X @ echo \"$X\"",
        "1.1 ^2 > bash @ bash",
    ];
    assert_eq!(show(text, &read(text)), expected);
    assert!(exec(&[]).commands.is_empty());
}

#[test]
fn probe() {
    for text in std::fs::read_to_string("/tmp/probe.txt").unwrap_or_default().split("\n---\n") {
        let (dialect, text) = text.split_once("\n").unwrap();
        let dialect = match dialect {
            "cmd" => Dialect::Cmd,
            "ps" => Dialect::PowerShell,
            _ => Dialect::Posix,
        };
        let script = script(&Body { file: text, span: Span::new(0, text.len() as u32), gaps: &[] }, dialect);
        eprintln!("{text}\n   clean {}", script.clean);
        for line in show(text, &script) {
            eprintln!("   {line}");
        }
        for c in &script.commands {
            if !c.redirects.is_empty() || !c.assignments.is_empty() {
                eprintln!("   {:?} {:?}", c.redirects, c.assignments);
            }
        }
    }
}
