//! The flags of `docker run` that `harden run` and `harden export` take, with their meaning.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::config_choice::ConfigChoice;
use crate::policy::Level;

/// What the container gets. Names and meanings are those of `docker run`; what docker doesn't have is under `Confinement`.
#[derive(clap::Args, Clone, Debug, Default)]
pub(in crate::cli) struct Flags {
    /// Set a variable, or pass one on: KEY=VALUE or KEY
    #[arg(short, long, value_name = "KEY[=VALUE]", help_heading = "Container")]
    pub(super) env: Vec<String>,

    /// Set the variables of a file, one KEY=VALUE or KEY a line
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Container")]
    pub(super) env_file: Vec<PathBuf>,

    /// Run as this user: NAME or UID, with :GROUP or :GID behind it. Root needs --allow root
    #[arg(short, long, value_name = "USER[:GROUP]", help_heading = "Container")]
    pub(super) user: Option<String>,

    /// Add a group, by name or number
    #[arg(long, value_name = "GROUP", help_heading = "Container")]
    pub(super) group_add: Vec<String>,

    /// Start in this folder
    #[arg(short, long, value_name = "FOLDER", help_heading = "Container")]
    pub(super) workdir: Option<String>,

    /// Start this program in place of the image's
    #[arg(long, value_name = "PROGRAM", help_heading = "Container")]
    pub(super) entrypoint: Option<String>,

    /// The host name inside
    #[arg(long, value_name = "NAME", help_heading = "Container")]
    pub(super) hostname: Option<String>,

    /// Run a small init as process 1 that reaps and passes signals on
    #[arg(long, help_heading = "Container")]
    pub(super) init: bool,

    /// Start the program again when it ends: no, on-failure[:TIMES], always
    #[arg(long, value_name = "WHEN", help_heading = "Container")]
    pub(super) restart: Option<String>,

    /// Ask the program to end with this signal
    #[arg(long, value_name = "SIGNAL", help_heading = "Container")]
    pub(super) stop_signal: Option<String>,

    /// Seconds from there until it is killed
    #[arg(long, value_name = "SECONDS", help_heading = "Container")]
    pub(super) stop_timeout: Option<u32>,

    /// Mount a file, a folder or a named volume: [SOURCE:]PLACE[:ro]
    #[arg(short, long, value_name = "SOURCE:PLACE", help_heading = "Files")]
    pub(super) volume: Vec<String>,

    /// Mount, in docker's long form: type=bind,source=…,target=…,readonly
    #[arg(long, value_name = "KEY=VALUE,…", help_heading = "Files")]
    pub(super) mount: Vec<String>,

    /// A fresh file system in memory: PLACE[:size=64m,mode=1777,exec]
    #[arg(long, value_name = "PLACE", help_heading = "Files")]
    pub(super) tmpfs: Vec<String>,

    /// Whether the root can't be written to; it can't unless this says false
    #[arg(
        long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        help_heading = "Files"
    )]
    pub(super) read_only: Option<bool>,

    /// Bytes of /dev/shm
    #[arg(long, value_name = "BYTES", help_heading = "Files")]
    pub(super) shm_size: Option<String>,

    /// Pass a device of the host in: PATH[:PLACE[:rwm]]. Needs --allow device
    #[arg(long, value_name = "PATH", help_heading = "Files")]
    pub(super) device: Vec<String>,

    /// Bytes of memory: 512m, 2g
    #[arg(short, long, value_name = "BYTES", help_heading = "Limits")]
    pub(super) memory: Option<String>,

    /// Bytes of memory and swap together; twice the memory where only that is given; -1 for unbounded swap
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true, help_heading = "Limits")]
    pub(super) memory_swap: Option<String>,

    /// Weight against other containers, 1024 being usual
    #[arg(short = 'c', long, value_name = "WEIGHT", help_heading = "Limits")]
    pub(super) cpu_shares: Option<u64>,

    /// CPUs, in fractions: 1.5
    #[arg(long, value_name = "NUMBER", help_heading = "Limits")]
    pub(super) cpus: Option<String>,

    /// Microseconds in which --cpu-quota counts
    #[arg(long, value_name = "MICROSECONDS", help_heading = "Limits")]
    pub(super) cpu_period: Option<u64>,

    /// Microseconds of CPU in each --cpu-period
    #[arg(long, value_name = "MICROSECONDS", help_heading = "Limits")]
    pub(super) cpu_quota: Option<u64>,

    /// CPUs that may be used: 0-2,7
    #[arg(long, value_name = "LIST", help_heading = "Limits")]
    pub(super) cpuset_cpus: Option<String>,

    /// Memory nodes that may be used
    #[arg(long, value_name = "LIST", help_heading = "Limits")]
    pub(super) cpuset_mems: Option<String>,

    /// Weight of block I/O, from 10 to 1000
    #[arg(long, value_name = "WEIGHT", help_heading = "Limits")]
    pub(super) blkio_weight: Option<u16>,

    /// Bytes a second read from a device: /dev/sda:1mb
    #[arg(long, value_name = "DEVICE:BYTES", help_heading = "Limits")]
    pub(super) device_read_bps: Vec<String>,

    /// Bytes a second written to a device
    #[arg(long, value_name = "DEVICE:BYTES", help_heading = "Limits")]
    pub(super) device_write_bps: Vec<String>,

    /// Reads a second from a device
    #[arg(long, value_name = "DEVICE:COUNT", help_heading = "Limits")]
    pub(super) device_read_iops: Vec<String>,

    /// Writes a second to a device
    #[arg(long, value_name = "DEVICE:COUNT", help_heading = "Limits")]
    pub(super) device_write_iops: Vec<String>,

    /// Processes and threads; -1 for no bound
    #[arg(long, value_name = "COUNT", allow_hyphen_values = true, help_heading = "Limits")]
    pub(super) pids_limit: Option<i64>,

    /// A limit of setrlimit(2): nofile=1024:2048
    #[arg(long, value_name = "NAME=SOFT[:HARD]", help_heading = "Limits")]
    pub(super) ulimit: Vec<String>,

    /// How readily the kernel ends it when memory runs out, from -1000 to 1000
    #[arg(long, value_name = "SCORE", allow_hyphen_values = true, help_heading = "Limits")]
    pub(super) oom_score_adj: Option<i32>,

    /// Reach a port from outside: [[ADDRESS:]HOST_PORT:]PORT[/udp]
    #[arg(short, long, value_name = "PORT", help_heading = "Network")]
    pub(super) publish: Vec<String>,

    /// Reach every port that the image exposes, each at a free port of the host
    #[arg(short = 'P', long, help_heading = "Network")]
    pub(super) publish_all: bool,

    /// The network: none (an empty one of its own, the default) or host
    #[arg(long, visible_alias = "net", value_name = "NETWORK", help_heading = "Network")]
    pub(super) network: Option<String>,

    /// Open a way out: all, or HOST:PORT for that alone
    #[arg(long, value_name = "HOST:PORT", help_heading = "Network")]
    pub(super) egress: Vec<String>,

    /// How strict to be where nothing else is said [default: default]
    #[arg(long, value_enum, value_name = "LEVEL", help_heading = "Confinement")]
    pub(super) level: Option<LevelName>,

    /// Take this profile, as --explain --format json or toml writes it, in place of inferring one
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Confinement")]
    pub(super) profile: Option<PathBuf>,

    /// Allow what would widen the profile, by the name that the refusal gives
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Confinement")]
    pub(super) allow: Vec<String>,

    /// Give a capability
    #[arg(long, value_name = "CAPABILITY", help_heading = "Confinement")]
    pub(super) cap_add: Vec<String>,

    /// Take a capability; none is given unless --cap-add says so
    #[arg(long, value_name = "CAPABILITY", help_heading = "Confinement")]
    pub(super) cap_drop: Vec<String>,

    /// seccomp=FILE, seccomp=unconfined, apparmor=NAME, apparmor=./FILE (loaded, as root), apparmor=complain:./FILE,
    /// label=…, no-new-privileges, systempaths=unconfined
    #[arg(long, value_name = "OPTION", help_heading = "Confinement")]
    pub(super) security_opt: Vec<String>,

    /// Process namespace: host needs --allow host-pid
    #[arg(long, value_name = "host", help_heading = "Confinement")]
    pub(super) pid: Option<String>,

    /// IPC namespace: private, or host, which needs --allow host-ipc
    #[arg(long, value_name = "host", help_heading = "Confinement")]
    pub(super) ipc: Option<String>,

    /// Host name's namespace: host needs --allow host-uts
    #[arg(long, value_name = "host", help_heading = "Confinement")]
    pub(super) uts: Option<String>,

    /// Control groups' namespace: private, or host, which needs --allow host-cgroup
    #[arg(long, value_name = "host", help_heading = "Confinement")]
    pub(super) cgroupns: Option<String>,

    /// All capabilities and no filters, inside the user namespace. Needs --allow privileged
    #[arg(long, help_heading = "Confinement")]
    pub(super) privileged: bool,

    #[command(flatten)]
    pub(super) config: ConfigChoice,
}

/// [`Level`], as the command line names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(in crate::cli) enum LevelName {
    /// Breaks some programs too: nothing written may be executed, small limits
    Strict,
    /// The strictest that well-behaved programs don't notice
    Default,
    /// What docker gives, for comparison; the user namespace stays
    Docker,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Strict => Self::Strict,
            LevelName::Default => Self::Default,
            LevelName::Docker => Self::Docker,
        }
    }
}
