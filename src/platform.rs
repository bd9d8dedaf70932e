//! What the operating system does for us, in one place.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

/// Runs a credential helper for a server, and gives the user and the password it knows (docker-credential-helpers'
/// protocol: `PROGRAM get`, the server on standard input, JSON on standard output). What it says on standard error is for
/// the user.
///
/// # Errors
/// A program that can't be started, that fails, in its own words, or whose answer can't be understood.
pub fn credential_helper(program: &str, server: &str) -> Result<(String, String), String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    // An answer is one user and one password or token.
    const ANSWER_BYTES: u64 = 1 << 20;

    let started = Command::new(program).arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut process = started.map_err(|error| error.to_string())?;
    if let Some(mut input) = process.stdin.take() {
        // One that doesn't read what it is asked has its own way to know; that its answer is good shows below.
        let _ = input.write_all(server.as_bytes());
    }
    let mut text = String::new();
    let read = match process.stdout.take() {
        Some(output) => output.take(ANSWER_BYTES).read_to_string(&mut text).map(drop),
        None => Ok(()),
    };
    let ended = process.wait().map_err(|error| error.to_string())?;
    read.map_err(|error| error.to_string())?;
    if !ended.success() {
        let said = text.trim();
        return Err(if said.is_empty() { ended.to_string() } else { said.to_owned() });
    }
    // serde_json may quote what it read, and that may be the password.
    let answer: Answer = serde_json::from_str(&text).map_err(|_| "its answer can't be understood".to_owned())?;
    Ok((answer.username, answer.secret))
}
