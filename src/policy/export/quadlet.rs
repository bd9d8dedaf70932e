//! A quadlet (podman-systemd.unit(5)): a `.container` file from which Podman's generator makes a service. The flags of
//! `podman run`, by their keys where there is one since Podman 4.4, else as `PodmanArgs=`.

use super::docker::{Client, flags};
use super::quote::{json, systemd, systemd_line};
use super::{Exported, Source, common, seccomp};
use crate::policy::profile::{Profile, Restart};

/// Keys whose value the generator takes as it stands, and those of which it makes words: each with the flag that it is.
const RAW: [(&str, &str); 10] = [
    ("name", "ContainerName"),
    ("hostname", "HostName"),
    ("tmpfs", "Tmpfs"),
    ("volume", "Volume"),
    ("pids-limit", "PidsLimit"),
    ("ulimit", "Ulimit"),
    ("shm-size", "ShmSize"),
    ("network", "Network"),
    ("publish", "PublishPort"),
    ("workdir", "WorkingDir"),
];
const WORDS: [(&str, &str); 5] = [
    ("env", "Environment"),
    ("cap-drop", "DropCapability"),
    ("cap-add", "AddCapability"),
    ("device", "AddDevice"),
    ("mount", "Mount"),
];

pub(super) fn export(profile: &Profile, source: &Source) -> Exported {
    let mut notes = Vec::new();
    let list = seccomp::file(profile, source);
    let path = list.as_ref().map(|(name, _)| format!("/etc/containers/seccomp/{name}"));
    let mut container = Vec::new();
    match systemd_line(&source.image) {
        Some(image) => container.push(format!("Image={}", kept(&image))),
        None => notes.push("the image's reference can't be carried: write Image= yourself".to_owned()),
    }
    for flag in flags(profile, &source.name, Client::Podman, path.as_deref(), &mut notes) {
        container.extend(line(&flag));
    }
    common::landlock(profile, &mut notes);
    common::time_namespace(profile, &mut notes);
    container.push("UserNS=auto".to_owned());
    notes.push(
        "UserNS=auto needs a line for `containers` in /etc/subuid and /etc/subgid where root starts it".to_owned(),
    );
    container.extend(exec(profile));
    let service = match profile.restart.value {
        Restart::No => "Restart=no",
        Restart::OnFailure(_) => "Restart=on-failure",
        Restart::Always => "Restart=always",
    };
    let mut unit = vec![format!("Description={}, with the least privilege", source.name)];
    if let Restart::OnFailure(Some(times)) = profile.restart.value {
        unit.push("StartLimitIntervalSec=infinity".to_owned());
        unit.push(format!("StartLimitBurst={}", times.saturating_add(1)));
    }
    let text = format!(
        "[Unit]\n{}\n\n[Container]\n{}\n\n[Service]\n{service}\n\n[Install]\nWantedBy=default.target\n",
        unit.join("\n"),
        container.join("\n"),
    );
    let mut files = vec![(format!("{}.container", source.name), text)];
    if let Some((name, text)) = list {
        notes.push(format!("put {name} into /etc/containers/seccomp"));
        files.push((name, text));
    }
    Exported { files, notes }
}

/// The line of a flag; none for what the generator says itself, or what is said elsewhere in the unit.
fn line(flag: &str) -> Option<String> {
    let (name, value) = flag.trim_start_matches("--").split_once('=').unwrap_or((flag.trim_start_matches("--"), ""));
    match (name, value) {
        ("rm" | "restart" | "entrypoint", _) => return None,
        ("read-only", _) => return Some("ReadOnly=true".to_owned()),
        ("security-opt", "no-new-privileges") => return Some("NoNewPrivileges=true".to_owned()),
        ("user", ids) => {
            let (uid, gid) = ids.split_once(':').unwrap_or((ids, ids));
            return Some(format!("User={uid}\nGroup={gid}"));
        }
        ("security-opt", option) => {
            if let Some(path) = option.strip_prefix("seccomp=").filter(|path| path.starts_with('/')) {
                return Some(format!("SeccompProfile={path}"));
            }
        }
        _ => {}
    }
    let key = |table: &[(&str, &'static str)]| table.iter().find(|(flag, _)| *flag == name).map(|(_, key)| *key);
    if let (Some(key), Some(value)) = (key(&RAW), systemd_line(value)) {
        return Some(format!("{key}={}", kept(&value)));
    }
    if let Some(key) = key(&WORDS) {
        return Some(format!("{key}={}", kept(&systemd(value))));
    }
    Some(format!("PodmanArgs={}", kept(&systemd(flag))))
}

/// The value with each `$` doubled: it ends up in the command line of a service.
fn kept(value: &str) -> String {
    value.replace('$', "$$")
}

/// The program as a list of JSON, which `--entrypoint` of Podman takes, and its arguments.
fn exec(profile: &Profile) -> Vec<String> {
    let (Some(program), arguments) = common::command(profile) else { return Vec::new() };
    let list = |words: &mut dyn Iterator<Item = &str>| {
        let words: Vec<String> = words.map(json).collect();
        format!("PodmanArgs={}", kept(&systemd(&format!("--entrypoint=[{}]", words.join(",")))))
    };
    // The generator's reader of words takes an empty one for the end of the line.
    if arguments.iter().any(String::is_empty) {
        return vec![list(&mut std::iter::once(program).chain(arguments.iter().map(String::as_str)))];
    }
    let mut lines = vec![list(&mut std::iter::once(program))];
    if !arguments.is_empty() {
        let words: Vec<String> = arguments.iter().map(|word| kept(&systemd(word))).collect();
        lines.push(format!("Exec={}", words.join(" ")));
    }
    lines
}
