//! What the program is started with: its words, variables, folder, host name and signal.

use super::mounts::below;
use super::shown;
use crate::policy::profile::Said;
use crate::policy::widen::Gate;
use crate::policy::{Needs, Wishes};

/// PATH where the image sets none, as Docker has it.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Bytes of one variable or word that Linux passes on (`MAX_ARG_STRLEN`).
const MOST_BYTES: usize = 128 << 10;
/// Bytes of a host name (`HOST_NAME_MAX`).
const MOST_NAME: usize = 64;

/// The words: `--entrypoint` takes the place of the image's, and of its Cmd too, as with Docker.
pub(super) fn command(needs: &Needs, wishes: &Wishes, gate: &mut Gate<'_>) -> Said<Vec<String>> {
    let (mut words, mut why) = match &wishes.entrypoint {
        Some(word) if word.is_empty() => (Vec::new(), "`--entrypoint` takes the image's away".to_owned()),
        Some(word) => (vec![word.clone()], "`--entrypoint` takes the place of the image's".to_owned()),
        None => match needs.entrypoint.as_ref().filter(|words| !words.is_empty()) {
            Some(words) => (words.clone(), "the image's Entrypoint".to_owned()),
            None => (Vec::new(), "the image has no Entrypoint".to_owned()),
        },
    };
    if !wishes.command.is_empty() {
        words.extend(wishes.command.iter().cloned());
        why.push_str(", with the words behind the image");
    } else if let (None, Some(cmd)) = (&wishes.entrypoint, needs.cmd.as_ref().filter(|words| !words.is_empty())) {
        words.extend(cmd.iter().cloned());
        why.push_str(", with its Cmd");
    }
    if words.first().is_none_or(String::is_empty) {
        gate.fault("config.Cmd", "nothing says what to start", "write a command behind the image");
    }
    if words.first().is_some_and(|word| leads_out(word)) {
        let problem = "what lies in /proc may be a file of the host that was left open";
        gate.fault("config.Entrypoint", problem, "write another command behind the image");
    }
    if words.iter().any(|word| word.contains('\0') || word.len() >= MOST_BYTES) {
        gate.fault("config.Cmd", "a word has a NUL or is too long for Linux", "write another command behind the image");
    }
    Said::new(words, why)
}

/// The variables: Docker's own, the image's, those asked for; the last of a name counts, at the place of the first. HOME is
/// the user's where nothing sets it.
pub(super) fn env(
    needs: &Needs,
    wishes: &Wishes,
    hostname: &str,
    home: &str,
    gate: &mut Gate<'_>,
) -> Said<Vec<String>> {
    let mut variables = Variables::default();
    variables.set(PATH);
    variables.set(&format!("HOSTNAME={hostname}"));
    if wishes.tty {
        variables.set("TERM=xterm");
    }
    for line in &needs.env {
        // What is no variable, or can't be passed on, is nothing that a program could use.
        if line.find('=').is_some_and(|at| at > 0) && !line.contains('\0') && line.len() < MOST_BYTES {
            variables.set(line);
        }
    }
    for line in &wishes.env {
        let name = line.split('=').next().unwrap_or("");
        if !line.contains('=') || name.is_empty() || line.contains('\0') || line.len() >= MOST_BYTES {
            let problem = "it is no variable that Linux can pass on";
            gate.fault(&format!("-e {}", shown(name)), problem, "write it as `NAME=value`, without NUL, below 128 KiB");
        } else {
            variables.set(line);
        }
    }
    if !variables.has("HOME") {
        variables.set(&format!("HOME={}", if home.is_empty() { "/" } else { home }));
    }
    let mut why = "what Docker sets, and what the image does".to_owned();
    if !wishes.env.is_empty() {
        why.push_str("; and what `-e` and `--env-file` do");
    }
    Said::new(variables.lines, why)
}

/// Variables in order, found by name.
#[derive(Default)]
struct Variables {
    lines: Vec<String>,
    places: std::collections::HashMap<String, usize>,
}

impl Variables {
    fn set(&mut self, line: &str) {
        let name = line.split('=').next().unwrap_or("");
        match self.places.get(name) {
            Some(at) => line.clone_into(&mut self.lines[*at]),
            None => {
                self.places.insert(name.to_owned(), self.lines.len());
                self.lines.push(line.to_owned());
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }
}

/// The working directory.
pub(super) fn cwd(needs: &Needs, wishes: &Wishes, gate: &mut Gate<'_>) -> Said<String> {
    let cwd = match &wishes.cwd {
        Some(path) => {
            if !path.starts_with('/') || path.contains('\0') {
                let remedy = "give a path that starts with `/`";
                gate.fault(&format!("-w {}", shown(path)), "the working directory has to be absolute", remedy);
            }
            Said::new(absolute(path), "`-w` asks for it")
        }
        None if needs.working_dir.is_empty() => Said::new("/".to_owned(), "the image names none"),
        None => Said::new(absolute(&needs.working_dir), "the image's WORKDIR"),
    };
    if leads_out(&cwd.value) {
        let problem = "what lies in /proc may be a folder of the host that was left open";
        gate.fault("config.WorkingDir", problem, "give another one with `-w`");
    }
    cwd
}

/// Whether a path leads into /proc, where descriptors that a runtime left open are a way out (CVE-2019-5736,
/// CVE-2024-21626).
pub(super) fn leads_out(path: &str) -> bool {
    path.starts_with('/') && below(&absolute(path), "/proc")
}

/// A path from the root, as an engine makes it of what an image says.
fn absolute(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.contains('\0')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The host name.
pub(super) fn hostname(wishes: &Wishes, gate: &mut Gate<'_>) -> Said<String> {
    let Some(name) = wishes.hostname.as_ref().filter(|name| !name.is_empty()) else {
        return Said::new("harden".to_owned(), "a fixed name, which tells nothing of the host");
    };
    let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if name.len() > MOST_NAME || !name.bytes().all(character) {
        let problem = "it is no name of a host";
        gate.fault(&format!("--hostname {}", shown(name)), problem, "use at most 64 letters, digits, `-` and `.`");
    }
    if wishes.host_namespaces.iter().any(|one| one == "uts") {
        gate.fault("--hostname", "with `--uts host` it would change the host's name", "leave one of them out");
    }
    Said::new(name.clone(), "`--hostname` asks for it")
}

/// Signals by number on Linux; those of x86 and ARM.
#[rustfmt::skip]
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];

/// The signal that asks the program to end, by its full name.
pub(super) fn stop_signal(needs: &Needs, wishes: &Wishes, gate: &mut Gate<'_>) -> Said<String> {
    let asked = wishes.stop_signal.as_ref().map(|text| (text, "--stop-signal", "`--stop-signal` asks for it"));
    let image = needs.stop_signal.as_ref().map(|text| (text, "config.StopSignal", "the image's STOPSIGNAL"));
    let Some((text, place, why)) = asked.or(image).filter(|(text, ..)| !text.is_empty()) else {
        return Said::new("SIGTERM".to_owned(), "the usual one");
    };
    signal(text).map_or_else(
        || {
            let problem = format!("`{}` is no signal", shown(text));
            gate.fault(place, &problem, "give one as `SIGTERM` or `15` with `--stop-signal`");
            Said::default()
        },
        |name| Said::new(name, why),
    )
}

/// `15`, `TERM`, `sigterm`, `RTMIN+3` as `SIGTERM` and `SIGRTMIN+3`.
fn signal(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let word = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Ok(number) = word.parse::<usize>() {
        // The first real-time signal that the C library leaves to programs is 34.
        return match number {
            1..=31 => Some(format!("SIG{}", SIGNALS[number - 1])),
            34 => Some("SIGRTMIN".to_owned()),
            35..=64 => Some(format!("SIGRTMIN+{}", number - 34)),
            _ => None,
        };
    }
    let other = match word {
        "IOT" => Some("ABRT"),
        "CLD" => Some("CHLD"),
        "POLL" => Some("IO"),
        _ => SIGNALS.iter().find(|name| **name == word).copied(),
    };
    if let Some(name) = other {
        return Some(format!("SIG{name}"));
    }
    let offset =
        |rest: &str, sign: char| rest.strip_prefix(sign)?.parse::<u8>().ok().filter(|one| (1..=30).contains(one));
    let real = match word {
        "RTMIN" => Some(0),
        "RTMAX" => Some(30),
        _ => word
            .strip_prefix("RTMIN")
            .and_then(|rest| offset(rest, '+'))
            .or_else(|| word.strip_prefix("RTMAX").and_then(|rest| offset(rest, '-')).map(|down| 30 - down)),
    }?;
    Some(if real == 0 { "SIGRTMIN".to_owned() } else { format!("SIGRTMIN+{real}") })
}
