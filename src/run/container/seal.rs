//! The launcher's own program, out of the container's reach (CVE-2019-5736).
//!
//! A program of the image whose interpreter is `/proc/self/exe` makes the kernel execute, inside and under the image's
//! control, the file that this process is running: the launcher. Code that runs then can keep a descriptor of that file
//! and write to it once nobody executes it any more, wherever the kernel's permissions let one of the container's ids
//! write: an ordinary user's own `~/.cargo/bin/harden` is theirs inside as well.
//!
//! So where the permissions would let that happen, the last step before the program is another program: a few
//! instructions in sealed memory that do nothing but execve(2). What `/proc/self/exe` means while the program of the image
//! is being executed, is then those instructions. Everywhere else one execve(2) is saved, since the file can't be written
//! to by whoever holds it. `program` refuses such interpreters too, which is the error that people see.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use super::At as _;
use crate::run::{Error, IdMaps, IdRange, sys};

/// Whether one of the container's ids may write to the launcher's own file, or may make it so that it may.
pub(crate) fn is_needed(ids: &IdMaps) -> bool {
    // A file that can't be looked at is taken for one that may be written to.
    std::fs::metadata("/proc/self/exe").map_or(true, |file| {
        let owned = holds(&ids.uids, file.uid());
        // Write permission of a group can stand for an access control list too, so whose group it is doesn't matter.
        owned || file.mode() & 0o022 != 0
    })
}

/// The program that executes its arguments, sealed.
///
/// # Errors
/// Where memory can't be executed (`vm.memfd_noexec`), or on a processor for which there are no instructions here.
pub(crate) fn program() -> Result<OwnedFd, Error> {
    let place = || "/proc/self/exe".to_owned();
    let remedy =
        "let the program `harden` belong to root, with the mode 0755: as it is, the container could overwrite it";
    let code = CODE.ok_or("its processor is not supported").at(place, remedy)?;
    let file = memfd_create(c"exec", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).at(place, remedy)?;
    let bytes = elf(code);
    let written = rustix::io::write(&file, &bytes).at(place, remedy)?;
    if written != bytes.len() {
        return Err(Error::new(place(), "it can't be copied", remedy));
    }
    rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(0o555)).at(place, remedy)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&file, seals).at(place, remedy)?;
    Ok(file)
}

/// Executes `path` by way of the program. Comes back only with an error.
pub(crate) fn execute(program: &OwnedFd, path: &CStr, arguments: &[&CStr], environment: &[&CStr]) -> std::io::Error {
    let arguments: Vec<&CStr> = [path].into_iter().chain(arguments.iter().copied()).collect();
    let error = sys::execute(program, &arguments, environment);
    // A filter that knows only the older call has this way.
    match CString::new(format!("/proc/self/fd/{}", program.as_raw_fd())) {
        Ok(file) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
            sys::execute_path(&file, &arguments, environment)
        }
        _ => error,
    }
}

fn holds(ranges: &[IdRange], outside: u32) -> bool {
    ranges.iter().any(|range| outside.checked_sub(range.outside).is_some_and(|offset| offset < range.count))
}

/// ELF's number of the processor, and `execve(argv[0], argv + 1, envp)`, then `exit_group(126)`.
const CODE: Option<(u16, &[u8])> = if cfg!(target_arch = "x86_64") {
    Some((
        62,
        &[
            0x48, 0x8b, 0x7c, 0x24, 0x08, // mov rdi, [rsp + 8]
            0x48, 0x8d, 0x74, 0x24, 0x10, // lea rsi, [rsp + 16]
            0x48, 0x8b, 0x04, 0x24, // mov rax, [rsp]
            0x48, 0x8d, 0x54, 0xc4, 0x10, // lea rdx, [rsp + rax * 8 + 16]
            0xb8, 0x3b, 0x00, 0x00, 0x00, // mov eax, 59
            0x0f, 0x05, // syscall
            0xbf, 0x7e, 0x00, 0x00, 0x00, // mov edi, 126
            0xb8, 0xe7, 0x00, 0x00, 0x00, // mov eax, 231
            0x0f, 0x05, // syscall
        ],
    ))
} else if cfg!(all(target_arch = "aarch64", target_endian = "little")) {
    Some((
        183,
        &[
            0xe3, 0x03, 0x40, 0xf9, // ldr x3, [sp]
            0xe0, 0x07, 0x40, 0xf9, // ldr x0, [sp, #8]
            0xe1, 0x43, 0x00, 0x91, // add x1, sp, #16
            0xe2, 0x6f, 0x23, 0x8b, // add x2, sp, x3, uxtx #3
            0x42, 0x40, 0x00, 0x91, // add x2, x2, #16
            0xa8, 0x1b, 0x80, 0xd2, // mov x8, #221
            0x01, 0x00, 0x00, 0xd4, // svc #0
            0xc0, 0x0f, 0x80, 0xd2, // mov x0, #126
            0xc8, 0x0b, 0x80, 0xd2, // mov x8, #94
            0x01, 0x00, 0x00, 0xd4, // svc #0
        ],
    ))
} else {
    None
};

/// A program of one segment (elf(5)), whose stack isn't executable.
fn elf((machine, code): (u16, &[u8])) -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 2 * 56;
    let length = HEADERS + code.len() as u64;
    let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let short = |bytes: &mut Vec<u8>, value: u16| bytes.extend(value.to_le_bytes());
    let word = |bytes: &mut Vec<u8>, value: u32| bytes.extend(value.to_le_bytes());
    let long = |bytes: &mut Vec<u8>, value: u64| bytes.extend(value.to_le_bytes());
    short(&mut bytes, 2); // ET_EXEC
    short(&mut bytes, machine);
    word(&mut bytes, 1);
    for value in [BASE + HEADERS, 64, 0] {
        long(&mut bytes, value); // entry, program headers, section headers
    }
    word(&mut bytes, 0);
    for value in [64, 56, 2, 0, 0, 0] {
        short(&mut bytes, value);
    }
    word(&mut bytes, 1); // PT_LOAD
    word(&mut bytes, 5); // readable, executable
    for value in [0, BASE, BASE, length, length, 4096] {
        long(&mut bytes, value);
    }
    word(&mut bytes, 0x6474_e551); // PT_GNU_STACK
    word(&mut bytes, 6);
    for value in [0, 0, 0, 0, 0, 16] {
        long(&mut bytes, value);
    }
    bytes.extend(code);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_executes_its_arguments_and_nothing_of_it_can_be_changed() {
        let file = program().expect("sealed");
        assert!(rustix::io::write(&file, b"x").is_err());
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).expect("kept over execve");
        let run = |first: &str| {
            let mut command = std::process::Command::new(&path);
            std::os::unix::process::CommandExt::arg0(&mut command, first);
            command.args(["echo", "a", "b"]).env_clear().env("X", "1").output().expect("it runs")
        };
        let output = run("/bin/echo");
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"a b\n"[..]));
        assert_eq!(run("/absent").status.code(), Some(126));
    }

    #[test]
    fn ids_that_may_write_are_known() {
        let range = |outside| vec![IdRange { inside: 0, outside, count: 10 }];
        assert!(holds(&range(1000), 1000) && holds(&range(1000), 1009));
        assert!(!holds(&range(1000), 999) && !holds(&range(1000), 1010));
        let uid = rustix::process::geteuid().as_raw();
        assert!(is_needed(&IdMaps { uids: range(uid), gids: range(uid), ..IdMaps::default() }));
    }
}
