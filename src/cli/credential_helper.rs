//! Docker's credential helpers: programs that keep passwords in the system's own store
//! (docker/docker-credential-helpers, protocol of `get`).

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// Bytes read of a helper's answer.
const MOST: u64 = 1 << 20;

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: String,
}

/// Asks the helper `docker-credential-NAME` for the user and password of a server; the error says what it said.
pub(super) fn run(name: &str, server: &str) -> Result<(String, String), String> {
    // The name comes from a file: a path in it would start any program.
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        return Err(format!("`{name}` is no name of a credential helper"));
    }
    let program = format!("docker-credential-{name}");
    let failed = |error: std::io::Error| format!("`{program}` can't be run ({error})");
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that reads nothing says below what it wants.
        let _ = input.write_all(server.as_bytes());
    }
    let mut text = String::new();
    if let Some(output) = child.stdout.take() {
        output.take(MOST).read_to_string(&mut text).map_err(failed)?;
    }
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        let said: String = text.trim().chars().filter(|c| !c.is_control()).take(200).collect();
        return Err(format!("`{program} get` ends with {status}: {said}"));
    }
    let answer: Answer =
        serde_json::from_str(&text).map_err(|error| format!("`{program}` answers no JSON ({error})"))?;
    Ok((answer.user, answer.secret))
}
