//! Values in the forms that docker takes them: sizes, limits, ports, mounts, variables. Text in, data out.

use std::net::IpAddr;

use crate::policy::{Bind, Device, Egress, Mount, MountKind, Protocol, Publish, Restart, Rlimit, Tmpfs};

/// Bytes of a tmpfs where nobody says how many: what programs leave in /tmp fits, and a filled one hurts nobody.
const TMPFS_BYTES: u64 = 64 << 20;

/// Ports that one range may open.
const MOST_PORTS: u16 = 1024;

/// Bytes, with docker's units: `b`, `k`, `m`, `g`, `t`, `p`, each also with `b` or `ib` behind it, in steps of 1,024, in
/// fractions too.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; write a number with b, k, m or g behind it, such as 512m");
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let shift = match unit.trim().strip_suffix("ib").or_else(|| unit.trim().strip_suffix('b')).unwrap_or(unit.trim()) {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        "p" => 50,
        _ => return Err(wrong()),
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(1 << shift).ok_or_else(|| format!("`{text}` is more than any machine has"));
    }
    let fraction: f64 = number.parse().map_err(|_| wrong())?;
    let bytes = fraction * (1_u64 << shift) as f64;
    if bytes.is_finite() && bytes >= 0.0 && bytes < u64::MAX as f64 { Ok(bytes as u64) } else { Err(wrong()) }
}

/// `--memory-swap`: bytes, or `-1` for `None`.
pub(super) fn swap(text: &str) -> Result<Option<u64>, String> {
    if text == "-1" { Ok(None) } else { bytes(text).map(Some) }
}

/// `--cpus`: a decimal number, in thousandths.
pub(super) fn milli_cpus(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no number of CPUs; write one such as 1.5");
    let number: f64 = text.parse().map_err(|_| wrong())?;
    if !number.is_finite() || !(0.001..=100_000.0).contains(&number) {
        return Err(wrong());
    }
    Ok((number * 1000.0).round() as u64)
}

/// `--device-read-bps` and its like: a device's path and a number behind the last colon.
pub(super) fn device_rate(text: &str, read: fn(&str) -> Result<u64, String>) -> Result<(String, u64), String> {
    let wrong = || format!("`{text}` is no rate of a device; write DEVICE:RATE, such as /dev/sda:1mb");
    let (device, rate) = text.rsplit_once(':').ok_or_else(wrong)?;
    if !device.starts_with("/dev/") {
        return Err(wrong());
    }
    Ok((device.to_owned(), read(rate)?))
}

/// A plain number.
pub(super) fn count(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

/// `--pids-limit`: docker takes 0 and -1 for no bound.
pub(super) fn pids(count: i64) -> Result<Option<u64>, String> {
    match count {
        0 | -1 => Ok(None),
        count => u64::try_from(count).map(Some).map_err(|_| format!("`{count}` is no number of processes")),
    }
}

/// `--ulimit`: `NAME=SOFT[:HARD]`, `-1` and `unlimited` for no bound.
pub(super) fn rlimit(text: &str) -> Result<Rlimit, String> {
    let wrong = || format!("`{text}` is no limit; write NAME=SOFT:HARD, such as nofile=1024:2048");
    let (name, values) = text.split_once('=').ok_or_else(wrong)?;
    let value = |text: &str| match text {
        "-1" | "unlimited" => Ok(u64::MAX),
        text => text.parse::<u64>().map_err(|_| wrong()),
    };
    let (soft, hard) = values.split_once(':').unwrap_or((values, values));
    let (soft, hard) = (value(soft)?, value(hard)?);
    if soft > hard {
        return Err(format!("`{text}` has a soft limit above the hard one; swap them"));
    }
    Ok(Rlimit { name: name.to_ascii_lowercase(), soft, hard })
}

/// `--restart`.
pub(super) fn restart(text: &str) -> Result<Restart, String> {
    match text.split_once(':').unwrap_or((text, "")) {
        ("no", "") => Ok(Restart::No),
        ("always" | "unless-stopped", "") => Ok(Restart::Always),
        ("on-failure", "") => Ok(Restart::OnFailure(None)),
        ("on-failure", times) if times.parse::<u32>().is_ok() => {
            Ok(Restart::OnFailure(times.parse().ok().filter(|times| *times != 0)))
        }
        _ => Err(format!("`{text}` is no restart policy; write no, on-failure, on-failure:TIMES or always")),
    }
}

/// `-p`: `[[ADDRESS:]HOST_PORT:]PORT[/PROTOCOL]`, ports also as ranges of the same length.
pub(super) fn publish(text: &str) -> Result<Vec<Publish>, String> {
    let wrong = || {
        format!(
            "`{text}` is no port to publish; write [[ADDRESS:]HOST_PORT:]PORT[/udp], such as 127.0.0.1:8080:80 or [::1]:53:53/udp"
        )
    };
    let (ports, protocol) = match text.rsplit_once('/') {
        None => (text, Protocol::Tcp),
        Some((ports, "tcp")) => (ports, Protocol::Tcp),
        Some((ports, "udp")) => (ports, Protocol::Udp),
        Some(_) => return Err(wrong()),
    };
    let (rest, inside) = match ports.rsplit_once(':') {
        None => (None, ports),
        Some((rest, inside)) => (Some(rest), inside),
    };
    let (address, outside) = match rest {
        None => (None, ""),
        Some(rest) if rest.ends_with(']') => (Some(rest), ""),
        Some(rest) => match rest.rsplit_once(':') {
            None => (None, rest),
            Some((address, outside)) => (Some(address), outside),
        },
    };
    let address = match address {
        None | Some("") => None,
        Some(address) => {
            let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
            Some(bare.parse::<IpAddr>().map_err(|_| wrong())?)
        }
    };
    let range = |text: &str| -> Result<(u16, u16), String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
        if first > last || last - first >= MOST_PORTS { Err(wrong()) } else { Ok((first, last)) }
    };
    let (first, last) = range(inside)?;
    if first == 0 {
        return Err(wrong());
    }
    let host = if outside.is_empty() { None } else { Some(range(outside)?) };
    if host.is_some_and(|(from, to)| to - from != last - first) {
        return Err(format!("`{text}` has ranges of different lengths; make them equal"));
    }
    let at = |port: u16| host.map_or(0, |(from, _)| if from == 0 { 0 } else { from + (port - first) });
    Ok((first..=last).map(|port| Publish { address, host_port: at(port), port, protocol }).collect())
}

/// `--egress`: `all`, or hosts with their ports.
pub(super) fn egress(texts: &[String]) -> Result<Option<Egress>, String> {
    let mut only = Vec::new();
    for text in texts {
        if text == "all" {
            return if texts.len() == 1 {
                Ok(Some(Egress::All))
            } else {
                Err("`--egress all` opens every way out, so the others say nothing; leave one or the other".to_owned())
            };
        }
        let wrong = || format!("`{text}` is no way out; write all or HOST:PORT, such as api.example.com:443");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let port = port.parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(wrong)?;
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || !(host.chars().all(named) || host.parse::<IpAddr>().is_ok()) {
            return Err(wrong());
        }
        only.push((host.to_owned(), port));
    }
    Ok(if only.is_empty() { None } else { Some(Egress::Only(only)) })
}

/// `-v`: `PLACE`, `NAME:PLACE[:OPTIONS]`, `PATH:PLACE[:OPTIONS]`.
pub(super) fn volume(text: &str, here: &str) -> Result<Mount, String> {
    let wrong = |why: &str| format!("`-v {text}`: {why}; write [SOURCE:]PLACE[:ro]");
    let parts: Vec<&str> = text.split(':').collect();
    let (source, place, options) = match parts[..] {
        [place] => (None, place, ""),
        [source, place] => (Some(source), place, ""),
        [source, place, options] => (Some(source), place, options),
        _ => return Err(wrong("it has too many colons")),
    };
    if !place.starts_with('/') {
        return Err(wrong("the place in the container is not absolute"));
    }
    let mut read_only = false;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => read_only = true,
            // Propagation is always private here, labels are the profile's business, and nothing is copied into volumes.
            "rw" | "z" | "Z" | "nocopy" | "private" | "rprivate" | "cached" | "delegated" | "consistent" => {}
            other => return Err(wrong(&format!("`{other}` is no option that is supported"))),
        }
    }
    let kind = match source {
        None => MountKind::Tmpfs(tmpfs(0o755)),
        Some("") => return Err(wrong("the source is empty")),
        Some(source) if source.starts_with('/') || source.starts_with('.') || source.starts_with('~') => {
            MountKind::Bind(Bind { source: absolute(source, here), read_only, recursive: true, create: true })
        }
        Some(name) => MountKind::Volume { name: name.to_owned(), read_only },
    };
    Ok(Mount { destination: place.to_owned(), kind })
}

/// `--mount`: `type=bind,source=…,target=…,readonly`.
pub(super) fn mount(text: &str, here: &str) -> Result<Mount, String> {
    let wrong = |why: &str| format!("`--mount {text}`: {why}");
    let (mut kind, mut source, mut target) = ("volume", None, None);
    let (mut read_only, mut recursive, mut memory) = (false, true, tmpfs(0o1777));
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, "true"));
        let truth = || match value {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(wrong(&format!("`{key}` is true or false, not `{value}`"))),
        };
        match key {
            "type" => kind = value,
            "source" | "src" => source = Some(value),
            "target" | "dst" | "destination" => target = Some(value),
            "readonly" | "ro" => read_only = truth()?,
            "bind-nonrecursive" => recursive = !truth()?,
            "bind-recursive" => recursive = value != "disabled",
            "tmpfs-size" => memory.size = bytes(value)?,
            "tmpfs-mode" => memory.mode = mode(value).ok_or_else(|| wrong("`tmpfs-mode` is octal, such as 1777"))?,
            "volume-nocopy" | "consistency" => {}
            "bind-propagation" if matches!(value, "private" | "rprivate") => {}
            other => return Err(wrong(&format!("`{other}` is no key that is supported"))),
        }
    }
    let target = target.filter(|target| target.starts_with('/')).ok_or_else(|| wrong("it has no absolute `target`"))?;
    let kind = match (kind, source) {
        ("tmpfs", None) => MountKind::Tmpfs(memory),
        ("bind", Some(source)) => {
            MountKind::Bind(Bind { source: absolute(source, here), read_only, recursive, create: false })
        }
        ("volume", Some(name)) => MountKind::Volume { name: name.to_owned(), read_only },
        ("volume", None) => MountKind::Tmpfs(memory),
        ("bind", None) => return Err(wrong("a bind mount needs `source`")),
        ("tmpfs", Some(_)) => return Err(wrong("a tmpfs has no `source`")),
        (other, _) => return Err(wrong(&format!("`type={other}` is not bind, volume or tmpfs"))),
    };
    Ok(Mount { destination: target.to_owned(), kind })
}

/// `--tmpfs`: `PLACE[:OPTIONS]`.
pub(super) fn tmpfs_mount(text: &str) -> Result<Mount, String> {
    let wrong = |why: &str| format!("`--tmpfs {text}`: {why}");
    let (place, options) = text.split_once(':').unwrap_or((text, ""));
    if !place.starts_with('/') {
        return Err(wrong("the place in the container is not absolute"));
    }
    let mut memory = tmpfs(0o1777);
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option.split_once('=').unwrap_or((option, "")) {
            ("size", value) => memory.size = bytes(value)?,
            ("nr_inodes", value) => memory.inodes = Some(count(value)?),
            ("mode", value) => memory.mode = mode(value).ok_or_else(|| wrong("`mode` is octal, such as 1777"))?,
            ("exec", "") => memory.exec = true,
            ("noexec", "") => memory.exec = false,
            ("tmpcopyup", "") => memory.copy_up = true,
            ("rw" | "nosuid" | "nodev" | "notmpcopyup" | "noatime" | "relatime", "") => {}
            _ => return Err(wrong(&format!("`{option}` is no option that is supported"))),
        }
    }
    Ok(Mount { destination: place.to_owned(), kind: MountKind::Tmpfs(memory) })
}

/// `--device`: `PATH[:PLACE[:rwm]]`.
pub(super) fn device(text: &str) -> Result<Mount, String> {
    let mut parts = text.splitn(3, ':');
    let path = parts.next().unwrap_or_default();
    let place = parts.next().unwrap_or(path);
    let rights = parts.next().unwrap_or("rwm");
    if !path.starts_with("/dev/") || !place.starts_with('/') || !rights.chars().all(|right| "rwm".contains(right)) {
        return Err(format!("`--device {text}` is no device; write /dev/NAME[:PLACE[:rwm]]"));
    }
    let device = Device { source: path.to_owned(), read_only: !rights.contains('w') };
    Ok(Mount { destination: place.to_owned(), kind: MountKind::Device(device) })
}

/// The variables of a file as `--env-file` takes it: `KEY=VALUE` as it stands, `KEY` looked up, comments and blank lines
/// left out.
pub(super) fn env_file(text: &str, look_up: impl Fn(&str) -> Option<String>) -> Result<Vec<String>, String> {
    let mut variables = Vec::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let variable = variable(line, &look_up).map_err(|why| format!("line {}: {why}", at + 1))?;
        variables.extend(variable);
    }
    Ok(variables)
}

/// A variable as `-e` takes it; `None` where only its name is given and the caller hasn't set it.
pub(super) fn variable(text: &str, look_up: impl Fn(&str) -> Option<String>) -> Result<Option<String>, String> {
    let key = text.split('=').next().unwrap_or_default();
    if key.is_empty() || key.contains([' ', '\t', '\0']) {
        return Err(format!("`{key}` is no name of a variable; write KEY=VALUE or KEY"));
    }
    if text.contains('=') {
        return Ok(Some(text.to_owned()));
    }
    Ok(look_up(key).map(|value| format!("{key}={value}")))
}

fn tmpfs(mode: u32) -> Tmpfs {
    Tmpfs { size: TMPFS_BYTES, inodes: None, mode, exec: false, copy_up: false, uid: 0, gid: 0 }
}

fn mode(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o1777)
}

/// A path of the host, from the folder we are in.
fn absolute(path: &str, here: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let path = path.trim_start_matches("./");
    let here = here.trim_end_matches('/');
    if path.is_empty() || path == "." { format!("{here}/") } else { format!("{here}/{path}") }
}

#[cfg(test)]
mod tests;
