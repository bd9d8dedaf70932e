//! Secrets that the words of a command give away by the way its program reads them.

use super::tools::{self, Tool};
use super::{Body, Command, Dialect, Part, Script, Word};
use crate::secret::{self, Secret};
use crate::text::Span;

/// A secret in a word of a command.
#[derive(Clone, PartialEq, Debug)]
pub struct Given<'a> {
    /// The word.
    pub word: &'a Word,
    /// The part of it that is the secret.
    pub value: String,
    /// What it is.
    pub secret: Secret,
}

/// Words longer than this (bytes) are programs or data, and are looked through for known forms only.
const LONG_WORD: usize = 4096;

/// The secrets that a command of a script is given by its own way of reading its words: passwords by option, position or
/// pipe, values under a name that asks for a secret. Tokens of known form are [`secret::in_text`]'s. Empty where the script
/// has no such command.
#[must_use]
pub fn given(script: &Script, index: usize) -> Vec<Given<'_>> {
    let Some(command) = script.commands.get(index) else { return Vec::new() };
    let mut found = Vec::new();
    let mut add = |word, value: String, secret: Option<Secret>| {
        found.extend(secret.map(|secret| Given { word, value, secret }));
    };
    for assignment in &command.assignments {
        if let Some(value) = literal(&assignment.value) {
            let secret = secret::by_name(&assignment.name, &value);
            add(&assignment.value, value, secret);
        }
    }
    // What these read becomes the account's password, whatever it looks like.
    let sets = matches!(command.base_name(), "chpasswd" | "passwd" | "smbpasswd");
    for (word, value) in passwords(command).into_iter().chain(piped(script, index)).chain(in_sentences(command)) {
        let secret = if sets { secret::as_set_password(&value) } else { secret::as_password(&value) };
        add(word, value, secret);
    }
    for (word, name, value) in named(command) {
        let secret = secret::by_name(&name, &value);
        add(word, value, secret);
    }
    found
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

/// Every secret in the text of a command, such as history and a configuration keep: tokens of known form, and what
/// [`given`] finds, each with the text that it is.
#[must_use]
pub fn in_commands(text: &str, dialect: Dialect) -> Vec<(String, Secret)> {
    let Ok(end) = u32::try_from(text.len()) else { return Vec::new() };
    let body = Body { file: text, span: Span::new(0, end), gaps: &[] };
    in_script(text, &super::script(&body, dialect))
}

/// The same for the words of an exec form.
#[must_use]
pub fn in_words(words: &[String]) -> Vec<(String, Secret)> {
    let mut end = 0;
    let place = |word: &String| {
        let start = end;
        // As if the words stood in quotes, a blank between them.
        end = u32::try_from(word.len()).unwrap_or(u32::MAX).saturating_add(end).saturating_add(3);
        (word.clone(), Span::new(start, end.saturating_sub(1)))
    };
    let placed: Vec<(String, Span)> = words.iter().map(place).collect();
    in_script(&words.join(" "), &super::exec(&placed))
}

/// Secrets of one text that are told apart; what has more is data.
const MOST: usize = 200;

fn in_script(text: &str, script: &Script) -> Vec<(String, Secret)> {
    let forms = secret::in_text(text).into_iter().map(|(range, secret)| (text[range].to_owned(), secret));
    let mut found: Vec<(String, Secret)> = forms.take(MOST).collect();
    for given in (0..script.commands.len()).flat_map(|index| given(script, index)) {
        // A known form says more than a place in a command, and a nested command's words are also its parent's.
        if found.len() < MOST && !found.iter().any(|(text, _)| text.contains(&given.value)) {
            found.push((given.value, given.secret));
        }
    }
    found
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
fn piped(script: &Script, index: usize) -> Vec<(&Word, String)> {
    let reader = &script.commands[index];
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
            script.commands[..index].iter().rev().take(50).find(|command| {
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
