//! Quoting as each reader unquotes: the shell, JSON, YAML, systemd, CSV. Total: whatever the text, what is read back is the
//! text, but for NUL, which none of them can carry and which is left out.

use std::fmt::Write;

/// One word for a POSIX shell (XCU 2.2.2): bare where it is plain, else in single quotes.
#[must_use]
pub fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=:,./@%".contains(c);
    // `=` in a command's name would make it an assignment, and `~` and `#` mean something at the start.
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\0', "").replace('\'', r"'\''"))
}

/// A string of JSON (RFC 8259).
#[must_use]
pub fn json(text: &str) -> String {
    serde_json::Value::String(text.replace('\0', "")).to_string()
}

/// A double-quoted scalar of YAML 1.1 and 1.2 (section 7.3.1), on one line.
#[must_use]
pub fn yaml(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        let _ = match c {
            '\0' => Ok(()),
            '"' => out.write_str("\\\""),
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\t' => out.write_str("\\t"),
            ' '..='~' => out.write_char(c),
            // What else isn't a letter may be a line break or not printable, by one version or the other.
            _ if c.is_alphanumeric() => out.write_char(c),
            _ if u32::from(c) <= 0xFFFF => write!(out, "\\u{:04X}", u32::from(c)),
            _ => write!(out, "\\U{:08X}", u32::from(c)),
        };
    }
    out.push('"');
    out
}

/// A word of a systemd unit that takes several (systemd.service(5), Command lines; systemd.syntax(7), Quoting), with
/// specifiers (systemd.unit(5)) off. `$` keeps its meaning where the setting has one for it.
#[must_use]
pub fn systemd(word: &str) -> String {
    let mut out = String::from("\"");
    for c in word.chars() {
        let _ = match c {
            '\0' => Ok(()),
            '"' => out.write_str("\\\""),
            '\\' => out.write_str("\\\\"),
            '%' => out.write_str("%%"),
            '\n' => out.write_str("\\n"),
            '\t' => out.write_str("\\t"),
            '\x01'..='\x1F' | '\x7F' => write!(out, "\\x{:02x}", u32::from(c)),
            _ => out.write_char(c),
        };
    }
    out.push('"');
    out
}

/// The whole value of a systemd setting that takes one string and unquotes nothing; `None` where it can't be carried.
#[must_use]
pub fn systemd_line(value: &str) -> Option<String> {
    let plain = value.trim() == value && !value.ends_with('\\') && !value.chars().any(char::is_control);
    // A value that starts with a quote would be read as quoted by some settings.
    (plain && !value.starts_with(['"', '\''])).then(|| value.replace('%', "%%"))
}

/// A field of comma-separated values (RFC 4180), as `--mount` of Docker and Podman reads them.
#[must_use]
pub fn csv(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) || field.starts_with(' ') {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}

/// A name that every form takes: a label of the domain name system (RFC 1123).
#[must_use]
pub fn label(name: &str) -> String {
    let mut label = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' => label.push(c),
            _ if !label.is_empty() && !label.ends_with('-') => label.push('-'),
            _ => {}
        }
    }
    label.truncate(50);
    let label = label.trim_end_matches('-');
    match label.chars().next() {
        None => "app".to_owned(),
        // Some forms want a letter first.
        Some('0'..='9') => format!("app-{label}"),
        Some(_) => label.to_owned(),
    }
}

/// Whether a path has nothing that a `source:destination:options` form or a line can't carry.
#[must_use]
pub fn is_plain_path(path: &str) -> bool {
    path.starts_with('/') && !path.chars().any(|c| c.is_control() || c == ':' || c == ',')
}

/// Whether a variable can be set by the words `NAME=VALUE`: without a name or `=`, forms take it from their caller.
#[must_use]
pub fn is_assignment(variable: &str) -> bool {
    variable.split_once('=').is_some_and(|(name, _)| !name.is_empty() && !name.chars().any(char::is_whitespace))
        && !variable.contains('\0')
}
