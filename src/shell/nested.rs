//! Commands that other commands run: behind `sudo` and `env`, in `sh -c '…'`, `find -exec`, `xargs`, heredocs for a
//! shell. Sources: the tools' man pages.

mod wrappers;

use std::ops::Range;

use super::list::{Context, List, MAX_LEVEL};
use super::posix::word;
use super::source::{Place, Source};
use super::{Command, Dialect, Guard, Nesting, Part, Word, cmd, posix, powershell};
use crate::text::Span;
use wrappers::{WRAPPERS, Wrapper, is_assignment, takes_next};

/// What a command gets on standard input, as a range of its source's text.
#[derive(Clone, Copy)]
pub(super) struct Fed {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether the heredoc's delimiter is quoted, so that nothing in it is expanded.
    pub(super) quoted: bool,
    /// Whether it is the word of a here-string.
    pub(super) word: bool,
}

/// Adds what the command at `index` runs. `source` is the script that its words stand in; without one, the words are
/// JSON strings whose spans include their quotes.
pub(super) fn expand(list: &mut List, source: Option<&Source<'_>>, index: u32, level: u8, fed: Option<Fed>) {
    if level >= MAX_LEVEL {
        list.clean = false;
        return;
    }
    let Some(command) = list.commands.get(index as usize) else { return };
    if command.arguments.is_empty() && fed.is_none() {
        return;
    }
    let context = Context {
        nesting: Nesting::Argument,
        parent: Some(index),
        guard: command.guard,
        pipeline: Some(command.pipeline),
        level: level + 1,
    };
    let scene = Scene { source, context, fed };
    let name = base_name(&command.name.text);
    match name {
        "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh" | "mksh" => scene.shell(list, index),
        "su" | "runuser" => scene.su(list, index),
        "eval" => scene.eval(list, index),
        "find" => scene.find(list, index),
        "start-stop-daemon" => scene.daemon(list, index),
        "powershell" | "pwsh" => scene.powershell(list, index),
        "cmd" => scene.cmd(list, index),
        _ => {
            if let Some(wrapper) = WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&name)) {
                scene.wrapper(list, index, wrapper);
            }
        }
    }
}

/// Reads a word that PowerShell runs as a script.
pub(super) fn powershell_text(list: &mut List, source: &Source<'_>, word: &Word, context: Context) {
    if context.level < MAX_LEVEL {
        Scene { source: Some(source), context, fed: None }.script(list, word, Dialect::PowerShell);
    }
}

/// A command's name without its folder and `.exe`; other capitals are other commands, except for the Windows shells.
fn base_name(name: &str) -> &str {
    let name = name.rsplit(['/', '\\']).next().unwrap_or("");
    let stem = match name.len().checked_sub(4).map(|at| (name.get(..at), name.get(at..))) {
        Some((Some(stem), Some(suffix))) if suffix.eq_ignore_ascii_case(".exe") => stem,
        _ => name,
    };
    ["cmd", "powershell", "pwsh"].into_iter().find(|shell| stem.eq_ignore_ascii_case(shell)).unwrap_or(stem)
}

struct Scene<'a> {
    source: Option<&'a Source<'a>>,
    context: Context,
    fed: Option<Fed>,
}

impl Scene<'_> {
    fn wrapper(&self, list: &mut List, index: u32, wrapper: &Wrapper) {
        let arguments = &list.commands[index as usize].arguments;
        let name = wrapper.names[0];
        let mut at = 0;
        let mut operands = wrapper.operands;
        while let Some(argument) = arguments.get(at) {
            let text = argument.text.as_str();
            if text == "--" {
                at += 1 + operands;
                break;
            }
            if let Some(option) = text.strip_prefix("--") {
                at += 1 + usize::from(!option.contains('=') && wrapper.long.contains(&text));
            } else if text.len() > 1 && text.starts_with('-') {
                // `command -v curl` asks and runs nothing.
                if name == "command" && text.contains(['v', 'V']) {
                    return;
                }
                if name == "env" && text.starts_with("-S") {
                    return self.split_string(list, index, at);
                }
                at += 1 + usize::from(takes_next(&text[1..], wrapper.short));
            } else if wrapper.assignments && is_assignment(text) {
                at += 1;
            } else if operands > 0 {
                operands -= 1;
                at += 1;
            } else {
                break;
            }
        }
        self.words(list, index, at, None);
    }

    /// Adds the words of the command at `index` from argument `from` on, up to `to`, as a command of their own.
    fn words(&self, list: &mut List, index: u32, from: usize, to: Option<usize>) {
        let Some(command) = list.commands.get(index as usize) else { return };
        let to = to.unwrap_or(command.arguments.len());
        let Some([name, arguments @ ..]) = command.arguments.get(from..to) else { return };
        let nested = self.command(name.clone(), arguments.to_vec());
        self.push(list, nested);
    }

    fn command(&self, name: Word, arguments: Vec<Word>) -> Command {
        Command {
            span: arguments.last().map_or(name.span, |last| name.span.cover(last.span)),
            name,
            arguments,
            assignments: Vec::new(),
            redirects: Vec::new(),
            pipeline: self.context.pipeline.unwrap_or_default(),
            guard: self.context.guard,
            nesting: Nesting::Argument,
            parent: self.context.parent,
        }
    }

    fn push(&self, list: &mut List, command: Command) {
        if let Some(nested) = list.push(command) {
            expand(list, self.source, nested, self.context.level, self.fed);
        }
    }

    /// `env -S 'a b c'` and `env -S'a b'`: split at blanks; the rest of the words follow.
    fn split_string(&self, list: &mut List, index: u32, at: usize) {
        let arguments = &list.commands[index as usize].arguments;
        let attached = arguments[at].text.len() > 2;
        let (Some(string), behind) = (arguments.get(at + usize::from(!attached)), at + 1 + usize::from(!attached))
        else {
            return;
        };
        let text = if attached { &string.text[2..] } else { &string.text };
        let split = text.split_whitespace().filter(|part| !is_assignment(part));
        let mut words: Vec<Word> =
            split.map(|part| Word { span: string.span, text: part.to_owned(), parts: Vec::new() }).collect();
        words.extend(arguments.get(behind..).unwrap_or_default().iter().cloned());
        if words.is_empty() {
            return;
        }
        let name = words.remove(0);
        let nested = self.command(name, words);
        self.push(list, nested);
    }

    /// `sh [-euxl] [-o option] -c script`, or the script on standard input.
    fn shell(&self, list: &mut List, index: u32) {
        let arguments = &list.commands[index as usize].arguments;
        let mut at = 0;
        let mut string = false;
        let mut stdin = false;
        while let Some(argument) = arguments.get(at) {
            let text = argument.text.as_str();
            at += 1;
            if text == "--" || text == "-" {
                break;
            }
            if let Some(long) = text.strip_prefix("--") {
                at += usize::from(matches!(long, "rcfile" | "init-file"));
            } else if let Some(letters) = text.strip_prefix(['-', '+']).filter(|letters| !letters.is_empty()) {
                string |= text.starts_with('-') && letters.contains('c');
                stdin |= text.starts_with('-') && letters.contains('s');
                at += letters.matches(['o', 'O']).count();
            } else {
                at -= 1;
                break;
            }
        }
        match (arguments.get(at), self.fed) {
            (Some(script), _) if string => {
                let script = script.clone();
                self.script(list, &script, Dialect::Posix);
            }
            (operand, Some(fed)) if !string && (operand.is_none() || stdin) => self.fed(list, fed),
            // `bash /dev/stdin`, `sh -`.
            (Some(operand), Some(fed)) if matches!(operand.text.as_str(), "/dev/stdin" | "/proc/self/fd/0") => {
                self.fed(list, fed);
            }
            _ => {}
        }
    }

    /// `su [options] [-] [user] -c script`, `runuser -u user [--] command`.
    fn su(&self, list: &mut List, index: u32) {
        let arguments = &list.commands[index as usize].arguments;
        let mut at = 0;
        let mut direct = false;
        while let Some(argument) = arguments.get(at) {
            let text = argument.text.as_str();
            at += 1;
            if let Some(option) = text.strip_prefix("--") {
                match option {
                    "" => break,
                    "command" | "session-command" => return self.script_at(list, index, at),
                    "user" => (direct, at) = (true, at + 1),
                    "shell" | "group" | "supp-group" | "whitelist-environment" => at += 1,
                    _ => {
                        if option.starts_with("command=") || option.starts_with("session-command=") {
                            return self.attached(list, index, at - 1);
                        }
                    }
                }
            } else if let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                if letters.ends_with('c') {
                    return self.script_at(list, index, at);
                }
                direct |= letters.contains('u');
                at += usize::from(takes_next(letters, "sgGwTu"));
            } else if direct {
                at -= 1;
                break;
            }
        }
        if direct {
            self.words(list, index, at, None);
        } else if arguments.iter().all(|argument| !argument.text.starts_with("-c"))
            && let Some(fed) = self.fed
        {
            self.fed(list, fed);
        }
    }

    fn eval(&self, list: &mut List, index: u32) {
        let arguments = list.commands[index as usize].arguments.clone();
        match arguments.as_slice() {
            [script] => self.script(list, script, Dialect::Posix),
            [first, .., last] => self.joined(list, &arguments, first.span.cover(last.span), Dialect::Posix),
            [] => {}
        }
    }

    /// `find … -exec command … \;` and its like, as often as they stand there.
    fn find(&self, list: &mut List, index: u32) {
        let arguments = &list.commands[index as usize].arguments;
        let mut ranges = Vec::new();
        let mut at = 0;
        while let Some(argument) = arguments.get(at) {
            at += 1;
            if matches!(argument.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir") {
                let rest = &arguments[at..];
                let end = rest.iter().enumerate().position(|(index, word)| {
                    word.text == ";" || (word.text == "+" && index > 0 && rest[index - 1].text.contains("{}"))
                });
                let length = end.unwrap_or(rest.len());
                ranges.push((at, at + length));
                at += length;
            }
        }
        for (from, to) in ranges {
            self.words(list, index, from, Some(to));
        }
    }

    /// `start-stop-daemon … --exec file … -- arguments`.
    fn daemon(&self, list: &mut List, index: u32) {
        let arguments = &list.commands[index as usize].arguments;
        let mut program = None;
        let mut at = 0;
        while let Some(argument) = arguments.get(at) {
            at += 1;
            match argument.text.as_str() {
                "--" => break,
                "-a" | "--startas" => program = arguments.get(at),
                "-x" | "--exec" => program = program.or(arguments.get(at)),
                _ => {}
            }
        }
        if let Some(program) = program.cloned() {
            let rest = arguments.get(at..).unwrap_or_default().to_vec();
            let nested = self.command(program, rest);
            self.push(list, nested);
        }
    }

    /// `powershell [options] [-Command] text…`.
    fn powershell(&self, list: &mut List, index: u32) {
        let command = &list.commands[index as usize];
        let arguments = &command.arguments;
        let mut at = 0;
        while let Some(argument) = arguments.get(at) {
            let Some(option) = argument.text.strip_prefix(['-', '/']) else {
                // pwsh takes a bare word for a file, Windows PowerShell for a command.
                if base_name(&command.name.text) == "pwsh" {
                    return;
                }
                break;
            };
            at += 1;
            let option = option.to_ascii_lowercase();
            if option == "c" || (option.len() > 2 && "command".starts_with(&option)) {
                break;
            }
            // -File, -EncodedCommand and their short forms.
            if !option.is_empty()
                && ("file".starts_with(&option) || "encodedcommand".starts_with(&option) || option == "ec")
            {
                return;
            }
            let flags = ["nologo", "noexit", "noprofile", "noninteractive", "sta", "mta", "login", "nop", "noni"];
            at += usize::from(!flags.contains(&option.as_str()));
        }
        self.rest(list, index, at, Dialect::PowerShell);
    }

    /// `cmd [/options] /C text…`.
    fn cmd(&self, list: &mut List, index: u32) {
        let arguments = &list.commands[index as usize].arguments;
        let runs =
            |argument: &Word| argument.text.eq_ignore_ascii_case("/c") || argument.text.eq_ignore_ascii_case("/k");
        if let Some(at) = arguments.iter().position(runs) {
            self.rest(list, index, at + 1, Dialect::Cmd);
        }
    }

    /// Reads the arguments from `at` on as a script of a Windows shell, which gets them joined by blanks.
    fn rest(&self, list: &mut List, index: u32, at: usize, dialect: Dialect) {
        let words = list.commands[index as usize].arguments.get(at..).unwrap_or_default().to_vec();
        match words.as_slice() {
            [] => {}
            [script] => self.script(list, script, dialect),
            [first, .., last] => self.joined(list, &words, first.span.cover(last.span), dialect),
        }
    }

    fn script_at(&self, list: &mut List, index: u32, at: usize) {
        if let Some(script) = list.commands[index as usize].arguments.get(at).cloned() {
            self.script(list, &script, Dialect::Posix);
        }
    }

    /// `--command=script`: the value is a part of a word, so its commands stand at the word.
    fn attached(&self, list: &mut List, index: u32, at: usize) {
        if let Some(word) = list.commands[index as usize].arguments.get(at) {
            let (span, text) = (word.span, word.text.clone());
            let text = text.split_once('=').map_or("", |pair| pair.1);
            self.read(
                list,
                &Source { text, place: Place::Whole(span), gaps: &[], quoting: Dialect::Posix },
                Dialect::Posix,
                &[],
            );
        }
    }

    /// Several words as one script. Where they stand side by side in the file as they are, places are exact.
    fn joined(&self, list: &mut List, words: &[Word], span: Span, dialect: Dialect) {
        if let Some(source) = self.source
            && let Some(range) = source.range(span)
        {
            let raw = &source.text[range.clone()];
            let is_plain =
                words.iter().all(|word| word.parts.is_empty() && word.span.len() as usize == word.text.len());
            if source.quoting == Dialect::Cmd {
                return self.unquoted(list, source, range, dialect);
            }
            if is_plain || dialect != Dialect::Posix {
                let map = source.absolute(&[(0, range.start as u32)], raw.len());
                let nested = Source { text: raw, place: Place::Map(&map), gaps: source.gaps, quoting: dialect };
                return self.read(list, &nested, dialect, &[]);
            }
        }
        let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        self.read(list, &Source { text: &text, place: Place::Whole(span), gaps: &[], quoting: dialect }, dialect, &[]);
    }

    /// Reads one word as a script.
    fn script(&self, list: &mut List, word: &Word, dialect: Dialect) {
        if matches!(word.parts.as_slice(), [Part::Substitution | Part::Variable(_) | Part::Modified(_)]) {
            return;
        }
        let Some(source) = self.source else {
            // JSON escapes are all longer than what they stand for.
            let plain = word.span.len() as usize == word.text.len() + 2;
            let place = if plain { Place::Shift(word.span.start + 1) } else { Place::Whole(word.span) };
            return self.read(list, &Source { text: &word.text, place, gaps: &[], quoting: dialect }, dialect, &[]);
        };
        match source.range(word.span) {
            Some(range) if source.quoting == Dialect::Posix => {
                self.quoted(list, source, &word::read(source, range.start, range.end, true), dialect);
            }
            Some(range) if source.quoting == Dialect::Cmd => self.unquoted(list, source, range, dialect),
            Some(range) => {
                let raw = &source.text[range.clone()];
                let within = |quote: char| raw.strip_prefix(quote).and_then(|raw| raw.strip_suffix(quote));
                let inner = within('"').or_else(|| within('\'')).filter(|inner| *inner == word.text);
                let offset = usize::from(inner.is_some());
                let text = inner.unwrap_or(raw);
                if text == word.text {
                    let map = source.absolute(&[(0, (range.start + offset) as u32)], text.len());
                    self.read(
                        list,
                        &Source { text, place: Place::Map(&map), gaps: &[], quoting: dialect },
                        dialect,
                        &[],
                    );
                } else {
                    self.whole(list, word, dialect);
                }
            }
            None => self.whole(list, word, dialect),
        }
    }

    /// Reads a stretch of a cmd.exe command line as the program that is called gets it: quotes taken out, `\"` as a
    /// quote.
    fn unquoted(&self, list: &mut List, source: &Source<'_>, range: Range<usize>, dialect: Dialect) {
        let mut text = String::new();
        let mut map: Vec<(u32, u32)> = Vec::new();
        let mut mark = |cooked: usize, raw: usize| {
            map.pop_if(|last| last.0 == cooked as u32);
            map.push((cooked as u32, raw as u32));
        };
        let mut from = range.start;
        let mut rest = range.start;
        while let Some(quote) = source.text[rest..range.end].find('"') {
            let at = rest + quote;
            let escaped = at > from && source.text[from..at].ends_with('\\');
            mark(text.len(), from);
            text.push_str(&source.text[from..at - usize::from(escaped)]);
            from = if escaped { at } else { at + 1 };
            rest = at + 1;
        }
        mark(text.len(), from);
        text.push_str(&source.text[from..range.end]);
        let map = source.absolute(&map, text.len());
        self.read(list, &Source { text: &text, place: Place::Map(&map), gaps: &[], quoting: dialect }, dialect, &[]);
    }

    fn whole(&self, list: &mut List, word: &Word, dialect: Dialect) {
        self.read(
            list,
            &Source { text: &word.text, place: Place::Whole(word.span), gaps: &[], quoting: dialect },
            dialect,
            &[],
        );
    }

    /// Reads what a shell gets on standard input.
    fn fed(&self, list: &mut List, fed: Fed) {
        let Some(source) = self.source else { return };
        if fed.quoted {
            let Some(text) = source.text.get(fed.start..fed.end) else { return };
            let map = source.absolute(&[(0, fed.start as u32)], text.len());
            return self.read(
                list,
                &Source { text, place: Place::Map(&map), gaps: &[], quoting: Dialect::Posix },
                Dialect::Posix,
                &[],
            );
        }
        let read = if fed.word {
            word::read(source, fed.start, fed.end, true)
        } else {
            word::read_quoted(source, fed.start, fed.end)
        };
        self.quoted(list, source, &read, Dialect::Posix);
    }

    fn quoted(&self, list: &mut List, source: &Source<'_>, read: &word::Read, dialect: Dialect) {
        let map = source.absolute(&read.map, read.text.len());
        let known: Vec<u32> = read.substitutions.iter().map(|range| source.offset(range.0)).collect();
        let nested = Source { text: &read.text, place: Place::Map(&map), gaps: &[], quoting: dialect };
        self.read(list, &nested, dialect, &known);
    }

    fn read(&self, list: &mut List, source: &Source<'_>, dialect: Dialect, known: &[u32]) {
        let context = Context { guard: Guard::Always, ..self.context };
        match dialect {
            Dialect::Posix => posix::read(list, source, context, known),
            Dialect::Cmd => cmd::read(list, source, context),
            Dialect::PowerShell => powershell::read(list, source, context),
            Dialect::Other => {}
        }
    }
}
