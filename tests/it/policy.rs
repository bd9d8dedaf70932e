//! The profile: what is gathered from an image, each default with its reason, what people ask for with Docker's meaning,
//! and the form it is written in.

use harden::image::source::{Request, read};
use harden::image::{Image, Limits as Bounds, Reference, Wanted};
use harden::policy::{Filter, Host, Level, Mount, MountKind, Needs, Network, Profile, Tmpfs, Wishes, explain, infer};
use oci_spec::runtime::Arch;
use proptest::prelude::*;

use crate::support::{image::image, root, skip};

const GIB: u64 = 1 << 30;

pub(crate) fn host() -> Host {
    Host {
        cpus: 8,
        memory: 32 * GIB,
        architecture: "amd64".to_owned(),
        kernel: (6, 1),
        home: Some("/home/me".to_owned()),
    }
}

pub(crate) fn needs(text: &str) -> Needs {
    Needs::of(&image(text).expect("a text of an image"))
}

fn profile(text: &str, wishes: &Wishes) -> Profile {
    infer(&needs(text), wishes, &host()).unwrap_or_else(|error| panic!("{error}"))
}

fn fresh<'a>(profile: &'a Profile, place: &str) -> Option<&'a Tmpfs> {
    let found = profile.mounts.iter().find(|one| one.value.destination == place)?;
    match &found.value.kind {
        MountKind::Tmpfs(tmpfs) => Some(tmpfs),
        _ => None,
    }
}

fn places(profile: &Profile) -> Vec<&str> {
    profile.mounts.iter().map(|one| one.value.destination.as_str()).collect()
}

/// A web server's image, as they mostly are: no user, root's files, its caches and logs.
const WEB: &str = r#"
Entrypoint ["/usr/sbin/server"]
Cmd ["-g", "daemon off;"]
Env ["PATH=/usr/sbin:/usr/bin", "VERSION=1"]
ExposedPorts {"80/tcp": {}}
StopSignal "SIGQUIT"
layer
file 0644 /etc/passwd
  | root:x:0:0:root:/root:/bin/sh
  | www:x:101:102:www:/nonexistent:/bin/false
file 0644 /etc/group
  | www:x:102:
  | logs:x:103:www
file 0755 /usr/sbin/server elf=64
folder 1777 /tmp
folder 1777 /var/tmp
folder 0755 /run
symlink /var/run -> /run
folder 0755 /var/cache/nginx
folder 0755 /var/log/nginx
symlink /var/log/nginx/access.log -> /dev/stdout
"#;

/// A database's: root at first, its data in a volume that belongs to its own user.
const DATABASE: &str = r#"
Entrypoint ["docker-entrypoint.sh"]
Cmd ["postgres"]
Env ["PATH=/usr/bin"]
Volumes {"/var/lib/db/data": {}}
layer
file 0644 /etc/passwd
  | root:x:0:0:root:/root:/bin/sh
  | db:x:999:998:db:/var/lib/db:/bin/sh
file 0644 /etc/group
  | db:x:998:
  | tls:x:101:db,other
file 0755 /usr/bin/docker-entrypoint.sh
  | #!/bin/sh
file 0755 /bin/sh elf=64
folder 1777 /tmp
folder 3777 999:998 /run/db
folder 0755 999:998 /var/lib/db
folder 1777 999:998 /var/lib/db/data
"#;

#[test]
fn a_web_server_gets_the_least() {
    let profile = profile(WEB, &Wishes::default());
    assert_eq!(profile.level, Level::Default);
    assert_eq!(profile.command.value, ["/usr/sbin/server", "-g", "daemon off;"]);
    assert_eq!((profile.user.value.uid, profile.user.value.gid), (65534, 65534));
    assert!(profile.user.why.contains("names no user"), "{}", profile.user.why);
    assert!(profile.capabilities.value.is_empty() && profile.no_new_privileges.value && profile.read_only_root.value);
    assert_eq!(profile.network.value, Network::None);
    assert_eq!(profile.sysctls[0].value, ("net.ipv4.ip_unprivileged_port_start".to_owned(), "0".to_owned()));
    assert!(profile.sysctls[0].why.contains("80"), "{}", profile.sysctls[0].why);
    assert_eq!(profile.stop_signal.value, "SIGQUIT");
    assert_eq!(places(&profile), ["/tmp", "/run", "/var/log", "/var/tmp", "/var/cache/nginx"]);
    let tmp = fresh(&profile, "/tmp").expect("a /tmp");
    assert_eq!((tmp.mode, tmp.exec, tmp.size, tmp.inodes), (0o1777, false, 64 << 20, Some(4096)));
    let log = fresh(&profile, "/var/log").expect("a /var/log");
    assert_eq!((log.mode, log.uid, log.copy_up), (0o755, 65534, true));
    assert!(!fresh(&profile, "/var/cache/nginx").expect("a cache").copy_up);
    assert_eq!(profile.env.value, ["PATH=/usr/sbin:/usr/bin", "HOSTNAME=harden", "VERSION=1", "HOME=/",]);
    assert_eq!(profile.limits.memory.value, Some(GIB));
    assert_eq!(profile.limits.memory_and_swap.value, Some(GIB));
    assert_eq!((profile.limits.cpu_quota.value, profile.limits.cpu_period.value), (Some(400_000), Some(100_000)));
    assert_eq!(profile.limits.pids.value, Some(512));
    assert!(profile.widened.is_empty());
    let Filter::Rules(list) = &profile.seccomp.value else { panic!("no filter") };
    assert_eq!(list.architectures(), &Some(vec![Arch::ScmpArchX86_64]));
}

#[test]
fn a_database_runs_as_the_owner_of_its_data() {
    let made = profile(DATABASE, &Wishes::default());
    let user = &made.user;
    assert_eq!((user.value.uid, user.value.gid, &user.value.groups), (999, 998, &vec![101]));
    assert!(user.why.contains("/var/lib/db/data") && user.why.contains("`db`"), "{}", user.why);
    let data = fresh(&made, "/var/lib/db/data").expect("its data");
    assert_eq!((data.size, data.uid, data.gid, data.exec), (256 << 20, 999, 998, false));
    assert!(made.env.value.contains(&"HOME=/var/lib/db".to_owned()));
    // What is asked for takes the place of what would be made.
    let mount = Mount {
        destination: "/var/lib/db/data/".to_owned(),
        kind: MountKind::Volume { name: "data".to_owned(), read_only: false },
    };
    let kept = profile(DATABASE, &Wishes { mounts: vec![mount], ..Wishes::default() });
    let at: Vec<&Mount> = kept
        .mounts
        .iter()
        .map(|one| &one.value)
        .filter(|one| one.destination.starts_with("/var/lib/db/data"))
        .collect();
    assert!(matches!(&at[..], [Mount { kind: MountKind::Volume { .. }, .. }]), "{at:?}");
    let above =
        Mount { destination: "/var".to_owned(), kind: MountKind::Volume { name: "var".to_owned(), read_only: false } };
    let kept = profile(DATABASE, &Wishes { mounts: vec![above], ..Wishes::default() });
    assert!(!places(&kept).iter().any(|place| place.starts_with("/var/")), "{:?}", places(&kept));
}

#[test]
fn the_user_is_the_images_own_or_the_owner_of_what_is_started() {
    let passwd = "file 0644 /etc/passwd\n  | root:x:0:0::/root:/bin/sh\n  | app:x:1000:1001::/home/app:/bin/sh\n";
    let groups = "file 0644 /etc/group\n  | app:x:1001:\n  | tape:x:26:app\n";
    let with = |user: &str, rest: &str| format!("User {user:?}\nCmd [\"/app/x\"]\nlayer\n{passwd}{groups}{rest}");
    let app = "folder 0755 1000:1001 /app\nfile 0755 1000:1001 /app/x elf=64\n";
    let roots = "folder 0755 /app\nfile 0755 /app/x elf=64\n";
    for (user, rest, ids, reason) in [
        ("app", roots, (1000, 1001, vec![26]), "USER is `app`"),
        ("1000", roots, (1000, 1001, vec![26]), "USER is `1000`"),
        ("app:tape", roots, (1000, 26, vec![]), "USER is `app:tape`"),
        ("5000", roots, (5000, 0, vec![]), "USER is `5000`"),
        ("5000:77", roots, (5000, 77, vec![]), "USER is"),
        ("", app, (1000, 1001, vec![26]), "`/app` belongs to this user (`app`)"),
        ("root", app, (1000, 1001, vec![26]), "which is root"),
        ("0:0", roots, (65534, 65534, vec![]), "nobody"),
        ("", roots, (65534, 65534, vec![]), "nobody"),
    ] {
        let profile = profile(&with(user, rest), &Wishes::default());
        let found = &profile.user.value;
        assert_eq!((found.uid, found.gid, found.groups.clone()), ids, "{user} {}", profile.user.why);
        assert!(profile.user.why.contains(reason), "{user}: {}", profile.user.why);
    }
    let needs = needs(&with("ghost", roots));
    let error = infer(&needs, &Wishes::default(), &host()).expect_err("no such user").to_string();
    assert!(error.contains("has no user `ghost`") && error.contains("`-u`"), "{error}");
    let as_root = Wishes { user: Some("root".to_owned()), ..Wishes::default() };
    let error = infer(&needs, &as_root, &host()).expect_err("root is withheld").to_string();
    assert!(error.contains("`-u root`") && error.contains("add `--allow root`"), "{error}");
    let allowed = Wishes { allow: vec!["root".to_owned()], ..as_root };
    let profile = infer(&needs, &allowed, &host()).expect("root is allowed");
    assert_eq!((profile.user.value.uid, profile.widened.len()), (0, 1));
    assert_eq!(profile.widened[0].value.allow, "root");
}

#[test]
fn places_that_hold_programs_or_much_are_not_covered() {
    let text = |rest: &str| {
        format!(
            "User \"app\"\nWorkingDir \"/srv/app\"\nCmd [\"/srv/app/run\"]\nlayer\nfile 0644 /etc/passwd\n  | \
             app:x:7:7::/home/app:/bin/sh\nfile 0755 7:7 /srv/app/run elf=64\nfolder 0755 7:7 /srv/app\n{rest}"
        )
    };
    for (rest, covered, copied) in [
        ("folder 0755 7:7 /data\n", "/data", Some(false)),
        ("folder 0755 7:7 /data\nfile 0644 7:7 /data/x size=100\n", "/data", Some(true)),
        ("folder 0755 7:7 /data\nfile 0644 7:7 /data/x size=100000000\n", "/data", None),
        ("folder 0755 7:7 /data\nfile 0755 7:7 /data/x size=100\n", "/data", None),
        ("folder 0755 8:8 /data\n", "/data", None),
        ("folder 0755 7:7 /home/app\n", "/home/app", Some(false)),
        ("folder 0755 7:7 /srv/app/cache\n", "/srv/app", None),
    ] {
        let profile = profile(&text(rest), &Wishes::default());
        assert_eq!(fresh(&profile, covered).map(|one| one.copy_up), copied, "{rest}: {:?}", places(&profile));
    }
    let writable = Wishes { read_only: Some(false), ..Wishes::default() };
    assert!(fresh(&profile(&text("folder 0755 7:7 /data\n"), &writable), "/data").is_none());
}

#[test]
fn what_an_image_has_is_gathered_whole_and_bounded() {
    let needs = needs(
        "User \"x\"\nVolumes {\"/data/../etc\": {}, \"/\": {}, \"data\": {}, \"/link/v\": {}, \"/link/new/x\": {}, \"/etc\": {}}\nCmd [\"/bin/a\"]\nlayer\n\
         file 4755 /bin/su size=1\nfile 0755 /bin/ping size=1 caps=cap_net_raw+ep\nfile 0755 7:9 /bin/a elf=32\n\
         folder 1777 /tmp\nfolder 0777 /tmp/in\nfolder 0755 70000:5 /opt/x\nfolder 0755 /real/v\nsymlink /link -> real\n",
    );
    assert_eq!(needs.setid, ["/bin/su"]);
    assert_eq!(needs.capable, ["/bin/ping"]);
    assert!(needs.has_32_bit);
    assert_eq!(needs.writable, ["/opt/x", "/tmp"]);
    assert_eq!(needs.volumes, ["/data", "/etc", "/real/new/x", "/real/v"]);
    assert_eq!(needs.highest_id, 70000);
    assert_eq!((needs.start[0].path.as_str(), needs.start[0].uid, needs.start[0].gid), ("/bin/a", 7, 9));
    let system =
        infer(&Needs { user: "7".to_owned(), ..needs.clone() }, &Wishes::default(), &host()).expect("a profile");
    assert!(fresh(&system, "/etc").is_none() && fresh(&system, "/data").is_some(), "{:?}", places(&system));
    let wide = infer(&Needs { user: "7".to_owned(), ..needs }, &Wishes::default(), &host()).expect("a profile");
    let Filter::Rules(list) = &wide.seccomp.value else { panic!("no filter") };
    assert_eq!(list.architectures(), &Some(vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86]));
    let many: String = (0..6000).map(|at| format!("file 4755 /s/{at} size=1\nfolder 0777 /w{at}\n")).collect();
    let needs = Needs::of(&image(&format!("layer\n{many}")).expect("an image"));
    assert_eq!((needs.setid.len(), needs.writable.len()), (4096, 4096));
    assert!(needs.folders.len() <= 512);
}

#[test]
fn real_images_get_profiles() {
    let folder = root().join("target/tools/images");
    if !folder.join("flawed/index.json").is_file() {
        return skip("no test images; `bash testdata/images/build.sh target/tools/images` makes them, as root");
    }
    for name in ["clean", "flawed", "scratch-static", "eol"] {
        let needs = Needs::of(&stored(&format!("oci:{}", folder.join(name).display())));
        let wishes = Wishes { command: vec!["/bin/true".to_owned()], ..Wishes::default() };
        let profile = infer(&needs, &wishes, &host()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_ne!(profile.user.value.uid, 0, "{name}");
        assert!(profile.capabilities.value.is_empty() && profile.widened.is_empty(), "{name}");
        for section in explain(&profile) {
            for row in section.rows {
                assert!(!row.why.is_empty() && !row.value.is_empty(), "{name}: {row:?}");
            }
        }
        if name == "flawed" {
            assert!(needs.setid.iter().any(|path| path.ends_with("/su")), "{:?}", needs.setid);
        }
    }
}

fn stored(name: &str) -> Image {
    let reference = Reference::parse(name).expect("a reference");
    let (wanted, bounds) = (Wanted::default(), Bounds::default());
    read(&Request::new(name, &reference, &wanted, &bounds)).expect("an image")
}

#[test]
fn every_row_has_a_reason_at_every_level() {
    for level in [Level::Strict, Level::Default, Level::Docker] {
        let profile = profile(DATABASE, &Wishes { level: Some(level), ..Wishes::default() });
        let sections = explain(&profile);
        assert!(sections.len() >= 5);
        for row in sections.iter().flat_map(|section| &section.rows) {
            assert!(!row.why.is_empty(), "{level:?}: {row:?}");
            assert!(!row.value.is_empty() && !row.value.contains('\n'), "{level:?}: {row:?}");
        }
        let shown = format!("{sections:?}");
        assert!(shown.contains("HOME") && !shown.contains("HOME=/var/lib/db"), "values may be secrets");
    }
}

#[test]
fn profiles_are_read_as_they_are_written() {
    let profile = profile(WEB, &Wishes::default());
    let (toml, json) = (profile.to_toml().expect("TOML"), profile.to_json().expect("JSON"));
    assert_eq!(Profile::from_toml(&toml, "p.toml").expect("a profile"), profile);
    assert_eq!(Profile::from_json(&json, "p.json").expect("a profile"), profile);
    // A restriction with a typing error in it would be none.
    for (from, to, part) in [
        ("[read-only-root]\n", "[read-only-root]\nvalu = true\n", "`read-only-root.valu`"),
        ("[limits.pids]\n", "[limits.pids]\nmax = 3\n", "`limits.pids.max`"),
        ("level = \"default\"\n", "level = \"default\"\nread_only_root = true\n", "`read_only_root`"),
        ("type = \"tmpfs\"\n", "type = \"tmpfs\"\nnoexec = true\n", "noexec"),
        ("level = \"default\"", "level = \"lax\"", "lax"),
        ("[hostname]", "[hostname", ""),
    ] {
        assert!(toml.contains(from), "{from}\n{toml}");
        let text = toml.replacen(from, to, 1);
        let line = toml[..toml.find(from).expect("it is there")].matches('\n').count() + 1;
        let error = Profile::from_toml(&text, "p.toml").expect_err(to).to_string();
        let at: usize =
            error.split("p.toml:").nth(1).and_then(|rest| rest.split('`').next()?.parse().ok()).expect(&error);
        assert!(error.contains(part), "{error}");
        assert!(at.abs_diff(line) <= 2, "{error}: line {line}");
    }
    let text = json.replacen("\"level\"", "\"levle\": 1, \"level\"", 1);
    let error = Profile::from_json(&text, "p.json").expect_err("an unknown key").to_string();
    assert!(error.contains("`levle`"), "{error}");
    for text in ["", "{}", "[]", "level", &"[".repeat(100_000), &"a.".repeat(100_000)] {
        assert!(Profile::from_toml(text, "p").is_err() && Profile::from_json(text, "p").is_err());
    }
}

proptest! {
    /// Whatever is asked for: a profile or an error, never a panic; and a profile survives being written and read.
    #[test]
    fn any_wish_makes_a_profile_that_can_be_written(
        (level, user, caps, opts) in (0..3u8, "[a-z0-9:+-]{0,6}", proptest::collection::vec("[A-Z_]{0,12}|ALL|chown", 0..3),
            proptest::collection::vec("seccomp=[a-z]{0,10}|label=type:[a-z_]{0,4}|no-new-privileges(=true)?|[ -~]{0,12}", 0..3)),
        (memory, swap, cpus, quota) in (proptest::option::of(any::<u64>()), proptest::option::of(proptest::option::of(any::<u64>())),
            proptest::option::of(0..20_000u64), proptest::option::of(any::<u64>())),
        (env, words, name) in (proptest::collection::vec("\\PC{0,12}=\\PC{0,12}", 0..4), proptest::collection::vec("\\PC{1,8}", 1..4),
            proptest::option::of("[a-z.-]{0,12}")),
        (destination, limit, all) in ("(/[a-z.]{0,4}){0,3}", any::<u64>(), any::<bool>()),
    ) {
        let wishes = Wishes {
            level: Some([Level::Strict, Level::Default, Level::Docker][usize::from(level)]),
            user: Some(user), cap_add: caps, security_opts: opts, memory, memory_swap: swap, milli_cpus: cpus,
            cpu_quota: quota, env, command: words, hostname: name, publish_all: all,
            mounts: vec![Mount { destination, kind: MountKind::Volume { name: "v".to_owned(), read_only: true } }],
            rlimits: vec![harden::policy::Rlimit { name: "stack".to_owned(), soft: limit / 2, hard: u64::MAX }],
            allow: harden::policy::widen::WITHHELD.iter().map(|one| one.name.to_owned()).collect(),
            ..Wishes::default()
        };
        match infer(&needs(DATABASE), &wishes, &host()) {
            Ok(profile) => {
                let json = profile.to_json().expect("JSON");
                prop_assert_eq!(&Profile::from_json(&json, "p").expect("a profile"), &profile);
                if let Ok(toml) = profile.to_toml() {
                    prop_assert_eq!(&Profile::from_toml(&toml, "p").expect("a profile"), &profile);
                } else {
                    // Only numbers above those of TOML keep it from being written.
                    let large = |number: Option<u64>| number.is_some_and(|number| number > i64::MAX as u64 / 2);
                    prop_assert!(large(memory) || large(swap.flatten()) || large(quota) || large(Some(limit)));
                }
                prop_assert!(!explain(&profile).is_empty());
            }
            Err(error) => prop_assert!(!error.to_string().is_empty() && !error.faults.is_empty()),
        }
    }
}
