//! The image's history: which step made which layer, and what each line says in the tongue of its builder.

/// A line of `history`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HistoryLine {
    /// `created_by`, as written.
    pub created_by: String,
    /// `comment`, as written.
    pub comment: String,
    /// `created`, as written.
    pub created: Option<String>,
    /// Whether it made no layer.
    pub empty_layer: bool,
    /// The layer it made, where the counts of lines and layers agree.
    pub layer: Option<usize>,
}

/// What a history line says, taken apart.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Step<'a> {
    /// The Dockerfile instruction: `RUN`, `COPY`; `None` for free text of builders that read no Dockerfile.
    pub keyword: Option<&'a str>,
    /// What stands behind it: the command without shell and build arguments, or the instruction's words. The whole line
    /// where there is no keyword.
    pub text: &'a str,
    /// Name and value of each build argument of a RUN, which builders write down in front of the command.
    pub build_args: Vec<(&'a str, &'a str)>,
    /// The shell in front of the command with its options, as written: `/bin/sh -c`; empty where none is.
    pub shell: &'a str,
}

impl HistoryLine {
    /// Takes the line apart, whichever builder wrote it: the classic one (`/bin/sh -c #(nop) CMD …`, `|1 A=b /bin/sh -c …`),
    /// BuildKit (`RUN |1 A=b /bin/sh -c … # buildkit`), buildah (`…|key=value` behind), kaniko (the Dockerfile's text).
    #[must_use]
    pub fn step(&self) -> Step<'_> {
        let line = self.created_by.trim();
        let line = line.strip_suffix("# buildkit").map_or(line, str::trim_end);
        if let Some((keyword, rest)) = instruction(line) {
            return if keyword == "RUN" { run(without_flags(rest)) } else { plain(keyword, rest) };
        }
        let (shell, command) = shell(line);
        if let Some((_, rest)) =
            command.split_once("#(nop)").filter(|(front, _)| front.is_empty() || is_preference(front))
            && let Some((keyword, rest)) = instruction(rest.trim_start())
        {
            return plain(keyword, without_suffix(rest));
        }
        if !shell.is_empty() || arguments(line).is_some() {
            return run(without_suffix(line));
        }
        Step { text: line, ..Step::default() }
    }
}

/// The instructions of a Dockerfile as builders write them in history.
const INSTRUCTIONS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

fn instruction(line: &str) -> Option<(&str, &str)> {
    let (word, rest) = line.split_at(line.find(char::is_whitespace).unwrap_or(line.len()));
    INSTRUCTIONS.contains(&word).then(|| (word, rest.trim_start()))
}

fn plain<'a>(keyword: &'a str, text: &'a str) -> Step<'a> {
    Step { keyword: Some(keyword), text, ..Step::default() }
}

fn run(line: &str) -> Step<'_> {
    let (build_args, line) = arguments(line).unwrap_or((Vec::new(), line));
    let (shell, text) = shell(line);
    Step { keyword: Some("RUN"), text, build_args, shell }
}

/// The build arguments in front of a command, `|2 A=1 B=2 command`, and the command. Values are written without quotes, so
/// one with spaces goes on to the next name, the last one to the shell.
fn arguments(line: &str) -> Option<(Vec<(&str, &str)>, &str)> {
    let rest = line.strip_prefix('|')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let count: usize = rest[..digits].parse().ok()?;
    let rest = rest[digits..].trim_start_matches(' ');
    let mut starts = Vec::new();
    let mut end = None;
    for (at, word) in words(rest) {
        if starts.len() < count && assignment(word).is_some() {
            starts.push(at);
        } else if starts.len() >= count && (at == 0 || !shell(&rest[at..]).0.is_empty()) {
            end = Some(at);
            break;
        }
    }
    // Without a shell that is known, the last value is taken to be one word.
    let after_last = || {
        let last = starts.last().copied().unwrap_or(0);
        rest[last..].find(char::is_whitespace).map_or(rest.len(), |length| last + length)
    };
    let end = end.unwrap_or_else(after_last);
    let ends = starts.iter().skip(1).copied().chain([end]);
    let pairs = starts.iter().zip(ends).filter_map(|(start, end)| assignment(rest[*start..end].trim_end()));
    Some((pairs.collect(), rest[end..].trim_start()))
}

fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let named = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' || byte == b'.');
    (named && !name.is_empty()).then_some((name, value))
}

/// The shell in front of a command, with its options up to the one that takes the command, and the command.
fn shell(line: &str) -> (&str, &str) {
    let mut words = words(line);
    let Some((_, program)) = words.next() else { return ("", line) };
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program).to_ascii_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    if !matches!(name, "sh" | "ash" | "bash" | "busybox" | "dash" | "ksh" | "zsh" | "cmd" | "powershell" | "pwsh") {
        return ("", line);
    }
    let (mut value_may_follow, windows) = (name == "busybox", matches!(name, "cmd" | "powershell" | "pwsh"));
    for (at, word) in words.take(16) {
        let takes_command = if windows {
            ["/c", "/k", "-command", "-c", "-encodedcommand"].iter().any(|option| word.eq_ignore_ascii_case(option))
        } else {
            word.starts_with('-') && !word.starts_with("--") && word.ends_with('c')
        };
        let end = at + word.len();
        if takes_command {
            return (&line[..end], line[end..].trim_start());
        }
        let option = word.starts_with('-') || (windows && word.starts_with('/'));
        if !option && !value_may_follow {
            break;
        }
        value_may_follow = option && (windows || word.ends_with('o') || word.ends_with('O'));
    }
    ("", line)
}

/// Words with their places.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let place = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    text.split_whitespace().map(move |word| (place(word), word))
}

/// PowerShell's preferences, which Windows images set in SHELL and so stand in front of `#(nop)`.
fn is_preference(front: &str) -> bool {
    front.split(';').all(|part| part.trim().is_empty() || part.trim_start().starts_with('$'))
}

/// RUN's own flags, which builders that keep the Dockerfile's text leave in front.
fn without_flags(mut text: &str) -> &str {
    while text.starts_with("--") {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        text = text[end..].trim_start();
    }
    text
}

/// What buildah writes behind a command for its cache: `|unsetLabel=true`.
fn without_suffix(mut text: &str) -> &str {
    while let Some((front, suffix)) = text.rsplit_once('|') {
        let is_suffix = !front.is_empty()
            && !front.ends_with(['|', ' '])
            && !suffix.contains(char::is_whitespace)
            && suffix.starts_with(|c: char| c.is_ascii_lowercase())
            && assignment(suffix).is_some();
        if !is_suffix {
            break;
        }
        text = front;
    }
    text
}
