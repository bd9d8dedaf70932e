//! A web server's image as people run it: its port published, its page fetched, by an ordinary user with `harden run` and
//! by docker and podman with the exported flags. What it can do is told by a program that it starts, over the same port.
//!
//! All happens in namespaces that are thrown away, with a second network behind a wire for the world outside.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::image_made::{Member, gzip, made, tar};
use crate::support::launch::USER;
use crate::support::left::{Place, Who, text_of};
use crate::support::skip;

/// Who the process is, what it may do, what it can write to, and whether it gets out.
const FACTS: &str = r#"#!/bin/sh
printf 'Content-type: text/plain\r\n\r\n'
grep -E '^(Uid|Cap[A-Z][a-z]*|NoNewPrivs|Seccomp):' /proc/self/status
echo "map $(cat /proc/self/uid_map)"
for file in /x /www/x /tmp/x; do touch $file && echo "written $file"; done 2>&1
: | nc -w 3 203.0.113.2 9 2>&1 || echo no way out
"#;

/// The words behind the image.
const SERVER: &str = "/bin/httpd -f -p 8080 -h /www";

/// What each part begins with: a world outside that answers, and nothing of this machine that is written to.
const STAGE: &str = r#"
set -eu
export HOME="$DIR/tmp"
ip link set lo up
unshare -n sleep 600 & outside=$!
until [ "$(readlink /proc/$outside/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link add out type veth peer name in netns $outside
ip addr add 203.0.113.1/24 dev out && ip link set out up
nsenter -t $outside -n sh -c 'ip addr add 203.0.113.2/24 dev in; ip link set in up; exec busybox nc -ll -p 9 -e echo outside' &
for try in $(seq 50); do
    [ "$(busybox nc -w 3 203.0.113.2 9 </dev/null 2>&1)" = outside ] && echo the way out is there && break
    sleep 0.1
done
mount -t tmpfs run /run
mkdir /run/upper /run/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work /etc
mount -t tmpfs opt /opt
mount -t tmpfs lib /var/lib
fetch() {
    for try in $(seq 100); do
        page=$(curl -sS --max-time 5 "http://127.0.0.1:$1/" 2>/dev/null) && break
        sleep 0.1
    done
    echo "== $2: $page"
    curl -sS --max-time 20 "http://127.0.0.1:$1/cgi-bin/facts"
}
cd "$DIR/tmp"
"#;

/// Runs a part in namespaces of its own, which end with it. Gives what it said.
fn stage(place: &Place, part: &str) -> Output {
    let mut command = Command::new("timeout");
    command.args(["-k", "2", "300", "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.args(["bash", "-c", &format!("{STAGE}{part}")]).env("HARDEN", env!("CARGO_BIN_EXE_harden"));
    command.env("DIR", place.folder.path()).env("MARK", &place.mark).env("USER_ID", USER.to_string());
    command.env("FLAGS", place.flags().join(" ")).env("SERVER", SERVER).env("HARDEN_TEST_MARK", &place.mark);
    command.stdin(Stdio::null()).output().expect("it starts")
}

/// The image, as `docker save` writes it and as a folder.
fn image(place: &Place) -> Option<PathBuf> {
    if !rustix::process::geteuid().is_root() || !Path::new("/bin/busybox").exists() {
        skip("needs root, for a network of its own, and busybox-static");
        return None;
    }
    let busybox = std::fs::read("/bin/busybox").expect("busybox");
    let mut members: Vec<Member<'_>> = vec![
        ("tmp/", b'5', 0o1777, b""),
        ("proc/", b'5', 0o755, b""),
        ("etc/passwd", b'0', 0o644, b"app:x:1000:1000::/www:/bin/sh\n"),
        ("etc/group", b'0', 0o644, b"app:x:1000:\n"),
        ("www/index.html", b'0', 0o644, b"a page\n"),
        ("www/cgi-bin/facts", b'0', 0o755, FACTS.as_bytes()),
        ("bin/busybox", b'0', 0o755, &busybox),
    ];
    members.extend(["bin/sh", "bin/cat", "bin/grep", "bin/httpd", "bin/nc", "bin/touch"].map(|name| {
        let link: Member<'_> = (name, b'2', 0o777, b"busybox");
        link
    }));
    let layer = tar(&members);
    let folder = place.path("folder");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(place.path("layer.tar"), &layer).expect("written");
    let unpacked = Command::new("tar").arg("-xf").arg(place.path("layer.tar")).arg("-C").arg(&folder).status();
    assert!(unpacked.is_ok_and(|status| status.success()));
    let path = place.path("web.tar");
    std::fs::write(&path, made(vec![layer], gzip).saved("localhost/web:1")).expect("written");
    std::os::unix::fs::chown(&path, Some(USER), Some(USER)).expect("root may");
    Some(path)
}

/// What was told under a heading of [`STAGE`]'s `fetch`, after its page.
fn told<'a>(said: &'a str, heading: &str) -> &'a str {
    let start = format!("== {heading}: a page\n");
    let (_, rest) = said.split_once(&start).unwrap_or_else(|| panic!("no page under {heading}: {said}"));
    rest.split("== ").next().unwrap_or_default()
}

/// Fails unless it is nobody who may do anything.
fn is_confined(facts: &str) {
    let field = |name: &str| {
        let line = facts.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
        line.unwrap_or_else(|| panic!("no {name} in {facts}"))
    };
    assert!(field("Uid").split('\t').all(|id| id != "0"), "{facts}");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(set), "0000000000000000", "{set}: {facts}");
    }
    assert_eq!((field("NoNewPrivs"), field("Seccomp")), ("1", "2"), "{facts}");
    assert!(facts.contains("/x: Read-only file system") && facts.contains("/www/x: Read-only file system"), "{facts}");
    assert!(facts.contains("written /tmp/x") && !facts.contains("written /x"), "{facts}");
}

/// Whether it got out.
fn gets_out(facts: &str) -> bool {
    let (out, none) = (facts.contains("\noutside"), facts.contains("no way out"));
    assert_ne!(out, none, "{facts}");
    out
}

/// Removes control groups that an engine leaves, by the mark in their names.
fn remove_groups(place: &Place) {
    let script = "find /sys/fs/cgroup -depth -type d -path \"*$0*\" -exec rmdir {} + 2>&1";
    let output = Command::new("sh").args(["-c", script, &place.mark]).output().expect("it starts");
    assert_eq!(text_of(&output), "");
}

#[test]
fn an_ordinary_users_server_serves_and_can_do_nothing_else() {
    let place = Place::new(Who::User);
    let Some(archive) = image(&place) else { return };
    // First the same server with nothing around it but another root: the control.
    let part = r#"
mount --rbind /proc "$DIR/folder/proc"
chroot "$DIR/folder" $SERVER & server=$!
fetch 8080 bare
kill $server
export XDG_DATA_HOME="$DIR/data" XDG_CACHE_HOME="$DIR/cache"
setpriv --reuid=$USER_ID --regid=$USER_ID --clear-groups "$HARDEN" run $FLAGS --proof "$DIR/tmp/proof" \
    -p 127.0.0.1:18080:8080 "docker-archive:$DIR/web.tar" $SERVER & server=$!
fetch 18080 harden
kill -TERM $server
wait $server || echo "== ended: $?"
curl -sS --max-time 5 http://127.0.0.1:18080/ || echo nobody listens
"#;
    let output = stage(&place, part);
    let said = text_of(&output);
    assert!(archive.exists() && said.contains("the way out is there"), "{said}");
    let bare = told(&said, "bare");
    assert!(bare.contains("Uid:\t0\t0\t0\t0") && bare.contains("Seccomp:\t0") && gets_out(bare), "{bare}");
    assert!(bare.contains("written /x") && !bare.contains("CapEff:\t0000000000000000"), "{bare}");
    let facts = told(&said, "harden");
    is_confined(facts);
    assert!(!gets_out(facts) && facts.contains("Network is unreachable"), "{facts}");
    // Inside it is the image's user, outside the caller, and there is no other id.
    let map = facts.lines().find_map(|line| line.strip_prefix("map ")).expect("a map");
    let map: Vec<&str> = map.split_whitespace().collect();
    assert_eq!(map, ["1000", &USER.to_string(), "1"], "{facts}");
    assert!(said.contains("== ended: 143") && said.contains("nobody listens"), "{said}");
    let proof = std::fs::read_to_string(place.path("tmp/proof")).expect("a proof");
    let proof: serde_json::Value = serde_json::from_str(&proof).expect("JSON");
    assert_eq!(proof["differences"], 0, "{proof}");
    std::fs::remove_file(place.path("tmp/proof")).expect("it is there");
    place.nothing_is_left();
}

#[test]
fn docker_serves_it_as_confined_from_the_exported_flags() {
    let place = Place::new(Who::Root);
    if image(&place).is_none() {
        return;
    }
    if Command::new("dockerd").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skip("dockerd is not installed; install docker.io");
    }
    // The network without a way out is the one that the export's note tells how to make.
    let part = r#"
containerd --root "$DIR/ctd" --state /run/ctd --address /run/ctd.sock >"$DIR/ctd.log" 2>&1 &
until [ -S /run/ctd.sock ]; do sleep 0.1; done
dockerd --data-root "$DIR/engine" --exec-root /run/dk -p /run/dockerd.pid -H unix:///run/docker.sock \
    --containerd /run/ctd.sock --cgroup-parent "/$MARK" >"$DIR/dockerd.log" 2>&1 & dockerd=$!
export DOCKER_HOST=unix:///run/docker.sock
for try in $(seq 200); do docker info >/dev/null 2>&1 && break; sleep 0.1; done
docker load -q <"$DIR/web.tar"
"$HARDEN" export --to docker --output . -p 127.0.0.1:18080:8080 docker-daemon:localhost/web:1 $SERVER
docker network create -o com.docker.network.bridge.enable_ip_masquerade=false closed
for network in bridge closed; do
    sed "s/docker run/docker run --network=$network/" app.docker.sh >run.sh
    sh ./run.sh & server=$!
    fetch 18080 $network
    docker kill app
    wait $server || echo "== ended: $?"
    until [ -z "$(docker ps --all --quiet)" ]; do sleep 0.1; done
done
kill $dockerd
wait $dockerd
"#;
    let output = stage(&place, part);
    let said = text_of(&output);
    remove_groups(&place);
    assert!(said.contains("the way out is there"), "{said}");
    for network in ["bridge", "closed"] {
        let facts = told(&said, network);
        is_confined(facts);
        assert!(facts.contains("Uid:\t1000\t1000\t1000\t1000"), "{facts}");
        // What the note says of a bridge is so, and what it says to do helps.
        assert_eq!(gets_out(facts), network == "bridge", "{facts}");
    }
    assert!(said.contains("a bridge lets the container connect out") && said.contains("--network=closed"), "{said}");
}

#[test]
fn podman_serves_it_as_confined_from_the_exported_flags() {
    let place = Place::new(Who::Root);
    if image(&place).is_none() {
        return;
    }
    if Command::new("podman").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skip("podman is not installed");
    }
    // Podman asks for more processes than some machines let root have, unless it is told a number. It has no network that
    // ports are published into and nothing comes out of, so a firewall bounds it, as the note says.
    let part = r#"
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/engine"\nrunroot = "/run/podman"\n' "$DIR" >storage.conf
printf '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n' >containers.conf
export CONTAINERS_STORAGE_CONF="$PWD/storage.conf" CONTAINERS_CONF="$PWD/containers.conf"
podman load -q -i "$DIR/web.tar"
"$HARDEN" export --to podman --output . --ulimit nproc=4096:4096 -p 127.0.0.1:18080:8080 \
    "docker-archive:$DIR/web.tar" $SERVER
sed -i "s#docker-archive:$DIR/web.tar#localhost/web:1#; s#podman run#podman run --cgroup-parent=$MARK#" app.podman.sh
for way in bridge firewall; do
    [ $way = bridge ] || iptables -I FORWARD -o out -m conntrack --ctstate NEW -j DROP
    sh ./app.podman.sh & server=$!
    fetch 18080 $way
    podman kill app
    wait $server || echo "== ended: $?"
done
"#;
    let output = stage(&place, part);
    let said = text_of(&output);
    remove_groups(&place);
    assert!(said.contains("the way out is there"), "{said}");
    for way in ["bridge", "firewall"] {
        let facts = told(&said, way);
        is_confined(facts);
        assert!(facts.contains("Uid:\t1000\t1000\t1000\t1000"), "{facts}");
        assert_eq!(gets_out(facts), way == "bridge", "{facts}");
    }
    assert!(said.contains("a bridge lets the container connect out") && said.contains("by a firewall"), "{said}");
    assert!(said.contains("is a place here"), "an archive has no name there: {said}");
}
