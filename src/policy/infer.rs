//! From what an image needs and what people ask for to the profile, each field with its reason.

mod binds;
mod capabilities;
mod check;
mod environment;
mod limits;
mod mounts;
mod network;
mod security;
mod user;

use super::profile::{Level, Restart, Said};
use super::widen::Gate;
use super::{Error, Needs, Profile, Wishes};

pub use check::check;
pub use limits::RLIMITS;

/// What of the host bounds the defaults: plain data, which the caller looks up.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Host {
    /// CPUs that may be used; 0 where it isn't known.
    pub cpus: u32,
    /// Bytes of memory; 0 where it isn't known.
    pub memory: u64,
    /// Architecture, Go's name: `amd64`, `arm64`.
    pub architecture: String,
    /// Version of the kernel, major and minor; (0, 0) where it isn't known.
    pub kernel: (u32, u32),
    /// Home of who starts the container, absolute: keys and credentials lie below it.
    pub home: Option<String>,
}

/// Makes the profile.
///
/// # Errors
/// What was asked for contradicts itself, names what the image doesn't have, or widens the profile without `--allow`: all
/// of it at once.
pub fn infer(needs: &Needs, wishes: &Wishes, host: &Host) -> Result<Profile, Error> {
    let level = wishes.level.unwrap_or_default();
    let mut gate = Gate::new(&wishes.allow);
    let gate = &mut gate;
    if wishes.privileged {
        gate.ask("privileged", "--privileged");
    }
    let options = security::Options::read(wishes, gate);
    let user = user::user(needs, wishes, level, gate);
    let hostname = environment::hostname(wishes, gate);
    let cwd = environment::cwd(needs, wishes, gate);
    let capabilities = capabilities::capabilities(needs, wishes, level, user.ids.value.uid, gate);
    let read_only_root = read_only_root(wishes, level);
    let made = mounts::Made {
        level,
        ids: &user.ids.value,
        home: &user.home,
        cwd: &cwd.value,
        read_only_root: read_only_root.value,
    };
    let mounts = mounts::mounts(needs, wishes, host, &made, gate);
    let network = network::network(wishes, gate);
    let publish = network::publish(needs, wishes, &network.value, gate);
    let (masked_paths, read_only_paths) = options.paths(wishes, level, gate);
    let profile = Profile {
        level,
        command: environment::command(needs, wishes, gate),
        env: environment::env(needs, wishes, &hostname.value, &user.home, gate),
        no_new_privileges: options.no_new_privileges(level, gate),
        seccomp: options.seccomp(needs, wishes, (level, &capabilities.value, host), gate),
        lsm: options.lsm(wishes, level, gate),
        shm_size: shm_size(wishes, level, gate),
        sysctls: network::sysctls(needs, &publish, &network.value),
        namespaces: network::namespaces(wishes, gate),
        limits: limits::limits(wishes, level, host, gate),
        rlimits: limits::rlimits(wishes, level, gate),
        oom_score_adj: oom_score_adj(wishes, level, gate),
        init: asked(wishes.init, false, "--init", "the program is process 1, and a signal reaches it directly"),
        tty: Said::new(wishes.tty, if wishes.tty { "`-t` asks for it" } else { "without `-t` there is none" }),
        restart: asked(wishes.restart, Restart::No, "--restart", "it ends when the program does"),
        stop_signal: environment::stop_signal(needs, wishes, gate),
        stop_timeout: asked(wishes.stop_timeout, 10, "--stop-timeout", "what Docker waits"),
        widened: Vec::new(),
        cwd,
        hostname,
        user: user.ids,
        capabilities,
        read_only_root,
        mounts,
        masked_paths,
        read_only_paths,
        network,
        publish,
    };
    let widened = std::mem::replace(gate, Gate::new(&[])).finish()?;
    Ok(Profile { widened, ..profile })
}

fn read_only_root(wishes: &Wishes, level: Level) -> Said<bool> {
    match (wishes.read_only, level) {
        (Some(true), _) => Said::new(true, "`--read-only` asks for it"),
        (Some(false), _) => Said::new(false, "`--read-only=false` asks for it; what is written is gone at the end"),
        (None, Level::Docker) => Said::new(false, "Docker leaves it writable"),
        (None, _) => Said::new(true, "a program that is taken over can't change what is executed"),
    }
}

/// Docker's 64 MiB; less at the strict level.
fn shm_size(wishes: &Wishes, level: Level, gate: &mut Gate<'_>) -> Said<u64> {
    match (wishes.shm_size, level) {
        (Some(0), _) => {
            gate.fault("--shm-size", "/dev/shm can't have no bytes", "give a size such as `64m`");
            Said::default()
        }
        (Some(size), _) => Said::new(size, "`--shm-size` asks for it"),
        (None, Level::Strict) => Said::new(16 << 20, "enough for semaphores and small shared memory"),
        (None, _) => Said::new(64 << 20, "what Docker gives, which databases expect"),
    }
}

/// How readily the kernel ends the container when the host's memory runs out.
fn oom_score_adj(wishes: &Wishes, level: Level, gate: &mut Gate<'_>) -> Said<i32> {
    match (wishes.oom_score_adj, level) {
        (Some(score), _) => {
            if !(-1000..=1000).contains(&score) {
                gate.fault("--oom-score-adj", "the score is out of range", "give one from -1000 to 1000");
            } else if score < 0 {
                gate.ask("oom-protection", &format!("--oom-score-adj {score}"));
            }
            Said::new(score, "`--oom-score-adj` asks for it")
        }
        (None, Level::Docker) => Said::new(0, "Docker leaves it"),
        (None, _) => {
            Said::new(500, "when the host's memory runs out, the container ends before the host's own services")
        }
    }
}

fn asked<T>(value: Option<T>, default: T, flag: &str, why: &str) -> Said<T> {
    match value {
        Some(value) => Said::new(value, format!("`{flag}` asks for it")),
        None => Said::new(default, why),
    }
}

/// A text of an image or of a user as it may be shown: no control characters, not too long.
fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let mut shown: String =
        text.chars().take(MOST).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}
