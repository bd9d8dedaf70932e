//! Commands that check what was downloaded. Sources: sha256sum(1), shasum(1), gpg(1), gpgv(1), openssl-dgst(1), rpm(8),
//! cosign, minisign(1), signify(1), PowerShell's Get-FileHash.

use crate::shell::{Command, Nesting, Script};

/// Whether the command at `index` compares a checksum or verifies a signature.
///
/// A checksum that is printed and not compared is no check; inside a substitution or in front of `grep` it is taken to
/// be compared.
#[must_use]
pub fn verifies(script: &Script, index: usize) -> bool {
    let Some(command) = script.commands.get(index) else { return false };
    let name = command.base_name();
    let has = |wanted: &[&str]| command.arguments.iter().any(|word| wanted.contains(&word.text.as_str()));
    match name {
        _ if is_checksum(name) => checks(command) || is_compared(script, index),
        "gpg" | "gpg2" => has(&["--verify", "--verify-files", "--decrypt", "-d"]),
        "gpgv" | "gpgv2" | "slsa-verifier" | "sigstore" | "sqv" | "debsig-verify" => true,
        "cosign" => command.arguments.first().is_some_and(|word| word.text.starts_with("verify")),
        "notation" | "gh" => has(&["verify"]),
        "minisign" | "signify" | "signify-openbsd" => {
            command.arguments.iter().any(|word| word.text.starts_with('-') && word.text.contains('V'))
        }
        "openssl" => {
            has(&["-verify", "-prverify"]) || (has(&["dgst", "sha256", "sha512"]) && is_compared(script, index))
        }
        "rpm" | "rpmkeys" => has(&["-K", "--checksig"]),
        "jarsigner" => has(&["-verify"]),
        _ => ["Get-FileHash", "Get-AuthenticodeSignature"].iter().any(|known| known.eq_ignore_ascii_case(name)),
    }
}

/// `sha256sum`, `md5sum`, `b2sum`, `shasum` and their like.
fn is_checksum(name: &str) -> bool {
    const NAMES: [&str; 13] = [
        "sha1sum",
        "sha224sum",
        "sha256sum",
        "sha384sum",
        "sha512sum",
        "sha3sum",
        "b2sum",
        "b3sum",
        "md5sum",
        "shasum",
        "cksum",
        "rhash",
        "sha256",
    ];
    NAMES.contains(&name)
}

/// `-c`, `--check` and clusters with the letter.
fn checks(command: &Command) -> bool {
    command.arguments.iter().any(|word| match word.text.strip_prefix("--") {
        Some(long) => long == "check" || long.starts_with("check="),
        None => word.text.strip_prefix('-').is_some_and(|letters| letters.contains('c')),
    })
}

fn is_compared(script: &Script, index: usize) -> bool {
    let Some(command) = script.commands.get(index) else { return false };
    let compares =
        |other: &Command| matches!(other.base_name(), "grep" | "egrep" | "fgrep" | "diff" | "cmp" | "test" | "[");
    let (pipeline, position) = command.pipeline;
    command.nesting == Nesting::Substitution
        || script
            .commands
            .iter()
            .any(|other| other.pipeline.0 == pipeline && other.pipeline.1 > position && compares(other))
}
