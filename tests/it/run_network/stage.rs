//! A container to try its network with: a process in user and network namespaces of its own, and what serves it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use harden::policy::{Network, Publish};
use harden::run::{network, sys};
use rustix::process::{Pid, Signal, WaitOptions};
use serde_json::{Value, json};

use crate::support::skip;

/// Names the order, as JSON, in the environment of the helper.
const ORDER: &str = "HARDEN_TEST_NETWORK";
/// An ordinary user that no file belongs to.
pub(crate) const USER: u32 = 47_911;

/// Who starts the container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    Root,
    /// With one id, as where newuidmap isn't there.
    User,
}

/// A container and what serves its network; all of it ends with this value.
pub(crate) struct Stage {
    helper: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Process number of the container.
    pub(crate) container: i32,
    pub(crate) published: Vec<SocketAddr>,
    pub(crate) processes: Vec<(String, i32)>,
    pub(crate) rows: Vec<String>,
    pub(crate) files: Vec<(String, String)>,
}

/// Whether this can be tried at all.
pub(crate) fn possible() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip("needs root");
    }
    root && tools(&["nsenter", "setpriv", "python3", "curl", "busybox", "unshare", "ip"])
}

pub(crate) fn tools(names: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing = names.iter().find(|name| !std::env::split_paths(&path).any(|folder| folder.join(name).exists()));
    if let Some(name) = missing {
        skip(&format!("{name} is not installed"));
    }
    missing.is_none()
}

impl Stage {
    /// Starts it; `before` is shell text that runs as root in mount and network namespaces which are then the host's, for
    /// this container.
    pub(crate) fn start(
        who: Who,
        publish: &[Publish],
        network: &Network,
        before: Option<&str>,
    ) -> Result<Self, String> {
        let order = json!({ "publish": publish, "network": network, "root": who == Who::Root }).to_string();
        let me = std::env::current_exe().expect("this binary");
        // The ordinary user may not be able to walk to the binary, so it is handed over open.
        let file = std::fs::File::open(&me).expect("this binary opens");
        rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).expect("it is inherited");
        let number = std::os::fd::AsRawFd::as_raw_fd(&file);
        let user = match who {
            Who::Root => String::new(),
            Who::User => format!("setpriv --reuid {USER} --regid {USER} --clear-groups "),
        };
        let text = format!("{}\nexec {user}/proc/self/fd/{number}", before.unwrap_or(""));
        let mut command = match before {
            Some(_) => {
                let mut command = Command::new("unshare");
                command.args(["--mount", "--net", "sh", "-ec"]);
                command
            }
            None => {
                let mut command = Command::new("sh");
                command.arg("-ec");
                command
            }
        };
        let mut helper = command
            .arg(text)
            .env(ORDER, order)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let input = helper.stdin.take();
        let mut output = BufReader::new(helper.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the helper speaks");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        if let Some(error) = said["error"].as_str() {
            helper.wait().expect("the helper ends");
            return Err(error.to_owned());
        }
        let list = |key: &str| said[key].as_array().expect("a list").clone();
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        let number = |value: &Value| i32::try_from(value.as_i64().expect("a number")).expect("a process");
        Ok(Self {
            helper,
            input,
            output,
            container: number(&said["container"]),
            published: list("published").iter().map(|one| text(one).parse().expect("an address")).collect(),
            processes: list("processes").iter().map(|one| (text(&one[0]), number(&one[1]))).collect(),
            rows: list("rows").iter().map(text).collect(),
            files: list("files").iter().map(|one| (text(&one[0]), text(&one[1]))).collect(),
        })
    }

    /// A command in the container's user and network namespaces.
    pub(crate) fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.container.to_string(), "-U", "-n", "--preserve-credentials", "--", program]);
        command
    }

    /// A command in what is the host's network and mount namespace for this container.
    pub(crate) fn outside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.helper.id().to_string(), "-n", "-m", "--", program]);
        command
    }

    /// A program that serves, inside, once it listens: it says so with a line.
    pub(crate) fn serve(&self, python: &str) -> Server {
        Server::new(self.inside("python3").args(["-u", "-c", python]))
    }

    pub(crate) fn process(&self, name: &str) -> i32 {
        self.processes.iter().find(|(one, _)| one == name).unwrap_or_else(|| panic!("there is a {name}")).1
    }

    /// Has the helper drop what serves.
    pub(crate) fn drop_running(&mut self) {
        let input = self.input.as_mut().expect("open");
        input.write_all(b"drop\n").expect("the helper listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the helper answers");
        assert_eq!(line, "dropped\n");
    }

    /// Kills the one that launched, as a crash would.
    pub(crate) fn kill_launcher(&mut self) {
        self.helper.kill().expect("it is there");
        self.helper.wait().expect("it ends");
    }

    /// Waits until none of the processes that served is left.
    pub(crate) fn all_gone(&self) {
        gone(&self.processes.iter().map(|(_, pid)| *pid).collect::<Vec<_>>());
    }
}

/// Waits until none of these is left, as more than a zombie that its new parent will reap.
pub(crate) fn gone(pids: &[i32]) {
    let left = || pids.iter().find(|pid| alive(**pid));
    eventually(&|| left().is_none(), &|| format!("{:?} is still there", left()));
}

pub(crate) fn alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim_start().starts_with(['Z', 'X']))
}

pub(crate) fn eventually(holds: &dyn Fn() -> bool, otherwise: &dyn Fn() -> String) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{}", otherwise());
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.helper.wait();
        if !std::thread::panicking() {
            gone(&[self.container]);
            self.all_gone();
        }
    }
}

/// A server that is killed at the end.
pub(crate) struct Server(Child);

impl Server {
    pub(crate) fn new(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut byte = [0];
        let output = child.stdout.as_mut().expect("piped");
        output.read_exact(&mut byte).expect("the server says that it listens");
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Before libtest makes a thread: the launcher's code wants to be the only one, so a binary that is called with an order
/// carries it out here, and never becomes a test.
#[used]
#[allow(unsafe_code)]
#[unsafe(link_section = ".init_array")]
static HELPER: extern "C" fn() = helper;

extern "C" fn helper() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let order: Value = serde_json::from_str(&order).expect("the order is JSON");
    let said = match help(&order) {
        Ok(()) => None,
        Err(error) => Some(json!({ "error": error.to_string() })),
    };
    if let Some(said) = said {
        say(&said.to_string());
    }
    sys::exit_now(0);
}

fn say(line: &str) {
    let mut output = std::io::stdout();
    output.write_all(format!("{line}\n").as_bytes()).and_then(|()| output.flush()).expect("the test listens");
}

fn help(order: &Value) -> Result<(), harden::run::Error> {
    let publish: Vec<Publish> = serde_json::from_value(order["publish"].clone()).expect("ports");
    let network: Network = serde_json::from_value(order["network"].clone()).expect("a network");
    let prepared = network::prepare(&publish, &network)?;
    let files = prepared.files("stage");
    let (container, pidfd, gate) = container(order["root"] == true);
    let running = prepared.enter(std::os::fd::AsFd::as_fd(&pidfd), container);
    let running = match running {
        Ok(running) => running,
        Err(error) => {
            drop(gate);
            let _ = rustix::process::waitpid(Some(container), WaitOptions::empty());
            return Err(error);
        }
    };
    let rows: Vec<String> = running
        .in_force()
        .iter()
        .map(|row| [&*row.what, &row.asked, &row.in_force, &row.mechanism].join(" | "))
        .collect();
    let processes: Vec<Value> =
        running.processes().iter().map(|(name, pid)| json!([name, pid.as_raw_nonzero().get()])).collect();
    let published: Vec<String> = running.published().iter().map(|(_, address)| address.to_string()).collect();
    let container_number = container.as_raw_nonzero().get();
    say(&json!({
        "container": container_number, "published": published, "processes": processes, "rows": rows, "files": files,
    })
    .to_string());
    let mut running = Some(running);
    for line in std::io::stdin().lines() {
        match line.expect("a line").as_str() {
            "drop" => {
                drop(running.take());
                say("dropped");
            }
            other => panic!("{other}"),
        }
    }
    drop(running);
    drop(gate);
    let _ = rustix::process::waitpid(Some(container), WaitOptions::empty());
    Ok(())
}

/// A process in namespaces of its own, with its loopback interface up, that ends when the gate is dropped, or its parent.
fn container(root: bool) -> (Pid, std::os::fd::OwnedFd, std::os::fd::OwnedFd) {
    use std::os::fd::AsRawFd;

    use rustix::pipe::{PipeFlags, pipe_with};
    let (maps, maps_written) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
    let (up, is_up) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
    let (end, gate) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
    let ids = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    match sys::clone3(0x1000_0000 | 0x4000_0000, None).expect("namespaces are made") {
        sys::Cloned::Child => {
            let mut keep = [0, 1, 2, maps.as_raw_fd(), is_up.as_raw_fd(), end.as_raw_fd()];
            std::mem::forget((maps_written, gate, up));
            sys::close_all_but(&mut keep).expect("what isn't its own is closed");
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).expect("prctl");
            assert_eq!(rustix::io::read(&maps, &mut [0; 1]), Ok(1));
            sys::loopback_up().expect("the interface is ours");
            assert_eq!(rustix::io::write(&is_up, b"+"), Ok(1));
            let _ = rustix::io::read(&end, &mut [0; 1]);
            sys::exit_now(0)
        }
        sys::Cloned::Parent(pid, pidfd) => {
            let write = |file: &str, text: String| {
                std::fs::write(format!("/proc/{}/{file}", pid.as_raw_nonzero()), text).expect("a map is written");
            };
            if root {
                write("uid_map", "0 1879048192 65536".to_owned());
                write("gid_map", "0 1879048192 65536".to_owned());
            } else {
                write("setgroups", "deny".to_owned());
                write("uid_map", format!("0 {} 1", ids.0));
                write("gid_map", format!("0 {} 1", ids.1));
            }
            rustix::io::write(&maps_written, b"+").expect("the container waits");
            rustix::io::read(&up, &mut [0; 1]).expect("the container is up");
            (pid, pidfd, gate)
        }
    }
}
