//! What is read of an image besides its files: configuration, history, accounts, rights, os-release, start.

use harden::image::{
    Accounts, EntryDraft, Extra, Image, ImageConfig, Irregularity, IrregularityKind, Kind, KnownUser, LayerFacts,
    LayerPart, Parts, Password, Program, Reference, Text, Transport, Tree,
};
use harden::lint::{Choice, Preset, Selection, Settings, run_image};
use proptest::prelude::*;

use crate::image_tree::layer;

/// An image of one layer: entries as `image_tree::layer` reads them, and text files of mode 0755, scripts among them.
fn image(config: &str, entries: &str, files: &[(&str, &str)]) -> Image {
    let mut facts: LayerFacts = layer(entries);
    for (path, text) in files {
        let interpreter = text.strip_prefix("#!").map(|text| text.lines().next().unwrap_or("").to_owned());
        let draft = EntryDraft {
            path,
            kind: Kind::File,
            mode: 0o755,
            uid: 0,
            gid: 0,
            size: text.len() as u64,
            modified: 0,
            link: "",
            program: if interpreter.is_some() { Program::Script } else { Program::No },
            extra: Extra { interpreter, ..Extra::default() },
        };
        let entry = facts.entries.push(draft).expect("few entries");
        facts.texts.push(Text { entry, bytes: text.as_bytes().to_vec(), cut: false });
    }
    Image::assemble(Parts {
        name: "test".into(),
        reference: Reference { transport: Transport::Stdin },
        digest: None,
        index_digest: None,
        config: config.as_bytes().to_vec(),
        layers: vec![LayerPart { digest: String::new(), size: 0, facts: Ok(facts) }],
        irregularities: Vec::new(),
        today: None,
    })
}

fn config(text: &str, layers: usize) -> (ImageConfig, Vec<Option<usize>>, Vec<Irregularity>) {
    let mut said = Vec::new();
    let (config, history) = ImageConfig::read(text.as_bytes(), layers, &mut said);
    (config, history.iter().map(|line| line.layer).collect(), said)
}

#[test]
fn a_configuration_is_read_with_its_history() {
    let (read, layers, said) = config(
        r#"{"architecture":"arm64","os":"linux","variant":"v8","created":"2024-01-01T00:00:00Z","config":{"User":"app:app",
        "Env":["PATH=/bin","A=1","A=2"],"Entrypoint":["/e"],"Cmd":null,"WorkingDir":"/w","ExposedPorts":{"22/tcp":{}},
        "Volumes":{"/v":{}},"Labels":{"a":"b"},"Healthcheck":{"Test":["NONE"]},"StopSignal":"SIGINT","Shell":["/bin/ash","-c"],
        "OnBuild":["RUN x"]},"rootfs":{"type":"layers","diff_ids":["sha256:1","sha256:2"]},
        "history":[{"created_by":"a"},{"created_by":"b","empty_layer":true},{"created_by":"c","comment":"buildkit"}]}"#,
        2,
    );
    assert_eq!(said, []);
    assert_eq!(layers, [Some(0), None, Some(1)]);
    assert_eq!((read.user.as_str(), read.entrypoint, read.cmd), ("app:app", Some(vec!["/e".to_owned()]), None));
    assert_eq!(
        (read.exposed_ports, read.volumes, read.on_build),
        (vec!["22/tcp".to_owned()], vec!["/v".to_owned()], vec!["RUN x".to_owned()])
    );
    assert_eq!(read.healthcheck.expect("one").test, ["NONE"]);
    assert_eq!(read.variant.as_deref(), Some("v8"));
    let (read, ..) = config(r#"{"config":{"Env":["A=1","A=2","AB=3"]}}"#, 0);
    assert_eq!((read.variable("A"), read.variable("B")), (Some("2"), None));
}

#[test]
fn odd_configurations_are_read_as_far_as_they_go_and_said() {
    for (text, layers, words) in [
        (r#"{"config":{"User":7,"Cmd":["a"]},"rootfs":{"diff_ids":[]}}"#, 0, "`config.User` is a number, not a text"),
        (r#"{"config":{"Cmd":"a"},"rootfs":null}"#, 0, "`config.Cmd` is a text, not a list"),
        (r#"{"config":{"Cmd":["a",7]}}"#, 0, "`config.Cmd[1]` is a number, not a text"),
        (r#"{"config":{"Cmd":["b"],"cmd":["a"]}}"#, 0, "`config.Cmd` is there more than once"),
        (r#"{"config":{"User":"1","U\u017fer":"0","Cmd":["a"]}}"#, 0, "`config.User` is there more than once"),
        (r#"{"config":{"Cmd":["a"]},"history":{}}"#, 0, "`history` is a map, not a list"),
        (r#"{"config":{"Cmd":["a"]},"history":[{},{"empty_layer":true}]}"#, 0, "1 lines of `history` made a layer"),
        (r#"{"config":{"Cmd":["a"]}}"#, 3, "`rootfs.diff_ids` names 0 layers, but the image has 3"),
        (r#"{"config":{"Cmd":["a"],"Labels":{"x":[]}}}"#, 0, "`config.Labels` is a list, not a text"),
        (r#"{"config":{"Cmd":["a"],"Volumes":["/v"]}}"#, 0, "`config.Volumes` is a list, not a map"),
    ] {
        let (read, _, said) = config(text, layers);
        assert_eq!(read.cmd, Some(vec!["a".to_owned()]), "{text}");
        assert!(said.len() == 1 && said[0].detail.contains(words), "{text}: {said:?}");
    }
    for (text, said) in
        [("", 1), ("[]", 1), ("{\"config\":", 1), ("{}", 0), ("{\"config\":[]}", 1), ("{\"config\":null}", 0)]
    {
        assert_eq!(config(text, 0).2.len(), said, "{text}");
    }
    let nested = format!("{{\"x\":{}{},\"config\":{{\"User\":\"a\"}}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(config(&nested, 0).0.user, "a");
    let many = format!("{{\"config\":{{\"Cmd\":[{}1]}}}}", "1,".repeat(100_000));
    assert!(config(&many, 0).2.len() < 100);
}

#[test]
fn history_lines_are_taken_apart_whoever_wrote_them() {
    type Expected<'a> = (Option<&'a str>, &'a str, &'a [(&'a str, &'a str)]);
    let cases: [(&str, Expected<'_>); 26] = [
        ("/bin/sh -c #(nop)  CMD [\"bash\"]", (Some("CMD"), "[\"bash\"]", &[])),
        ("/bin/sh -c #(nop) ADD file:12 in / ", (Some("ADD"), "file:12 in /", &[])),
        ("/bin/sh -c apt-get update", (Some("RUN"), "apt-get update", &[])),
        ("/bin/bash -eo pipefail -c a | b", (Some("RUN"), "a | b", &[])),
        ("|2 A=1 B=x y /bin/sh -c make", (Some("RUN"), "make", &[("A", "1"), ("B", "x y")])),
        ("|1 A=b=c d E=f /bin/sh -c make", (Some("RUN"), "make", &[("A", "b=c d E=f")])),
        ("|1 A=1 ./configure --x=y", (Some("RUN"), "./configure --x=y", &[("A", "1")])),
        ("|0 /bin/sh -c make", (Some("RUN"), "make", &[])),
        ("|9", (Some("RUN"), "", &[])),
        ("RUN /bin/sh -c apt-get update # buildkit", (Some("RUN"), "apt-get update", &[])),
        ("RUN |1 TOKEN=s /bin/sh -c curl $TOKEN # buildkit", (Some("RUN"), "curl $TOKEN", &[("TOKEN", "s")])),
        ("RUN /bin/sh -c <<EOF\na\nb\nEOF\n # buildkit", (Some("RUN"), "<<EOF\na\nb\nEOF", &[])),
        ("RUN /bin/echo hi # buildkit", (Some("RUN"), "/bin/echo hi", &[])),
        ("COPY . /app # buildkit", (Some("COPY"), ". /app", &[])),
        ("EXPOSE map[22/tcp:{}]", (Some("EXPOSE"), "map[22/tcp:{}]", &[])),
        ("ENV A=b", (Some("ENV"), "A=b", &[])),
        ("RUN --mount=type=cache,target=/x pip install y", (Some("RUN"), "pip install y", &[])),
        ("/bin/sh -c apk add x|unsetLabel=true", (Some("RUN"), "apk add x", &[])),
        ("/bin/sh -c #(nop) COPY dir:12 in /|mounthash=ab|x=y", (Some("COPY"), "dir:12 in /", &[])),
        ("cmd /S /C echo hi", (Some("RUN"), "echo hi", &[])),
        ("cmd /S /C #(nop)  USER ContainerUser", (Some("USER"), "ContainerUser", &[])),
        ("powershell -Command $ErrorActionPreference = 'Stop'; #(nop)  ENV A=b", (Some("ENV"), "A=b", &[])),
        ("/bin/sh -c curl evil #(nop) CMD x", (Some("RUN"), "curl evil #(nop) CMD x", &[])),
        ("bazel build ...", (None, "bazel build ...", &[])),
        ("jib-maven-plugin:3.4.0", (None, "jib-maven-plugin:3.4.0", &[])),
        ("", (None, "", &[])),
    ];
    for (line, (keyword, text, build_args)) in cases {
        let mut history = harden::image::HistoryLine::default();
        line.clone_into(&mut history.created_by);
        let step = history.step();
        assert_eq!((step.keyword, step.text, &step.build_args[..]), (keyword, text, build_args), "{line}");
    }
}

#[test]
fn accounts_are_read_and_malformed_lines_are_skipped() {
    let accounts = Accounts::parse(
        b"root:x:0:0:root:/root:/bin/bash\n# no\n\nodd\nbad:x:-1:0::/:\n+nis::0:0:::\napp:x:1000:1000::/app:/bin/sh\r\nopen::7:7:::\n",
        b"root:x:0:\napp:x:1000:\nadm:x:4:app, root,\nbad:x:y:app\nadm2:x:4:app\n",
        Some(b"root:*:1:::::\napp:$6$salt$hash:1\nweak:$1$a$b:1\ndes:ab1234567890.:1\nopen::1\nlock:!$6$x:\nyes:$y$j9T$x$y:\nnone\n"),
    );
    let names: Vec<(&str, u32)> = accounts.users.iter().map(|user| (user.name.as_str(), user.uid)).collect();
    assert_eq!(names, [("root", 0), ("app", 1000), ("open", 7)]);
    let malformed: Vec<&str> = accounts.malformed_users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(malformed, ["odd", "bad"]);
    let app = accounts.user("app:adm").expect("it is there");
    assert_eq!((app.shell.as_str(), accounts.gids_of(app)), ("/bin/sh", vec![1000, 4]));
    assert_eq!(
        (accounts.uid_of("app"), accounts.uid_of("1000"), accounts.uid_of("5"), accounts.uid_of("x")),
        (Some(1000), Some(1000), Some(5), None)
    );
    let passwords: Vec<Password> = accounts.shadow.iter().flatten().map(|line| line.password).collect();
    use Password::{Empty, Hash, Locked, WeakHash};
    assert_eq!(passwords, [Locked, Hash, WeakHash, WeakHash, Empty, Locked, Hash]);
    let of = |name: &str| accounts.password(accounts.user(name).expect("it is there"));
    assert_eq!((of("root"), of("app"), of("open")), (Locked, Hash, Empty));
}

const PASSWD: (&str, &str) =
    ("/etc/passwd", "root:x:0:0::/root:/bin/sh\ntoor:x:0:5::/:\napp:x:1000:1000::/app:\n1000:x:7:7::/:\nodd\n");
const GROUP: (&str, &str) = ("/etc/group", "root:x:0:\napp:x:1000:\nadm:x:4:app\n");

#[test]
fn the_user_of_a_container_is_found_as_engines_do() {
    let image = image("{}", "", &[PASSWD, GROUP]);
    use KnownUser::{Account, Missing, MissingGroup, Number};
    for (text, uid, gid, groups, known) in [
        ("", 0, 0, &[0][..], Account),
        ("root", 0, 0, &[0], Account),
        ("0", 0, 0, &[0], Account),
        ("+0", 0, 0, &[0], Account),
        ("00:0", 0, 0, &[0], Account),
        ("-0", 0, 0, &[0], Account),
        ("toor", 0, 5, &[5], Account),
        ("app", 1000, 1000, &[1000, 4], Account),
        ("app:adm", 1000, 4, &[4], Account),
        ("1000", 1000, 1000, &[1000, 4], Account),
        ("1000:0", 1000, 0, &[0], Account),
        ("4242", 4242, 0, &[0], Number),
        ("4242:7:9", 4242, 7, &[7], Number),
        ("odd", 0, 0, &[0], Account),
        ("nobody", 65534, 0, &[0], Missing),
        ("-1", 65534, 0, &[0], Missing),
        ("3000000000", 65534, 0, &[0], Missing),
        ("app:none", 1000, 1000, &[1000], MissingGroup),
        ("${USER}", 65534, 0, &[0], Missing),
    ] {
        let user = image.user_of(text);
        assert_eq!((user.uid, user.gid, &user.groups[..], user.known), (uid, gid, groups, known), "{text}");
    }
    assert!(image.runtime_user().is_root());
}

#[test]
fn rights_are_those_of_posix_with_the_way_there() {
    let entries = "d /app 755 1000\nf /app/own 444 1000\nf /app/group 664 0\nf /app/others 666\nd /tmp 1777\nf /tmp/x 644\n\
                   f /tmp/mine 644 1000\nd /closed 700\nf /closed/open 666\nd /etc 755\nf /etc/x 644\nf /app/late 066 1000\n\
                   l /app/link x\nd /open 777\nd /open/in 755\nf /open/in/x 644";
    let image = image(r#"{"config":{"User":"1000:0"}}"#, entries, &[]);
    let (user, root) = (image.runtime_user(), image.user_of("0"));
    let node = |path: &str| image.tree.lookup(path).expect("it is there");
    for (path, write, replace, takeover) in [
        ("/app/own", false, true, Some("/app/own")),
        ("/app/group", true, true, Some("/app/group")),
        ("/app/others", true, true, Some("/app/others")),
        ("/tmp/x", false, false, None),
        ("/tmp/mine", true, true, Some("/tmp/mine")),
        ("/closed/open", false, false, None),
        ("/etc/x", false, false, None),
        ("/app/late", false, true, Some("/app/late")),
        ("/app/link", false, true, Some("/app/link")),
        ("/open/in/x", false, false, Some("/open/in")),
        ("/app", true, false, Some("/app")),
    ] {
        let id = node(path);
        assert_eq!((image.can_write(&user, id), image.can_replace(&user, id)), (write, replace), "{path}");
        assert_eq!(image.takeover(&user, id).map(|id| image.tree.path(id)).as_deref(), takeover, "{path}");
        assert_eq!(image.can_write(&root, id), path != "/app/link", "{path}");
    }
    let missing = image.user_of("nobody");
    assert!(!image.can_write(&missing, node("/open")) && !image.can_replace(&image.user_of("5"), Tree::ROOT));
}

#[test]
fn the_distribution_is_read_through_symlinks_and_from_older_files() {
    let debian = image(
        "{}",
        "l /etc/os-release ../usr/lib/os-release",
        &[("/usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n")],
    );
    let os = debian.os.expect("it says so");
    assert_eq!(
        (os.id.as_str(), os.version_id.as_deref(), os.path.as_str()),
        ("debian", Some("12"), "/usr/lib/os-release")
    );
    let old = image("{}", "l /etc/os-release nowhere", &[("/etc/redhat-release", "CentOS release 6.10 (Final)")]);
    assert_eq!(old.os.map(|os| (os.id, os.path)), Some(("centos".to_owned(), "/etc/redhat-release".to_owned())));
    assert_eq!(image("{}", "", &[]).os, None);
}

const PROGRAMS: &str = "d /usr\nd /usr/bin\nl /bin usr/bin\nf /usr/bin/dash 755\nl /usr/bin/sh dash\nf /usr/bin/env 755\n\
                        f /usr/bin/python3 755\nf /usr/bin/tini 755\nf /usr/bin/gosu 755\nf /usr/bin/app 755\nf /usr/bin/not 644\n\
                        f /app/server 755\nf /app/main.py 644\nf /usr/bin/node 755\nf /usr/bin/java 755\nf /app/x.jar 644";

fn start(config: &str) -> (Vec<String>, Option<String>) {
    let files = [
        ("/entry.sh", "#!/bin/sh -e\nexec \"$@\"\n"),
        ("/usr/bin/tool", "#! /usr/bin/env python3\n"),
        ("/split", "#!/usr/bin/env -S python3 -u\n"),
        ("/loop", "#!/loop\n"),
        ("/lost", "#!/none\n"),
    ];
    let image = image(&format!("{{\"config\":{config}}}"), PROGRAMS, &files);
    let paths = image
        .start
        .steps
        .iter()
        .map(|step| format!("{} {}", step.from.replace("config.", ""), image.tree.path(step.node)));
    (paths.collect(), image.start.stopped.clone())
}

#[test]
fn what_a_container_starts_is_followed_to_its_end() {
    let cases: [(&str, &[&str], &str); 31] = [
        (r#"{"Cmd":["app"]}"#, &["Cmd[0] /usr/bin/app"], ""),
        (r#"{"Entrypoint":["/bin/app"],"Cmd":["x"]}"#, &["Entrypoint[0] /usr/bin/app"], ""),
        (r#"{"Entrypoint":[],"Cmd":["./server"],"WorkingDir":"/app"}"#, &["Cmd[0] /app/server"], ""),
        (r#"{"Cmd":["server"],"Env":["PATH=/none:/app/"]}"#, &["Cmd[0] /app/server"], ""),
        (r#"{"Cmd":["server"],"Env":["PATH=:/bin"],"WorkingDir":"app"}"#, &["Cmd[0] /app/server"], ""),
        (r#"{"Cmd":["server"]}"#, &[], "`server` is in no folder of PATH"),
        (r#"{"Cmd":["not"]}"#, &[], "`not` is in no folder of PATH"),
        (r#"{"Cmd":["/usr/bin/not"]}"#, &[], "`/usr/bin/not` is no file that may be executed"),
        (r#"{"Cmd":["/usr/bin"]}"#, &[], "`/usr/bin` is no file that may be executed"),
        (r#"{"Cmd":[""]}"#, &[], "the program's name is empty"),
        ("{}", &[], "the image has neither Entrypoint nor Cmd"),
        (
            r#"{"Entrypoint":["/entry.sh"],"Cmd":["app"]}"#,
            &["Entrypoint[0] /entry.sh", "/entry.sh /usr/bin/dash"],
            "what `/entry.sh` does is not read",
        ),
        (
            r#"{"Cmd":["tool"]}"#,
            &["Cmd[0] /usr/bin/tool", "/usr/bin/tool /usr/bin/env", "/usr/bin/tool /usr/bin/python3"],
            "what `/usr/bin/tool` does is not read",
        ),
        (
            r#"{"Cmd":["/split"]}"#,
            &["Cmd[0] /split", "/split /usr/bin/env", "/split /usr/bin/python3"],
            "what `/split` does is not read",
        ),
        (r#"{"Cmd":["/lost"]}"#, &["Cmd[0] /lost"], "`/none` is not in the image"),
        (
            r#"{"Entrypoint":["tini","-e","143","--","gosu","app"],"Cmd":["env","-u","X","A=1","app"]}"#,
            &[
                "Entrypoint[0] /usr/bin/tini",
                "Entrypoint[4] /usr/bin/gosu",
                "Cmd[0] /usr/bin/env",
                "Cmd[4] /usr/bin/app",
            ],
            "",
        ),
        (r#"{"Cmd":["env","PATH=/app","server"]}"#, &["Cmd[0] /usr/bin/env", "Cmd[2] /app/server"], ""),
        (r#"{"Cmd":["tini","-s"]}"#, &["Cmd[0] /usr/bin/tini"], ""),
        (r#"{"Cmd":["/bin/sh","-c","exec app --port $PORT"]}"#, &["Cmd[0] /usr/bin/dash", "Cmd[2] /usr/bin/app"], ""),
        (r#"{"Cmd":["/bin/sh","-ec","app -g 'a; b'"]}"#, &["Cmd[0] /usr/bin/dash", "Cmd[2] /usr/bin/app"], ""),
        (
            r#"{"Cmd":["/bin/sh","-c","app && rm x"]}"#,
            &["Cmd[0] /usr/bin/dash", "Cmd[2] /usr/bin/app"],
            "a shell command that goes on behind `app`",
        ),
        (
            r#"{"Cmd":["/bin/sh","-c","tini -- $APP"]}"#,
            &["Cmd[0] /usr/bin/dash", "Cmd[2] /usr/bin/tini"],
            "a shell command with `$APP`",
        ),
        (r#"{"Cmd":["sh","-c","$APP"]}"#, &["Cmd[0] /usr/bin/dash"], "a shell command that begins with `$APP`"),
        (
            r#"{"Cmd":["sh","-c","cd /app && ./server"]}"#,
            &["Cmd[0] /usr/bin/dash"],
            "a shell command that begins with the shell's own `cd`",
        ),
        (r#"{"Cmd":["sh"]}"#, &["Cmd[0] /usr/bin/dash"], ""),
        (
            r#"{"Cmd":["sh","-x","entry.sh"]}"#,
            &["Cmd[0] /usr/bin/dash", "Cmd[2] /entry.sh"],
            "what `entry.sh` does is not read",
        ),
        (
            r#"{"Cmd":["python3","-u","main.py"],"WorkingDir":"/app"}"#,
            &["Cmd[0] /usr/bin/python3", "Cmd[2] /app/main.py"],
            "what `main.py` does is not read",
        ),
        (r#"{"Cmd":["python3","-m","x"]}"#, &["Cmd[0] /usr/bin/python3"], "what `python3 -m x` runs is not looked up"),
        (r#"{"Cmd":["node","none.js"]}"#, &["Cmd[0] /usr/bin/node"], "`none.js` is no file"),
        (
            r#"{"Cmd":["java","-Xmx1g","-jar","/app/x.jar"]}"#,
            &["Cmd[0] /usr/bin/java", "Cmd[3] /app/x.jar"],
            "what `/app/x.jar` does is not read",
        ),
        (r#"{"Cmd":["java","Main"]}"#, &["Cmd[0] /usr/bin/java"], "what the class `Main` is in is not looked up"),
    ];
    for (config, steps, stopped) in cases {
        let (found, why) = start(config);
        assert_eq!(
            (&found.iter().map(String::as_str).collect::<Vec<_>>()[..], why.as_deref().unwrap_or("")),
            (steps, stopped),
            "{config}"
        );
    }
    let (steps, stopped) = start(r#"{"Cmd":["/loop"]}"#);
    assert_eq!((steps.len(), stopped.as_deref()), (16, Some("it starts more than 16 programs in turn")));
    let many = format!(r#"{{"Cmd":["/bin/busybox",{}"x"]}}"#, r#""busybox","#.repeat(100_000));
    assert_eq!(start(&many).0.len(), 0, "there is none, and nothing overflows");
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in "(\\PC|[\n:,|#$'\"\\\\{}/=-]|root|RUN |/bin/sh -c |#!|\\|2 A=){0,60}") {
        let mut line = harden::image::HistoryLine::default();
        text.clone_into(&mut line.created_by);
        let _ = line.step();
        let quoted = format!(r#"{{"config":{{"User":{0},"Cmd":[{0}],"Env":[{0}]}}}}"#, serde_json::json!(text));
        for config in [&quoted, &text] {
            let files = [("/etc/passwd", &text[..]), ("/etc/group", &text), ("/etc/shadow", &text), ("/etc/os-release", &text)];
            let image = image(config, "", &files);
            let _ = image.runtime_user();
        }
        let shell = format!(r#"{{"config":{{"Entrypoint":["/bin/sh","-c"],"Cmd":[{}]}}}}"#, serde_json::json!(text));
        let _ = image(&shell, "f /bin/sh 755", &[]);
    }
}

#[test]
fn what_contradicts_itself_is_kept() {
    let image = image(r#"{"config":{"User":7},"history":[{},{}]}"#, "f /a\nf /a/b", &[]);
    let all = image.tree.irregularities().iter().chain(&image.irregularities);
    let kinds: Vec<IrregularityKind> = all.map(|one| one.kind).collect();
    use IrregularityKind::{Ambiguous, Mismatch};
    assert_eq!(kinds, [Ambiguous, Mismatch, Mismatch, Mismatch]);
    assert_eq!(image.made_by(0), None, "two lines and one layer");
}

#[test]
fn what_contradicts_itself_is_said_once() {
    let image = image(r#"{"config":{"User":7},"history":[{},{}]}"#, "f /a\nf /a/b", &[]);
    let choice = Choice { preset: Preset::Pedantic, ..Choice::default() };
    let selection = Selection::new(&choice).expect("a preset names no lint");
    let findings = run_image(&image, &Settings { selection, ..Settings::default() }).diagnostics;
    for lint in ["ambiguous-archive", "contradicting-manifest"] {
        let finding = findings.iter().find(|finding| finding.lint == lint).expect(lint);
        let said = || finding.labels.iter().map(|label| &label.message).chain([&finding.message]);
        for one in said() {
            assert_eq!(said().filter(|other| *other == one).count(), 1, "{lint}: {one}");
        }
    }
}
