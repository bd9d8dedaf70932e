//! Programs that were never meant to run with another's rights: set setuid, or given `cap_setuid`, they hand whoever
//! starts them a shell or any file.

/// What a program gives to whoever may start it with another's rights. Of several the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Escape {
    /// The content of any file.
    ReadsFiles,
    /// Any content in any file, and so in `/etc/passwd`.
    WritesFiles,
    /// A shell or any other program.
    Shell,
}

/// What the program of this file name gives. Versions and variants are as the program: `python3.11`, `vim.basic`.
///
/// Written on 2026-11-25 from the programs' own manuals: those that start programs or shells, load code, or read and
/// write the files they are told to. Scripts are left out, since Linux ignores setuid on them.
#[must_use]
pub fn escape(name: &str) -> Option<Escape> {
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_'));
    let stem = name.split('.').next().unwrap_or(name);
    [name, plain, stem].into_iter().find_map(exact)
}

fn exact(name: &str) -> Option<Escape> {
    // Loaders run what they are told: `ld-linux-x86-64.so.2`, `ld-musl-x86_64.so.1`.
    if name.starts_with("ld-linux") || name.starts_with("ld-musl-") {
        return Some(Escape::Shell);
    }
    let tables = [(SHELL, Escape::Shell), (WRITES, Escape::WritesFiles), (READS, Escape::ReadsFiles)];
    tables.iter().find(|(names, _)| names.binary_search(&name).is_ok()).map(|(_, escape)| *escape)
}

#[rustfmt::skip]
const SHELL: &[&str] = &[
    "ash", "awk", "bash", "bpftrace", "bun", "busybox", "bwrap", "capsh", "chroot", "chrt", "clisp", "cpulimit",
    "crash", "csh", "ctr", "dash", "deno", "docker", "dpkg", "ed", "elvish", "emacs", "env", "erl", "ex", "expect",
    "find", "fish", "flock", "ftp", "gawk", "gcc", "gdb", "gdbserver", "ghci", "gimp", "git", "go", "gtester", "guile",
    "gvim", "hping", "ionice", "ip", "java", "joe", "jrunscript", "jshell", "julia", "ksh", "kubectl", "less", "lftp",
    "logsave", "ltrace", "lua", "luajit", "luatex", "make", "mawk", "mc", "mksh", "more", "mysql", "nano", "nawk",
    "nc", "ncat", "ncftp", "netcat", "nice", "nmap", "node", "nodejs", "nohup", "nsenter", "nvim", "ocaml", "octave",
    "openvpn", "original-awk", "perf", "perl", "pexec", "pg", "php", "pic", "podman", "posh", "psql", "pwsh", "pypy",
    "python", "rbash", "rc", "restic", "rlwrap", "rpm", "rsh", "rsync", "ruby", "run-parts", "rview", "rvim", "sash",
    "scp", "screen", "script", "sed", "setarch", "setpriv", "setsid", "sftp", "sh", "slsh", "socat", "split", "sqlite",
    "sqlite3", "ssh", "start-stop-daemon", "stdbuf", "strace", "systemctl", "tar", "taskset", "tclsh", "tcpdump",
    "tcsh", "telnet", "time", "timeout", "tmux", "toybox", "unshare", "valgrind", "vi", "view", "vim", "vimdiff",
    "watch", "wget", "wish", "xargs", "xterm", "yash", "zip", "zsh",
];

#[rustfmt::skip]
const WRITES: &[&str] = &[
    "7z", "7za", "7zz", "ar", "aria2c", "bsdtar", "chgrp", "chmod", "chown", "cp", "cpio", "curl", "dd", "ginstall",
    "iconv", "install", "ln", "mv", "openssl", "patch", "setcap", "setfacl", "shuf", "sort", "tee", "uniq", "unzip",
    "xxd",
];

#[rustfmt::skip]
const READS: &[&str] = &[
    "base32", "base64", "basenc", "bzip2", "cat", "cmp", "column", "comm", "cut", "diff", "dig", "egrep", "expand",
    "fgrep", "file", "fmt", "fold", "grep", "gzip", "hd", "head", "hexdump", "join", "jq", "look", "nl", "nm",
    "objdump", "od", "paste", "pr", "ptx", "readelf", "rev", "rg", "strings", "sum", "tac", "tail", "tbl", "troff",
    "ul", "unexpand", "uuencode", "wc", "xz", "yq", "zstd",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_with_and_without_a_version() {
        let shells = [
            "bash",
            "python3.11",
            "python3",
            "perl5.36.0",
            "vim.basic",
            "busybox",
            "nc.openbsd",
            "node",
            "sqlite3",
            "ruby3.1",
            "ld-linux-x86-64.so.2",
            "lua5.4",
            "php8.2",
            "tclsh8.6",
            "busybox.static",
            "dash",
        ];
        for name in shells {
            assert_eq!(escape(name), Some(Escape::Shell), "{name}");
        }
        assert_eq!(escape("cp"), Some(Escape::WritesFiles));
        assert_eq!(escape("cat"), Some(Escape::ReadsFiles));
        for name in ["su", "sudo", "passwd", "ping", "ping6", "mount", "", "3", ".", "unix_chkpwd", "app", "newgrp"] {
            assert_eq!(escape(name), None, "{name}");
        }
    }

    #[test]
    fn the_tables_are_in_order_and_name_each_once() {
        for names in [SHELL, WRITES, READS] {
            assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        }
        assert!(!SHELL.iter().any(|name| WRITES.contains(name) || READS.contains(name)));
        assert!(!WRITES.iter().any(|name| READS.contains(name)));
    }
}
