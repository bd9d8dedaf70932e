//! Which language a shell reads.

use super::Dialect;

/// The dialect of the shell that `argv` starts, as SHELL names it: `["/bin/bash", "-o", "pipefail", "-c"]`.
#[must_use]
pub fn dialect_of(argv: &[String]) -> Dialect {
    of_words(argv.iter().map(String::as_str))
}

/// The dialect that the `#!` line of a script asks for, or `None` where the line is no `#!` line.
#[must_use]
pub fn dialect_of_shebang(first_line: &str) -> Option<Dialect> {
    Some(of_words(first_line.strip_prefix("#!")?.split_ascii_whitespace()))
}

fn of_words<'a>(words: impl Iterator<Item = &'a str>) -> Dialect {
    for word in words {
        let name = word.rsplit(['/', '\\']).next().unwrap_or("").to_ascii_lowercase();
        match name.strip_suffix(".exe").unwrap_or(&name) {
            "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh" | "mksh" | "rbash" => return Dialect::Posix,
            "cmd" => return Dialect::Cmd,
            "powershell" | "pwsh" => return Dialect::PowerShell,
            // `busybox sh`, `env -S bash -e`, `env A=b bash`: the shell is among the words behind.
            "busybox" | "env" => {}
            other if other.starts_with('-') || other.contains('=') => {}
            _ => return Dialect::Other,
        }
    }
    Dialect::Other
}
