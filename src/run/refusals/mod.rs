//! `harden run --refusals`: which system call or path was refused to whom, by what, and what would allow it. A filter
//! compiled to ask (seccomp_unotify(2)) lets each such call wait for the supervisor here, which answers as the filter would
//! have done by itself: calls that are allowed go on, and are looked at before. What is read of a caller may have changed
//! when the kernel reads it, so that it is good for a report and for nothing else.

mod caller;
mod calls;
mod judge;
mod remedy;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;
use std::os::fd::AsFd;

use oci_spec::runtime::Spec;
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::Serialize;

use super::seccomp::{Filter, name_of, permits};
use super::sys::{self, Answer, Notification};
use caller::Caller;
use calls::Operation;

pub(crate) use calls::path_calls;

/// What was refused so far, and what is needed to tell why.
#[derive(Debug)]
pub struct Refusals {
    filter: Filter,
    places: judge::Places,
    /// Made when a call is refused first: most runs have none.
    choices: OnceCell<remedy::Choices>,
    found: HashMap<(What, By, String), (u64, String)>,
    /// Refusals beyond those that are kept apart.
    more: u64,
}

/// Something that was refused.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Refusal {
    /// What.
    pub what: What,
    /// By what.
    pub by: By,
    /// How often.
    pub times: u64,
    /// To which program, by its path inside.
    pub program: String,
    /// The flags, or the line of a profile, that allow it.
    pub remedy: String,
}

/// What was refused.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A system call.
    Call {
        /// Its name, or its number where it has none.
        name: String,
        /// The argument that decides what is done, where there is one: the family of `socket`, the request of `ioctl`, the
        /// flags of `clone`.
        argument: Option<u64>,
        /// What the program got: `EPERM`, `ENOSYS`, `killed`.
        answer: String,
    },
    /// An operation on a path.
    Path {
        /// The path inside, resolved as far as it exists.
        path: String,
        /// What was to be done.
        operation: Operation,
    },
}

/// What refused it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The filter of system calls.
    Seccomp,
    /// The root file system can't be written to.
    ReadOnlyRoot,
    /// A mount that can't be written to.
    ReadOnlyMount,
    /// A path of the kernel's that can't be written to (`linux.readonlyPaths`).
    ReadOnlyPath,
    /// A path of the kernel's that is covered (`linux.maskedPaths`).
    MaskedPath,
    /// A mount that nothing may be executed on.
    NoExec,
    /// Owner and mode of a file or folder, which count where a program has no capabilities.
    Permissions,
}

/// So many different refusals are kept; the rest is counted.
const MOST: usize = 1000;

impl Refusals {
    /// For a filter that was compiled to ask, and the container it is for.
    #[must_use]
    pub fn new(filter: Filter, spec: &Spec) -> Self {
        Self { filter, places: judge::Places::of(spec), choices: OnceCell::new(), found: HashMap::new(), more: 0 }
    }

    /// Takes one call from the listener and answers it; to be called when poll(2) says that one waits. Failures are of
    /// callers that have gone away meanwhile.
    pub fn handle(&mut self, listener: impl AsFd) {
        let Ok(call) = sys::receive_notification(&listener) else { return };
        let number = call.number.cast_unsigned();
        let action = self.filter.decide(call.architecture, number, &call.arguments);
        let mut answer = Answer { id: call.id, ..Answer::default() };
        if permits(action) {
            self.look(&listener, &call);
            answer.flags = CONTINUE;
        } else {
            let errno = self.refuse(&listener, &call, action);
            answer.error = -errno;
        }
        // Nobody waits for it where the caller was ended.
        let _ = sys::answer_notification(&listener, answer);
    }

    /// What was refused so far, the most frequent first, and how many more refusals there were than are kept apart.
    #[must_use]
    pub fn report(&self) -> (Vec<Refusal>, u64) {
        let refusal = |((what, by, program), (times, remedy)): (&(What, By, String), &(u64, String))| Refusal {
            what: what.clone(),
            by: *by,
            times: *times,
            program: program.clone(),
            remedy: remedy.clone(),
        };
        let mut all: Vec<Refusal> = self.found.iter().map(refusal).collect();
        all.sort_by_cached_key(|one| (std::cmp::Reverse(one.times), one.to_string()));
        (all, self.more)
    }

    /// Tells the report, a line each.
    pub fn tell(&self, note: &dyn Fn(&str)) {
        let (all, more) = self.report();
        if all.is_empty() {
            note("nothing was refused");
        }
        all.iter().for_each(|refusal| note(&format!("refused: {refusal}")));
        if more > 0 {
            note(&format!("and {more} refusals more"));
        }
    }

    /// Notes a refused call, and gives the errno that the caller gets.
    fn refuse(&mut self, listener: impl AsFd, call: &Notification, action: u32) -> i32 {
        let number = call.number.cast_unsigned();
        let program = Caller::program(call.pid);
        let (answer, errno) = match action & libc::SECCOMP_RET_ACTION_FULL {
            libc::SECCOMP_RET_ERRNO => {
                let errno = (action & libc::SECCOMP_RET_DATA).cast_signed();
                (calls::errno(errno), errno)
            }
            libc::SECCOMP_RET_KILL_PROCESS | libc::SECCOMP_RET_KILL_THREAD => {
                end(&listener, call, Signal::KILL);
                ("killed".to_owned(), libc::EPERM)
            }
            libc::SECCOMP_RET_TRAP => {
                end(&listener, call, Signal::SYS);
                ("SIGSYS".to_owned(), libc::ENOSYS)
            }
            // Without a tracer or a supervisor that is what the kernel answers.
            _ => (calls::errno(libc::ENOSYS), libc::ENOSYS),
        };
        let name = name_of(call.architecture, number).map_or_else(|| format!("number {number}"), str::to_owned);
        let argument = calls::decisive(&name).and_then(|index| call.arguments.get(index)).copied();
        let what = What::Call { name: name.clone(), argument, answer };
        let key = (what, By::Seccomp, program);
        if let Some((times, _)) = self.found.get_mut(&key) {
            *times += 1;
        } else {
            let choices = self.choices.get_or_init(remedy::Choices::new);
            let remedy = choices.of_call(call.architecture, number, &name, &call.arguments);
            self.note(key, remedy);
        }
        errno
    }

    /// Notes what the kernel will refuse of a call that is allowed.
    fn look(&mut self, listener: impl AsFd, call: &Notification) {
        let Some(name) = name_of(call.architecture, call.number.cast_unsigned()) else { return };
        let operands = calls::operands(name, call);
        let Some(caller) = Some(()).filter(|()| !operands.is_empty()).and_then(|()| Caller::of(call.pid)) else {
            return;
        };
        let named: Vec<_> = operands.into_iter().filter_map(|operand| caller.named(&operand)).collect();
        // Now, what was read was the caller's, and not another process's with its number.
        if !sys::notification_holds(&listener, call.id) {
            return;
        }
        for (operation, path) in named {
            if let Some(judged) = judge::judge(&self.places, &caller, operation, &path, call) {
                let what = What::Path { path: judged.path.clone(), operation };
                self.note((what, judged.by, caller.program.clone()), remedy::of_path(operation, &judged));
            }
        }
    }

    fn note(&mut self, key: (What, By, String), remedy: String) {
        if let Some((times, _)) = self.found.get_mut(&key) {
            *times += 1;
        } else if self.found.len() < MOST {
            self.found.insert(key, (1, remedy));
        } else {
            self.more += 1;
        }
    }
}

/// `SECCOMP_USER_NOTIF_FLAG_CONTINUE`.
const CONTINUE: u32 = 1;

/// Ends a caller, or lets it handle the signal. Where that fails, the call is refused at least.
fn end(listener: impl AsFd, call: &Notification, signal: Signal) {
    let Some(process) = Caller::process(call.pid) else { return };
    let Ok(pidfd) = pidfd_open(process, PidfdFlags::empty()) else { return };
    // The descriptor is of the caller only if the caller was still there afterwards.
    if sys::notification_holds(&listener, call.id) {
        let _ = pidfd_send_signal(&pidfd, signal);
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Call { name, argument, answer } => {
                let argument = argument.map_or_else(String::new, |argument| format!("({argument:#x})"));
                write!(f, "{name}{argument} by {}: {answer} from {}", self.program, self.by)?;
            }
            What::Path { path, operation } => write!(f, "{operation} {path} by {}: {}", self.program, self.by)?,
        }
        if self.times > 1 {
            write!(f, ", {} times", self.times)?;
        }
        write!(f, "; {}", self.remedy)
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seccomp => "the filter of system calls",
            Self::ReadOnlyRoot => "the root file system is read-only",
            Self::ReadOnlyMount => "the mount is read-only",
            Self::ReadOnlyPath => "the path of the kernel's is read-only",
            Self::MaskedPath => "the path of the kernel's is covered",
            Self::NoExec => "nothing may be executed on the mount",
            Self::Permissions => "its owner and mode don't allow it",
        })
    }
}
