//! Commands that run the command behind their own words. Sources: the man pages of the tools.

/// A command that runs the command behind its own options and operands.
pub(super) struct Wrapper {
    pub(super) names: &'static [&'static str],
    /// Options of one letter that take a value.
    pub(super) short: &'static str,
    /// Long options that take a value as the next word when they have no `=`.
    pub(super) long: &'static [&'static str],
    /// How many operands stand in front of the command.
    pub(super) operands: usize,
    /// Whether `NAME=value` may stand in front of the command.
    pub(super) assignments: bool,
}

pub(super) const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        names: &["sudo"],
        short: "CDghpRrTtUua",
        long: &[
            "--user",
            "--group",
            "--chdir",
            "--chroot",
            "--close-from",
            "--host",
            "--prompt",
            "--role",
            "--type",
            "--other-user",
            "--command-timeout",
            "--auth-type",
            "--login-class",
        ],
        operands: 0,
        assignments: true,
    },
    Wrapper { names: &["doas"], short: "Cu", long: &[], operands: 0, assignments: false },
    Wrapper {
        names: &["gosu", "su-exec", "s6-setuidgid", "setuidgid"],
        short: "",
        long: &[],
        operands: 1,
        assignments: false,
    },
    Wrapper {
        names: &["setpriv"],
        short: "",
        long: &[
            "--ambient-caps",
            "--inh-caps",
            "--bounding-set",
            "--groups",
            "--rgid",
            "--ruid",
            "--regid",
            "--reuid",
            "--egid",
            "--euid",
            "--securebits",
            "--pdeathsig",
            "--ptracer",
            "--selinux-label",
            "--apparmor-profile",
            "--landlock-access",
            "--landlock-rule",
            "--seccomp-filter",
        ],
        operands: 0,
        assignments: false,
    },
    Wrapper { names: &["chroot"], short: "", long: &["--userspec", "--groups"], operands: 1, assignments: false },
    Wrapper { names: &["chpst"], short: "ueUnmdofprt/0", long: &[], operands: 0, assignments: false },
    Wrapper { names: &["env"], short: "uC", long: &["--unset", "--chdir"], operands: 0, assignments: true },
    Wrapper { names: &["exec"], short: "a", long: &[], operands: 0, assignments: false },
    Wrapper {
        names: &["command", "builtin", "nohup", "setsid", "fakeroot", "eatmydata"],
        short: "",
        long: &[],
        operands: 0,
        assignments: false,
    },
    Wrapper { names: &["nice"], short: "n", long: &["--adjustment"], operands: 0, assignments: false },
    Wrapper { names: &["ionice"], short: "cnpPu", long: &["--class", "--classdata"], operands: 0, assignments: false },
    Wrapper { names: &["time"], short: "fo", long: &["--format", "--output"], operands: 0, assignments: false },
    Wrapper { names: &["timeout"], short: "ks", long: &["--kill-after", "--signal"], operands: 1, assignments: false },
    Wrapper {
        names: &["stdbuf"],
        short: "ioe",
        long: &["--input", "--output", "--error"],
        operands: 0,
        assignments: false,
    },
    Wrapper {
        names: &["xargs"],
        short: "adEILnPs",
        long: &["--arg-file", "--delimiter", "--max-args", "--max-procs", "--max-chars", "--process-slot-var"],
        operands: 0,
        assignments: false,
    },
    Wrapper { names: &["tini", "tini-static", "catatonit"], short: "pe", long: &[], operands: 0, assignments: false },
    Wrapper { names: &["dumb-init"], short: "r", long: &["--rewrite"], operands: 0, assignments: false },
    Wrapper { names: &["busybox", "toybox"], short: "", long: &[], operands: 0, assignments: false },
];

/// Whether the last of a cluster of one-letter options takes the next word as its value.
pub(super) fn takes_next(letters: &str, short: &str) -> bool {
    letters.find(|letter| short.contains(letter)).is_some_and(|at| at + 1 == letters.len())
}

/// Whether a word is `NAME=value`.
pub(super) fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}
