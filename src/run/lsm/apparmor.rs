//! AppArmor (apparmor(7)): profiles by name, and loading them.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use super::write_attribute;
use crate::run::Error;

/// What a loaded profile does with what it doesn't allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Refuses it.
    #[default]
    Enforce,
    /// Lets it pass and logs it, but for what a rule with `deny` names.
    Complain,
}

/// Whether the kernel has AppArmor and it is on.
#[must_use]
pub fn is_on() -> bool {
    std::fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text.trim() == "Y")
}

/// The loaded profiles and their modes (`enforce`, `complain`, …); `None` where this user may not know.
#[must_use]
pub fn loaded() -> Option<Vec<(String, String)>> {
    let text = std::fs::read_to_string("/sys/kernel/security/apparmor/profiles").ok()?;
    Some(text.lines().filter_map(profile).collect())
}

/// Loads the profiles of a text in AppArmor's language, in place of loaded ones of the same names.
///
/// # Errors
/// Where the caller isn't root, `apparmor_parser` isn't installed or doesn't accept the text.
pub fn load(text: &str, mode: Mode) -> Result<(), Error> {
    if !is_on() {
        return Err(off("AppArmor"));
    }
    let complain: &[&str] = if mode == Mode::Complain { &["--Complain"] } else { &[] };
    parse(&[&["--replace", "--skip-cache"], complain].concat(), text).map(|_| ())
}

/// Loads the profile of a file, and gives its name.
///
/// # Errors
/// A kernel without AppArmor, a file that can't be read or holds more than one profile, and as [`load`].
pub(super) fn load_file(path: &str, mode: Mode) -> Result<String, Error> {
    let place = || format!("--security-opt apparmor={path}");
    if !is_on() {
        return Err(off(&place()));
    }
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text));
    read.map_err(|error| Error::new(place(), error.to_string(), "name a file with an AppArmor profile"))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(Error::new(place(), "is longer than 1 MiB", "name a file with an AppArmor profile"));
    }
    let names = parse(&["--names", "--skip-cache"], &text)?;
    // Profiles within the profile are its own: `web//child`.
    let mut own = names.lines().filter(|name| !name.is_empty() && (name.starts_with(':') || !name.contains("//")));
    let (Some(name), None) = (own.next(), own.next()) else {
        return Err(Error::new(place(), "doesn't hold one profile", "leave one in it, or load it and give a name"));
    };
    load(&text, mode)?;
    Ok(name.to_owned())
}

/// A profile is some kilobytes.
const MOST_BYTES: u64 = 1 << 20;

/// What AppArmor's own parser prints for a text.
fn parse(words: &[&str], text: &str) -> Result<String, Error> {
    let failed =
        |problem: String| Error::new("apparmor_parser", problem, "install apparmor, and load profiles as root");
    let parser = ["/usr/sbin/apparmor_parser", "/sbin/apparmor_parser", "/usr/bin/apparmor_parser"];
    let parser = parser.into_iter().find(|path| std::path::Path::new(path).exists()).unwrap_or("apparmor_parser");
    let mut command = Command::new(parser);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A parser that ends early says why itself.
        let _ = pipe.write_all(text.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// Whether a profile can be applied. Gives what is to be told of it.
pub(super) fn check(name: &str) -> Result<Option<String>, Error> {
    let place = || format!("--security-opt apparmor={name}");
    if !is_on() {
        return Err(off(&place()));
    }
    // A new line would end the command that is written to the kernel.
    if name.contains(char::is_control) {
        return Err(Error::new(place(), "is no name of a profile", "name one that `aa-status` lists"));
    }
    // Names of several, and of other namespaces, aren't in the list; the kernel looks them up.
    let is_plain = !name.starts_with(':') && !name.contains("//&");
    let Some(loaded) = loaded().filter(|_| is_plain) else { return Ok(None) };
    match loaded.iter().find(|(one, _)| one == name) {
        None => Err(Error::new(place(), "no such profile is loaded", "load it: `apparmor_parser -r FILE`")),
        Some((_, mode)) if matches!(mode.as_str(), "enforce" | "kill") => Ok(None),
        Some((_, mode)) => Ok(Some(format!(
            "AppArmor profile {name} is loaded in {mode} mode: it refuses nothing but what it denies by name"
        ))),
    }
}

/// Lets the program get the profile at its start.
pub(super) fn apply(name: &str) -> Result<(), Error> {
    // The second is how kernels before 5.8 have it, and what is there where AppArmor is the only module.
    write_attribute(&["apparmor/exec", "exec"], &format!("exec {name}"))
}

fn off(place: &str) -> Error {
    Error::new(
        place,
        "this kernel has no AppArmor, or it is off",
        "leave it out, or start the host with `apparmor=1 security=apparmor`",
    )
}

/// `NAME (MODE)`.
fn profile(line: &str) -> Option<(String, String)> {
    let (name, mode) = line.strip_suffix(')')?.rsplit_once(" (")?;
    Some((name.to_owned(), mode.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::profile;

    #[test]
    fn profiles_are_read_with_their_modes() {
        let of = |line: &str| profile(line);
        assert_eq!(of("docker-default (enforce)"), Some(("docker-default".to_owned(), "enforce".to_owned())));
        assert_eq!(of("a (b) c (complain)"), Some(("a (b) c".to_owned(), "complain".to_owned())));
        assert_eq!(of("nothing"), None);
    }
}
