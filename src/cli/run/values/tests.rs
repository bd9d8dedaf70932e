use super::*;

#[test]
fn sizes_are_read_as_docker_reads_them() {
    for (text, size) in [
        ("0", 0),
        ("10", 10),
        ("1k", 1024),
        ("512m", 512 << 20),
        ("2G", 2 << 30),
        ("1.5g", 3 << 29),
        ("3kib", 3072),
        ("4 MB", 4 << 20),
    ] {
        assert_eq!(bytes(text), Ok(size), "{text}");
    }
    for text in ["", "m", "-1", "1x", "1.2.3g", "99999999999999p", "nan", "0x10", "1e5"] {
        assert!(bytes(text).is_err(), "{text}");
    }
    assert_eq!(swap("-1"), Ok(None));
    assert_eq!(milli_cpus("1.5"), Ok(1500));
    assert!(milli_cpus("0").is_err() && milli_cpus("inf").is_err() && milli_cpus("-1").is_err());
}

#[test]
fn limits_are_read_as_docker_reads_them() {
    assert_eq!(rlimit("nofile=10:20"), Ok(Rlimit { name: "nofile".into(), soft: 10, hard: 20 }));
    assert_eq!(rlimit("core=0"), Ok(Rlimit { name: "core".into(), soft: 0, hard: 0 }));
    assert_eq!(rlimit("memlock=-1:-1").map(|limit| limit.hard), Ok(u64::MAX));
    assert!(rlimit("nofile=20:10").is_err() && rlimit("nofile").is_err() && rlimit("nofile=a").is_err());
    assert_eq!(pids(-1), Ok(None));
    assert_eq!(pids(7), Ok(Some(7)));
    assert!(pids(-2).is_err());
    assert_eq!(restart("on-failure:3"), Ok(Restart::OnFailure(Some(3))));
    assert_eq!(restart("on-failure"), Ok(Restart::OnFailure(None)));
    assert!(restart("on-failure:x").is_err() && restart("always:3").is_err() && restart("").is_err());
    assert_eq!(device_rate("/dev/sda:1mb", bytes), Ok(("/dev/sda".into(), 1 << 20)));
    assert!(device_rate("sda:1", bytes).is_err() && device_rate("/dev/sda", bytes).is_err());
}

#[test]
fn ports_are_read_as_docker_reads_them() {
    let one = |text: &str| publish(text).map(|ports| ports[0].clone());
    let port = |address: Option<&str>, host_port, port, protocol| {
        let address = address.map(|text| text.parse().expect("an address"));
        Ok(Publish { address, host_port, port, protocol })
    };
    assert_eq!(one("80"), port(None, 0, 80, Protocol::Tcp));
    assert_eq!(one("8080:80"), port(None, 8080, 80, Protocol::Tcp));
    assert_eq!(one("127.0.0.1:8080:80/tcp"), port(Some("127.0.0.1"), 8080, 80, Protocol::Tcp));
    assert_eq!(one("127.0.0.1::53/udp"), port(Some("127.0.0.1"), 0, 53, Protocol::Udp));
    assert_eq!(one("[::1]:8080:80"), port(Some("::1"), 8080, 80, Protocol::Tcp));
    let range = publish("9000-9002:80-82").expect("a range");
    assert_eq!(
        range.iter().map(|one| (one.host_port, one.port)).collect::<Vec<_>>(),
        [(9000, 80), (9001, 81), (9002, 82)]
    );
    for text in ["", "0", "80:", "x:80", "1:2:3:4", "80/sctp", "70000", "9000-9001:80", "90-80", "1-65535"] {
        assert!(publish(text).is_err(), "{text}");
    }
}

#[test]
fn ways_out_are_named_one_by_one_or_all() {
    assert_eq!(egress(&[]), Ok(None));
    assert_eq!(egress(&["all".into()]), Ok(Some(Egress::All)));
    assert_eq!(egress(&["a.example:443".into()]), Ok(Some(Egress::Only(vec![("a.example".into(), 443)]))));
    assert_eq!(egress(&["[2001:db8::1]:443".into()]), Ok(Some(Egress::Only(vec![("2001:db8::1".into(), 443)]))));
    for texts in [vec!["all", "a:1"], vec!["a"], vec![":1"], vec!["a:0"], vec!["a b:1"], vec!["a/b:1"]] {
        let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
        assert!(egress(&texts).is_err(), "{texts:?}");
    }
}

#[test]
fn mounts_are_read_as_docker_reads_them() {
    let bind = |source: &str, read_only, create| {
        MountKind::Bind(Bind { source: source.into(), read_only, recursive: true, create })
    };
    assert_eq!(volume("/a:/b:ro", "/w"), Ok(Mount { destination: "/b".into(), kind: bind("/a", true, true) }));
    assert_eq!(volume("./a:/b", "/w"), Ok(Mount { destination: "/b".into(), kind: bind("/w/a", false, true) }));
    let named = MountKind::Volume { name: "data".into(), read_only: false };
    assert_eq!(volume("data:/b", "/w"), Ok(Mount { destination: "/b".into(), kind: named }));
    assert!(matches!(volume("/b", "/w"), Ok(Mount { kind: MountKind::Tmpfs(_), .. })));
    for text in ["a:b", "/a:/b:rshared", "/a:/b:ro:x", ":/b", ""] {
        assert!(volume(text, "/w").is_err(), "{text}");
    }
    let long = "type=bind,source=/a,target=/b,readonly";
    assert_eq!(mount(long, "/w"), Ok(Mount { destination: "/b".into(), kind: bind("/a", true, false) }));
    assert!(mount("type=bind,target=/b", "/w").is_err() && mount("type=npipe,source=a,target=/b", "/w").is_err());
    let memory = tmpfs_mount("/t:size=1m,mode=700,exec,nr_inodes=10").expect("a tmpfs");
    let made = Tmpfs { size: 1 << 20, inodes: Some(10), mode: 0o700, exec: true, copy_up: false, uid: 0, gid: 0 };
    assert_eq!(memory, Mount { destination: "/t".into(), kind: MountKind::Tmpfs(made) });
    assert!(tmpfs_mount("t").is_err() && tmpfs_mount("/t:suid").is_err() && tmpfs_mount("/t:mode=9").is_err());
}

#[test]
fn variables_are_passed_on_or_set() {
    let look_up = |key: &str| (key == "HOME").then(|| "/h".to_owned());
    assert_eq!(variable("A=b=c", look_up), Ok(Some("A=b=c".into())));
    assert_eq!(variable("HOME", look_up), Ok(Some("HOME=/h".into())));
    assert_eq!(variable("NONE", look_up), Ok(None));
    assert!(variable("=x", look_up).is_err() && variable("A B=x", look_up).is_err());
    let file = "\u{feff}# words\n\nA=1 # kept\n  B=two\nHOME\nNONE\n";
    assert_eq!(env_file(file, look_up), Ok(vec!["A=1 # kept".into(), "B=two".into(), "HOME=/h".into()]));
    assert!(env_file("A=1\n=2\n", look_up).expect_err("no name").starts_with("line 2: "));
}
