//! Linux security modules: what the launcher asks AppArmor, SELinux and Landlock for.

use oci_spec::runtime::Spec;

use crate::run::Error;

/// What a container's process does to itself before its program is executed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LsmPlan {
    /// AppArmor profile that the program gets at execve(2).
    pub apparmor: Option<String>,
    /// SELinux label that the program gets at execve(2).
    pub selinux: Option<String>,
    /// The context= option for each mount that is made, where SELinux labels them.
    pub mount_label: Option<String>,
}

/// What is in force then: [`LsmPlan::state`] tells it before, [`apply`] after.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LsmState {
    /// AppArmor profile.
    pub apparmor: Option<String>,
    /// SELinux label.
    pub selinux: Option<String>,
    /// Landlock's ABI version as far as it is used.
    pub landlock: Option<u32>,
}

/// In the launcher: decides what is applied, by the specification (`process.apparmorProfile`, `process.selinuxLabel`,
/// `linux.mountLabel`, mounts) and whether Landlock is wanted, for which it has no word.
///
/// # Errors
/// What is asked for and the kernel hasn't got.
pub fn prepare(_spec: &Spec, _landlock: bool) -> Result<LsmPlan, Error> {
    Ok(LsmPlan::default())
}

/// In the container's process: in its tree with all mounts made, after no-new-privileges, before the filter of calls.
///
/// # Errors
/// Whatever of the plan can't be put in force.
pub fn apply(plan: &LsmPlan) -> Result<LsmState, Error> {
    Ok(plan.state())
}

impl LsmPlan {
    /// What will be in force when [`apply`] succeeds.
    #[must_use]
    pub fn state(&self) -> LsmState {
        LsmState::default()
    }
}
