//! Which language a shell reads.

use super::Dialect;

/// The dialect of the shell that `argv` starts, as SHELL names it: `["/bin/bash", "-o", "pipefail", "-c"]`.
#[must_use]
pub fn dialect_of(argv: &[String]) -> Dialect {
    let mut words = argv.iter().map(String::as_str);
    of_words(&mut words)
}

/// The dialect that the `#!` line of a script asks for, or `None` where the line is no `#!` line.
#[must_use]
pub fn dialect_of_shebang(first_line: &str) -> Option<Dialect> {
    let mut words = first_line.strip_prefix("#!")?.split_ascii_whitespace();
    Some(of_words(&mut words))
}

fn of_words<'a>(words: &mut dyn Iterator<Item = &'a str>) -> Dialect {
    while let Some(word) = words.next() {
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
