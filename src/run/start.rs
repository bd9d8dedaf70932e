//! A run on Linux: image, profile, specification, and all parts of the launcher put together.

use std::cell::RefCell;
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::fs::MetadataExt;
use std::path::{Path, PathBuf};

use oci_spec::runtime::{LinuxIdMapping, LinuxIdMappingBuilder, Spec};

use crate::image::{Transport, source};
use crate::policy::{self, MountKind, Needs, Profile, Publish, oci};

use super::ids::{self, Caller};
use super::refusals::Refusals;
use super::runtimes::Runtime;
use super::store::{Store, Stored};
use super::{
    Error, Freed, IdMaps, IdRange, Job, Order, Refused, RootFs, Started, Tools, account, cgroup, engine, launch, lsm,
    network, procfs, proof, rlimits, runtimes, seccomp,
};

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
    job.check_runtime()?;
    let caller = Caller::look_up();
    let image = image(&job, &caller)?;
    let profile = job.profile(image.needs(), &host())?;
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
        let Ready { job, caller, image, mut profile } = self;
        let note = job.note;
        lsm::load(&mut profile.lsm.value)?;
        let ids = ids::plan(&caller, &profile.user.value);
        let root = match &image {
            Image::Foreign(runtime, _) => return engine::run(&job, profile, ids, *runtime),
            Image::Folder(root, _) => root.clone(),
            Image::Stored(stored) => stored.root.clone(),
        };
        tell_ids(&caller, &ids, &profile, note);
        if let Image::Stored(stored) = &image
            && stored.is_new
        {
            stored.left_out.said().iter().for_each(|said| note(said));
        }
        let store = Store::open(&job.options.data, &caller)?;
        for name in volumes(&profile) {
            store.volume(name, &profile.user.value, &ids)?;
        }
        let scratch = if profile.read_only_root.value { None } else { store.scratch(&ids)? };
        let root = RootFs { scratch: scratch.as_ref().map(|scratch| scratch.path().to_owned()), ..root };
        let spec = spec(&profile, &root, &ids, &job.container_name(), &store.volumes())?;
        let order = job.order(profile, spec, root, ids);
        let code = match job.options.runtime {
            Some(runtime) => runtimes::launch(&order, runtime, job.request.name, note),
            None => confined(&order, note),
        };
        if let Some(scratch) = scratch {
            scratch.remove().unwrap_or_else(|error| note(&error.to_string()));
        }
        Ok(code?)
    }
}

/// Runs an order with all that confines it.
fn confined(order: &Order, note: &dyn Fn(&str)) -> Result<u8, Error> {
    let spec = &order.spec;
    let linux = spec.linux().as_ref();
    let list = linux.and_then(|linux| linux.seccomp().as_ref());
    let filter = list.map(|list| seccomp::compile(list, order.refusals)).transpose()?.unwrap_or_default();
    if !filter.unknown.is_empty() {
        note(&format!(
            "no known architecture has the system calls {}, which the list names",
            filter.unknown.join(", ")
        ));
    }
    let resources = linux.and_then(|linux| linux.resources().clone()).unwrap_or_default();
    let group = cgroup::prepare(&order.name, &resources, order.allow_partial, &cgroup::Host::look_up())?;
    let asked = spec.process().as_ref().and_then(|process| process.rlimits().as_deref()).unwrap_or_default();
    let asked = group.rlimits(asked);
    let (limits, lowered) = rlimits::plan(&asked)?;
    lowered.iter().for_each(|said| note(said));
    let modules = lsm::prepare(spec, order.profile.lsm.value.landlock)?;
    modules.notes.iter().for_each(|said| note(said));
    let asks = order.refusals && !filter.instructions.is_empty();
    if order.refusals && !asks {
        note("refusals can't be told without a filter of system calls, which asks about them");
    }
    let refusals = asks.then(|| RefCell::new(Refusals::new(filter.clone(), spec)));
    let serve = refusals.as_ref().map(|refusals| move |listener: &OwnedFd| refusals.borrow_mut().handle(listener));
    let ports: Vec<Publish> = order.profile.publish.iter().map(|said| said.value.clone()).collect();
    let prepared = network::prepare(&ports, &order.profile.network.value)?;
    let files = prepared.files(&order.profile.hostname.value);
    let shown: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    let network = RefCell::new(Some(prepared));
    // Relays end when this is dropped, which is after the container.
    let running = RefCell::new(None);
    let prove = |started: &Started<'_>| -> Result<(), Error> {
        let mut told = modules.rows();
        if let Some(prepared) = network.borrow_mut().take() {
            let entered = prepared.enter(started.pidfd.as_fd(), started.pid)?;
            for (publish, address) in entered.published() {
                note(&format!("port {} is reached at {address}", publish.port));
            }
            told.extend(entered.in_force().iter().cloned());
            running.replace(Some(entered));
        }
        let extra = proof::Extra { files: &shown, rlimits: Some(&asked), told: &told };
        show(&proof::read(started.pid, order, Some(&group), &extra), order, note)
    };
    let tools = Tools {
        filter: &filter.instructions,
        filter_flags: filter.flags,
        cgroup: group.descriptor(),
        join: &|| group.join(),
        limit: &|| rlimits::apply(&limits),
        confine: &|| lsm::apply(&modules),
        refused: serve.as_ref().map(|serve| serve as &dyn Fn(&OwnedFd)),
        prove: &prove,
        files: &files,
        note,
        ..Tools::none()
    };
    let code = launch(order, &tools)?;
    if let Some(refusals) = &refusals {
        refusals.borrow().tell(note);
    }
    if order.account {
        account::Account::of(&group).text().lines().for_each(note);
    }
    group.remove().unwrap_or_else(|error| note(&error.to_string()));
    Ok(code)
}

/// The runtime configuration of a profile on this machine.
fn spec(profile: &Profile, root: &RootFs, ids: &IdMaps, name: &str, volumes: &Path) -> Result<Spec, Error> {
    let place = oci::Place {
        root: &root.path,
        uid_mappings: mappings(&ids.uids)?,
        gid_mappings: mappings(&ids.gids)?,
        // One name: a group above it would be left by the runtimes that make it.
        cgroups_path: Some(PathBuf::from(format!("/harden.{name}"))),
        volumes,
        device: &device,
    };
    match oci::unsayable(profile, &place).first() {
        Some(first) => Err(Error::new("harden run", first.clone(), "leave it out")),
        None => Ok(oci::spec(profile, &place)),
    }
}

/// The named volumes that a profile mounts.
fn volumes(profile: &Profile) -> impl Iterator<Item = &str> {
    profile.mounts.iter().filter_map(|mount| match &mount.value.kind {
        MountKind::Volume { name, .. } => Some(name.as_str()),
        _ => None,
    })
}

/// Tells which ids of a container aren't its own outside.
fn tell_ids(caller: &Caller, ids: &IdMaps, profile: &Profile, note: &dyn Fn(&str)) {
    for missing in ids::unmapped(ids, &profile.user.value) {
        let why = caller.why_one().map_or_else(String::new, |why| format!(" ({why})"));
        let count: u64 = ids.uids.iter().map(|range| u64::from(range.count)).sum();
        let has = if count == 1 { "its own id to give".to_owned() } else { format!("{count} ids to give") };
        note(&format!("{missing} can't be mapped: this user has only {has}{why}"));
    }
}

/// Writes a proof where that was asked for, and tells else what is in force in part.
fn show(proof: &proof::Proof, order: &Order, note: &dyn Fn(&str)) -> Result<(), Error> {
    match &order.proof {
        Some(path) if path.as_os_str() == "-" => proof.text().lines().for_each(note),
        Some(path) => std::fs::write(path, proof.json()).map_err(|error| {
            Error::new(path.display().to_string(), error.to_string(), "name a file that can be written")
        })?,
        None => {
            // Lowered limits and ids that aren't mapped have been told before.
            let news = proof.partial().filter(|row| row.what != "id" && !row.what.starts_with("RLIMIT_"));
            news.for_each(|row| note(&format!("{}: asked for {}, in force is {}", row.what, row.asked, row.in_force)));
        }
    }
    proof.check()
}

/// An image that is ready to be mounted.
enum Image {
    /// A folder that is used where it is.
    Folder(RootFs, Box<Needs>),
    /// One of the store, which stays locked while it is used.
    Stored(Box<Stored>),
    /// One that another engine has, and starts.
    Foreign(Runtime, Box<Needs>),
}

impl Image {
    fn needs(&self) -> &Needs {
        match self {
            Self::Folder(_, needs) | Self::Foreign(_, needs) => needs,
            Self::Stored(stored) => &stored.needs,
        }
    }
}

fn image(job: &Job<'_>, caller: &Caller) -> Result<Image, Refused> {
    if let Some(runtime) = job.engine() {
        return Ok(Image::Foreign(runtime, Box::new(engine::needs(job, runtime)?)));
    }
    match &job.request.reference.transport {
        Transport::RootFs { path } => {
            let image = source::glance(job.request, path)?;
            let path = std::fs::canonicalize(path)
                .map_err(|error| Error::new(path.clone(), format!("it can't be found ({error})"), "name a folder"))?;
            Ok(Image::Folder(RootFs { path, shifted: false, scratch: None }, Box::new(Needs::of(&image))))
        }
        _ => {
            let store = Store::open(&job.options.data, caller)?;
            let stored = store.prepare(job.request, job.options.pull)?;
            (job.trust)(&stored.digest)?;
            Ok(Image::Stored(Box::new(stored)))
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
    let memory = procfs::read("/proc/meminfo").unwrap_or_default();
    let total = procfs::field(&memory, "MemTotal").and_then(|total| total.strip_suffix(" kB")?.parse().ok());
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    policy::Host {
        cpus: std::thread::available_parallelism().map_or(0, |count| count.get() as u32),
        memory: total.map_or(0, |kibibytes: u64| kibibytes << 10),
        architecture: architecture.to_owned(),
        kernel: procfs::kernel(),
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

/// Major and minor number of a device of this machine.
fn device(path: &str) -> Option<(i64, i64)> {
    let device = std::fs::metadata(Path::new(path)).ok()?.st_rdev();
    (device != 0).then(|| (i64::from(rustix::fs::major(device)), i64::from(rustix::fs::minor(device))))
}
