//! What a container leaves on the machine: control groups, mounts, processes, files. All that is looked for bears a mark
//! of the one test, since others run at the same time.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use super::launch::{USER, until};

/// Who starts `harden`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    /// Root, who has control groups here.
    Root,
    /// An ordinary user with one id, who has none.
    User,
}

/// A home of its own for what `harden` keeps, and the mark that all of it bears.
pub(crate) struct Place {
    /// Below it is everything that may be written to: data, cache, temporary files.
    pub(crate) folder: TempDir,
    /// In the name of control groups, in the environment of processes, in the path of mounts.
    pub(crate) mark: String,
    who: Who,
}

/// What is there of a place's containers. Nothing, as a rule, when none runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Left {
    /// Folders of control groups, in any hierarchy.
    pub(crate) groups: BTreeSet<PathBuf>,
    /// Lines of the `mountinfo` of any process, except of those that began before the place's first container.
    pub(crate) mounts: BTreeSet<String>,
    /// Numbers and command lines.
    pub(crate) processes: BTreeSet<String>,
    /// Temporary files: those of the store, and of the user.
    pub(crate) files: BTreeSet<PathBuf>,
}

impl Place {
    /// A new one for `who`.
    pub(crate) fn new(who: Who) -> Self {
        let folder = tempfile::Builder::new().prefix("hardenfault").tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        let mark = folder.path().file_name().and_then(|name| name.to_str()).expect("text").replace('.', "");
        let place = Self { folder, mark, who };
        for name in ["data", "cache", "tmp"] {
            let path = place.path(name);
            fs::create_dir(&path).expect("a folder");
            fs::set_permissions(&path, fs::Permissions::from_mode(if name == "tmp" { 0o711 } else { 0o700 }))
                .expect("its mode");
            if who == Who::User {
                std::os::unix::fs::chown(&path, Some(USER), Some(USER)).expect("root may");
            }
        }
        place
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Any program as the place's user, with the place's folders.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = match self.who {
            Who::Root => Command::new(program),
            Who::User => {
                let mut command = Command::new("setpriv");
                let user = USER.to_string();
                command.args(["--reuid", &user, "--regid", &user, "--clear-groups", program]);
                command
            }
        };
        command.env("XDG_DATA_HOME", self.path("data")).env("XDG_CACHE_HOME", self.path("cache"));
        command.env("TMPDIR", self.path("tmp")).env("XDG_RUNTIME_DIR", self.path("tmp"));
        command.env("HARDEN_TEST_MARK", &self.mark).current_dir("/").stdin(Stdio::null());
        command
    }

    /// The flags that a container of this place gets before those of a test: its name, its mark, and leave for limits in
    /// part where this user has no control groups.
    pub(crate) fn flags(&self) -> Vec<String> {
        let mut flags = vec![format!("--name={}", self.mark), format!("--env=HARDEN_TEST_MARK={}", self.mark)];
        if self.who == Who::User {
            flags.push("--allow=partial-limits".to_owned());
        }
        flags
    }

    /// `harden run` with some words behind the flags.
    pub(crate) fn run(&self, words: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_harden"));
        command.arg("run").args(self.flags()).args(words);
        command
    }

    /// A container that runs: waits until it has written a line.
    pub(crate) fn begin(&self, words: &[&str]) -> Child {
        let mut command = self.run(words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("piped");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).expect("text");
        if line.is_empty() {
            panic!("nothing runs: {:?}", child.wait_with_output().map(|output| text_of(&output)));
        }
        child
    }

    /// What is there now.
    pub(crate) fn left(&self) -> Left {
        let mut left = Left::default();
        groups(Path::new("/sys/fs/cgroup"), &format!("harden.{}.", self.mark), &mut left.groups);
        for entry in fs::read_dir("/proc").expect("/proc").flatten() {
            let process = entry.path();
            let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let read = |name: &str| {
                let bytes = fs::read(process.join(name)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).replace('\0', " ")
            };
            if read("environ").contains(&format!("HARDEN_TEST_MARK={}", self.mark)) {
                left.processes.insert(format!("{number}: {}", read("cmdline")));
            }
            left.mounts.extend(read("mountinfo").lines().filter(|line| line.contains(&self.mark)).map(str::to_owned));
        }
        for folder in ["data/harden/tmp", "tmp"] {
            let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
            left.files.extend(entries.map(|entry| entry.path()));
        }
        left
    }

    /// Fails unless nothing is left; processes that are ending may take a moment.
    pub(crate) fn nothing_is_left(&self) {
        if self.left() != Left::default() {
            until_or(|| self.left() == Left::default(), || format!("{:#?}", self.left()));
        }
    }
}

impl Drop for Place {
    /// Whatever a test that fails leaves running.
    fn drop(&mut self) {
        for process in self.left().processes {
            let number = process.split(':').next().unwrap_or_default();
            let _ = Command::new("kill").args(["-KILL", number]).stderr(Stdio::null()).status();
        }
    }
}

/// Waits as [`until`] does, and says what is instead.
fn until_or(holds: impl Fn() -> bool, instead: impl Fn() -> String) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| until("it holds", &holds))).is_err() {
        panic!("left behind: {}", instead());
    }
}

fn groups(folder: &Path, prefix: &str, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)) {
                found.insert(entry.path());
            }
            groups(&entry.path(), prefix, found);
        }
    }
}

/// What a program said, on both.
pub(crate) fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
