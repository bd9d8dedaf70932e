//! Landlock on containers, each denial shown to pass without it. AppArmor and SELinux aren't in this kernel: that they are
//! refused then is tried here, what they do in the virtual machine.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;

use harden::policy::Lsm;
use harden::run::lsm::{LsmPlan, apparmor, apply, load, prepare};
use harden::run::{Error, Order, Tools};
use serde_json::{Value, json};

use crate::support::launch::{Outcome, USER, begin, one_id, order, root, root_ids, spec};
use crate::support::skip;

/// As root and as an ordinary user.
fn both(root: &Path, script: &str, with: &Value) -> [Order; 2] {
    [root_ids(), one_id(1000)].map(|ids| {
        let words = ["sh", "-c", script];
        let mut order = Order { ids, ..order(root, &words) };
        order.spec = spec(with, &words);
        order
    })
}

/// Runs a container without Landlock and with what is planned for the configuration.
fn without_and_with(order: &Order, with: &Value, input: impl Fn() -> Option<OwnedFd>) -> Option<[Outcome; 2]> {
    let plan = prepare(&spec(with, &["true"]), true).expect("planned");
    if plan.rows().is_empty() {
        skip("no Landlock in this kernel");
        return None;
    }
    let confine = || -> Result<(), Error> { apply(&plan).map(|_| ()) };
    let tools = Tools { confine: &confine, ..Tools::none() };
    let mut order = order.clone();
    order.interactive = true;
    Some([begin(&order, &Tools::none(), input()).end(), begin(&order, &tools, input()).end()])
}

#[test]
fn what_programs_do_passes() {
    let Some(root) = root() else { return };
    let script = "set -e; cd /tmp; mkdir a b; echo 1 > a/x; mv a/x b/y; ln b/y a/z; ln -s z a/l; cat a/l; mkfifo a/p
        : > a/z; rm a/z; rmdir b 2> /dev/null || rm -r b; echo 2 > /dev/null; head -c 1 /dev/zero > /dev/shm/s
        echo sh2 > /proc/self/comm; cat /proc/self/fd/0; sleep 9 & kill $!; wait; ls / > a/list; echo 3 >&2
        busybox true; /bin/busybox echo done";
    for order in both(root.path(), script, &json!({})) {
        let input = || Some(std::fs::File::open("/dev/null").expect("it exists").into());
        let Some(outcomes) = without_and_with(&order, &json!({}), input) else { return };
        for outcome in outcomes {
            assert_eq!(outcome.expect(0).out, "1\ndone\n");
        }
    }
}

#[test]
fn nothing_is_written_where_no_mount_is_for_it() {
    let Some(root) = root() else { return };
    let script =
        "echo 1 > /tmp/new && echo wrote; mkdir /tmp/folder && echo made; cat /etc/passwd > /dev/null && echo read";
    // The mount lets it pass: as if a mistake had left it open.
    let planned = json!({"mounts": spec(&json!({}), &[]).mounts().iter().flatten().map(|mount| {
        let mut mount = serde_json::to_value(mount).expect("JSON");
        if mount["destination"] == "/tmp" {
            mount["options"].as_array_mut().expect("options").push(json!("ro"));
        }
        mount
    }).collect::<Vec<Value>>()});
    for order in both(root.path(), script, &json!({})) {
        let Some([without, with]) = without_and_with(&order, &planned, || None) else { return };
        assert_eq!(without.expect(0).out, "wrote\nmade\nread\n");
        assert_eq!(with.expect(0).out, "read\n");
    }
}

#[test]
fn a_folder_of_the_host_that_leaked_leads_nowhere() {
    let Some(root) = root() else { return };
    let host = tempfile::tempdir().expect("a folder");
    std::fs::write(host.path().join("secret"), "secret").expect("written");
    let open = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(host.path(), open(0o755)).expect("its mode");
    let script = "cat /proc/self/fd/0/secret; ls /proc/self/fd/0/";
    for order in both(root.path(), script, &json!({})) {
        let input = || Some(std::fs::File::open(host.path()).expect("a folder").into());
        let Some([without, with]) = without_and_with(&order, &json!({}), input) else { return };
        assert_eq!(without.out, "secretsecret\n");
        assert!(with.out.is_empty() && with.err.contains("Permission denied"), "{with:?}");
    }
}

#[test]
fn processes_outside_get_no_signals() {
    let Some(root) = root() else { return };
    let mut outside = Command::new("setpriv")
        .args([format!("--reuid={USER}"), format!("--regid={USER}"), "--clear-groups".to_owned()])
        .args(["sleep", "60"])
        .spawn()
        .expect("it runs");
    // No process namespace: as if a mistake had left it out.
    let kinds = ["mount", "network", "ipc", "uts", "user"];
    let open = json!({"linux": {"namespaces": kinds.map(|kind| json!({"type": kind}))},
        "mounts": spec(&json!({}), &[]).mounts().iter().flatten()
            .filter(|mount| !["/proc", "/sys", "/sys/fs/cgroup"].contains(&mount.destination().to_str().expect("text")))
            .collect::<Vec<_>>()});
    let script = format!("kill -0 {} && echo reached", outside.id());
    let mut order = order(root.path(), &[]);
    order.spec = spec(&open, &["sh", "-c", &script]);
    order.ids = one_id(1000);
    let outcomes = without_and_with(&order, &open, || None);
    outside.kill().expect("ours");
    outside.wait().expect("ended");
    let Some([without, with]) = outcomes else { return };
    assert_eq!(without.expect(0).out, "reached\n");
    assert!(with.out.is_empty() && with.err.contains("not permitted"), "{with:?}");
}

#[test]
fn labels_that_the_kernel_cannot_apply_are_refused() {
    let refused = |with: Value| prepare(&spec(&with, &["true"]), false).expect_err("refused").to_string();
    if apparmor::is_on() {
        let text = refused(json!({"process": {"apparmorProfile": "harden-no-such-profile"}}));
        assert!(text.contains("no such profile"), "{text}");
        let text = refused(json!({"process": {"apparmorProfile": "a\nb"}}));
        assert!(text.contains("no name"), "{text}");
    } else {
        let text = refused(json!({"process": {"apparmorProfile": "docker-default"}}));
        assert!(text.contains("docker-default") && text.contains("no AppArmor"), "{text}");
        let error = apparmor::load("profile x {}", apparmor::Mode::Enforce).expect_err("refused").to_string();
        assert!(error.contains("no AppArmor"), "{error}");
        let mut file = Lsm { apparmor: Some("complain:./web".to_owned()), ..Lsm::default() };
        let error = load(&mut file).expect_err("refused").to_string();
        assert!(error.contains("no AppArmor") && error.contains("./web"), "{error}");
    }
    if !Path::new("/sys/fs/selinux/enforce").exists() {
        for with in [
            json!({"process": {"selinuxLabel": "system_u:system_r:container_t:s0"}}),
            json!({"linux": {"mountLabel": "system_u:object_r:container_file_t:s0"}}),
        ] {
            let text = refused(with);
            assert!(text.contains("no SELinux"), "{text}");
        }
    }
    // Nothing is asked for.
    let with = json!({"process": {"apparmorProfile": "unconfined", "selinuxLabel": "unconfined"}});
    assert_eq!(prepare(&spec(&with, &["true"]), false).expect("planned"), LsmPlan::default());
}

#[test]
fn it_holds_for_who_may_still_gain_privileges_too() {
    let Some(root) = root() else { return };
    let with = json!({"process": {"noNewPrivileges": false}});
    let host = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(host.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("its mode");
    let script =
        "ls -d /proc/self/fd/0/.; ls /proc/self/fd/0/ > /dev/null && echo listed; grep CapEff /proc/self/status";
    for order in both(root.path(), script, &with) {
        let input = || Some(std::fs::File::open(host.path()).expect("a folder").into());
        let Some([without, with]) = without_and_with(&order, &with, input) else { return };
        assert!(without.out.contains("listed"), "{without:?}");
        assert!(!with.out.contains("listed") && with.out.contains("CapEff:\t0000000000000000"), "{with:?}");
    }
}
