//! The virtual machine of `tests/vm`: this very test program runs in it again, where the kernel is Debian's, control
//! groups are version 2 only, AppArmor is on, and nothing that succeeds hurts anybody.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{root, skip};

/// The variable that the test program finds in the virtual machine.
const INSIDE: &str = "HARDEN_TEST_VM";

/// Where the program of `testdata/attempts` is in it.
pub(crate) const ATTEMPTS: &str = "/payload/attempts";

/// The ordinary user there, who has 65,536 ids more to give by newuidmap(1).
pub(crate) const USER: u32 = 1000;

/// Whether this is the virtual machine.
pub(crate) fn inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs tests of this program in the virtual machine, in one boot: each word list is a run of its own. `None` after a skip.
pub(crate) fn boot(runs: &[&str]) -> Option<Output> {
    let folder = root().join("target/tools/vm");
    let script = |name: &str| root().join("tests/vm").join(name);
    // What the machine is made of, and what starts it.
    let built = Command::new("bash").arg(script("build.sh")).arg(&folder).output();
    let failed = match built {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    };
    let has =
        |program: &str| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    let missing = ["qemu-system-x86_64", "strip"].into_iter().find(|program| !has(program));
    if let Some(why) = failed.or(missing.map(|program| format!("{program} is missing"))) {
        skip(&format!("no virtual machine ({why}); install the packages that .ci/run names"));
        return None;
    }
    let attempts = super::attempts::program()?;
    let work = tempfile::tempdir().expect("a folder");
    let harden = Path::new(env!("CARGO_BIN_EXE_harden"));
    let own = std::env::current_exe().expect("this program");
    let (small, tests) = (stripped(harden, work.path()), stripped(&own, work.path()));
    // Nothing is skipped in there: what is missing in the virtual machine is a fault.
    let mut lines = vec![
        format!("mkdir -p {}", harden.parent().expect("a folder").display()),
        format!("ln -s /payload/harden {}", harden.display()),
        format!("export {INSIDE}=1 HARDEN_TEST_ALL=1 RUST_BACKTRACE=0"),
        // As on most machines; attempts use that many where nothing bounds them.
        "ulimit -n 20000; set -e".to_owned(),
    ];
    lines.extend(runs.iter().map(|run| format!("/payload/tests {run}")));
    let file = work.path().join("script");
    std::fs::write(&file, lines.join("\n") + "\n").expect("a script");
    let mut command = Command::new("bash");
    command.arg(script("run.sh")).arg(&folder).arg(file);
    // A minute where nothing else runs; other tests do.
    command.env("VM_SECONDS", "900");
    for (path, place) in [(&small, "harden"), (&tests, "tests"), (&attempts, "attempts")] {
        command.arg(format!("{}={place}", path.display()));
    }
    Some(command.output().expect("bash"))
}

/// A copy of a program without what debuggers want, which is most of it.
fn stripped(program: &Path, folder: &Path) -> PathBuf {
    let to = folder.join(program.file_name().expect("a name"));
    let output = Command::new("strip").arg("-o").arg(&to).arg(program).output().expect("strip runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    to
}

/// A script for a shell that becomes the ordinary user in a group of version 2 that is theirs, as a manager of services
/// delegates one, and executes its words; the group is made where it isn't there. Busybox's shell would take its own
/// setpriv.
pub(crate) fn in_delegated_group(name: &str) -> String {
    format!(
        "set -e; group=/sys/fs/cgroup/delegated{name}; mkdir -p $group; \
         for file in . cgroup.procs cgroup.subtree_control cgroup.threads; do chown {USER}:{USER} $group/$file; done; \
         echo 0 >$group/cgroup.procs; \
         exec /usr/bin/setpriv --reuid={USER} --regid={USER} --clear-groups env HOME=/home/user \"$@\""
    )
}
