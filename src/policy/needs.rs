//! What of an image decides which privileges its container gets: plain data, small enough to be kept beside an unpacked
//! image so that a later start reads no layer.

mod gather;

use serde::{Deserialize, Serialize};

/// What the profile is made from.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Needs {
    /// `architecture` of the configuration, Go's name: `amd64`.
    pub architecture: String,
    /// `os` of the configuration: `linux`.
    pub os: String,
    /// `config.User`, as written.
    pub user: String,
    /// `config.Env`, `KEY=VALUE`.
    pub env: Vec<String>,
    /// `config.Entrypoint`; `None` where absent.
    pub entrypoint: Option<Vec<String>>,
    /// `config.Cmd`; `None` where absent.
    pub cmd: Option<Vec<String>>,
    /// `config.WorkingDir`.
    pub working_dir: String,
    /// Keys of `config.ExposedPorts`: `8080/tcp`.
    pub exposed_ports: Vec<String>,
    /// Keys of `config.Volumes`, absolute paths.
    pub volumes: Vec<String>,
    /// `config.StopSignal`.
    pub stop_signal: Option<String>,
    /// The lines of `/etc/passwd` that are well formed.
    pub accounts: Vec<Account>,
    /// The lines of `/etc/group` that are well formed.
    pub groups: Vec<GroupLine>,
    /// Absolute paths of visible SUID and SGID files.
    pub setid: Vec<String>,
    /// Absolute paths of visible files with capabilities (capabilities(7), `security.capability`).
    pub capable: Vec<String>,
    /// Whether any visible file is a 32-bit ELF program or library, so that the 32-bit system calls are needed.
    pub has_32_bit: bool,
    /// What is executed at the start, first to last, as far as it can be told.
    pub start: Vec<StartFile>,
    /// Absolute paths of visible folders that users other than root may write to, or that belong to a user that is not
    /// root, the outermost only: `/tmp`, `/var/lib/app`.
    pub writable: Vec<String>,
    /// Absolute paths of visible folders where programs of the field write at run time, those that exist: `/run`,
    /// `/var/run`, `/var/cache/nginx`, `/var/log`.
    pub run_time: Vec<String>,
    /// What is known of each folder of `volumes`, `run_time`, `writable` and of the accounts' homes that exists.
    pub folders: Vec<Folder>,
    /// The highest uid and gid that owns a visible file.
    pub highest_id: u32,
    /// What each folder that the start file lies in or that it works in (the working directory, the volumes) belongs to:
    /// path, uid, gid.
    pub owners: Vec<(String, u32, u32)>,
}

/// A line of `/etc/passwd` (passwd(5)).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
}

/// A line of `/etc/group` (group(5)).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct GroupLine {
    pub name: String,
    pub gid: u32,
    pub members: Vec<String>,
}

/// A file that is executed at the start.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct StartFile {
    /// Its absolute path, symlinks followed.
    pub path: String,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// A folder that a container may want to write in.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Folder {
    /// Its absolute path, symlinks followed.
    pub path: String,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its mode.
    pub mode: u16,
    /// Bytes of the files in it, folders below too.
    pub bytes: u64,
    /// Names in it, folders below too.
    pub entries: u64,
    /// Whether a program is among them: a file with a right to execute it.
    pub programs: bool,
}
