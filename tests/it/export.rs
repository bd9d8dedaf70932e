//! `policy::export`: each form is read by the real program that uses it, and says what the profile says.

mod consumers;
mod lsm;
mod oci;
pub(crate) mod sample;
mod strings;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harden::policy::Profile;
use harden::policy::export::{Exported, Source, Target, export};
use serde_json::Value;

use crate::support::{root, skip};

/// Writes a profile for a target into a folder.
fn written(profile: &Profile, target: Target) -> (tempfile::TempDir, Exported) {
    let source = Source { image: "localhost/web:1".to_owned(), name: "web".to_owned() };
    let exported = export(profile, &source, target);
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in &exported.files {
        std::fs::write(folder.path().join(name), text).expect("a file is written");
    }
    (folder, exported)
}

/// The first file of an exported form.
fn first(folder: &tempfile::TempDir, exported: &Exported) -> PathBuf {
    folder.path().join(&exported.files[0].0)
}

/// A program of `tests/run`'s, or a skip.
fn tool(path: &str) -> Option<PathBuf> {
    let path = root().join("target/tools").join(path);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("{} is not there", path.display()));
    None
}

/// A program of the machine's, or a skip.
fn program(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let found = folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
    if found.is_none() {
        skip(&format!("{name} is not installed"));
    }
    found
}

/// What a program prints, which has to succeed.
fn said_by(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", text_of(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What `consumers` prints of a file, as JSON.
fn consumed(kind: &str, file: &Path) -> Option<Value> {
    let consumers = tool("consumers/consumers")?;
    let printed = said_by(Command::new(consumers).arg(kind).arg(file));
    Some(serde_json::from_str(&printed).expect("JSON"))
}
