//! Secrets written into the commands of RUN, CMD, ENTRYPOINT and HEALTHCHECK.

mod fixes;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::lint::{Draft, Findings, Lint};
use crate::model::{CommandRef, Dockerfile, Instruction};
use crate::secret::{self, Secret};
use crate::shell::tools::{self, Tool};
use crate::shell::{Command, Part, Word};
use crate::syntax::ast::{GapKind, Keyword};
use crate::text::Span;

pub(super) static LINT: Lint = Lint {
    summary: "A secret is written into a command",
    category: Category::Secret,
    severity: Severity::High,
    aliases: &["c3e1b6ae", "CIS-4.10", "tally/secrets-in-code"],
    sources: &[
        "https://docs.docker.com/build/building/secrets/",
        "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
        "CIS Docker Benchmark 1.6.0, 4.10",
    ],
    dockerfile: Some(check),
    ..Lint::BASE
};

/// At most so many findings an instruction: what holds more is data, and one look is enough.
const MOST: usize = 50;

/// Words longer than this (bytes) are programs or data, and are looked through for known forms only.
const LONG_WORD: usize = 4096;

/// A secret and the bytes it stands in.
type Found = (Span, Secret);

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    let shipped = dockerfile.shipped();
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        let keyword = instruction.effective().keyword;
        if !matches!(keyword, Keyword::Run | Keyword::Cmd | Keyword::Entrypoint | Keyword::Healthcheck) {
            continue;
        }
        let mut found: Vec<Found> = tokens(dockerfile, instruction);
        for script in &instruction.scripts {
            for (position, command) in script.commands.iter().enumerate() {
                let command = CommandRef { command, index: position, script, instruction, instruction_index: index };
                found.extend(in_command(dockerfile, &command));
            }
        }
        let is_shipped = instruction.stage.is_some_and(|stage| shipped[stage]);
        for (span, secret) in apart(found).into_iter().take(MOST) {
            let draft = report(findings, keyword, span, &secret, is_shipped);
            if let Some(fix) = fixes::of(dockerfile, index, span) {
                draft.fix(fix);
            }
        }
    }
}

/// Each secret once: a nested command's words are also its parent's, and a known form, found first, says more than a
/// place in a command.
fn apart(found: Vec<Found>) -> Vec<Found> {
    let mut ordered: Vec<(usize, Found)> = found.into_iter().enumerate().collect();
    ordered.sort_by_key(|(order, (span, _))| (span.start, *order));
    let mut kept: Vec<(usize, Found)> = Vec::new();
    for (order, (span, secret)) in ordered {
        match kept.last_mut() {
            Some((earlier, (other, kind))) if span.start < other.end => {
                if order < *earlier {
                    (*earlier, *other, *kind) = (order, span, secret);
                }
            }
            _ => kept.push((order, (span, secret))),
        }
    }
    kept.into_iter().map(|(_, found)| found).collect()
}

fn report<'a>(
    findings: &'a mut Findings,
    keyword: Keyword,
    span: Span,
    secret: &Secret,
    is_shipped: bool,
) -> &'a mut Draft {
    let (kind, shown) = (secret.kind, &secret.shown);
    let (verb, why, help) = match keyword {
        Keyword::Run => (
            "RUN",
            "the command is kept in the image's history, and often in a file it writes",
            "Take it out, replace it where it is in use, and let this RUN read it from `--mount=type=secret`",
        ),
        _ => (
            keyword.as_str(),
            "the command is kept in the image's configuration and shown in every list of processes",
            "Take it out, replace it where it is in use, and let the program read it from a file or a variable that is \
             given when the container starts",
        ),
    };
    let draft = findings.report(span, format!("the command of {verb} holds a secret ({kind}): {shown}"));
    draft.because(why).help(help).confidence(secret.confidence).hide(span);
    draft.aliases(&["c3e1b6ae", "CIS-4.10", "tally/secrets-in-code"]);
    if !is_shipped || secret.confidence == Confidence::Low {
        draft.severity(Severity::Medium);
    }
    draft
}

/// Tokens of known form anywhere in the instruction, in languages we don't read too.
fn tokens(dockerfile: &Dockerfile, instruction: &Instruction) -> Vec<Found> {
    let whole = instruction.ast.span;
    secret::in_text(dockerfile.text(whole))
        .into_iter()
        .map(|(range, secret)| {
            let start = whole.start + range.start as u32;
            (Span::new(start, start + range.len() as u32), secret)
        })
        // A comment between the lines is in the file, but not in the image.
        .filter(|(span, _)| {
            !instruction.ast.gaps.iter().any(|gap| gap.kind == GapKind::Comment && gap.span.contains(*span))
        })
        .collect()
}

/// Secrets that a command's own way of reading its words gives away; [`tokens`] finds those of known form.
fn in_command(dockerfile: &Dockerfile, at: &CommandRef<'_>) -> Vec<Found> {
    let command = at.command;
    let place = |word: &Word, value: &str, secret: Secret| (locate(dockerfile, word, value), secret);
    let mut found = Vec::new();
    for assignment in &command.assignments {
        if let Some(value) = literal(&assignment.value) {
            let secret = secret::by_name(&assignment.name, &value);
            found.extend(secret.map(|secret| place(&assignment.value, &value, secret)));
        }
    }
    // What these read becomes the account's password, whatever it looks like.
    let sets = matches!(command.base_name(), "chpasswd" | "passwd" | "smbpasswd");
    for (word, value) in passwords(command).into_iter().chain(piped(at)).chain(in_sentences(command)) {
        let secret = if sets { secret::as_set_password(&value) } else { secret::as_password(&value) };
        found.extend(secret.map(|secret| place(word, &value, secret)));
    }
    for (word, name, value) in named(command) {
        found.extend(secret::by_name(&name, &value).map(|secret| place(word, &value, secret)));
    }
    found
}

/// Where `value` stands in `word`, or the whole word where quotes or escapes run through it.
fn locate(dockerfile: &Dockerfile, word: &Word, value: &str) -> Span {
    match dockerfile.text(word.span).rfind(value) {
        Some(offset) if !value.is_empty() => {
            let start = word.span.start + offset as u32;
            Span::new(start, start + value.len() as u32)
        }
        _ => word.span,
    }
}

/// A word's text where nothing in it is filled in by the shell.
fn literal(word: &Word) -> Option<String> {
    let plain = word.parts.iter().all(|part| matches!(part, Part::Literal(_) | Part::Pattern(_)));
    plain.then(|| word.text.clone())
}

/// Programs, a word that has to be there too (none: empty), and the options whose value is a password, by their manuals.
const OPTIONS: &[(&[&str], &str, &[&str])] = &[
    (&["sshpass"], "", &["-p"]),
    (
        &["docker", "podman", "buildah", "nerdctl", "skopeo", "helm", "crane", "oras", "regctl", "az"],
        "login",
        &["-p", "--password"],
    ),
    (&["redis-cli"], "", &["-a", "--pass"]),
    (&["redis-server"], "", &["--requirepass", "--masterauth"]),
    (&["mongo", "mongosh", "mongodump", "mongorestore", "mongoimport"], "", &["-p", "--password"]),
    (&["sqlcmd", "bcp", "zip", "unzip"], "", &["-P"]),
    (&["ldapadd", "ldapmodify", "ldapsearch", "ldapdelete"], "", &["-w"]),
    (&["keytool", "jarsigner"], "", &["-storepass", "-keypass", "-srcstorepass", "-deststorepass"]),
    (&["gpg", "gpg2"], "", &["--passphrase"]),
    (&["ssh-keygen"], "", &["-N", "-P"]),
];

/// Options of tools that `shell::tools` reads, and whether the password stands behind a name and a colon.
fn tool_options(tool: Tool) -> &'static [(&'static str, bool)] {
    match tool {
        Tool::Curl => &[
            ("--user", true),
            ("--proxy-user", true),
            ("--pass", false),
            ("--proxy-pass", false),
            ("--tlspassword", false),
            ("--oauth2-bearer", false),
        ],
        Tool::Wget => {
            &[("--password", false), ("--http-password", false), ("--ftp-password", false), ("--proxy-password", false)]
        }
        Tool::Useradd | Tool::Usermod => &[("--password", false)],
        _ => &[],
    }
}

/// Words that can only be passwords where they stand, by the manual of the program that reads them.
fn passwords(command: &Command) -> Vec<(&Word, String)> {
    let mut found = by_position(command);
    for (programs, needed, options) in OPTIONS {
        let there = || needed.is_empty() || command.arguments.iter().any(|word| word.text == *needed);
        if programs.contains(&command.base_name()) && there() {
            found.extend(options.iter().flat_map(|option| values_of(command, option)));
        }
    }
    let Some(invocation) = tools::invocation(command) else { return found };
    for (name, colon) in tool_options(invocation.tool) {
        for value in invocation.options_named(name).filter_map(|used| used.value) {
            let (user, password) =
                if *colon { value.text.split_once(':').unwrap_or(("", "")) } else { ("", value.text) };
            if literal(value.word).is_some() && !is_locked(password) && !matches!(user, "anonymous" | "ftp") {
                found.push((value.word, password.to_owned()));
            }
        }
    }
    found
}

/// The values of an option: `-p value`, `-pvalue`, `--password value`, `--password=value`.
fn values_of<'a>(command: &'a Command, option: &str) -> Vec<(&'a Word, String)> {
    let words = &command.arguments;
    let value = |(index, word): (usize, &'a Word)| {
        let rest = word.text.strip_prefix(option)?;
        let short = option.len() == 2;
        match rest.strip_prefix('=') {
            _ if rest.is_empty() => words.get(index + 1).map(|next| (next, next.text.clone())),
            Some(text) if !short => Some((word, text.to_owned())),
            _ => short.then(|| (word, rest.to_owned())),
        }
    };
    words.iter().enumerate().filter_map(value).filter(|(word, _)| literal(word).is_some()).collect()
}

/// Passwords of programs that have their own way of taking them.
fn by_position(command: &Command) -> Vec<(&Word, String)> {
    let words = &command.arguments;
    let has = |text: &str| words.iter().any(|word| word.text == text);
    let first = words.iter().map(|word| word.text.as_str()).find(|text| !text.starts_with('-')).unwrap_or("");
    let behind = |keys: &'static [&'static str]| {
        words
            .windows(2)
            .filter(|pair| keys.contains(&pair[0].text.as_str()))
            .map(|pair| (&pair[1], pair[1].text.clone()))
    };
    let last = || words.last().map(|word| (word, word.text.clone())).into_iter();
    let mut found: Vec<(&Word, String)> = Vec::new();
    match command.base_name() {
        name if name.starts_with("mysql") || name.starts_with("mariadb") => {
            // A space behind `-p` makes the program ask; the next word is then a database.
            found.extend(words.iter().filter_map(|word| {
                let short = || word.text.strip_prefix("-p").filter(|rest| !rest.is_empty());
                Some((word, word.text.strip_prefix("--password=").or_else(short)?.to_owned()))
            }));
            if name.ends_with("admin") {
                found.extend(behind(&["password"]));
            }
        }
        "openssl" => {
            found.extend(words.iter().filter_map(|word| Some((word, word.text.strip_prefix("pass:")?.to_owned()))));
            let option_value = |index: usize| matches!(words[index].text.as_str(), "-salt" | "-in" | "-rand");
            if first == "passwd" && words.len() > 1 && !option_value(words.len() - 2) {
                found.extend(last().filter(|(word, _)| !word.text.starts_with('-')));
            }
        }
        // Only in batch mode is the password a word.
        "htpasswd" if words.iter().any(|word| word.text.starts_with('-') && word.text.contains('b')) => {
            found.extend(last());
        }
        "rabbitmqctl" if matches!(first, "add_user" | "change_password") && words.len() >= 3 => found.extend(last()),
        "aws" if has("configure") && has("set") => {
            found.extend(behind(&["aws_secret_access_key", "aws_session_token"]));
        }
        _ => {}
    }
    found.retain(|(word, _)| literal(word).is_some());
    found
}

/// What useradd and usermod take for "no password": `*`, `!`, `x`.
fn is_locked(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'*' | b'!' | b'x'))
}

/// Passwords that `echo` or `printf` hands to a program through a pipe.
fn piped<'a>(at: &CommandRef<'a>) -> Vec<(&'a Word, String)> {
    let reader = at.command;
    let (pipeline, position) = reader.pipeline;
    let stdin = |option: &str| reader.arguments.iter().any(|word| word.text == option);
    // Whether the password stands behind a name and a colon.
    let colon = match reader.base_name() {
        "chpasswd" => true,
        "passwd" | "smbpasswd" => false,
        "docker" | "podman" | "buildah" | "helm" | "nerdctl" if stdin("--password-stdin") => false,
        "sudo" if stdin("-S") => false,
        "gh" if stdin("--with-token") => false,
        _ => return Vec::new(),
    };
    let mut words: Vec<&Word> = Vec::new();
    if let Some(before) = position.checked_sub(1)
        && let Some(writer) =
            at.script.commands[..at.index].iter().rev().take(50).find(|command| {
                command.pipeline == (pipeline, before) && matches!(command.base_name(), "echo" | "printf")
            })
    {
        words.extend(
            writer
                .arguments
                .iter()
                .filter(|word| !matches!(word.text.as_str(), "-e" | "-n" | "-en" | "-ne" | "%s" | "%s\\n")),
        );
    }
    words.extend(
        reader.redirects.iter().filter(|redirect| redirect.operator.starts_with("<<")).map(|redirect| &redirect.target),
    );
    let mut found = Vec::new();
    for word in words {
        let Some(text) = literal(word).filter(|text| text.len() <= LONG_WORD) else { continue };
        for line in text.split(['\n', ' ']).flat_map(|line| line.split("\\n")) {
            let password = if colon { line.split_once(':').map_or("", |(_, password)| password) } else { line };
            if !password.is_empty() {
                found.push((word, password.to_owned()));
            }
        }
    }
    // The same password is mostly given twice.
    found.dedup_by(|a, b| a.1 == b.1);
    found
}

/// Values given by a name in a word: `--token=…`, `--token …`, `-Dpassword=…`, `NAME=…`, `Header: …`.
fn named(command: &Command) -> Vec<(&Word, String, String)> {
    // These take patterns and programs, not values.
    if matches!(
        command.base_name(),
        "sed" | "grep" | "egrep" | "awk" | "gawk" | "perl" | "test" | "[" | "[[" | "find" | "jq"
    ) {
        return Vec::new();
    }
    let words = &command.arguments;
    let config = words.iter().position(|word| word.text == "config");
    let echoes = matches!(command.base_name(), "echo" | "printf");
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        // Most words can't hold a name with a value, and every command of every file comes by here.
        let plain = config.is_none() && !word.text.starts_with("--") && !word.text.contains(['=', ':']);
        let Some(text) = literal(word).filter(|_| !plain) else { continue };
        if let Some((name, value)) = header(&text) {
            found.push((word, name, value));
            continue;
        }
        let chunks: Vec<&str> = if echoes && text.len() <= LONG_WORD {
            text.split_whitespace().flat_map(|line| line.split("\\n")).collect()
        } else {
            vec![&text]
        };
        for chunk in chunks {
            if let Some((name, value)) = chunk.split_once('=') {
                let name = name.trim_start_matches('-');
                let name = name.rsplit([':', '/']).next().unwrap_or(name);
                let name = if chunk.starts_with("-D") { name.trim_start_matches('D') } else { name };
                if is_identifier(name) {
                    found.push((word, name.to_owned(), value.to_owned()));
                }
            }
        }
        let option = text.strip_prefix("--").filter(|name| is_identifier(name) && secret::is_secret_name(name));
        if let (Some(name), Some(next)) = (option, words.get(index + 1))
            && let Some(value) = literal(next).filter(|value| !value.starts_with('-'))
        {
            found.push((next, name.to_owned(), value));
        }
        // `npm config set //registry/:_authToken value`, `git config credential.password value`.
        if config.is_some_and(|config| config < index)
            && let Some(next) = words.get(index + 1)
            && let Some(value) = literal(next)
            && let Some(name) =
                text.rsplit([':', '.']).next().filter(|name| secret::is_secret_name(name) || *name == "_auth")
        {
            let name = if name == "_auth" { "npm_auth" } else { name };
            found.push((next, name.to_owned(), value));
        }
    }
    found
}

/// Passwords in SQL (`IDENTIFIED BY '…'`, `PASSWORD '…'`) and in lines of a netrc file (`machine … password …`).
fn in_sentences(command: &Command) -> Vec<(&Word, String)> {
    let mut found = Vec::new();
    for word in &command.arguments {
        if word.text.len() > LONG_WORD || !word.text.contains(' ') {
            continue;
        }
        let Some(text) = literal(word) else { continue };
        let lower = text.to_ascii_lowercase();
        let verbs = ["create user", "alter user", "create role", "alter role", "create login", "alter login", "grant "];
        if verbs.iter().any(|verb| lower.contains(verb)) {
            for key in ["identified by ", "password ", "password = "] {
                for (at, _) in lower.match_indices(key) {
                    let rest = &text[at + key.len()..];
                    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
                    let quoted = quote.and_then(|quote| rest[1..].split(quote).next());
                    found.extend(quoted.map(|password| (word, password.to_owned())));
                }
            }
        }
        if lower.contains("machine ")
            && let Some((_, rest)) = text.split_once(" password ")
        {
            found.extend(rest.split_whitespace().next().map(|password| (word, password.to_owned())));
        }
    }
    found
}

/// `Authorization: Bearer …` and other headers that carry a credential.
fn header(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(':')?;
    let known = matches!(
        name.to_ascii_lowercase().as_str(),
        "authorization"
            | "proxy-authorization"
            | "private-token"
            | "job-token"
            | "deploy-token"
            | "x-api-key"
            | "api-key"
            | "apikey"
            | "x-auth-token"
            | "x-vault-token"
            | "x-jfrog-art-api"
            | "circle-token"
            | "x-access-token"
    );
    let value = value.trim();
    let value = ["Bearer ", "bearer ", "Basic ", "basic ", "token ", "Token "]
        .iter()
        .find_map(|scheme| value.strip_prefix(scheme))
        .unwrap_or(value);
    known.then(|| ("auth_token".to_owned(), value.trim().to_owned()))
}

fn is_identifier(name: &str) -> bool {
    (2..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}
