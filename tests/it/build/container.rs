//! Running an image as a container engine does, and asking it.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::image::Image;
use super::project::Project;
use super::tools::tail;

/// What is known of a program that gave the expected answer.
pub(crate) struct Answer {
    pub(crate) uid: u32,
}

/// How long a program may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// The capabilities that docker leaves to root.
const CAPABILITIES: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SYS_CHROOT",
    "CAP_MKNOD",
    "CAP_AUDIT_WRITE",
    "CAP_SETFCAP",
];

/// A container that is stopped and forgotten when this goes.
struct Container {
    process: Child,
    state: std::path::PathBuf,
}

impl Container {
    fn runc(&self, arguments: &[&str]) {
        let _ = Command::new("runc").arg("--root").arg(&self.state).args(arguments).output();
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.runc(&["kill", "proof", "KILL"]);
        let start = Instant::now();
        while self.process.try_wait().is_ok_and(|ended| ended.is_none()) && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.runc(&["delete", "--force", "proof"]);
    }
}

/// Starts the image's program and waits for the answer that the project promises.
pub(crate) fn ask(project: &Project, image: &Image, folder: &Path) -> Result<Answer, String> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let user = User::of(image)?;
    let id = folder.to_string_lossy().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let config = config(image, &user, &id)?;
    fs::write(folder.join("config.json"), config.to_string()).map_err(|error| error.to_string())?;
    for (file, text) in [("hosts", "127.0.0.1 localhost\n"), ("hostname", "proof\n")] {
        // An image without /etc can do without these.
        let _ = fs::write(image.root.join("etc").join(file), text);
    }
    let log = folder.join("output");
    let output = fs::File::create(&log).map_err(|error| error.to_string())?;
    let process = Command::new("runc")
        .arg("--root")
        .arg(folder.join("state"))
        .args(["run", "--pid-file"])
        .arg(folder.join("pid"))
        .arg("--bundle")
        .arg(folder)
        .arg("proof")
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(|error| error.to_string())?)
        .stderr(output)
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut container = Container { process, state: folder.join("state") };
    let result = wait(project, &mut container, folder);
    let said = || {
        let mut text = Vec::new();
        let _ = fs::File::open(&log).and_then(|file| file.take(1 << 20).read_to_end(&mut text));
        let text = String::from_utf8_lossy(&text).into_owned();
        // A server says the same at each question.
        let lines: Vec<&str> = text.lines().collect();
        lines[..lines.len().min(20)].join("\n")
    };
    let lacks = |text: &str| project.proof.answer.iter().find(|answer| !text.contains(answer.as_str())).cloned();
    match result {
        Waited::Answered(uid) => Ok(Answer { uid }),
        Waited::Ended(0) if project.proof.ask.is_empty() => {
            let said = said();
            if let Some(lacking) = lacks(&said) {
                return Err(format!("it doesn't say {lacking:?}, but: {said}"));
            }
            let uid =
                said.split("uid=").nth(1).map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
            let uid = uid.and_then(|uid| uid.parse().ok()).ok_or_else(|| format!("it doesn't say its uid: {said}"))?;
            Ok(Answer { uid })
        }
        Waited::Ended(code) => Err(format!("it ends with {code}: {}", said())),
        Waited::TooLong(last) => Err(format!("no answer in time; the last was: {last}\nit said: {}", said())),
    }
}

enum Waited {
    Answered(u32),
    Ended(i32),
    TooLong(String),
}

fn wait(project: &Project, container: &mut Container, folder: &Path) -> Waited {
    let start = Instant::now();
    let mut last = String::new();
    while start.elapsed() < PATIENCE {
        if let Ok(Some(status)) = container.process.try_wait() {
            return Waited::Ended(status.code().unwrap_or(-1));
        }
        std::thread::sleep(Duration::from_millis(40));
        let Some(pid) = fs::read_to_string(folder.join("pid")).ok().and_then(|pid| pid.trim().parse::<u32>().ok())
        else {
            continue;
        };
        if project.proof.ask.is_empty() {
            continue;
        }
        let asked = Command::new("nsenter")
            .args(["--net", &format!("--target={pid}"), "sh", "-c", &project.proof.ask])
            .env("OUTPUT", folder.join("output"))
            .env("ROOT", format!("/proc/{pid}/root"))
            .current_dir(crate::support::root())
            .stdin(Stdio::null())
            .output();
        let Ok(asked) = asked else { continue };
        let text = String::from_utf8_lossy(&asked.stdout).into_owned();
        if asked.status.success()
            && project.proof.answer.iter().all(|answer| text.contains(answer.as_str()))
            && let Some(uid) = uid_of(pid)
        {
            return Waited::Answered(uid);
        }
        last = tail(&asked);
    }
    Waited::TooLong(last)
}

/// The effective user of a process, as the kernel knows it.
fn uid_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("Uid:"))?;
    line.split_whitespace().nth(2)?.parse().ok()
}

/// The user that the image's configuration names, by the image's own accounts.
struct User {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl User {
    fn of(image: &Image) -> Result<Self, String> {
        let read = |file: &str| fs::read_to_string(image.root.join(file)).unwrap_or_default();
        let (passwd, group) = (read("etc/passwd"), read("etc/group"));
        let rows = |text: &str| {
            text.lines().map(|line| line.split(':').map(str::to_owned).collect()).collect::<Vec<Vec<String>>>()
        };
        let (passwd, group) = (rows(&passwd), rows(&group));
        let (name, group_name) = match image.text("User").split_once(':') {
            Some((name, group)) => (name, Some(group)),
            None => (image.text("User"), None),
        };
        let name = if name.is_empty() { "0" } else { name };
        let row = passwd.iter().find(|row| row.len() > 3 && (row[0] == name || row[2] == name));
        let number = |text: &str| text.parse::<u32>().ok();
        let uid = row.and_then(|row| number(&row[2])).or_else(|| number(name));
        let uid = uid.ok_or_else(|| format!("the image has no user {name}"))?;
        let gid = match group_name {
            Some(name) => {
                let row = group.iter().find(|row| row.len() > 2 && (row[0] == name || row[2] == name));
                row.and_then(|row| number(&row[2]))
                    .or_else(|| number(name))
                    .ok_or_else(|| format!("no group {name}"))?
            }
            None => row.and_then(|row| number(&row[3])).unwrap_or(0),
        };
        let member = |row: &&Vec<String>| {
            row.len() > 3
                && passwd.iter().any(|user| {
                    user.len() > 2 && user[2] == uid.to_string() && row[3].split(',').any(|name| name == user[0])
                })
        };
        let groups = group.iter().filter(member).filter_map(|row| number(&row[2])).collect();
        Ok(Self { uid, gid, groups })
    }
}

/// The runtime's configuration: what docker gives a container that is started without options.
fn config(image: &Image, user: &User, id: &str) -> Result<Value, String> {
    let mut env = image.words("Env");
    if !env.iter().any(|variable| variable.starts_with("PATH=")) {
        env.push("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
    }
    let arguments = [image.words("Entrypoint"), image.words("Cmd")].concat();
    if arguments.is_empty() {
        return Err("the image has neither ENTRYPOINT nor CMD".to_owned());
    }
    let cwd = if image.text("WorkingDir").is_empty() { "/" } else { image.text("WorkingDir") };
    // Capabilities of a user that isn't root are what executables grant, within the bounding set.
    let own: &[&str] = if user.uid == 0 { &CAPABILITIES } else { &[] };
    let mount = |target: &str, kind: &str, options: &[&str]| json!({"destination": target, "type": kind, "source": kind, "options": options});
    let namespaces = ["pid", "network", "ipc", "uts", "mount"].map(|kind| json!({"type": kind}));
    Ok(json!({
        "ociVersion": "1.0.2",
        "root": {"path": image.root, "readonly": false},
        "hostname": "proof",
        "process": {
            "user": {"uid": user.uid, "gid": user.gid, "additionalGids": user.groups},
            "args": arguments,
            "env": env,
            "cwd": cwd,
            "capabilities": {"bounding": CAPABILITIES, "effective": own, "permitted": own},
        },
        "mounts": [
            mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
            mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
            mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        ],
        "linux": {
            "cgroupsPath": format!("/harden-proof/{id}"),
            "namespaces": namespaces,
            // Docker's own setting: in a container's network there are no privileged ports.
            "sysctl": {"net.ipv4.ip_unprivileged_port_start": "0"},
        },
    }))
}
