//! What calls have to do with paths, and how their arguments say it.

use std::fmt;

use serde::Serialize;

use crate::run::sys::Notification;

/// What is done to a path.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Operation {
    Read,
    Write,
    /// Makes what isn't there: a file, folder, link, or new name.
    Create,
    Remove,
    Execute,
    /// Mode, times, attributes.
    Change,
    /// Owner.
    Own,
}

/// A path that a call names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    pub(super) operation: Operation,
    /// Descriptor of the folder that it starts at; `None` for the working directory.
    pub(super) folder: Option<i32>,
    /// Where its text is in the caller's memory.
    pub(super) address: u64,
    /// Where a `struct open_how` says what is done.
    pub(super) how: Option<u64>,
    /// Whether a link at its end is what is meant.
    pub(super) link: bool,
}

use Operation::{Change, Create, Execute, Own, Read, Remove, Write};

/// Calls, and the paths they name: the argument of the folder, that of the path, what is done, and whether to a link itself.
type Row = (&'static str, &'static [(Option<usize>, usize, Operation, bool)]);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // What these three do, their flags say.
    ("open", &[(None, 0, Read, false)]),
    ("openat", &[(Some(0), 1, Read, false)]),
    ("openat2", &[(Some(0), 1, Read, false)]),
    ("creat", &[(None, 0, Write, false)]),
    ("truncate", &[(None, 0, Write, false)]),
    ("truncate64", &[(None, 0, Write, false)]),
    ("mkdir", &[(None, 0, Create, true)]),
    ("mkdirat", &[(Some(0), 1, Create, true)]),
    ("mknod", &[(None, 0, Create, true)]),
    ("mknodat", &[(Some(0), 1, Create, true)]),
    ("symlink", &[(None, 1, Create, true)]),
    ("symlinkat", &[(Some(1), 2, Create, true)]),
    ("link", &[(None, 1, Create, true)]),
    ("linkat", &[(Some(2), 3, Create, true)]),
    ("rename", &[(None, 0, Remove, true), (None, 1, Create, true)]),
    ("renameat", &[(Some(0), 1, Remove, true), (Some(2), 3, Create, true)]),
    ("renameat2", &[(Some(0), 1, Remove, true), (Some(2), 3, Create, true)]),
    ("rmdir", &[(None, 0, Remove, true)]),
    ("unlink", &[(None, 0, Remove, true)]),
    ("unlinkat", &[(Some(0), 1, Remove, true)]),
    ("execve", &[(None, 0, Execute, false)]),
    ("execveat", &[(Some(0), 1, Execute, false)]),
    ("chmod", &[(None, 0, Change, false)]),
    ("fchmodat", &[(Some(0), 1, Change, false)]),
    ("fchmodat2", &[(Some(0), 1, Change, false)]),
    ("chown", &[(None, 0, Own, false)]),
    ("chown32", &[(None, 0, Own, false)]),
    ("lchown", &[(None, 0, Own, true)]),
    ("lchown32", &[(None, 0, Own, true)]),
    ("fchownat", &[(Some(0), 1, Own, false)]),
    ("setxattr", &[(None, 0, Change, false)]),
    ("lsetxattr", &[(None, 0, Change, true)]),
    ("removexattr", &[(None, 0, Change, false)]),
];

/// The calls that name a path, which the filter asks about though they are allowed.
pub(crate) fn path_calls() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|(name, _)| *name)
}

/// The paths that a call names.
pub(super) fn operands(name: &str, call: &Notification) -> Vec<Operand> {
    let argument = |index: usize| call.arguments.get(index).copied().unwrap_or(0);
    let row = ROWS.iter().find(|(one, _)| *one == name).map_or(&[][..], |(_, row)| row);
    let operand = |(folder, path, operation, link): &(Option<usize>, usize, Operation, bool)| Operand {
        operation: match name {
            "open" => of_flags(argument(1)),
            "openat" => of_flags(argument(2)),
            _ => *operation,
        },
        folder: folder.map(|index| argument(index) as u32).map(u32::cast_signed).filter(|fd| *fd != libc::AT_FDCWD),
        address: argument(*path),
        how: (name == "openat2").then(|| argument(2)),
        link: *link,
    };
    row.iter().map(operand).collect()
}

/// What open(2) does.
pub(super) fn of_flags(flags: u64) -> Operation {
    let flags = (flags & 0xffff_ffff) as u32;
    let has = |flag: i32| flags & flag.cast_unsigned() != 0;
    // A descriptor of a path reads and writes nothing.
    if !has(libc::O_PATH) && (has(libc::O_ACCMODE) || has(libc::O_TRUNC) || has(libc::O_CREAT)) { Write } else { Read }
}

/// The argument that decides what a call does, where that isn't its name alone.
pub(super) fn decisive(name: &str) -> Option<usize> {
    match name {
        "clone" | "socket" | "socketcall" | "ipc" | "personality" | "unshare" | "prctl" | "keyctl" | "bpf" => Some(0),
        "ioctl" | "fcntl" => Some(1),
        _ => None,
    }
}

/// An error by its name (errno(3)).
pub(super) fn errno(number: i32) -> String {
    let name = match number {
        libc::EPERM => "EPERM",
        libc::ENOENT => "ENOENT",
        libc::EACCES => "EACCES",
        libc::EINVAL => "EINVAL",
        libc::ENOSYS => "ENOSYS",
        libc::EOPNOTSUPP => "EOPNOTSUPP",
        libc::EAFNOSUPPORT => "EAFNOSUPPORT",
        other => return format!("errno {other}"),
    };
    name.to_owned()
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Read => "read",
            Write => "write",
            Create => "create",
            Remove => "remove",
            Execute => "execute",
            Change => "change the mode or attributes of",
            Own => "change the owner of",
        })
    }
}
