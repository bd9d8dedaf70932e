//! SELinux (selinux(8)): the label that the program gets at its start.

use super::write_attribute;
use crate::run::Error;

/// Whether a label can be applied. Gives what is to be told of it.
pub(super) fn check(label: &str) -> Result<Option<String>, Error> {
    let place = || format!("SELinux label {label}");
    let Ok(enforcing) = std::fs::read_to_string("/sys/fs/selinux/enforce") else {
        return Err(Error::new(place(), "this kernel has no SELinux, or it is off", "leave the label out"));
    };
    // A comma or quote would end the label in a mount's options.
    if label.split(':').count() < 3 || label.contains(|c: char| c.is_control() || c == '"') {
        return Err(Error::new(place(), "is no label", "write it as USER:ROLE:TYPE:LEVEL"));
    }
    let permissive = enforcing.trim() != "1";
    Ok(permissive.then(|| "SELinux is permissive: it refuses nothing".to_owned()))
}

/// Lets the program get the label at its start.
pub(super) fn apply(label: &str) -> Result<(), Error> {
    write_attribute(&["exec"], label)
}
