//! Pipes that the program gets as its standard descriptors. They belong to who made them, and a program of another user may
//! not open `/dev/stderr` again; servers that log there do.

use std::os::fd::BorrowedFd;

use rustix::fs::{Gid, Uid, fchown, fstatfs};

/// linux/magic.h: pipes without a name. Files and pipes of folders stay whose they are.
const PIPEFS_MAGIC: u64 = 0x5049_5045;

/// Gives them to a user and a group, as runc does. Where this process may not, the program has them as they are.
pub(crate) fn give(uid: u32, gid: u32) {
    let standard: [BorrowedFd<'_>; 3] = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
    for fd in standard {
        if fstatfs(fd).is_ok_and(|of| of.f_type as u64 == PIPEFS_MAGIC) {
            let _ = fchown(fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        }
    }
}
