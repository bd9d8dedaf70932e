//! A run on Linux: image, profile, specification, and all parts of the launcher put together.

use std::cell::RefCell;
use std::os::fd::AsFd;
use std::os::linux::fs::MetadataExt;
use std::path::{Path, PathBuf};

use oci_spec::runtime::{LinuxIdMapping, LinuxIdMappingBuilder};

use crate::image::{Transport, source};
use crate::policy::{self, Needs, Profile, Publish, oci};

use super::ids::{self, Caller};
use super::store::{Store, Stored};
use super::{Error, Freed, IdRange, Job, Order, Refused, RootFs, Started, Tools, launch, network, rlimits, seccomp};

/// A run whose profile is known.
pub struct Ready<'a> {
    job: Job<'a>,
    caller: Caller,
    image: Image,
    profile: Profile,
}

/// Makes the profile of a run: reads the image, or what the store keeps of it.
///
/// # Errors
/// An image that can't be read, a profile that can't be made.
pub fn prepare(mut job: Job<'_>) -> Result<Ready<'_>, Refused> {
    let caller = Caller::look_up();
    let image = image(&job, &caller)?;
    let profile = match job.profile.take() {
        Some(profile) => policy::check(profile, &job.wishes.allow, &host())?,
        None => policy::infer(image.needs(), job.wishes, &host())?,
    };
    Ok(Ready { job, caller, image, profile })
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
        let Ready { job, caller, image, profile } = self;
        let root = image.root().clone();
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
        let (mut limits, lowered) = rlimits::plan(asked)?;
        lowered.iter().for_each(|said| note(said));
        let allow_partial = job.wishes.allow.iter().any(|name| name == "partial-limits");
        if let Some(pids) = unenforced(&profile, allow_partial, note)? {
            limits.push(rlimits::processes(pids));
        }
        refuse_unbuilt(&job.options)?;
        // Process 1 of ours never executes anything, so it would keep the listening sockets of the host.
        if profile.init.value && !profile.publish.is_empty() {
            let problem = "with an init, process 1 of the container would keep the host's listening socket";
            return Err(Error::new("--init", problem, "leave out `--init` or `-p`").into());
        }
        if profile.lsm.value.landlock {
            note("Landlock isn't applied by this version; the other restrictions don't rely on it");
        }
        let ports: Vec<Publish> = profile.publish.iter().map(|said| said.value.clone()).collect();
        let prepared = network::prepare(&ports, &profile.network.value)?;
        let files = prepared.files(&profile.hostname.value);
        let network = RefCell::new(Some(prepared));
        // Relays end when this is dropped, which is after the container.
        let running = RefCell::new(None);
        let prove = |started: &Started<'_>| {
            if let Some(prepared) = network.borrow_mut().take() {
                let entered = prepared.enter(started.pidfd.as_fd(), started.pid)?;
                for (publish, address) in entered.published() {
                    note(&format!("port {} is reached at {address}", publish.port));
                }
                running.replace(Some(entered));
            }
            Ok(())
        };
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
            limit: &|| rlimits::apply(&limits),
            prove: &prove,
            files: &files,
            note,
            ..Tools::none()
        };
        Ok(launch(&order, &tools)?)
    }
}

/// What control groups would bound isn't bounded yet, which is refused unless it was allowed, and said then. Gives the
/// bound on processes, which setrlimit(2) can hold in part: it counts them in each user namespace (Linux 5.14).
fn unenforced(profile: &Profile, allow_partial: bool, note: &dyn Fn(&str)) -> Result<Option<u64>, Error> {
    let limits = &profile.limits;
    let devices =
        [&limits.device_read_bps, &limits.device_write_bps, &limits.device_read_iops, &limits.device_write_iops];
    let asked = [
        ("memory", limits.memory.value.is_some() || limits.memory_and_swap.value.is_some()),
        ("CPU time", limits.cpu_quota.value.is_some() || limits.cpu_shares.value.is_some()),
        ("the choice of CPUs", limits.cpuset_cpus.value.is_some() || limits.cpuset_mems.value.is_some()),
        ("block I/O", limits.blkio_weight.value.is_some() || devices.iter().any(|bounds| !bounds.value.is_empty())),
    ];
    let asked: Vec<&str> = asked.iter().filter(|(_, asked)| *asked).map(|(what, _)| *what).collect();
    let pids = limits.pids.value;
    if asked.is_empty() && pids.is_none() {
        return Ok(None);
    }
    if !allow_partial {
        let mut open = asked.clone();
        open.extend(pids.map(|_| "the number of processes"));
        let problem =
            format!("this version makes no control groups, so {} would not be bounded in full", open.join(", "));
        return Err(Error::new(
            "limits",
            problem,
            "accept that with `--allow partial-limits`, or take `--runtime runc`",
        ));
    }
    if !asked.is_empty() {
        note(&format!("partial limits: no bound on {}; processes are bounded by RLIMIT_NPROC", asked.join(", ")));
    }
    Ok(pids)
}

/// What is asked for and isn't built yet is refused rather than left out.
fn refuse_unbuilt(options: &super::Options) -> Result<(), Error> {
    let asked =
        [("--proof", options.proof.is_some()), ("--refusals", options.refusals), ("--account", options.account)];
    match asked.iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some((flag, _)) => Err(Error::new(*flag, "this version can't do that yet", "leave it out")),
    }
}

/// An image that is ready to be mounted.
enum Image {
    /// A folder that is used where it is.
    Folder(RootFs, Box<Needs>),
    /// One of the store, which stays locked while it is used.
    Stored(Box<Stored>),
}

impl Image {
    fn root(&self) -> &RootFs {
        match self {
            Self::Folder(root, _) => root,
            Self::Stored(stored) => &stored.root,
        }
    }

    fn needs(&self) -> &Needs {
        match self {
            Self::Folder(_, needs) => needs,
            Self::Stored(stored) => &stored.needs,
        }
    }
}

fn image(job: &Job<'_>, caller: &Caller) -> Result<Image, Refused> {
    match &job.request.reference.transport {
        Transport::RootFs { path } => {
            let image = source::read(job.request)?;
            let path = std::fs::canonicalize(path)
                .map_err(|error| Error::new(path.clone(), format!("it can't be found ({error})"), "name a folder"))?;
            Ok(Image::Folder(RootFs { path, shifted: false, scratch: None }, Box::new(Needs::of(&image))))
        }
        _ => {
            let store = Store::open(&job.options.data, caller)?;
            Ok(Image::Stored(Box::new(store.prepare(job.request, job.options.pull)?)))
        }
    }
}

/// Removes images of the store that nothing uses, and what is left of starts that were ended.
///
/// # Errors
/// A store that can't be read.
pub fn collect(data: &Path) -> Result<Freed, Error> {
    Store::open(data, &Caller::look_up())?.collect()
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
