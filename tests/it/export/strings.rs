//! Hostile strings of an image come out of each reader as they went in.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use harden::policy::export::{Target, docker, quote};
use serde_json::Value;

use super::sample::{everything, server, strings, with_strings};
use super::{consumed, first, program, said_by, tool, written};

fn words(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(|word| word.as_str().expect("a string").to_owned()).collect()
}

/// What a profile's variables are.
fn variables(strings: &[String]) -> Vec<String> {
    strings.iter().enumerate().map(|(at, text)| format!("V{at}={text}")).collect()
}

#[test]
fn the_shell_reads_the_words_that_were_written() {
    for (target, client) in [(Target::Docker, docker::Client::Docker), (Target::Podman, docker::Client::Podman)] {
        let profile = with_strings(everything(), &strings());
        let (folder, exported) = written(&profile, target);
        let script = first(&folder, &exported);
        assert!(Command::new("sh").arg("-n").arg(&script).status().expect("sh starts").success());
        let shell = "show() { printf '%s\\0' \"$@\"; }; docker() { show \"$@\"; }; podman() { show \"$@\"; }; . \"$0\"";
        let printed = said_by(Command::new("sh").arg("-c").arg(shell).arg(&script));
        let printed: Vec<&str> = printed.split_terminator('\0').collect();
        let mut expected = vec!["run".to_owned()];
        expected.extend(docker::flags(&profile, "web", client, Some("web.seccomp.json"), &mut Vec::new()));
        expected.extend(docker::tail(&profile, "localhost/web:1"));
        assert_eq!(printed, expected);
    }
}

#[test]
fn dockers_own_client_reads_what_the_profile_says() {
    let Some(docker) = program("docker") else { return };
    let strings = strings();
    let (folder, exported) = written(&with_strings(server(), &strings), Target::Docker);
    let socket = folder.path().join("d.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let daemon = std::thread::spawn(move || request_to_create(&listener));
    let shell = format!("docker() {{ shift; {} create \"$@\"; }}; . \"$0\"", docker.display());
    said_by(
        Command::new("sh")
            .args(["-c", &shell])
            .arg(first(&folder, &exported))
            .current_dir(folder.path())
            .env("DOCKER_HOST", format!("unix://{}", socket.display()))
            .env("DOCKER_CONFIG", folder.path()),
    );
    let asked = daemon.join().expect("the daemon was asked");
    assert_eq!(words(&asked["Cmd"]), strings);
    assert_eq!(words(&asked["Entrypoint"]), ["/bin/printf"]);
    // The client keeps them in no order.
    let (mut set, mut variables) = (words(&asked["Env"]), variables(&strings));
    set.sort();
    variables.sort();
    assert!(set == variables, "variables differ");
    assert_eq!((asked["User"].as_str(), asked["WorkingDir"].as_str()), (Some("101:102"), Some("/")));
    let host = &asked["HostConfig"];
    assert_eq!(host["ReadonlyRootfs"], true);
    assert_eq!(words(&host["CapDrop"]), ["ALL"]);
    assert_eq!((host["Memory"].as_u64(), host["MemorySwap"].as_u64()), (Some(64 << 20), Some(64 << 20)));
    assert_eq!((host["PidsLimit"].as_u64(), host["CpuQuota"].as_u64()), (Some(64), Some(50_000)));
    assert_eq!(host["RestartPolicy"]["Name"], "on-failure");
    assert_eq!(host["Tmpfs"]["/tmp"], "rw,nosuid,nodev,noexec,size=16777216,mode=1777,uid=101,gid=102,nr_inodes=1024");
    let options = words(&host["SecurityOpt"]);
    assert!(options.contains(&"no-new-privileges".to_owned()), "{options:?}");
    let list = options.iter().find_map(|option| option.strip_prefix("seccomp=")).expect("a list of calls");
    assert_eq!(
        serde_json::from_str::<Value>(list).expect("JSON"),
        serde_json::to_value(super::sample::calls()).expect("JSON")
    );
    assert_eq!(host["PortBindings"]["8080/tcp"][0]["HostPort"], "18080");
}

/// Answers as Docker's engine does until a container is to be made, and gives what for.
fn request_to_create(listener: &UnixListener) -> Value {
    loop {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut reader = BufReader::new(stream.try_clone().expect("a descriptor"));
        loop {
            let mut request = String::new();
            if reader.read_line(&mut request).expect("a line") == 0 {
                break;
            }
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).expect("a header") > 2 {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a number");
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("the body");
            let created = request.contains("/containers/create");
            let (status, answer) = if created { ("201 Created", "{\"Id\":\"1\"}") } else { ("200 OK", "{}") };
            let head = format!(
                "HTTP/1.1 {status}\r\nApi-Version: 1.48\r\nOSType: linux\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                answer.len()
            );
            let answer = if request.starts_with("HEAD") { "" } else { answer };
            stream.write_all((head + answer).as_bytes()).expect("the answer is sent");
            if created {
                return serde_json::from_slice(&body).expect("JSON");
            }
        }
    }
}

#[test]
fn compose_reads_what_the_profile_says() {
    let strings = strings();
    let (folder, exported) = written(&with_strings(everything(), &strings), Target::Compose);
    let Some(project) = consumed("compose", &first(&folder, &exported)) else { return };
    let service = &project["services"]["web"];
    assert_eq!(words(&service["command"]), strings);
    assert_eq!(words(&service["entrypoint"]), ["/bin/printf"]);
    for (at, text) in strings.iter().enumerate() {
        assert_eq!(service["environment"][format!("V{at}")].as_str(), Some(text.as_str()));
    }
}

#[test]
fn kubernetes_reads_what_the_profile_says() {
    let strings = strings();
    let (folder, exported) = written(&with_strings(everything(), &strings), Target::Kubernetes);
    let Some(pod) = consumed("pod-as-is", &first(&folder, &exported)) else { return };
    let container = &pod["spec"]["containers"][0];
    let arguments: Vec<String> = words(&container["args"]).iter().map(|word| expanded(word)).collect();
    assert_eq!(arguments, strings);
    let env = container["env"].as_array().expect("a list");
    assert_eq!(env.len(), strings.len());
    for (variable, text) in env.iter().zip(&strings) {
        assert_eq!(&expanded(variable["value"].as_str().unwrap_or_default()), text);
    }
}

/// What the kubelet makes of a value that names no variable that there is: `$$` is `$`, and `$(NAME)` stays.
fn expanded(value: &str) -> String {
    let (mut out, mut rest) = (String::new(), value);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        assert!(!rest[at..].starts_with("$("), "`{value}` would be expanded");
        out.push('$');
        rest = &rest[at + 1..];
        rest = rest.strip_prefix('$').unwrap_or(rest);
    }
    out + rest
}

#[test]
fn json_and_yaml_are_read_by_others_as_they_were_written() {
    let Some(python) = tool("export-venv/bin/python") else { return };
    let strings = strings();
    let text: String = strings
        .iter()
        .map(|text| format!("- {}\n", quote::yaml(text)))
        .chain(strings.iter().map(|text| format!("- {}\n", quote::yaml(&format!("k{text}")))))
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.yaml");
    std::fs::write(&file, text).expect("a file");
    let read = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1], newline='').read())))";
    let printed: Value =
        serde_json::from_str(&said_by(Command::new(python).args(["-c", read]).arg(&file))).expect("JSON");
    let read = words(&printed);
    assert_eq!(read[..strings.len()], strings[..]);
    for text in &strings {
        assert_eq!(&serde_json::from_str::<String>(&quote::json(text)).expect("JSON"), text);
    }
}

/// The words of a setting as systemd reads them: quotes and escapes by a port of its reader, then `%%`.
fn unit_words(file: &Path, key: &str) -> Option<Vec<Vec<String>>> {
    let consumers = tool("consumers/consumers")?;
    let printed = said_by(Command::new(consumers).arg("words").arg(file).args(["Service", key]));
    let lines: Value = serde_json::from_str(&printed).expect("JSON");
    let lines = lines.as_array().expect("a list").iter().map(words);
    Some(lines.map(|line| line.iter().map(|word| unspecified(word)).collect()).collect())
}

/// A word with its specifiers resolved, of which there may be none.
fn unspecified(word: &str) -> String {
    assert!(!word.replace("%%", "").contains('%'), "`{word}` has a specifier");
    word.replace("%%", "%")
}

#[test]
fn systemd_reads_what_the_profile_says() {
    // The port of systemd's reader ends at an empty word, which systemd itself takes.
    let strings: Vec<String> = strings().into_iter().filter(|text| !text.is_empty()).collect();
    let (folder, exported) = written(&with_strings(server(), &strings), Target::Systemd);
    let file = first(&folder, &exported);
    let Some(command) = unit_words(&file, "ExecStart") else { return };
    // The colon keeps `$` what it is.
    assert_eq!(command, [[&[":/bin/printf".to_owned()], &strings[..]].concat()]);
    let can = |text: &str| !text.chars().any(|c| c.is_control() && c != '\t' && c != '\n');
    let expected: Vec<Vec<String>> =
        variables(&strings).into_iter().filter(|text| can(text)).map(|text| vec![text]).collect();
    assert!(expected.len() < strings.len() && exported.notes.iter().any(|note| note.contains("environment variables")));
    assert_eq!(unit_words(&file, "Environment").expect("lines"), expected);
}

#[test]
fn podmans_generator_reads_what_the_profile_says() {
    let Some(consumers) = tool("consumers/consumers") else { return };
    let all = strings();
    let without_empty: Vec<String> = all.iter().filter(|text| !text.is_empty()).cloned().collect();
    for strings in [all, without_empty] {
        let (folder, exported) = written(&with_strings(everything(), &strings), Target::Quadlet);
        let unit = said_by(Command::new(&consumers).arg("quadlet").arg(first(&folder, &exported)));
        let service = folder.path().join("web.service");
        std::fs::write(&service, unit).expect("a file");
        let command = unit_words(&service, "ExecStart").expect("lines").remove(0);
        let command: Vec<String> = command
            .iter()
            .map(|word| {
                assert!(!word.replace("$$", "").contains('$'), "`{word}` has a variable");
                word.replace("$$", "$")
            })
            .collect();
        let image = command.iter().position(|word| word == "localhost/web:1").expect("the image");
        let entrypoint =
            command[..image].iter().find_map(|word| word.strip_prefix("--entrypoint=")).expect("a program");
        let mut started: Vec<String> = serde_json::from_str(entrypoint).expect("a list of JSON");
        started.extend_from_slice(&command[image + 1..]);
        assert_eq!(started, [&["/bin/printf".to_owned()], &strings[..]].concat());
        let mut variables = variables(&strings);
        let mut set: Vec<String> =
            command.windows(2).filter(|pair| pair[0] == "--env").map(|pair| pair[1].clone()).collect();
        variables.sort();
        set.sort();
        assert_eq!(set, variables);
    }
}
