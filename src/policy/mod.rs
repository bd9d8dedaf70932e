//! The least privilege that an image needs: from what is known of it to a [`Profile`], each field with its reason. The
//! launcher, other runtimes and every exported form get the same profile. Knows no kernel, opens no file, starts nothing.

mod error;
mod explain;
pub mod export;
mod infer;
mod needs;
pub mod oci;
mod profile;
pub mod seccomp;
mod text;
pub mod widen;
mod wishes;

pub use error::{Error, Fault};
pub use explain::{Row, Section, explain};
pub use infer::{Host, RLIMITS, check, infer};
pub use needs::{Account, Folder, GroupLine, Needs, StartFile};
pub use profile::{
    Bind, Device, Egress, Filter, Ids, Level, Limits, Lsm, Mount, MountKind, Namespaces, Network, Profile, Protocol,
    Publish, Restart, Rlimit, Said, Tmpfs, Widening,
};
pub use wishes::{NetworkWish, Wishes};
