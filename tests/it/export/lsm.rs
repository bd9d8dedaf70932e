//! Profiles of AppArmor and SELinux, by their own compilers; the files of bane and of system calls.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use harden::policy::export::{Target, apparmor_text, read_bane};
use harden::policy::{Mount, MountKind, Said, Tmpfs};

use super::sample::{calls, everything, server};
use super::{first, program, text_of, written};

/// What AppArmor's compiler says of a profile, which isn't loaded.
fn compiled(text: &str) -> Option<Output> {
    let parser = program("apparmor_parser")?;
    let mut parser = Command::new(parser)
        .args(["-Q", "-K", "--base", "/etc/apparmor.d", "-S"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = parser.stdin.take().expect("a pipe");
    let text = text.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = parser.wait_with_output().expect("it ends");
    let _ = writer.join();
    Some(output)
}

#[test]
fn apparmor_compiles_the_profile() {
    for mut profile in [server(), everything()] {
        for destination in
            ["/a b", "/a*", "/a\"b", "/a\\b", "/{a,b}", "/a#b", "/a@{b}", "/ä日", "/$x", "/[a", "/a^", "/a,b"]
        {
            let tmpfs = Tmpfs { size: 1, inodes: None, mode: 0o755, exec: false, copy_up: false, uid: 0, gid: 0 };
            let mount = Mount { destination: destination.to_owned(), kind: MountKind::Tmpfs(tmpfs) };
            profile.mounts.push(Said::new(mount, ""));
        }
        let (folder, exported) = written(&profile, Target::Apparmor);
        let text = std::fs::read_to_string(first(&folder, &exported)).expect("the profile");
        let Some(output) = compiled(&text) else { return };
        assert!(output.status.success(), "{}\n{text}", text_of(&output));
        let spoilt = compiled(&text.replace("deny mount,", "deny mont,")).expect("it ran");
        assert!(!spoilt.status.success());
    }
}

#[test]
fn a_path_with_a_line_break_makes_no_rule() {
    let mut profile = server();
    profile.mounts.clear();
    let tmpfs = Tmpfs { size: 1, inodes: None, mode: 0o755, exec: false, copy_up: false, uid: 0, gid: 0 };
    let mount = Mount { destination: "/a\n/** rwklx,\n".to_owned(), kind: MountKind::Tmpfs(tmpfs) };
    profile.mounts.push(Said::new(mount, ""));
    for (name, target) in Target::ALL {
        let (_, exported) = written(&profile, target);
        let lines = exported.files[0].1.lines();
        assert!(!lines.into_iter().any(|line| line.trim_start().starts_with("/** rwklx")), "{name}");
    }
}

const BANE: &str = r#"
Name = "nginx-sample"
[Filesystem]
ReadOnlyPaths = ["/bin/**", "/boot/**", "/dev/**"]
LogOnWritePaths = ["/**"]
WritablePaths = ["/var/run/nginx.pid"]
AllowExec = ["/usr/sbin/nginx"]
DenyExec = ["/bin/dash", "/bin/sh"]
[Capabilities]
Allow = ["chown", "CAP_SETUID", "net_bind_service"]
[Network]
Raw = false
Packet = false
Protocols = ["tcp", "udp", "icmp"]
"#;

#[test]
fn banes_files_are_read_and_compile() {
    let rules = read_bane(BANE).expect("bane's own example");
    assert_eq!(rules.capabilities, ["chown", "setuid", "net_bind_service"]);
    assert_eq!(rules.deny_exec, ["/bin/dash", "/bin/sh"]);
    assert_eq!(read_bane(&BANE.replace("Filesystem", "filesystem")).expect("keys in any case"), rules);
    let Some(output) = compiled(&apparmor_text(&rules)) else { return };
    assert!(output.status.success(), "{}\n{}", text_of(&output), apparmor_text(&rules));
}

#[test]
fn what_is_wrong_in_a_file_of_banes_is_told_by_its_key() {
    for (from, to, key) in [
        ("WritablePaths", "WriteablePaths", "Filesystem.WriteablePaths"),
        ("Raw = false", "Raw = \"no\"", "Network.Raw"),
        ("[\"/var/run/nginx.pid\"]", "[\"/x\\\" rw,\\n/** rwklx,\\n\\\"\"]", "Filesystem.WritablePaths"),
        ("\"nginx-sample\"", "\"a {}\"", "Name"),
        ("Name = \"nginx-sample\"", "", "Name"),
        ("\"chown\"", "\"chown, sys_admin\"", "Capabilities.Allow"),
    ] {
        let text = BANE.replace(from, to);
        assert_ne!(text, BANE);
        assert_eq!(read_bane(&text).expect_err(to).key, key);
    }
    assert!(read_bane("a = [").is_err());
}

/// As much of a policy as udica's templates and the profile need, written for this test: classes, types, and blocks of the
/// names that udica's templates have.
const POLICY: &str = "
(class process (transition)) (class file (read)) (class security (compute_av))
(class capability (chown net_bind_service net_raw)) (class cap_userns (chown net_bind_service net_raw))
(class capability2 (bpf perfmon)) (class cap2_userns (bpf perfmon))
(class tcp_socket (name_bind name_connect)) (class udp_socket (name_bind))
(classorder (process file security capability cap_userns capability2 cap2_userns tcp_socket udp_socket))
(sid kernel) (sidorder (kernel)) (sensitivity s0) (sensitivityorder (s0)) (category c0) (categoryorder (c0))
(sensitivitycategory s0 (c0)) (user u) (role r) (type t) (userrole u r) (roletype r t)
(userlevel u (s0)) (userrange u ((s0) (s0 (c0)))) (sidcontext kernel (u r t ((s0) (s0))))
(allow t self (security (compute_av)))
(type http_cache_port_t) (type http_port_t) (type postgresql_port_t) (type dns_port_t) (type unreserved_port_t)
(block container (blockabstract container) (type process) (roletype r process))
(block restricted_net_container (blockabstract restricted_net_container))
(block net_container (blockabstract net_container))
(block tty_container (blockabstract tty_container))
(block home_container (blockabstract home_container))
(block log_rw_container (blockabstract log_rw_container))
";

#[test]
fn selinux_compiles_the_module() {
    let Some(secilc) = program("secilc") else { return };
    for profile in [server(), everything()] {
        let (folder, exported) = written(&profile, Target::Selinux);
        let base = folder.path().join("base.cil");
        std::fs::write(&base, POLICY).expect("a file");
        let module = first(&folder, &exported);
        let compile = || {
            let mut command = Command::new(&secilc);
            command.args(["-M", "true", "-o", "out.policy", "-f", "contexts"]).arg(&base).arg(&module);
            command.current_dir(folder.path()).output().expect("it starts")
        };
        let output = compile();
        let text = std::fs::read_to_string(&module).expect("the module");
        assert!(output.status.success(), "{}\n{text}", text_of(&output));
        std::fs::write(&module, text.replace("(blockinherit container)", "(blockinherit contaner)")).expect("a file");
        assert!(!compile().status.success(), "a wrong template is refused");
    }
}

#[test]
fn the_list_of_calls_comes_back_as_it_went() {
    let (folder, exported) = written(&server(), Target::Seccomp);
    let text = std::fs::read_to_string(first(&folder, &exported)).expect("the list");
    assert_eq!(serde_json::from_str::<oci_spec::runtime::LinuxSeccomp>(&text).expect("a list"), calls());
}
