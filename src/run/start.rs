//! A run on Linux: image, profile, specification, and all parts of the launcher put together.

use std::os::linux::fs::MetadataExt;
use std::path::{Path, PathBuf};

use oci_spec::runtime::{LinuxIdMapping, LinuxIdMappingBuilder};

use crate::image::{Transport, source};
use crate::policy::{self, Needs, Profile, oci};

use super::ids::{self, Caller};
use super::{Error, IdRange, Job, Order, Refused, RootFs, Tools, account, cgroup, launch, proof, rlimits, seccomp};

/// A run whose profile is known.
pub struct Ready<'a> {
    job: Job<'a>,
    caller: Caller,
    root: RootFs,
    profile: Profile,
}

/// Makes the profile of a run: reads the image, or what the store keeps of it.
///
/// # Errors
/// An image that can't be read, a profile that can't be made.
pub fn prepare(mut job: Job<'_>) -> Result<Ready<'_>, Refused> {
    let caller = Caller::look_up();
    let (root, needs) = image(&job)?;
    let profile = match job.profile.take() {
        Some(profile) => profile,
        None => policy::infer(&needs, job.wishes, &host())?,
    };
    Ok(Ready { job, caller, root, profile })
}

impl Ready<'_> {
    /// The profile.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Runs the container to its end, and gives its exit code.
    ///
    /// # Errors
    /// Why it wasn't started, or was ended: something asked for isn't in force.
    pub fn start(self) -> Result<u8, Refused> {
        let Ready { job, caller, root, profile } = self;
        let note = job.note;
        let ids = ids::plan(&caller, &profile.user.value);
        for missing in ids::unmapped(&ids, &profile.user.value) {
            note(&format!("{missing} can't be mapped: this user has only {}", described(&ids)));
        }
        let name = job.options.name.clone().unwrap_or_else(|| format!("harden-{}", std::process::id()));
        let volumes = job.options.data.join("harden").join("volumes");
        let place = oci::Place {
            root: &root.path,
            uid_mappings: mappings(&ids.uids)?,
            gid_mappings: mappings(&ids.gids)?,
            cgroups_path: Some(PathBuf::from("harden").join(&name)),
            volumes: &volumes,
            device: &device,
        };
        if let Some(first) = oci::unsayable(&profile, &place).first() {
            return Err(Error::new("harden run", first.clone(), "leave it out").into());
        }
        let spec = oci::spec(&profile, &place);
        let list = spec.linux().as_ref().and_then(|linux| linux.seccomp().as_ref());
        let filter = list.map(|list| seccomp::compile(list, job.options.refusals)).transpose()?.unwrap_or_default();
        let asked = spec.process().as_ref().and_then(|process| process.rlimits().as_deref()).unwrap_or_default();
        let allow_partial = job.wishes.allow.iter().any(|name| name == "partial-limits");
        let resources = spec.linux().as_ref().and_then(|linux| linux.resources().clone()).unwrap_or_default();
        let group = cgroup::prepare(&name, &resources, allow_partial, &cgroup::Host::look_up())?;
        let asked = group.rlimits(asked);
        let (limits, lowered) = rlimits::plan(&asked)?;
        lowered.iter().for_each(|said| note(said));
        let order = Order {
            spec,
            profile,
            root,
            ids,
            name,
            interactive: job.options.interactive,
            timeout: job.options.timeout,
            proof: job.options.proof.clone(),
            refusals: job.options.refusals,
            allow_partial,
            account: job.options.account,
        };
        let tools = Tools {
            filter: &filter.instructions,
            cgroup: group.descriptor(),
            join: &|| group.join(),
            limit: &|| rlimits::apply(&limits),
            prove: &|started| {
                let extra = proof::Extra { rlimits: Some(&asked), ..proof::Extra::default() };
                let proof = proof::read(started.pid, &order, Some(&group), &extra);
                match &order.proof {
                    Some(path) if path.as_os_str() == "-" => proof.text().lines().for_each(note),
                    Some(path) => std::fs::write(path, proof.json())
                        .map_err(|error| Error::new(path.display().to_string(), error.to_string(), "name a file"))?,
                    None => {}
                }
                proof.check()
            },
            note,
            ..Tools::none()
        };
        let code = launch(&order, &tools)?;
        if order.account {
            account::Account::of(&group).text().lines().for_each(note);
        }
        group.remove().unwrap_or_else(|error| note(&error.to_string()));
        Ok(code)
    }
}

/// The root file system, and what the profile is made from.
fn image(job: &Job<'_>) -> Result<(RootFs, Needs), Refused> {
    match &job.request.reference.transport {
        Transport::RootFs { path } => {
            let image = source::read(job.request)?;
            let path = std::fs::canonicalize(path)
                .map_err(|error| Error::new(path.clone(), format!("it can't be found ({error})"), "name a folder"))?;
            Ok((RootFs { path, shifted: false, scratch: None }, Needs::of(&image)))
        }
        _ => Err(Error::new(job.request.name, "only rootfs: can be run yet", "unpack it").into()),
    }
}

/// What of this machine bounds a profile.
fn host() -> policy::Host {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok());
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse().ok());
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    policy::Host {
        cpus: std::thread::available_parallelism().map_or(0, |count| count.get() as u32),
        memory: total.map_or(0, |kibibytes: u64| kibibytes << 10),
        architecture: architecture.to_owned(),
        kernel: (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)),
        home: std::env::var("HOME").ok().filter(|home| home.starts_with('/')),
    }
}

fn mappings(ranges: &[IdRange]) -> Result<Vec<LinuxIdMapping>, Error> {
    let mapping = |range: &IdRange| {
        LinuxIdMappingBuilder::default()
            .container_id(range.inside)
            .host_id(range.outside)
            .size(range.count)
            .build()
            .map_err(|error| Error::new("id maps", error.to_string(), "report this bug"))
    };
    ranges.iter().map(mapping).collect()
}

fn described(ids: &super::IdMaps) -> String {
    let count: u64 = ids.uids.iter().map(|range| u64::from(range.count)).sum();
    if count == 1 { "its own id to give".to_owned() } else { format!("{count} ids to give") }
}

/// Major and minor number of a device of this machine.
fn device(path: &str) -> Option<(i64, i64)> {
    let device = std::fs::metadata(Path::new(path)).ok()?.st_rdev();
    (device != 0).then(|| (i64::from(rustix::fs::major(device)), i64::from(rustix::fs::minor(device))))
}
