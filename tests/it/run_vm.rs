//! What this machine can't show or could be hurt by: in the virtual machine, by this same program.

use crate::support::{figure, vm};

/// The tests that run there too, each list a run of the test program. Control groups of version 2 have no rules for devices
/// in files, and Debian's kernel is older than Landlock's bounds for signals.
const RUNS: [&str; 2] = [
    "--test-threads=2 run_cgroup:: run_lsm:: --skip a_device_that_may_only --skip processes_outside_get_no_signals",
    "--test-threads=1 --nocapture run_attempts::every run_vm::",
];

#[test]
fn in_a_virtual_machine_all_of_it_holds() {
    if vm::inside() {
        return;
    }
    let Some(output) = vm::boot(&RUNS) else { return };
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    // A filter that matches nothing is no success.
    assert_eq!(text.matches("test result: ok. ").count(), RUNS.len(), "{text}");
    text.lines()
        .filter(|line| line.starts_with("attempts "))
        .for_each(|line| figure(&format!("virtual machine: {line}")));
}
