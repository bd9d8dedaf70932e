//! Names of programs that serve an intruder more than a service.

/// What a tool is for. The order is the one they are told in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Group {
    Compiler,
    Debugger,
    Network,
    Service,
    PackageManager,
    Shell,
}

impl Group {
    /// A label's first words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Compiler => "compilers and build tools",
            Self::Debugger => "debuggers and tracers",
            Self::Network => "network tools",
            Self::Service => "services of a whole machine",
            Self::PackageManager => "package managers",
            Self::Shell => "shells",
        }
    }

    /// So many of the group.
    pub(super) fn counted(self, count: usize) -> String {
        let (one, many) = match self {
            Self::Compiler => ("compiler or build tool", "compilers and build tools"),
            Self::Debugger => ("debugger or tracer", "debuggers and tracers"),
            Self::Network => ("network tool", "network tools"),
            Self::Service => ("service of a whole machine", "services of a whole machine"),
            Self::PackageManager => ("package manager", "package managers"),
            Self::Shell => ("shell", "shells"),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }

    /// Whether every distribution's base has it.
    pub(super) fn is_usual(self) -> bool {
        matches!(self, Self::PackageManager | Self::Shell)
    }
}

/// What util-linux and iproute2 bring, which almost every base has, is left out.
const TOOLS: [(Group, &[&str]); 6] = [
    (
        Group::Compiler,
        &[
            "gcc", "g++", "cc", "c++", "clang", "clang++", "tcc", "cpp", "gfortran", "rustc", "cargo", "go", "ghc",
            "javac", "kotlinc", "scalac", "make", "cmake", "ninja", "meson", "mvn", "gradle", "nasm", "yasm", "bazel",
            "swiftc", "zig",
        ],
    ),
    (
        Group::Debugger,
        &[
            "gdb",
            "gdbserver",
            "lldb",
            "lldb-server",
            "strace",
            "ltrace",
            "perf",
            "bpftrace",
            "dlv",
            "radare2",
            "r2",
            "valgrind",
            "bpftool",
        ],
    ),
    (
        Group::Network,
        &[
            "curl",
            "wget",
            "nc",
            "ncat",
            "netcat",
            "nc.openbsd",
            "nc.traditional",
            "socat",
            "nmap",
            "tcpdump",
            "tshark",
            "telnet",
            "ftp",
            "tftp",
            "ssh",
            "scp",
            "sftp",
            "rsync",
            "dig",
            "nslookup",
            "masscan",
            "hping3",
            "iptables",
            "nft",
            "aria2c",
        ],
    ),
    (
        Group::Service,
        &[
            "sshd",
            "dropbear",
            "cron",
            "crond",
            "atd",
            "systemd",
            "dockerd",
            "containerd",
            "rsyslogd",
            "inetd",
            "xinetd",
            "supervisord",
        ],
    ),
    (
        Group::PackageManager,
        &[
            "apt",
            "apt-get",
            "dpkg",
            "apk",
            "dnf",
            "dnf5",
            "microdnf",
            "tdnf",
            "yum",
            "rpm",
            "zypper",
            "pacman",
            "pip",
            "pip3",
            "uv",
            "conda",
            "npm",
            "yarn",
            "pnpm",
            "gem",
            "composer",
            "opkg",
            "xbps-install",
            "emerge",
            "nix",
            "snap",
            "brew",
        ],
    ),
    (Group::Shell, &["sh", "bash", "dash", "ash", "zsh", "fish", "ksh", "mksh", "tcsh", "csh", "pwsh", "rbash"]),
];

/// The group of a program's file name, and the name it is known by, without a target in front and a version behind:
/// `x86_64-linux-gnu-gcc-12` is gcc.
pub(super) fn of(file: &str) -> Option<(Group, &'static str)> {
    let plain = plain(file);
    TOOLS.iter().find_map(|(group, names)| {
        let name = names.iter().find(|name| **name == plain || **name == file)?;
        Some((*group, *name))
    })
}

/// Which of several files of one tool is shown: a version without a target, then the bare name, then the rest.
pub(super) fn rank(file: &str) -> (u8, usize) {
    let plain = plain(file);
    let class = match file.strip_prefix(plain) {
        Some("") => 1,
        Some(_) => 0,
        None => 2,
    };
    (class, file.len())
}

fn plain(file: &str) -> &str {
    let without_version = file.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let name = match without_version.strip_suffix('-') {
        Some(name) if without_version.len() < file.len() => name,
        _ => file,
    };
    ["-linux-gnu-", "-linux-musl-", "-linux-gnueabihf-", "-alpine-linux-musl-", "-redhat-linux-"]
        .iter()
        .find_map(|target| name.split_once(target).map(|(_, rest)| rest))
        .unwrap_or(name)
}
