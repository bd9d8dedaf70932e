//! The least privilege that an image needs: from what is known of it to a [`Profile`], each field with its reason. The
//! launcher, other runtimes and every exported form get the same profile. Knows no kernel, opens no file, starts nothing.

pub mod export;
mod needs;
pub mod oci;
mod profile;
mod wishes;

pub use needs::{Account, GroupLine, Needs, StartFile};
pub use profile::{
    Bind, Egress, Filter, Ids, Level, Limits, Lsm, Mount, MountKind, Namespaces, Network, Profile, Protocol, Publish,
    Restart, Rlimit, Said, Tmpfs, Widening,
};
pub use wishes::{NetworkWish, Wishes};
