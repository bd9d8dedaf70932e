//! The network of containers, with real namespaces: what comes in, what goes out, what doesn't, and what is left behind.

mod stage;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

use harden::policy::{Egress, Network, Protocol, Publish};
use sha2::{Digest, Sha256};

use crate::support::{figure, skip};
use stage::{Server, Stage, Who, alive, eventually, gone, possible, tools};

const BOTH: [Who; 2] = [Who::Root, Who::User];

/// Answers each connection, once its end has come, with a digest of what came and `COUNT` bytes of zeros.
const DIGEST_SERVER: &str = "
import hashlib, socket, threading
def serve(c):
    h = hashlib.sha256()
    while True:
        b = c.recv(65536)
        if not b: break
        h.update(b)
    c.sendall(h.hexdigest().encode() + bytes(COUNT))
    c.close()
s = socket.create_server((HOST, 8080), family=FAMILY, backlog=300)
print('+')
while True:
    c, _ = s.accept()
    threading.Thread(target=serve, args=(c,)).start()
";

fn digest_server(host: &str, count: usize) -> String {
    let family = if host.contains(':') { "socket.AF_INET6" } else { "socket.AF_INET" };
    DIGEST_SERVER.replace("HOST", &format!("'{host}'")).replace("FAMILY", family).replace("COUNT", &count.to_string())
}

fn port(address: Option<IpAddr>, port: u16, protocol: Protocol) -> Publish {
    Publish { address, host_port: 0, port, protocol }
}

fn at_loopback() -> Publish {
    port(Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), 8080, Protocol::Tcp)
}

fn only(list: &[(&str, u16)]) -> Network {
    Network::Egress(Egress::Only(list.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect()))
}

/// The standard output of a command, and whether it succeeded.
fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().expect("it starts");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Sends, ends its own direction, and reads to the end.
fn exchange(address: SocketAddr, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_published_server_is_reached_and_calls_nobody() {
    if !possible() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("index.html"), "a page\n").expect("a page");
    // What there is to reach on the host: a port of its loopback interface, one of all its addresses, an abstract socket.
    let server = "
import socket
a = socket.create_server(('127.0.0.1', 0)); b = socket.create_server(('0.0.0.0', 0))
c = socket.socket(socket.AF_UNIX); c.bind(chr(0) + 'harden-test-' + str(a.getsockname()[1])); c.listen(9)
print(a.getsockname()[1], b.getsockname()[1])
import time; time.sleep(600)
";
    let mut host = Command::new("python3")
        .args(["-u", "-c", server])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(host.stdout.take().expect("piped")), &mut line)
        .expect("the ports");
    let ports: Vec<&str> = line.split_whitespace().collect();
    let [loopback, all] = ports[..] else { panic!("{line}") };
    let reach = format!(
        "
import socket
def dial(family, address):
    s = socket.socket(family); s.settimeout(3)
    try: s.connect(address)
    except OSError as e: return 'no'
    return 'yes'
addresses = open('/proc/net/fib_trie').read().split()
print(dial(socket.AF_INET, ('127.0.0.1', {loopback})), dial(socket.AF_INET, ('127.0.0.1', {all})),
      dial(socket.AF_INET, (HOST, {all})), dial(socket.AF_UNIX, chr(0) + 'harden-test-{loopback}'))
"
    );
    let address = run(Command::new("sh").args(["-c", "ip -4 -o address show scope global | awk '{print $4; exit}'"])).1;
    let address = address.split('/').next().filter(|address| !address.trim().is_empty()).unwrap_or("127.0.0.1").trim();
    let reach = reach.replace("HOST", &format!("'{address}'"));
    assert_eq!(run(Command::new("python3").args(["-c", &reach])).1, "yes yes yes yes\n", "outside all are reached");
    for who in BOTH {
        let stage = Stage::start(who, &[at_loopback()], &Network::None, None).expect("it starts");
        let mut httpd = stage
            .inside("busybox")
            .args(["httpd", "-f", "-p", "127.0.0.1:8080", "-h"])
            .arg(folder.path())
            .spawn()
            .expect("busybox starts");
        let address = stage.published[0];
        assert!(address.ip().is_loopback() && address.port() != 0, "{address}");
        let fetch = || run(Command::new("curl").args(["-sS", "--max-time", "20", &format!("http://{address}/")])).1;
        eventually(&|| TcpStream::connect(address).is_ok() && fetch() == "a page\n", &|| format!("{who:?}: no page"));
        assert_eq!(run(stage.inside("python3").args(["-c", &reach])).1, "no no no no\n", "{who:?}");
        let interfaces = run(stage.inside("ip").args(["-o", "link"])).1;
        assert_eq!(interfaces.lines().count(), 1, "{interfaces}");
        httpd.kill().expect("it runs");
        httpd.wait().expect("it ends");
    }
    host.kill().expect("it runs");
    host.wait().expect("it ends");
}

#[test]
fn many_connections_halves_and_megabytes_pass() {
    if !possible() {
        return;
    }
    for who in BOTH {
        let stage = Stage::start(who, &[at_loopback()], &Network::None, None).expect("it starts");
        let server = stage.serve(&digest_server("127.0.0.1", 3));
        let address = stage.published[0];
        // All are open before the first is served to its end.
        let mut streams: Vec<TcpStream> =
            (0..200).map(|_| TcpStream::connect(address).expect("a connection")).collect();
        for (number, stream) in streams.iter_mut().enumerate() {
            stream.write_all(format!("connection {number}").as_bytes()).expect("it takes bytes");
        }
        for (number, mut stream) in streams.into_iter().enumerate().rev() {
            stream.shutdown(Shutdown::Write).expect("half of it ends");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).expect("an answer");
            let expected = digest(format!("connection {number}").as_bytes());
            assert_eq!(answer, [expected.as_bytes(), &[0; 3]].concat(), "{who:?}");
        }
        drop(server);
        let _server = stage.serve(&digest_server("127.0.0.1", 50_000_000));
        let bytes: Vec<u8> =
            (0..50_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let answer = exchange(address, &bytes).expect("it passes");
        assert_eq!(answer.len(), 64 + 50_000_000);
        assert_eq!(answer[..64], *digest(&bytes).as_bytes(), "{who:?}");
        assert!(answer[64..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_receiver_that_stalls_holds_its_sender_and_no_memory() {
    if !possible() {
        return;
    }
    let stage = Stage::start(Who::User, &[at_loopback()], &Network::None, None).expect("it starts");
    let server = "
import socket, time
s = socket.create_server(('127.0.0.1', 8080), backlog=300); print('+'); kept = []
while True: kept.append(s.accept())
";
    let _server = stage.serve(server);
    let chunk = vec![7_u8; 1 << 20];
    let mut streams = Vec::new();
    let mut taken = 0;
    for _ in 0..100 {
        let mut stream = TcpStream::connect(stage.published[0]).expect("a connection");
        stream.set_write_timeout(Some(Duration::from_millis(20))).expect("a timeout");
        let mut sent = 0;
        while sent < 50 << 20 {
            match stream.write(&chunk) {
                Ok(length) => sent += length,
                Err(_) => break,
            }
        }
        assert!(sent < 50 << 20, "the kernel takes so much at most, and then the sender waits");
        taken += sent;
        streams.push(stream);
    }
    let pss = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", stage.process(name))).expect("root may");
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).expect("a line").trim().to_owned();
        line.trim_end_matches("kB").trim().parse::<u64>().expect("a number")
    };
    let (relay, dialer) = (pss("relay"), pss("inner dialer"));
    figure(&format!(
        "network: Pss of relay {relay} KiB, of inner dialer {dialer} KiB, with 100 stalled connections and {} MiB underway",
        taken >> 20
    ));
    assert!(relay < 5 * 1024 && dialer < 5 * 1024, "{relay} {dialer}");
    // Nothing to do is nothing done: no turn of the loop while all are stalled.
    let ticks = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", stage.process("relay"))).expect("it runs");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime")
    };
    let before = ticks();
    std::thread::sleep(Duration::from_millis(1000));
    let spent = ticks() - before;
    assert!(spent <= 5, "the relay spends {spent} of 100 ticks on waiting");
}

#[test]
fn more_connections_than_there_is_room_for_wait() {
    if !possible() {
        return;
    }
    let stage = Stage::start(Who::User, &[at_loopback()], &Network::None, Some("ulimit -n 300; ip link set lo up"))
        .expect("it starts");
    let _server = stage.serve(&digest_server("127.0.0.1", 0));
    // (300 - 150) / 2 have room at a time.
    let client = format!(
        "
import hashlib, socket
c = [socket.create_connection(('127.0.0.1', {})) for _ in range(180)]
for s in c: s.sendall(b'x')
n = 0
for s in c:
    s.shutdown(socket.SHUT_WR); s.settimeout(30); n += s.recv(100) == hashlib.sha256(b'x').hexdigest().encode(); s.close()
print(n)
",
        stage.published[0].port()
    );
    assert_eq!(run(stage.outside("python3").args(["-c", &client])).1, "180\n");
    let files = std::fs::read_dir(format!("/proc/{}/fd", stage.process("relay"))).expect("root may").count();
    assert!(files < 40, "{files} files are left open");
}

#[test]
fn datagrams_find_their_way_back() {
    if !possible() {
        return;
    }
    let echo = "
import socket
s = socket.socket(FAMILY, socket.SOCK_DGRAM); s.bind((HOST, 5353)); print('+')
while True:
    b, a = s.recvfrom(65536); s.sendto(b.upper(), a)
";
    for (who, host, family) in [(Who::Root, "'127.0.0.1'", "socket.AF_INET"), (Who::User, "'::1'", "socket.AF_INET6")] {
        let stage = Stage::start(who, &[port(None, 5353, Protocol::Udp)], &Network::None, None).expect("it starts");
        let _server = stage.serve(&echo.replace("FAMILY", family).replace("HOST", host));
        let number = stage.published[0].port();
        for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let sockets: Vec<UdpSocket> = (0..20)
                .map(|_| {
                    let socket = UdpSocket::bind(SocketAddr::new(address, 0)).expect("a socket");
                    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
                    socket.connect(SocketAddr::new(address, number)).expect("it is the published one");
                    socket
                })
                .collect();
            for (index, socket) in sockets.iter().enumerate() {
                socket.send(format!("{}{index}", "a".repeat(1000 * index)).as_bytes()).expect("it is sent");
                let mut buffer = vec![0; 65536];
                let length =
                    socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{who:?} {address} {index}: {error}"));
                assert_eq!(buffer[..length], *format!("{}{index}", "A".repeat(1000 * index)).as_bytes());
            }
        }
    }
}

#[test]
fn both_families_are_served_and_the_server_may_have_either() {
    if !possible() {
        return;
    }
    for (who, host) in [(Who::Root, "::1"), (Who::User, "127.0.0.1")] {
        let stage = Stage::start(who, &[port(None, 8080, Protocol::Tcp)], &Network::None, None).expect("it starts");
        let _server = stage.serve(&digest_server(host, 0));
        for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let answer = exchange(SocketAddr::new(address, stage.published[0].port()), b"x").expect("an answer");
            assert_eq!(answer, digest(b"x").as_bytes(), "{who:?} {address} {host}");
        }
    }
    // Where nobody listens, who connects learns of it.
    let stage = Stage::start(Who::User, &[at_loopback()], &Network::None, None).expect("it starts");
    let error = exchange(stage.published[0], b"x").map(|answer| answer.len());
    assert!(error.is_err(), "{error:?}");
}

#[test]
fn ports_that_cannot_be_had_are_errors_before_anything_runs() {
    if !possible() {
        return;
    }
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let number = taken.local_addr().expect("an address").port();
    let publish = |address: Option<&str>, host_port| Publish {
        address: address.map(|address| address.parse().expect("an address")),
        host_port,
        ..at_loopback()
    };
    let fails = |who, publish: Publish| match Stage::start(who, std::slice::from_ref(&publish), &Network::None, None) {
        Ok(_) => panic!("{publish:?} starts"),
        Err(error) => error,
    };
    for address in [Some("127.0.0.1"), None] {
        let error = fails(Who::User, publish(address, number));
        assert!(error.contains(&format!("port {number} of the host is in use")), "{error}");
    }
    let error = fails(Who::User, publish(Some("8.8.8.8"), 0));
    assert!(error.contains("8.8.8.8 is no address of the host"), "{error}");
    let allowed = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    if allowed.trim() == "1024" {
        let error = fails(Who::User, publish(Some("127.0.0.1"), 79));
        assert!(error.contains("may not be taken by this user"), "{error}");
    } else {
        skip("this kernel gives any user the low ports");
    }
    // Two of the same kind: the second is refused, the first isn't left listening.
    drop(taken);
    let twice = [publish(Some("127.0.0.1"), number), publish(Some("127.0.0.1"), number)];
    assert!(Stage::start(Who::Root, &twice, &Network::None, None).is_err());
    TcpListener::bind(("127.0.0.1", number)).expect("nothing listens any more");
}

#[test]
fn what_serves_ends_with_the_container_the_launcher_and_the_order() {
    if !possible() {
        return;
    }
    let network = only(&[("10.9.8.7", 81)]);
    for who in BOTH {
        let start = || Stage::start(who, &[at_loopback()], &network, None).expect("it starts");
        let stage = start();
        assert!(stage.processes.len() == 3 && stage.processes.iter().all(|(_, pid)| alive(*pid)));
        let container = rustix::process::Pid::from_raw(stage.container).expect("a process");
        rustix::process::kill_process(container, rustix::process::Signal::KILL).expect("it is there");
        gone(&[stage.process("relay"), stage.process("inner dialer"), stage.process("outer dialer")]);
        let mut stage = start();
        stage.kill_launcher();
        stage.all_gone();
        gone(&[stage.container]);
        let mut stage = start();
        stage.drop_running();
        stage.all_gone();
        assert!(alive(stage.container) && TcpStream::connect(stage.published[0]).is_err());
    }
}

#[test]
fn who_breaks_one_of_the_processes_has_nothing() {
    if !possible() {
        return;
    }
    for who in BOTH {
        let stage = Stage::start(who, &[at_loopback()], &only(&[("10.9.8.7", 81)]), None).expect("it starts");
        for (name, pid) in &stage.processes {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
            let field = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                line.expect("a field").split_whitespace().collect::<Vec<_>>().join(" ")
            };
            for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                // An ordinary user outside may not shrink the bounding set, and can't gain from it either.
                if set == "CapBnd" && who == Who::User && name == "outer dialer" {
                    continue;
                }
                assert_eq!(field(set), "0000000000000000", "{who:?} {name} {set}");
            }
            assert_eq!((field("NoNewPrivs"), field("Seccomp")), ("1".into(), "2".into()), "{who:?} {name}");
            let uid: u32 = field("Uid").split(' ').next().expect("one").parse().expect("a number");
            let inside = name != "outer dialer";
            match who {
                Who::Root if inside => assert_eq!(uid, 1_879_048_192 + 65_533, "{name}"),
                Who::Root => assert_eq!(uid, 65_534),
                Who::User => assert_eq!(uid, stage::USER),
            }
            assert_eq!(field("Groups"), "", "{who:?} {name}");
            let namespace = |pid: i32, kind: &str| {
                std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).expect("root may").into_os_string()
            };
            for kind in ["net", "user"] {
                assert_eq!(namespace(*pid, kind) == namespace(stage.container, kind), inside, "{who:?} {name} {kind}");
            }
            // Sockets, the loop's own descriptor, what tells of ends; no file, no folder.
            for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).expect("root may") {
                let target = std::fs::read_link(entry.expect("an entry").path()).expect("a link");
                let target = target.to_string_lossy().into_owned();
                let known = ["socket:", "pipe:", "anon_inode:", "/dev/null", "pidfd:"];
                assert!(known.iter().any(|known| target.starts_with(known)), "{who:?} {name} holds {target}");
            }
        }
        assert!(stage.rows.iter().any(|row| row.starts_with("relay | confined | uid ")), "{:?}", stage.rows);
    }
}

/// On a host of its own: two servers at public addresses, one at a private one, one at the loopback interface, and names.
const HOST: &str = "
ip link set lo up
for a in 93.184.216.34 93.184.216.35 10.1.2.3; do ip address add $a/32 dev lo; done
ip -6 address add 2606:4700::1111/128 dev lo nodad
mount -t tmpfs none /mnt
printf '%s\\n' '127.0.0.1 localhost' '93.184.216.34 good.example' '93.184.216.35 other.example' '10.1.2.3 inner.example' \\
  '127.0.0.1 rebound.example' '169.254.169.254 metadata.example' '2606:4700::1111 six.example' > /mnt/hosts
mount --bind /mnt/hosts /etc/hosts
";

#[test]
fn allowed_destinations_are_reached_and_no_others() {
    if !possible() {
        return;
    }
    let list = [
        ("good.example", 8081),
        ("inner.example", 8081),
        ("rebound.example", 8081),
        ("metadata.example", 8081),
        ("93.184.216.35", 8082),
        ("six.example", 8081),
        ("good.example", 8083),
        ("2606:4700::1111", 8082),
        ("absent.example", 8081),
    ];
    for who in BOTH {
        let stage = Stage::start(who, &[], &only(&list), Some(HOST)).expect("it starts");
        let server = "
import socket, threading
def serve(s):
    while True:
        c, _ = s.accept(); c.sendall(b'served ' + c.getsockname()[0].encode()); c.close()
for p in (8081, 8082):
    threading.Thread(target=serve, args=(socket.create_server(('::', p), family=socket.AF_INET6, dualstack_ipv6=True),)).start()
print('+')
";
        let _server = Server::new(stage.outside("python3").args(["-u", "-c", server]));
        let hosts = &stage.files.iter().find(|(path, _)| path == "/etc/hosts").expect("there is one").1;
        let names: std::collections::BTreeMap<&str, &str> =
            hosts.lines().filter_map(|line| line.split_once(' ')).map(|(address, name)| (name, address)).collect();
        let dial = |host: &str, number: u16| {
            let code = format!(
                "
import socket
s = socket.socket(socket.AF_INET6 if ':' in '{host}' else socket.AF_INET); s.settimeout(20)
try: s.connect(('{host}', {number})); print(s.recv(100).decode())
except OSError as e: print('no')
"
            );
            code
        };
        let inside =
            |host: &str, number| run(stage.inside("python3").args(["-c", &dial(host, number)])).1.trim().to_owned();
        let outside =
            |host: &str, number| run(stage.outside("python3").args(["-c", &dial(host, number)])).1.trim().to_owned();
        for host in ["93.184.216.34", "93.184.216.35", "10.1.2.3", "127.0.0.1"] {
            for number in [8081, 8082] {
                assert!(outside(host, number).starts_with("served "), "outside all are reached: {host}");
            }
        }
        assert!(inside(names["good.example"], 8081).ends_with("93.184.216.34"), "{who:?}");
        assert!(inside(names["six.example"], 8081).ends_with("2606:4700::1111"), "{who:?}");
        assert!(inside("93.184.216.35", 8082).ends_with("93.184.216.35"), "{who:?}");
        assert!(inside("2606:4700::1111", 8082).ends_with("2606:4700::1111"), "{who:?}");
        // Names that lead to the host, to its neighbours, to the cloud, or nowhere: a connection that ends at once.
        for name in ["inner.example", "rebound.example", "metadata.example", "absent.example"] {
            assert_eq!(inside(names[name], 8081), "no", "{who:?} {name}");
        }
        // Allowed, but nobody listens there; not allowed at all.
        for (host, number) in [
            (names["good.example"], 8083),
            (names["good.example"], 8082),
            ("93.184.216.34", 8081),
            ("93.184.216.35", 8081),
            ("10.1.2.3", 8081),
            ("127.0.0.1", 8081),
            ("127.77.0.200", 8081),
            ("2606:4700::1111", 8081),
        ] {
            assert_eq!(inside(host, number), "no", "{who:?} {host}:{number}");
        }
        // Many at a time, more than names are resolved at a time.
        let code = format!(
            "
import socket, threading
n = []
def one():
    s = socket.create_connection(('{}', 8081), 30); n.append(s.recv(100).startswith(b'served')); s.close()
t = [threading.Thread(target=one) for _ in range(100)]
[x.start() for x in t]; [x.join() for x in t]
print(sum(n))
",
            names["good.example"]
        );
        assert_eq!(run(stage.inside("python3").args(["-c", &code])).1, "100\n", "{who:?}");
    }
    // Given literally, what a name may not have is had.
    let stage = Stage::start(Who::User, &[], &only(&[("inner.example", 8081), ("10.1.2.3", 8081)]), Some(HOST))
        .expect("it starts");
    let _server = Server::new(stage.outside("python3").args([
        "-u",
        "-c",
        "import socket\ns = socket.create_server(('10.1.2.3', 8081)); print('+')\nwhile True: c, _ = s.accept(); c.sendall(b'in'); c.close()",
    ]));
    for host in ["127.77.0.1", "10.1.2.3"] {
        let code = format!("import socket; print(socket.create_connection(('{host}', 8081), 20).recv(9))");
        assert_eq!(run(stage.inside("python3").args(["-c", &code])).1, "b'in'\n", "{host}");
    }
}

#[test]
fn egress_to_all_goes_through_another_program() {
    if !possible() || !std::path::Path::new("/dev/net/tun").exists() {
        return;
    }
    let all = Network::Egress(Egress::All);
    // A host of its own, with a way out that leads to a neighbour, as programs look for one.
    let host = "
ip link set lo up
ip link add way type veth peer name far; ip link set far up; ip address add 198.51.100.2/24 dev way; ip link set way up; ip route add default via 198.51.100.1
ip address add 93.184.216.34/32 dev way
mount -t tmpfs none /mnt; mkdir /mnt/bin; mknod -m 666 /mnt/tun c 10 200
";
    let mut tried = 0;
    for program in ["pasta", "slirp4netns"] {
        if !tools(&[program]) {
            continue;
        }
        for who in BOTH {
            tried += 1;
            let open = if who == Who::User { "mount --bind /mnt/tun /dev/net/tun" } else { "" };
            let before = format!(
                "{host}{open}\nln -s $(command -v {program}) /mnt/bin/{program}; cp $(command -v setpriv) /mnt/bin; PATH=/mnt/bin"
            );
            let stage = match Stage::start(who, &[], &all, Some(&before)) {
                Ok(stage) => stage,
                Err(error) => panic!("{who:?} {program}: {error}"),
            };
            let python = run(Command::new("sh").args(["-c", "command -v python3"])).1.trim().to_owned();
            let server = "
import socket, threading
def serve(s):
    while True:
        c, _ = s.accept(); c.sendall(b'served'); c.close()
for a in ('93.184.216.34', '127.0.0.1'):
    threading.Thread(target=serve, args=(socket.create_server((a, 8081)),)).start()
print('+')
";
            let _server = Server::new(stage.outside(&python).args(["-u", "-c", server]));
            let dial = |host: &str| {
                format!(
                    "import socket\ntry: print(socket.create_connection(('{host}', 8081), 2).recv(9).decode())\nexcept OSError: print('no')"
                )
            };
            let inside = |host: &str| run(stage.inside(&python).args(["-c", &dial(host)])).1;
            let outside = |host: &str| run(stage.outside(&python).args(["-c", &dial(host)])).1;
            assert_eq!((outside("93.184.216.34"), outside("127.0.0.1")), ("served\n".into(), "served\n".into()));
            assert_eq!(inside("93.184.216.34"), "served\n", "{who:?} {program}");
            // Neither by its own name nor by that which the program gives the host.
            for address in ["127.0.0.1", "10.0.2.2", "198.51.100.1"] {
                assert_eq!(inside(address), "no\n", "{who:?} {program} {address}");
            }
            let text = &stage.files.iter().find(|(path, _)| path == "/etc/resolv.conf").expect("there is one").1;
            assert!(text.starts_with("nameserver "), "{text}");
            assert!(stage.rows.iter().any(|row| row.starts_with("egress | all | ") && row.ends_with(program)));
            let minder = stage.process(program);
            let children = std::fs::read_to_string(format!("/proc/{minder}/task/{minder}/children")).expect("it runs");
            let children: Vec<i32> = children.split_whitespace().map(|pid| pid.parse().expect("a number")).collect();
            assert!(!children.is_empty());
            drop(_server);
            drop(stage);
            gone(&children);
        }
    }
    if tried == 0 {
        skip("neither pasta nor slirp4netns is installed");
    }
    // Without the right to /dev/net/tun the error says so, and what to do.
    let closed = format!("{host}chmod 600 /mnt/tun; mount --bind /mnt/tun /dev/net/tun");
    if tried > 0 {
        let error = Stage::start(Who::User, &[], &all, Some(&closed)).err().expect("it can't start");
        assert!(error.contains("/dev/net/tun") && error.contains("--egress HOST:PORT"), "{error}");
    }
    let error = Stage::start(Who::Root, &[], &all, Some("PATH=/nowhere")).err().expect("it can't start");
    assert!(error.contains("neither pasta nor slirp4netns is installed"), "{error}");
}

#[test]
fn the_hosts_network_is_left_alone() {
    if !possible() {
        return;
    }
    let stage = Stage::start(Who::User, &[at_loopback()], &Network::Host, None).expect("it starts");
    assert!(stage.processes.is_empty() && stage.published.is_empty());
    assert!(stage.files.iter().all(|(path, text)| std::fs::read_to_string(path).is_ok_and(|host| host == *text)));
    assert!(stage.rows.iter().any(|row| row.starts_with("network | host | ")), "{:?}", stage.rows);
}
