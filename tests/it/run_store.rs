//! The store of `harden run`: what is unpacked, by whom and for whom, and what is left when something goes wrong.

mod forms;
mod hostile;
mod life;
mod pull;
mod started;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use harden::image::source::Request;
use harden::image::{Limits, Reference, Wanted};
use harden::run::ids::Caller;
use harden::run::store::{Store, Stored};
use harden::run::{Pull, sys};
use rustix::process::{Gid, Uid, WaitOptions};

use crate::support::launch::{USER, pretend_accounts};
use crate::support::skip;

/// Whether this is root, whom ids can be changed for; else a skip.
fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip("needs root");
    }
    root
}

/// A caller with one id.
fn one_id() -> Caller {
    Caller { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw(), ..Caller::default() }
}

/// Root, who has all ids.
fn root() -> Caller {
    Caller { all_ids: true, ..Caller::default() }
}

/// A store in a folder, for a caller.
fn store(data: &Path, caller: &Caller) -> Store {
    Store::open(data, caller).expect("a store")
}

/// Asks a store for an image.
fn prepare(store: &Store, reference: &str) -> Result<Stored, String> {
    prepare_with(store, reference, Pull::Missing, |_| {})
}

fn prepare_with(
    store: &Store,
    reference: &str,
    pull: Pull,
    change: impl FnOnce(&mut Request<'_>),
) -> Result<Stored, String> {
    let (parsed, wanted, limits) =
        (Reference::parse(reference).expect(reference), Wanted::default(), Limits::default());
    let mut request = Request::new(reference, &parsed, &wanted, &limits);
    request.platform = Some("linux/amd64");
    change(&mut request);
    store.prepare(&request, pull).map_err(|error| error.to_string())
}

/// The names in a folder of a store.
fn names(data: &Path, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(data.join("harden").join(folder)).expect("a store's folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().into_string().expect("ours")).collect();
    names.sort();
    names
}

/// What a file is.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    kind: char,
    mode: u32,
    owner: (u32, u32),
    names: u64,
    modified: i64,
    /// Content of a file, target of a link.
    content: Vec<u8>,
}

/// All that is below a folder, the folder too, by its path in bytes.
fn list(root: &Path) -> BTreeMap<Vec<u8>, Seen> {
    let mut found = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(path) = pending.pop() {
        let stat = fs::symlink_metadata(&path).expect("it is there");
        let (kind, content) = match stat.file_type() {
            kind if kind.is_dir() => {
                pending.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("readable").path()));
                ('d', Vec::new())
            }
            kind if kind.is_symlink() => {
                ('l', fs::read_link(&path).expect("a link").into_os_string().as_bytes().to_vec())
            }
            kind if kind.is_file() => ('f', fs::read(&path).expect("readable")),
            _ => ('o', Vec::new()),
        };
        let seen = Seen {
            kind,
            mode: stat.permissions().mode() & 0o7777,
            owner: (stat.uid(), stat.gid()),
            names: if kind == 'd' { 1 } else { stat.nlink() },
            modified: stat.mtime(),
            content,
        };
        found.insert(path.strip_prefix(root).expect("below").as_os_str().as_bytes().to_vec(), seen);
    }
    found
}

/// Writes an archive to a folder, and gives what names it.
fn saved(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("its mode");
    format!("docker-archive:{}", path.display())
}

/// Who a process of a test is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Who {
    /// Root.
    Root,
    /// An ordinary user with one id.
    User,
    /// An ordinary user to whom /etc/subuid and /etc/subgid give ranges.
    Given,
}

/// Work in a process of its own, with one thread, which runs.
struct Apart {
    pid: rustix::process::Pid,
    answer: fs::File,
}

/// Starts work in a process of its own.
fn begin(who: Who, work: impl FnOnce() -> String) -> Apart {
    let (answer, reply) = rustix::pipe::pipe().expect("a pipe");
    if let Some(pid) = sys::fork().expect("a process") {
        return Apart { pid, answer: answer.into() };
    }
    drop(answer);
    // Locks of the process that this is a copy of may be held for ever; what went wrong is told by the answer.
    std::panic::set_hook(Box::new(|_| {}));
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        if who == Who::Given {
            pretend_accounts();
        }
        if who != Who::Root {
            let (uid, gid) = (Uid::from_raw(USER), Gid::from_raw(USER));
            rustix::thread::set_thread_groups(&[]).expect("no groups");
            rustix::thread::set_thread_res_gid(gid, gid, gid).expect("the group");
            rustix::thread::set_thread_res_uid(uid, uid, uid).expect("the user");
            // As after an execve, which a user's process has behind it.
            rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).expect("dumpable");
        }
        work()
    }));
    let text = done.as_ref().map_or_else(
        |panic| match panic.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => format!("{:?}", panic.downcast_ref::<&str>()),
        },
        Clone::clone,
    );
    let _ = fs::File::from(reply).write_all(text.as_bytes());
    sys::exit_now(i32::from(done.is_err()))
}

impl Apart {
    /// What it answers in the end.
    fn end(mut self) -> String {
        let mut text = String::new();
        self.answer.read_to_string(&mut text).expect("text");
        let (_, status) =
            rustix::process::waitpid(Some(self.pid), WaitOptions::empty()).expect("it is ours").expect("ended");
        assert_eq!(status.exit_status(), Some(0), "{text}");
        text
    }
}

/// Does work in a process of its own.
fn apart(who: Who, work: impl FnOnce() -> String) -> String {
    begin(who, work).end()
}

/// A folder that the ordinary user of tests may write to.
fn user_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("its mode");
    folder
}

/// The file system of the only image of a store.
fn only_root(data: &Path) -> PathBuf {
    let images = names(data, "images");
    assert_eq!(images.len(), 1, "{images:?}");
    data.join("harden/images").join(&images[0]).join("rootfs")
}
