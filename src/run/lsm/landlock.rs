//! Landlock (landlock(7)): files of the container's tree may be read and executed, and written beneath what is mounted
//! to be written; nothing else may be opened by path, such as what a leaked descriptor of the host's leads to; signals
//! and abstract sockets reach nobody outside. It holds where a mount or an id would have let something pass.
//!
//! What the network namespace holds already is not repeated here: programs listen and connect on their loopback.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope,
};
use oci_spec::runtime::Spec;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;

use crate::run::Error;

/// What is applied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Landlock {
    version: Version,
    /// Beneath which files are written, made and removed.
    writable: Vec<PathBuf>,
    /// Whether the process has given up new privileges; one that hasn't needs `CAP_SYS_ADMIN`.
    no_new_privileges: bool,
}

/// A version of the interface, and what of it is tried here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Version {
    number: u32,
    abi: ABI,
}

/// The versions that add a restriction which is used here, the latest first.
const VERSIONS: [Version; 5] = [
    Version { number: 6, abi: ABI::V6 },
    Version { number: 5, abi: ABI::V5 },
    Version { number: 3, abi: ABI::V3 },
    Version { number: 2, abi: ABI::V2 },
    Version { number: 1, abi: ABI::V1 },
];

/// Beneath /dev devices are written, also where nothing can be made there.
const DEVICES: &str = "/dev";

/// What the kernel can do for this container; `None` where it has no Landlock.
pub(super) fn plan(spec: &Spec) -> Option<Landlock> {
    let version = VERSIONS.into_iter().find(|version| can(*version))?;
    let mut writable = Vec::new();
    if spec.root().as_ref().and_then(|root| root.readonly()) != Some(true) {
        writable.push(PathBuf::from("/"));
    }
    for mount in spec.mounts().iter().flatten() {
        // The last of contrary words counts.
        let word = mount.options().iter().flatten().rev().find(|word| matches!(word.as_str(), "ro" | "rro" | "rw"));
        if word.is_none_or(|word| word == "rw") {
            writable.push(mount.destination().clone());
        }
    }
    let process = spec.process().as_ref();
    let no_new_privileges = process.and_then(|process| process.no_new_privileges()) == Some(true);
    Some(Landlock { version, writable, no_new_privileges })
}

/// Puts it in force for this process and all that it will start.
pub(super) fn apply(landlock: &Landlock) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::new("landlock", error.to_string(), "report it, or set `landlock = false` in the profile")
    };
    let rules = rules(landlock, CompatLevel::HardRequirement).map_err(|error| failed(&error))?;
    let mut rules = rules.create().map_err(|error| failed(&error))?.no_new_privs(landlock.no_new_privileges);
    for (file, access) in allowed(landlock)? {
        rules = rules.add_rule(PathBeneath::new(file, access)).map_err(|error| failed(&error))?;
    }
    let status = rules.restrict_self().map_err(|error| failed(&error))?;
    if status.ruleset == RulesetStatus::FullyEnforced {
        return Ok(());
    }
    Err(failed(&"the kernel has put it in force in part only"))
}

/// The version whose restrictions are in force.
pub(super) fn version(landlock: &Landlock) -> u32 {
    landlock.version.number
}

/// Whether the kernel has all of a version.
fn can(version: Version) -> bool {
    let none = Landlock { version, writable: Vec::new(), no_new_privileges: true };
    rules(&none, CompatLevel::HardRequirement).is_ok()
}

/// What is denied unless a rule allows it.
fn rules(landlock: &Landlock, level: CompatLevel) -> Result<Ruleset, landlock::RulesetError> {
    let abi = landlock.version.abi;
    let rules = Ruleset::default().set_compatibility(level).handle_access(AccessFs::from_all(abi))?;
    let scopes = Scope::from_all(abi);
    if scopes.is_empty() { Ok(rules) } else { rules.scope(scopes) }
}

/// Files and folders, and what is allowed of them and beneath them.
fn allowed(landlock: &Landlock) -> Result<Vec<(OwnedFd, BitFlags<AccessFs>)>, Error> {
    let abi = landlock.version.abi;
    let read = AccessFs::from_read(abi);
    // Devices are never made; renaming from folder to folder is a right of its own, which programs expect.
    let write = AccessFs::from_write(abi) & !(AccessFs::MakeChar | AccessFs::MakeBlock);
    let of_files = AccessFs::from_file(abi);
    let devices = read | (write & of_files);
    let places = landlock.writable.iter().map(|path| (path.as_path(), read | write));
    let mut found = Vec::new();
    for (path, access) in [(Path::new("/"), read), (Path::new(DEVICES), devices)].into_iter().chain(places) {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let ways = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match openat2(CWD, path, flags, Mode::empty(), ways) {
            Ok(file) => found.push((file, access)),
            // What this user can't reach the program can't either; and not every container has a /dev.
            Err(Errno::ACCESS) => {}
            Err(Errno::NOENT | Errno::LOOP) if path == Path::new(DEVICES) => {}
            Err(error) => {
                let place = format!("landlock {}", path.display());
                return Err(Error::new(place, error.to_string(), "name a folder that is no link"));
            }
        }
    }
    // What the program is given from outside as its standard files it may open again by /proc/self/fd; a folder isn't.
    for given in [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()] {
        if let Ok(given) = given.as_fd().try_clone_to_owned() {
            found.push((given, devices & of_files));
        }
    }
    // The kernel takes no rights of folders for a file, and no rule for what no path leads to: a pipe, a socket.
    let mut rules = Vec::new();
    for (file, access) in found {
        match fstat(&file).map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Ok(FileType::Directory) if access.contains(AccessFs::ReadDir) => rules.push((file, access)),
            Ok(FileType::RegularFile | FileType::CharacterDevice) => rules.push((file, access & of_files)),
            _ => {}
        }
    }
    Ok(rules)
}
