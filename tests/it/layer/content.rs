//! What is collected of the content of files: texts, programs, capabilities, secrets.

use harden::image::layer::capability::decode;
use harden::image::{Extra, Program};

use super::archive::{Tar, pax};
use super::{facts, gzip};

/// Characters that no word list has, the same in every run.
fn random(length: usize, alphabet: &[u8]) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(alphabet[state as usize % alphabet.len()])
    };
    (0..length).map(|_| next()).collect()
}

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn private_key() -> String {
    let body = random(384, LETTERS);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN {0}-----\n{1}\n-----END {0}-----\n", "RSA PRIVATE KEY", lines.join("\n"))
}

/// What is found in one file: kind, line, offset.
fn found(path: &str, content: &[u8]) -> Vec<(String, u64, u64)> {
    let mut tar = Tar::default();
    tar.file(path, content);
    let facts = facts(&tar.end());
    assert_eq!(facts.irregularities, []);
    facts.secrets.iter().map(|hit| (hit.kind.clone(), hit.line, hit.offset)).collect()
}

fn kinds(path: &str, content: &str) -> Vec<String> {
    found(path, content.as_bytes()).into_iter().map(|(kind, ..)| kind).collect()
}

#[test]
fn secrets_are_found_by_line() {
    let token = format!("glpat-{}", random(20, LETTERS));
    let key = private_key();
    assert_eq!(
        found("etc/a.conf", format!("one\ntwo\nt = {token}\n").as_bytes()),
        [("GitLab personal access token".to_owned(), 3, 12)]
    );
    assert_eq!(found("root/.ssh/id_rsa", key.as_bytes()), [("private key".to_owned(), 1, 0)]);
    let in_json = format!("{{\"private_key_id\": \"1\", \"private_key\": \"{}\"}}", key.replace('\n', "\\n"));
    assert_eq!(kinds("app/sa.json", &in_json), ["service account's private key"]);
    let encrypted = key.replacen("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1);
    assert_eq!(kinds("app/key.pem", &encrypted), ["encrypted private key"]);
    let password = random(16, LETTERS);
    assert_eq!(
        kinds("app/.git/config", &format!("url = https://bot:{password}@git.corp.net/x\n")),
        ["password in a URL"]
    );
    let hook = format!("https://hooks.slack.com/services/T{0}/B{0}/{1}", random(9, b"ABC1234"), random(24, LETTERS));
    assert_eq!(kinds("app/hooks.yml", &format!("url: {hook}\n")), ["Slack webhook URL"]);
    let aws = random(40, LETTERS);
    assert_eq!(kinds("root/.aws/credentials", &format!("aws_secret_access_key = {aws}")), ["AWS secret access key"]);
    assert_eq!(kinds("app/c.json", &format!("\"SecretAccessKey\": \"{aws}\"")), ["AWS secret access key"]);
    assert_eq!(kinds("root/.npmrc", &format!("//r.corp.net/:_authToken={aws}\n")), ["npm registry token"]);
    let login = "{\"auths\": {\"r.corp.net\": {\"auth\": \"Ym90OnM0Y3IzdHBhc3N3MHJk\"}}}";
    assert_eq!(kinds("root/.docker/config.json", login), ["login for an image registry"]);
    assert_eq!(kinds("app/.env", &format!("A=1\nDB_PASSWORD={password}\n")), ["password"]);
    assert_eq!(kinds("root/.kube/config", &format!("    client-key-data: {aws}{aws}\n")), ["Kubernetes client key"]);
}

#[test]
fn what_is_no_secret_is_not_found() {
    let (key, token) = (private_key(), format!("glpat-{}", random(20, LETTERS)));
    for (path, content) in [
        ("usr/share/doc/x/README", key.as_str()),
        ("usr/lib/python3.11/test/keycert.pem", &key),
        ("usr/share/go-1.19/src/crypto/tls/tls_test.go", &key),
        ("etc/ssl/private/ssl-cert-snakeoil.key", &key),
        ("app/node_modules/x/test/key.pem", &key),
        ("app/reader.c", "if (strstr(p, \"-----BEGIN RSA PRIVATE KEY-----\")) {\n  return parse(p, \"-----END\");\n}"),
        ("app/key.pem", &format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", random(384, LETTERS))),
        ("app/key.pem", &format!("-----BEGIN PRIVATE KEY-----\n{}\n", "A".repeat(384))),
        ("app/x", "glpat-xxxxxxxxxxxxxxxxxxxx ghp_000000000000000000000000000000000000 AKIAIOSFODNN7EXAMPLE"),
        ("app/x", "https://user:password@example.com postgres://user:pass@host/db https://$USER:$PASS@git.corp.net"),
        ("app/x.py", "re.compile(r'https?://[^:]+:([^@]+)@corp.net') f'http://{user}:{password}@corp.net'"),
        ("app/.env", "PASSWORD=changeme\nSECRET_KEY=${SECRET}\nAPI_KEY=\n"),
        ("app/.npmrc", "//r.corp.net/:_authToken=${NPM_TOKEN}\n"),
        ("app/x.json", "{\"auth\": \"basic\"}"),
    ] {
        assert_eq!(found(path, content.as_bytes()), [], "{path}: {content}");
    }
    // A NUL makes a file no text, which is counted.
    let mut tar = Tar::default();
    tar.file("app/x", format!("\0{token}").as_bytes());
    tar.file("app/y", b"text");
    let facts = facts(&tar.end());
    assert_eq!((facts.secrets.len(), facts.skipped_bytes, facts.scanned_bytes), (0, token.len() as u64 + 1, 4));
}

#[test]
fn nothing_is_lost_between_buffers() {
    let token = format!("glpat-{}", random(20, LETTERS));
    let key = private_key();
    // Buffers are 128 KiB; the header takes 512 bytes of the first.
    for edge in [8 << 10, 64 << 10, 128 << 10, 256 << 10, (256 << 10) - 4096] {
        for back in (0..40).chain([100, 511, 512, 513, 700, 1023, 1024, 1025, 4095, 4096, 4097]) {
            let start = edge - back - 512;
            let filler = "0123456789abcde\n".repeat(start / 16 + 1);
            let front = &filler[..start - 1];
            for secret in [&token, &key] {
                let text = format!("{front} {secret}\n{}", &filler[..start.min(9000)]);
                let lines = front.matches('\n').count() as u64 + 1;
                let hits: Vec<(u64, u64)> =
                    found("app/x", text.as_bytes()).into_iter().map(|(_, line, offset)| (line, offset)).collect();
                assert_eq!(hits, [(lines, start as u64)], "{edge} {back}");
            }
        }
    }
}

#[test]
fn a_file_of_keywords_ends_in_bounded_time() {
    let mut tar = Tar::default();
    for (at, text) in
        ["://", "ghp_ ", "sk-ant-sk-ant-", "PRIVATE KEY-----BEGIN ", "xox", "eyJhbGciOi."].iter().enumerate()
    {
        tar.file(&format!("app/{at}"), text.repeat(400_000 / text.len()).as_bytes());
    }
    let token = format!("glpat-{} ", random(20, LETTERS));
    tar.file("app/many", token.repeat(10_000).as_bytes());
    let facts = facts(&gzip(&tar.end()));
    let hits = |entry| facts.secrets.iter().filter(|hit| hit.entry == entry).count();
    assert!(facts.entries.iter().all(|entry| hits(entry.index) <= 32));
    assert_eq!(hits(6), 32);
    let bytes: u64 = facts.entries.iter().map(|entry| entry.size).sum();
    assert_eq!(facts.scanned_bytes + facts.skipped_bytes, bytes);
}

#[test]
fn no_text_of_a_secret_is_kept() {
    let mut tar = Tar::default();
    let token = format!("glpat-{}", random(20, LETTERS));
    tar.file("app/x", format!("{token}\n{}", private_key()).as_bytes());
    let shown = format!("{:?}", facts(&tar.end()).secrets);
    assert!(shown.contains("26 characters") && !shown.contains(&token[6..12]), "{shown}");
}

#[test]
fn capabilities_and_attributes_come_from_pax_records() {
    let capability = [1_u8, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut tar = Tar::default();
    tar.pax(&pax(&[("SCHILY.xattr.security.capability", &capability), ("SCHILY.xattr.user.note", b"x")]));
    tar.file("usr/bin/ping", b"ping");
    tar.file("usr/bin/other", b"other");
    let facts = facts(&tar.end());
    let extra = facts.entries.get(0).extra.expect("an extra");
    assert_eq!(extra.capability.as_deref(), Some(&capability[..]));
    assert_eq!(decode(&capability).expect("revision 2").permitted, ["cap_net_raw"]);
    assert!(decode(&capability).expect("revision 2").effective && extra.digest.is_some());
    assert_eq!(extra.attributes, ["user.note"]);
    assert_eq!(facts.entries.get(1).extra, None);
}

#[test]
fn texts_are_kept_up_to_their_bound() {
    let mut tar = Tar::default();
    let long = vec![b'a'; (1 << 20) + 5];
    tar.file("etc/sudoers.d/long", &long);
    tar.file("etc/sudoers.d/deep/file", b"x");
    tar.file("var/lib/dpkg/status", &long);
    tar.file("etc/shadow", b"");
    let facts = facts(&tar.end());
    let texts: Vec<_> = facts.texts.iter().map(|text| (text.entry, text.bytes.len(), text.cut)).collect();
    assert_eq!(texts, [(0, 1 << 20, true), (2, (1 << 20) + 5, false), (3, 0, false)]);
}

#[test]
fn programs_are_told_by_their_first_bytes() {
    let programs = |content: &[u8]| {
        let mut tar = Tar::default();
        tar.file("app/x", content);
        let facts = facts(&tar.end());
        let entry = facts.entries.get(0);
        (entry.program, entry.extra.cloned().unwrap_or_else(Extra::default))
    };
    assert_eq!(
        programs(b"#!/usr/bin/env -S python3 -I\nx").1.interpreter.as_deref(),
        Some("/usr/bin/env -S python3 -I")
    );
    assert_eq!(programs(&[b"#!/".to_vec(), vec![b'a'; 5000]].concat()).1.interpreter.map(|line| line.len()), Some(255));
    assert_eq!(programs(b"#!").0, Program::Script);
    for not in [&b"#"[..], b"", b"\x7fEL", b"\x7fELF", b"\x7fELF\x02\x01\x01", &elf(0, 1, None)] {
        assert_eq!(programs(not).0, Program::No, "{not:?}");
    }
    assert_eq!(programs(&elf(0, 2, None)).0, Program::Elf64Static);
    let path = "$ORIGIN/../lib:/opt/lib";
    for gap in [0, 1000, 200_000, 400_000] {
        let (program, extra) = programs(&elf(gap, 3, Some(path)));
        assert_eq!((program, extra.run_path.as_deref()), (Program::Elf64, Some(path)), "{gap}");
    }
}

/// A small 64-bit program whose dynamic section stands `gap` bytes behind its strings.
fn elf(gap: usize, kind: u16, run_path: Option<&str>) -> Vec<u8> {
    let mut file = vec![0; 64 + 2 * 56];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    let put = |file: &mut Vec<u8>, at: usize, value: u64, length: usize| {
        file[at..at + length].copy_from_slice(&value.to_le_bytes()[..length]);
    };
    put(&mut file, 16, u64::from(kind), 2);
    put(&mut file, 32, 64, 8);
    put(&mut file, 54, 56, 2);
    let Some(run_path) = run_path else { return file };
    put(&mut file, 56, 2, 2);
    let strings = file.len();
    file.extend([b"\0", run_path.as_bytes(), b"\0"].concat());
    file.resize(file.len() + gap, 1);
    let dynamic = file.len();
    for (tag, value) in [(1, 0), (5, 0x40_0000 + strings as u64), (29, 1), (0, 0)] {
        file.extend(u64::to_le_bytes(tag));
        file.extend(u64::to_le_bytes(value));
    }
    for (at, kind, offset, address, length) in
        [(64, 1, 0, 0x40_0000, dynamic), (64 + 56, 2, dynamic, 0x40_0000 + dynamic, 64)]
    {
        put(&mut file, at, kind, 4);
        put(&mut file, at + 8, offset as u64, 8);
        put(&mut file, at + 16, address as u64, 8);
        put(&mut file, at + 32, length as u64, 8);
    }
    file
}
