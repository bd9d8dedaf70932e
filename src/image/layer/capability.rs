//! File capabilities: the extended attribute `security.capability`, `struct vfs_cap_data` of linux/capability.h.

/// Capabilities that a file gives to the process that executes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileCapabilities {
    /// What the process gets whatever it had: names as `cap_net_raw`; `cap_63` for numbers that have no name yet.
    pub permitted: Vec<String>,
    /// What it keeps if it had it.
    pub inheritable: Vec<String>,
    /// Whether they are in force at once, without the program asking.
    pub effective: bool,
    /// The user whose user namespace they count in (revision 3); `None` for the initial one.
    pub root_id: Option<u32>,
}

/// Names by number, capabilities(7), Linux 6.12.
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// Decodes the value of `security.capability`, revisions 1 to 3; `None` where it is none of them, which the kernel
/// ignores.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<FileCapabilities> {
    const EFFECTIVE: u32 = 1;
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at * 4..at * 4 + 4)?.try_into().ok()?));
    let magic = word(0)?;
    let (words, length) = match magic & 0xff00_0000 {
        0x0100_0000 => (1, 12),
        0x0200_0000 => (2, 20),
        0x0300_0000 => (2, 24),
        _ => return None,
    };
    if bytes.len() != length {
        return None;
    }
    let set = |offset: usize| {
        let mut bits = 0;
        for at in 0..words {
            bits |= u64::from(word(1 + 2 * at + offset)?) << (32 * at);
        }
        Some(names(bits))
    };
    Some(FileCapabilities {
        permitted: set(0)?,
        inheritable: set(1)?,
        effective: magic & EFFECTIVE != 0,
        root_id: if length == 24 { word(5) } else { None },
    })
}

fn names(bits: u64) -> Vec<String> {
    let name = |number: usize| NAMES.get(number).map_or_else(|| format!("cap_{number}"), |name| (*name).to_owned());
    (0..64).filter(|number| bits >> number & 1 == 1).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::decode;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn all_revisions_are_decoded() {
        let one = decode(&words(&[0x0100_0001, 1 << 7, 0])).expect("revision 1");
        assert_eq!((one.permitted, one.effective, one.root_id), (vec!["cap_setuid".to_owned()], true, None));
        let two = decode(&words(&[0x0200_0000, 1 << 13 | 1, 1 << 10, 1 << 6, 1 << 8])).expect("revision 2");
        assert_eq!(two.permitted, ["cap_chown", "cap_net_raw", "cap_perfmon"]);
        assert_eq!(two.inheritable, ["cap_net_bind_service", "cap_checkpoint_restore"]);
        assert!(!two.effective);
        let three = decode(&words(&[0x0300_0001, 1 << 21, 0, 0, 0, 100_000])).expect("revision 3");
        assert_eq!((three.permitted, three.root_id), (vec!["cap_sys_admin".to_owned()], Some(100_000)));
        let new = decode(&words(&[0x0200_0001, 0, 0, 1 << 31, 0])).expect("revision 2");
        assert_eq!(new.permitted, ["cap_63"]);
    }

    #[test]
    fn what_the_kernel_ignores_is_none() {
        for bytes in [words(&[]), words(&[0x0400_0001, 0, 0]), words(&[0x0200_0001, 0, 0]), vec![1, 0, 0]] {
            assert_eq!(decode(&bytes), None, "{bytes:?}");
        }
    }
}
