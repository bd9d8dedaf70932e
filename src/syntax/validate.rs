//! What BuildKit's instruction step refuses: the check of each instruction on its own, after parsing and before any
//! variable is filled in. Source: moby/buildkit `frontend/dockerfile/instructions`.

use crate::text::Span;

use super::ast::{Arguments, Instruction, Keyword, Word};
use super::mount::{Device, Mount};
use super::{Step, SyntaxError, flags, heredoc};

/// Adds what is refused. An instruction that the parser has refused already is not looked at again.
pub(super) fn instructions(instructions: &[Instruction], errors: &mut Vec<SyntaxError>) {
    let refused: Vec<Span> = errors.iter().map(|error| error.span).collect();
    let mut check = Check { errors };
    for instruction in instructions {
        let inside = |span: &Span| instruction.span.contains(*span) && !span.is_empty();
        if !refused.iter().any(inside) {
            check.instruction(instruction);
        }
    }
    let needs_stage = |keyword| !matches!(keyword, Keyword::From | Keyword::Arg | Keyword::Unknown);
    if let Some(first) =
        instructions.iter().find(|instruction| instruction.keyword == Keyword::From || needs_stage(instruction.keyword))
        && first.keyword != Keyword::From
    {
        let message = format!("`{}` stands before any FROM", first.name.text);
        check.refuse(first.name.span, message, "Start the stage with a FROM instruction");
    }
}

struct Check<'a> {
    errors: &'a mut Vec<SyntaxError>,
}

/// The first thing wrong with an instruction: where, what, and what to do.
type Verdict = Result<(), (Span, String, &'static str)>;

impl Check<'_> {
    fn refuse(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.errors.push(SyntaxError { step: Step::Instructions, span, message: message.into(), help: help.into() });
    }

    fn instruction(&mut self, instruction: &Instruction) {
        if let Err((span, message, help)) = verdict(instruction) {
            self.refuse(span, message, help);
        }
    }
}

fn verdict(instruction: &Instruction) -> Verdict {
    let name = &instruction.name;
    let fail = |message: String, help| Err((instruction.span, message, help));
    let lacks =
        |what: &str| fail(format!("{} has no {what}", instruction.keyword.as_str()), "Give it one, or remove the line");
    match (instruction.keyword, &instruction.arguments) {
        (Keyword::Unknown, _) => {
            let message = format!("`{}` is no instruction", name.text);
            let help = "Correct the word; a line that goes on from the one above needs an escape character there";
            return Err((name.span, message, help));
        }
        (Keyword::Stopsignal, Arguments::None) => return lacks("signal"),
        (Keyword::Arg, Arguments::None) => return lacks("name"),
        (Keyword::Arg, Arguments::Words(words)) => {
            if let Some(blank) = words.iter().find(|word| word.text.starts_with('=')) {
                return Err((blank.span, format!("the ARG `{}` has no name", blank.text), "Write `NAME=value`"));
            }
        }
        (Keyword::Maintainer, Arguments::None) => return lacks("argument"),
        (Keyword::Copy | Keyword::Add, arguments) => {
            let (Arguments::Words(words) | Arguments::Exec(words)) = arguments else { return lacks("source") };
            let [sources @ .., destination] = &words[..] else { return lacks("source") };
            if sources.is_empty() {
                return lacks("destination");
            }
            flag_check(instruction)?;
            if heredoc::opener(&destination.text).is_ok_and(|opener| opener.is_some()) {
                let message = format!("the destination `{}` is a heredoc", destination.text);
                return Err((destination.span, message, "Put the destination behind the heredocs"));
            }
        }
        (Keyword::From, arguments) => from(instruction, arguments)?,
        (Keyword::Healthcheck, arguments) => return healthcheck(instruction, arguments),
        _ => {}
    }
    flag_check(instruction)?;
    match (instruction.keyword, &instruction.arguments) {
        (Keyword::User, Arguments::None) => return lacks("user"),
        (Keyword::Workdir, Arguments::None) => return lacks("folder"),
        (Keyword::Env | Keyword::Label, Arguments::None) => return lacks("`NAME=value`"),
        (Keyword::Env | Keyword::Label, Arguments::Pairs(pairs)) => {
            if let Some(blank) = pairs.iter().find(|pair| pair.name.text.is_empty()) {
                let message = format!("a value of {} has no name", instruction.keyword.as_str());
                return Err((blank.value.span.cover(blank.name.span), message, "Write `NAME=value`"));
            }
        }
        (Keyword::Expose, Arguments::None) => return lacks("port"),
        (Keyword::Volume, Arguments::None) => return lacks("path"),
        (Keyword::Volume, Arguments::Exec(words)) if words.is_empty() => return lacks("path"),
        (Keyword::Volume, Arguments::Exec(words)) => {
            if let Some(blank) = words.iter().find(|word| word.text.trim().is_empty()) {
                return Err((blank.span, "a path of VOLUME is empty".to_owned(), "Give it a path, or remove it"));
            }
        }
        (Keyword::Onbuild, Arguments::None) => return lacks("instruction"),
        (Keyword::Onbuild, Arguments::Onbuild(trigger)) => {
            if matches!(trigger.keyword, Keyword::Onbuild | Keyword::From | Keyword::Maintainer) {
                let message = format!("{} can't be a trigger of ONBUILD", trigger.keyword.as_str());
                return Err((trigger.name.span, message, "Put another instruction there"));
            }
        }
        (Keyword::Shell, Arguments::Exec(words)) if !words.is_empty() => {}
        (Keyword::Shell, Arguments::Shell(text)) => {
            let help = "Write a JSON array, such as [\"/bin/bash\", \"-c\"]";
            return Err((text.span, "SHELL is not in JSON form".to_owned(), help));
        }
        (Keyword::Shell, _) => return lacks("program"),
        (Keyword::Run, _) => return run(instruction),
        _ => {}
    }
    Ok(())
}

fn flag_check(instruction: &Instruction) -> Verdict {
    let Some(definitions) = flags::definitions(instruction.keyword) else { return Ok(()) };
    let flags = instruction.flags.iter().map(|flag| (flag.name.as_str(), flag.value.as_ref().map(|v| v.text.as_str())));
    flags::check(flags, definitions).map_err(|(index, message)| {
        let help = "Remove the flag or correct it; the Dockerfile reference lists those of each instruction";
        (instruction.flags[index].span, message, help)
    })
}

fn from(instruction: &Instruction, arguments: &Arguments) -> Verdict {
    let words: &[Word] = if let Arguments::Words(words) = arguments { words } else { &[] };
    match words {
        [_] => Ok(()),
        [_, keyword, name] if keyword.text.eq_ignore_ascii_case("as") => {
            let lower = name.text.to_lowercase();
            let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
            if lower.starts_with(|c: char| c.is_ascii_lowercase()) && lower.chars().all(rest) {
                return Ok(());
            }
            let help = "Start it with a letter, and use letters, digits, `-`, `_` and `.` only";
            Err((name.span, format!("`{}` can't be the name of a stage", name.text), help))
        }
        _ => Err((
            instruction.span,
            "FROM has neither one argument nor three".to_owned(),
            "Write `FROM image` or `FROM image AS name`",
        )),
    }
}

fn healthcheck(instruction: &Instruction, arguments: &Arguments) -> Verdict {
    let fail = |span, message: &str, help| Err((span, message.to_owned(), help));
    let Arguments::Health(kind, command) = arguments else {
        return fail(
            instruction.span,
            "HEALTHCHECK has no argument",
            "Write `HEALTHCHECK CMD command` or `HEALTHCHECK NONE`",
        );
    };
    if kind.text.eq_ignore_ascii_case("none") {
        return match **command {
            Arguments::None => Ok(()),
            Arguments::Exec(ref words) if words.is_empty() => Ok(()),
            _ => fail(instruction.span, "HEALTHCHECK NONE has an argument", "Remove what follows NONE"),
        };
    }
    flag_check(instruction)?;
    if !kind.text.eq_ignore_ascii_case("cmd") {
        let message = format!("`{}` is no kind of health check", kind.text);
        return Err((kind.span, message, "Write CMD in front of the command"));
    }
    if matches!(**command, Arguments::None) || matches!(**command, Arguments::Exec(ref words) if words.is_empty()) {
        return fail(instruction.span, "HEALTHCHECK CMD has no command", "Add the command, or write HEALTHCHECK NONE");
    }
    for flag in &instruction.flags {
        let Some(value) = &flag.value else { continue };
        let good = match flag.name.as_str() {
            _ if value.text.is_empty() => true,
            "retries" => value.text.parse::<i32>().is_ok_and(|retries| retries >= 0),
            _ => nanoseconds(&value.text).is_some_and(|time| time == 0 || time >= 1_000_000),
        };
        if !good {
            let message = format!("`{}` can't be the value of `--{}`", value.text, flag.name);
            let help = "Durations are written like `30s` or `1m30s`, at least `1ms`; retries are a number";
            return Err((flag.span, message, help));
        }
    }
    Ok(())
}

/// A duration as Go's `time.ParseDuration` takes it, in nanoseconds.
fn nanoseconds(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0f64;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let number = &rest[..digits];
        if !number.bytes().any(|byte| byte.is_ascii_digit()) || number.matches('.').count() > 1 {
            return None;
        }
        rest = &rest[digits..];
        let unit = rest.len() - rest.trim_start_matches(|c: char| c != '.' && !c.is_ascii_digit()).len();
        let scale = match &rest[..unit] {
            "ns" => 1f64,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        total += format!("0{number}0").parse::<f64>().ok()? * scale;
        rest = &rest[unit..];
    }
    (total < 9.2e18).then_some(if negative { -(total as i64) } else { total as i64 })
}

fn run(instruction: &Instruction) -> Verdict {
    for flag in &instruction.flags {
        let value = flag.value.as_ref().map_or("", |value| value.text.as_str());
        let verdict = match flag.name.as_str() {
            "mount" => Mount::parse(value).map(drop),
            "device" => Device::parse(value).map(drop),
            "network" if !matches!(value, "default" | "none" | "host") => Err(format!("`{value}` is no network mode")),
            "security" if !matches!(value, "insecure" | "sandbox") => Err(format!("`{value}` is no security mode")),
            _ => Ok(()),
        };
        if let Err(message) = verdict {
            return Err((flag.span, message, "Correct the flag's value; see RUN in the Dockerfile reference"));
        }
    }
    Ok(())
}
