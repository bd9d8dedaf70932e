//! A filter in Docker's form (the one of the OCI runtime specification, and with conditions on capabilities,
//! architectures and kernels), which is a user's file and may say anything.

use oci_spec::runtime::{Arch, Capability, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSyscall};
use serde::Deserialize;

use crate::policy::Error;

use super::{arches, list};

/// Bytes of a file that is read; Docker's own has 13 KiB.
const MOST_BYTES: usize = 1 << 20;
/// Names and conditions in all rules together; a filter program has room for 4,096 instructions.
const MOST_NAMES: usize = 1 << 14;
const PLACE: &str = "--security-opt seccomp=FILE";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    default_action: LinuxSeccompAction,
    default_errno_ret: Option<u32>,
    #[serde(default)]
    architectures: Option<Vec<Arch>>,
    #[serde(default)]
    arch_map: Option<Vec<ArchMap>>,
    #[serde(default)]
    listener_path: Option<String>,
    #[serde(default)]
    syscalls: Option<Vec<Rule>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchMap {
    architecture: Arch,
    #[serde(default)]
    sub_architectures: Option<Vec<Arch>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    names: Option<Vec<String>>,
    action: LinuxSeccompAction,
    errno_ret: Option<u32>,
    #[serde(default)]
    args: Option<Vec<LinuxSeccompArg>>,
    #[serde(default)]
    includes: Option<Condition>,
    #[serde(default)]
    excludes: Option<Condition>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    caps: Option<Vec<String>>,
    arches: Option<Vec<String>>,
    min_kernel: Option<String>,
}

/// What conditions are held against.
struct Facts<'a> {
    granted: &'a [Capability],
    host: &'a str,
    kernel: (u32, u32),
}

/// Reads a filter and resolves its conditions as Docker does. `kernel` is the version of the running one; (0, 0) counts as
/// newer than any. The 32-bit architecture is left out for an image without 32-bit programs, and x32 always.
///
/// # Errors
/// What is no such file, or asks for what can't be done: handing calls to another process.
pub fn read(
    text: &str,
    granted: &[Capability],
    host: &str,
    kernel: (u32, u32),
    has_32_bit: bool,
) -> Result<LinuxSeccomp, Error> {
    let wrong =
        |problem: String| Error::new(PLACE, problem, "mend the file, or leave the option out for harden's own filter");
    if text.len() > MOST_BYTES {
        return Err(wrong(format!("the file has {} bytes, more than {MOST_BYTES}", text.len())));
    }
    let file: File = serde_json::from_str(text).map_err(|error| wrong(format!("it is no seccomp profile: {error}")))?;
    if file.listener_path.is_some_and(|path| !path.is_empty()) {
        return Err(wrong("it hands calls to another process by `listenerPath`".to_owned()));
    }
    let asked = match (file.architectures, file.arch_map) {
        (Some(list), Some(map)) if !list.is_empty() && !map.is_empty() => {
            return Err(wrong("it has both `architectures` and `archMap`".to_owned()));
        }
        (Some(list), _) if !list.is_empty() => Some(list),
        (_, Some(map)) if !map.is_empty() => {
            let own = arches::architectures(host, false);
            let entry = map.into_iter().find(|entry| own.contains(&entry.architecture));
            entry.map(|entry| {
                std::iter::once(entry.architecture).chain(entry.sub_architectures.unwrap_or_default()).collect()
            })
        }
        _ => None,
    };
    let possible = arches::architectures(host, has_32_bit);
    let on = match asked {
        None => possible,
        Some(asked) => {
            let native = |one: &Arch| asked.contains(one) || asked.contains(&Arch::ScmpArchNative);
            let on: Vec<Arch> = possible
                .iter()
                .enumerate()
                .filter(|(at, one)| if *at == 0 { native(one) } else { asked.contains(one) })
                .map(|(_, one)| *one)
                .collect();
            if on.is_empty() {
                return Err(wrong(format!("it is for other architectures than this machine's, `{host}`")));
            }
            on
        }
    };
    let facts = Facts { granted, host, kernel };
    let mut rules = Vec::new();
    let mut names = 0;
    for (at, rule) in file.syscalls.unwrap_or_default().into_iter().enumerate() {
        let place = |problem: &str| wrong(format!("`syscalls[{at}]` {problem}"));
        let calls = match (rule.name.filter(|name| !name.is_empty()), rule.names.unwrap_or_default()) {
            (Some(_), names) if !names.is_empty() => return Err(place("has both `name` and `names`")),
            (Some(name), _) => vec![name],
            (None, names) => names,
        };
        let args = rule.args.unwrap_or_default();
        names += calls.len() * (1 + args.len());
        if names > MOST_NAMES {
            return Err(wrong(format!("it has more than {MOST_NAMES} names and conditions")));
        }
        if args.iter().any(|arg| arg.index() > 5) {
            return Err(place("looks at an argument above the sixth, and calls have six"));
        }
        check_action(rule.action, rule.errno_ret).map_err(|problem| place(&problem))?;
        let excluded = rule.excludes.as_ref().map(|not| facts.meets_any(not)).transpose().map_err(|why| place(&why))?;
        let included =
            rule.includes.as_ref().map(|only| facts.meets_all(only)).transpose().map_err(|why| place(&why))?;
        if excluded == Some(true) || included == Some(false) || calls.is_empty() {
            continue;
        }
        let mut syscall = LinuxSyscall::default();
        syscall
            .set_names(calls)
            .set_action(rule.action)
            .set_errno_ret(rule.errno_ret)
            .set_args(Some(args).filter(|args| !args.is_empty()));
        rules.push(syscall);
    }
    check_action(file.default_action, file.default_errno_ret)
        .map_err(|problem| wrong(format!("`defaultAction` {problem}")))?;
    Ok(list(file.default_action, file.default_errno_ret, on, rules))
}

fn check_action(action: LinuxSeccompAction, errno: Option<u32>) -> Result<(), String> {
    match action {
        LinuxSeccompAction::ScmpActNotify | LinuxSeccompAction::ScmpActTrace => {
            Err(format!("is `{action}`, and there is no other process to ask"))
        }
        _ if errno.is_some_and(|errno| errno > 4095) => Err("has an error number above 4095".to_owned()),
        _ => Ok(()),
    }
}

impl Facts<'_> {
    /// `excludes`: one thing that holds is enough.
    fn meets_any(&self, condition: &Condition) -> Result<bool, String> {
        let arch = condition.arches.iter().flatten().any(|arch| arch == self.host);
        let cap = condition.caps.iter().flatten().any(|name| self.has(name));
        Ok(arch || cap || self.kernel_is(condition)?.unwrap_or(false))
    }

    /// `includes`: all that is said has to hold.
    fn meets_all(&self, condition: &Condition) -> Result<bool, String> {
        let arches = condition.arches.as_deref().unwrap_or_default();
        let arch = arches.is_empty() || arches.iter().any(|arch| arch == self.host);
        let caps = condition.caps.iter().flatten().all(|name| self.has(name));
        Ok(arch && caps && self.kernel_is(condition)?.unwrap_or(true))
    }

    fn has(&self, name: &str) -> bool {
        self.granted.iter().any(|one| name.strip_prefix("CAP_").is_some_and(|name| one.to_string() == name))
    }

    fn kernel_is(&self, condition: &Condition) -> Result<Option<bool>, String> {
        let Some(text) = condition.min_kernel.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
        let version = text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let version: (u32, u32) =
            version.ok_or_else(|| "has a `minKernel` that is no version, such as `4.8`".to_owned())?;
        Ok(Some(self.kernel == (0, 0) || self.kernel >= version))
    }
}
