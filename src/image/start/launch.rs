//! Programs that start others: what of their words is the program they start.

use std::collections::VecDeque;

use super::{MOST_BYTES, Role, Word, shown};

/// What a program does with the words behind it.
pub(super) enum Next {
    /// It starts what stands in the words that are left.
    Program,
    /// It starts that first, and then more, which can't be told, and why.
    First(String),
    /// It reads a script.
    Script(Word),
    /// It is what runs in the end.
    Done,
    /// It starts something that can't be told, and why.
    Unknown(String),
}

/// A program that starts the command behind its own words.
struct Launcher {
    names: &'static [&'static str],
    /// Options whose value is the next word.
    valued: &'static [&'static str],
    /// Words of its own before the command: the user of `gosu`.
    operands: usize,
}

const LAUNCHERS: [Launcher; 11] = [
    Launcher { names: &["tini", "tini-static", "docker-init", "catatonit"], valued: &["-p", "-e"], operands: 0 },
    Launcher { names: &["dumb-init"], valued: &["-r", "--rewrite"], operands: 0 },
    Launcher { names: &["gosu", "su-exec", "s6-setuidgid"], valued: &[], operands: 1 },
    Launcher {
        names: &["setpriv"],
        valued: &[
            "--ambient-caps",
            "--apparmor-profile",
            "--bounding-set",
            "--egid",
            "--euid",
            "--groups",
            "--inh-caps",
            "--landlock-access",
            "--landlock-rule",
            "--pdeathsig",
            "--ptracer",
            "--regid",
            "--reuid",
            "--rgid",
            "--ruid",
            "--seccomp-filter",
            "--securebits",
            "--selinux-label",
        ],
        operands: 0,
    },
    Launcher { names: &["env"], valued: &["-u", "--unset", "-C", "--chdir", "-a", "--argv0"], operands: 0 },
    Launcher { names: &["nice"], valued: &["-n", "--adjustment"], operands: 0 },
    Launcher { names: &["ionice"], valued: &["-c", "--class", "-n", "--classdata"], operands: 0 },
    Launcher { names: &["timeout"], valued: &["-k", "--kill-after", "-s", "--signal"], operands: 1 },
    Launcher { names: &["stdbuf"], valued: &["-i", "-o", "-e", "--input", "--output", "--error"], operands: 0 },
    Launcher { names: &["nohup", "setsid"], valued: &[], operands: 0 },
    Launcher { names: &["runuser", "sudo"], valued: &["-u", "-g", "--user", "--group"], operands: 0 },
];

const SHELLS: [&str; 6] = ["sh", "ash", "bash", "dash", "ksh", "zsh"];

/// Words that the shell itself understands, so that no program of the name is started.
const SHELL_WORDS: [&str; 42] = [
    ".", ":", "[", "[[", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "echo", "elif",
    "else", "esac", "eval", "exit", "export", "false", "fi", "for", "if", "kill", "printf", "pwd", "read", "return",
    "set", "shift", "source", "test", "then", "trap", "true", "ulimit", "umask", "until", "unset", "wait", "while",
];

/// Looks at what the program `word` does with the words behind it, and takes from them what isn't the program it starts.
/// `path` is the PATH that is in force, which `env` may set.
pub(super) fn next(word: &str, command: &mut VecDeque<Word>, path: &mut String) -> Next {
    let mut name = word.rsplit('/').next().unwrap_or(word).to_owned();
    while name == "busybox" {
        let Some(applet) = command.pop_front() else { return Next::Done };
        name = applet.text;
    }
    let name = name.as_str();
    if SHELLS.contains(&name) {
        return shell(command);
    }
    if let Some(launcher) = LAUNCHERS.iter().find(|launcher| launcher.names.contains(&name)) {
        return launched(name, launcher, command, path);
    }
    let numbered = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned();
    match numbered(name).as_str() {
        "python" | "perl" | "ruby" | "node" | "nodejs" | "php" | "lua" | "tclsh" => interpreter(name, command),
        "java" => java(command),
        _ => Next::Done,
    }
}

fn launched(name: &str, launcher: &Launcher, command: &mut VecDeque<Word>, path: &mut String) -> Next {
    let mut operands = launcher.operands;
    while let Some(word) = command.front() {
        let text = word.text.as_str();
        if word.role != Role::Plain {
            return Next::Program;
        }
        if text == "--" {
            command.pop_front();
            if operands == 0 {
                break;
            }
        } else if name == "env" && (text.starts_with("-S") || text.starts_with("--split-string")) {
            split_string(command);
        } else if launcher.valued.contains(&text) {
            command.drain(..command.len().min(2));
        } else if text.starts_with('-') && text.len() > 1 || (name == "env" && text == "-") {
            command.pop_front();
        } else if name == "env" && text.contains('=') {
            if let Some(value) = text.strip_prefix("PATH=") {
                value.clone_into(path);
            }
            command.pop_front();
        } else if operands > 0 {
            operands -= 1;
            command.pop_front();
        } else {
            break;
        }
    }
    if command.is_empty() { Next::Done } else { Next::Program }
}

/// `env -S 'program argument'`: the words of the text take its place.
fn split_string(command: &mut VecDeque<Word>) {
    let Some(option) = command.pop_front() else { return };
    let inline = option.text.trim_start_matches("--split-string").trim_start_matches("-S").trim_start_matches('=');
    let text = if inline.is_empty() { command.pop_front().map(|word| word.text) } else { Some(inline.to_owned()) };
    for word in text.unwrap_or_default().split_whitespace().rev() {
        command.push_front(Word::new(word, &option.from));
    }
}

/// A shell: with `-c` it starts a command, else it reads a script.
fn shell(command: &mut VecDeque<Word>) -> Next {
    while let Some(word) = command.pop_front() {
        match word.text.as_str() {
            _ if word.role == Role::Script => return Next::Script(word),
            "--" | "-" => {}
            "-o" | "+o" | "-O" | "+O" => drop(command.pop_front()),
            option if option.starts_with("--") || option.starts_with('+') => {}
            option if option.starts_with('-') => {
                if option.ends_with('o') {
                    command.pop_front();
                }
                if option.contains('c') {
                    return shell_command(command);
                }
            }
            _ => return Next::Script(word),
        }
    }
    Next::Done
}

/// The command of `sh -c`. What it starts first can be told where it begins with a plain word, and what is behind the word
/// where that is plain too.
fn shell_command(command: &mut VecDeque<Word>) -> Next {
    while command.front().is_some_and(|word| word.role != Role::Script && word.text.starts_with(['-', '+'])) {
        command.pop_front();
    }
    let Some(text) = command.pop_front() else { return Next::Done };
    command.clear();
    if text.text.len() > MOST_BYTES {
        return Next::Unknown("a shell command of more than 64 KiB".to_owned());
    }
    let mut words = text.text.split_whitespace().peekable();
    words.next_if_eq(&"exec");
    let Some(first) = words.next() else { return Next::Done };
    if !is_plain(first) || first.contains('=') || first.starts_with('-') {
        return Next::Unknown(format!("a shell command that begins with `{}`", shown(first)));
    }
    if SHELL_WORDS.contains(&first) {
        return Next::Unknown(format!("a shell command that begins with the shell's own `{first}`"));
    }
    command.push_back(Word::new(first, &text.from));
    for word in words {
        let plain = is_plain(word);
        command.push_back(Word { role: if plain { Role::Plain } else { Role::Unread }, ..Word::new(word, &text.from) });
        if !plain {
            break;
        }
    }
    if goes_on(&text.text) {
        return Next::First(format!("a shell command that goes on behind `{first}`"));
    }
    Next::Program
}

/// Whether a shell takes a word as it is written.
fn is_plain(word: &str) -> bool {
    word.chars().all(|c| c.is_alphanumeric() || "/._-+@:,=".contains(c))
}

/// Whether more than one simple command stands in a shell command: something outside quotes ends or joins one.
fn goes_on(text: &str) -> bool {
    let mut quote = None;
    let mut letters = text.trim().chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', None | Some('"')) => drop(letters.next()),
            ('\'' | '"', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            ('\n' | ';' | '&' | '|' | '(' | '`', None) => return true,
            _ => {}
        }
    }
    false
}

/// An interpreter of scripts: the first word that is no option is one.
fn interpreter(name: &str, command: &mut VecDeque<Word>) -> Next {
    let code: &[&str] = match name.get(..2) {
        Some("py") => &["-c", "-m"],
        Some("ph") => &["-r", "-S"],
        _ => &["-e", "-E", "-p", "--eval", "--print"],
    };
    let valued: &[&str] = match name.get(..2) {
        Some("py") => &["-W", "-X"],
        Some("no") => &["-r", "--require", "--import", "--loader", "-C"],
        Some("ru") => &["-r", "-I", "-C"],
        Some("ph") => &["-d", "-c", "-z", "-t"],
        _ => &["-I"],
    };
    while let Some(word) = command.pop_front() {
        let text = word.text.as_str();
        if word.role == Role::Script || !text.starts_with('-') {
            return Next::Script(word);
        }
        if code.contains(&text) {
            let what = command.front().map_or("", |word| word.text.as_str());
            return Next::Unknown(format!("what `{name} {text} {}` runs is not looked up", shown(what)));
        }
        if valued.contains(&text) || (text == "-f" && name.starts_with("php")) {
            let value = command.pop_front();
            if let (Some(value), "-f") = (value, text) {
                return Next::Script(value);
            }
        }
    }
    Next::Done
}

/// The archive behind `-jar`; where a class stands, the class path would have to be read.
fn java(command: &mut VecDeque<Word>) -> Next {
    while let Some(word) = command.pop_front() {
        match word.text.as_str() {
            "-jar" => return command.pop_front().map_or(Next::Done, Next::Script),
            "-cp" | "-classpath" | "--class-path" | "-p" | "--module-path" => drop(command.pop_front()),
            option if option.starts_with('-') || option.starts_with('@') => {}
            class => return Next::Unknown(format!("what the class `{}` is in is not looked up", shown(class))),
        }
    }
    Next::Done
}
