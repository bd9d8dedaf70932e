//! The profile in the words of others: one file a target. Each says what its form can't express, so that nobody takes an
//! exported file for more than it is. What comes from an image is hostile, so each form quotes as its reader unquotes.

mod apparmor;
mod bane;
mod common;
mod compose;
pub mod docker;
mod ecs;
mod kubernetes;
mod network_policy;
mod oci;
mod quadlet;
pub mod quote;
mod seccomp;
mod selinux;
mod systemd;
mod tree;

use super::profile::Profile;

pub use apparmor::{Rules as ApparmorRules, text as apparmor_text};
pub use bane::{Error as BaneError, read as read_bane};

/// Where a profile is written for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Target {
    Docker,
    Podman,
    Compose,
    Kubernetes,
    Ecs,
    Oci,
    Seccomp,
    Apparmor,
    Selinux,
    Systemd,
    Quadlet,
}

/// What of an image a form names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// The reference that the form's reader pulls: `docker.io/library/nginx:1.27`.
    pub image: String,
    /// What the container, pod, unit or profile is called; what a form doesn't take in a name becomes `-`.
    pub name: String,
}

/// A profile in another form.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exported {
    /// Files by their names, the one to use first; others lie beside it.
    pub files: Vec<(String, String)>,
    /// What the form can't express, a sentence each, and what to do about it.
    pub notes: Vec<String>,
}

impl Target {
    /// All of them, by the names that `--to` takes.
    pub const ALL: [(&'static str, Self); 11] = [
        ("docker", Self::Docker),
        ("podman", Self::Podman),
        ("compose", Self::Compose),
        ("kubernetes", Self::Kubernetes),
        ("ecs", Self::Ecs),
        ("oci", Self::Oci),
        ("seccomp", Self::Seccomp),
        ("apparmor", Self::Apparmor),
        ("selinux", Self::Selinux),
        ("systemd", Self::Systemd),
        ("quadlet", Self::Quadlet),
    ];
}

/// Writes a profile in the form of a target.
#[must_use]
pub fn export(profile: &Profile, source: &Source, target: Target) -> Exported {
    let name = quote::label(&source.name);
    let source = &Source { image: source.image.clone(), name };
    match target {
        Target::Docker => docker::export(profile, source, docker::Client::Docker),
        Target::Podman => docker::export(profile, source, docker::Client::Podman),
        Target::Compose => compose::export(profile, source),
        Target::Kubernetes => kubernetes::export(profile, source),
        Target::Ecs => ecs::export(profile, source),
        Target::Oci => oci::export(profile),
        Target::Seccomp => seccomp::export(profile, source),
        Target::Apparmor => apparmor::export(profile, source),
        Target::Selinux => selinux::export(profile, source),
        Target::Systemd => systemd::export(profile, source),
        Target::Quadlet => quadlet::export(profile, source),
    }
}
