//! `[run]` of harden.toml, read as the flags of the same names.

use crate::cli::failure::Failure;
use crate::cli::output::Console;
use crate::config::{Config, Name};
use crate::policy::Wishes;

use super::flags::{Flags, LevelName};
use super::values;
use clap::ValueEnum;

/// What a project asks for. What would widen a profile is only said to be wanted: a file that comes with a project doesn't
/// decide what holds the project's own containers, so each name of `allow` needs its flag too.
pub(super) fn wishes(config: &Config, allowed: &[String], console: &Console) -> Result<Wishes, Failure> {
    let run = &config.run;
    for name in run.allow.iter().filter(|name| !allowed.contains(&name.text)) {
        console.note(&format_args!("{}: `{1}` is wanted; it is allowed by `--allow {1}` only", name.at, name.text));
    }
    let folder = config.root.display().to_string();
    let mut flags = Flags { read_only: run.read_only, ..Flags::default() };
    if let Some(name) = &run.pids {
        let number =
            name.text.parse().map_err(|_| wrong(name, &format!("`{}` is no number of processes", name.text)))?;
        flags.pids_limit = Some(number);
    }
    for (name, set) in settings(config) {
        // Read alone first, since only so it is known whose the error is.
        let mut alone = Flags::default();
        set(&mut alone, &name.text);
        alone.data(&[], false, &folder).map_err(|why| wrong(name, &why))?;
        set(&mut flags, &name.text);
    }
    let mut env = Vec::new();
    for name in &run.env {
        let variables = values::variable(&name.text, super::wishes::look_up);
        env.extend(variables.map_err(|why| wrong(name, &why))?);
    }
    let seccomp = flags.seccomp(&config.root)?;
    Ok(Wishes { env, seccomp, ..flags.data(&[], false, &folder).map_err(Failure::Usage)? })
}

fn wrong(name: &Name, why: &str) -> Failure {
    Failure::Usage(format!("{}: {why}", name.at))
}

/// Sets a flag as the command line does.
type Set = fn(&mut Flags, &str);

/// Each value with the flag that takes it.
fn settings(config: &Config) -> Vec<(&Name, Set)> {
    let run = &config.run;
    let one: [(&Option<Name>, Set); 6] = [
        (&run.level, |flags, text| flags.level = LevelName::from_str(text, false).ok()),
        (&run.memory, |flags, text| flags.memory = Some(text.to_owned())),
        (&run.memory_swap, |flags, text| flags.memory_swap = Some(text.to_owned())),
        (&run.cpus, |flags, text| flags.cpus = Some(text.to_owned())),
        (&run.user, |flags, text| flags.user = Some(text.to_owned())),
        (&run.network, |flags, text| flags.network = Some(text.to_owned())),
    ];
    let many: [(&[Name], Set); 8] = [
        (&run.tmpfs, |flags, text| flags.tmpfs.push(text.to_owned())),
        (&run.volumes, |flags, text| flags.volume.push(text.to_owned())),
        (&run.publish, |flags, text| flags.publish.push(text.to_owned())),
        (&run.egress, |flags, text| flags.egress.push(text.to_owned())),
        (&run.cap_add, |flags, text| flags.cap_add.push(text.to_owned())),
        (&run.cap_drop, |flags, text| flags.cap_drop.push(text.to_owned())),
        (&run.security_opt, |flags, text| flags.security_opt.push(text.to_owned())),
        (&run.ulimits, |flags, text| flags.ulimit.push(text.to_owned())),
    ];
    let one = one.into_iter().filter_map(|(name, set)| Some((name.as_ref()?, set)));
    let many = many.into_iter().flat_map(|(names, set)| names.iter().map(move |name| (name, set)));
    one.chain(many).collect()
}
