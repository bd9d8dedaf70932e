"""`harden run` beside other launchers: what a hostile process manages under each, and what a start costs.

Everything happens in a mount and a network namespace of its own, so no runtime leaves anything in the host's. Needs root
and Debian's bubblewrap, crun, runc, podman, docker.io, iproute2.
"""

import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HARDEN = ROOT / "target/release/harden"
WORK = ROOT / "target/peers/launcher"
ROOTFS = WORK / "rootfs"
# Of the documentation's net, so nobody has it.
HOST = "192.0.2.1"

USER = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]
DOCKER = "/usr/bin/docker"
ULIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]

MAX_BWRAP, MAX_CRUN, MAX_RUNC = 1.2, 0.5, 0.25
MAX_WAITING_MB = 5
MAX_SECOND_START_MS = 30


def alone():
    """Goes on in namespaces of its own, with an address that containers may try to reach."""
    if os.environ.get("HARDEN_PEERS_ALONE") == "1":
        return
    script = (f"ip link set lo up && ip link add out type veth peer name in && ip addr add {HOST}/24 dev out && ip link set out up && ip link set in up && "
              "mount -t tmpfs run /run && exec \"$@\"")
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script, "sh",
               sys.executable, *sys.argv]
    os.execvpe("unshare", command, os.environ | {"HARDEN_PEERS_ALONE": "1"})


def prepare():
    """The programs, and an image that holds them."""
    subprocess.run(["cargo", "build", "--release", "--quiet", "--locked"], cwd=ROOT, check=True)
    shutil.rmtree(WORK, ignore_errors=True)
    for name in ["bin", "proc", "sys", "dev", "tmp", "run", "etc", "attempts", "var/tmp", "home/app"]:
        (ROOTFS / name).mkdir(parents=True)
    (ROOTFS / "tmp").chmod(0o1777)
    shutil.copy("/bin/busybox", ROOTFS / "bin/busybox")
    for applet in ["sh", "true", "cat", "sleep", "id"]:
        (ROOTFS / "bin" / applet).symlink_to("busybox")
    sources = sorted((ROOT / "testdata/attempts").glob("*.c"))
    program = ROOTFS / "attempts/attempts"
    subprocess.run(["cc", "-O1", "-static", "-o", program, *sources, "-lutil"], check=True)
    subprocess.run(["cc", "-O2", "-static", "-o", ROOTFS / "attempts/calls", ROOT / "tests/peers/calls.c"], check=True)
    for name in ["setuid", "capable"]:
        shutil.copy(program, ROOTFS / "attempts" / name)
    (ROOTFS / "attempts/setuid").chmod(0o4755)
    subprocess.run(["setcap", "cap_net_raw+ep", ROOTFS / "attempts/capable"], check=True)
    (ROOTFS / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n")
    (ROOTFS / "etc/group").write_text("root:x:0:\napp:x:1000:\n")
    for path in [WORK, *WORK.parents[:3]]:
        path.chmod(path.stat().st_mode | 0o755)
    for name in ["root-home", "user-home"]:
        (WORK / name).mkdir()
    os.chown(WORK / "user-home", 12345, 12345)


def bundle(name, runtime, arguments, seccomp=None):
    """A bundle for an OCI runtime, as its own template has it."""
    folder = WORK / name
    folder.mkdir(exist_ok=True)
    (folder / "config.json").unlink(missing_ok=True)
    subprocess.run([runtime, "spec"], cwd=folder, check=True)
    config = json.loads((folder / "config.json").read_text())
    config["root"] = {"path": str(ROOTFS), "readonly": True}
    config["process"]["args"] = arguments
    config["process"]["terminal"] = False
    config["process"]["env"] += [f"{key}={value}" for key, value in bait().items()]
    # This machine's root may not raise limits.
    config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}]
    if seccomp:
        config["linux"]["seccomp"] = seccomp
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def bait():
    return {"ATTEMPT_HOST": f"{HOST}:4444", "ATTEMPT_LOOPBACK": "127.0.0.1:4444", "ATTEMPT_ABSTRACT": "harden-peers"}


def listen():
    listener = socket.create_server(("0.0.0.0", 4444), backlog=100)
    hidden = socket.socket(socket.AF_UNIX)
    hidden.bind("\0harden-peers")
    hidden.listen(100)
    return listener, hidden


def crun(*words):
    # crun of Debian 12 refuses a machine that has both versions of control groups.
    return ["unshare", "-m", "sh", "-c", "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$@\"", "sh", "crun", *words]


def harden(home, *words, prefix=()):
    return [*prefix, "env", f"XDG_DATA_HOME={home}", f"XDG_CACHE_HOME={home}", HARDEN, "run", "--allow", "partial-limits",
            *words, f"rootfs:{ROOTFS}"]


def engines():
    """podman with the image, and dockerd; their commands."""
    storage = ["podman", "--root", WORK / "podman", "--runroot", "/run/podman-peers", "--runtime", "runc"]
    pack = subprocess.Popen(["tar", "-C", ROOTFS, "-c", "."], stdout=subprocess.PIPE)
    subprocess.run([*storage, "import", "-q", "-", "localhost/peers:1"], stdin=pack.stdout, check=True,
                   stdout=subprocess.DEVNULL)
    found = {"podman": [*storage, "run", *ULIMITS, "--rm"]}
    if pathlib.Path("/usr/sbin/dockerd").exists():
        socket_path = f"unix://{WORK}/docker.sock"
        with open(WORK / "dockerd.log", "w") as log:
            subprocess.Popen(["containerd", "--root", WORK / "containerd", "--state", "/run/containerd-peers", "--address",
                              "/run/containerd-peers.sock"], stdout=log, stderr=log)
            until(lambda: pathlib.Path("/run/containerd-peers.sock").exists())
            subprocess.Popen(["dockerd", "--data-root", WORK / "docker", "--exec-root", "/run/docker-peers", "-p",
                              "/run/dockerd-peers.pid", "-H", socket_path, "--containerd", "/run/containerd-peers.sock"],
                             stdout=log, stderr=log)
        client = [DOCKER if pathlib.Path(DOCKER).exists() else "docker", "-H", socket_path]
        until(lambda: subprocess.run([*client, "version"], capture_output=True).returncode == 0)
        pack = subprocess.Popen(["tar", "-C", ROOTFS, "-c", "."], stdout=subprocess.PIPE)
        subprocess.run([*client, "import", "-", "peers:1"], stdin=pack.stdout, check=True, stdout=subprocess.DEVNULL)
        found["docker"] = [*client, "run", "--rm"]
    return found


def until(true):
    for _ in range(300):
        if true():
            return
        time.sleep(0.1)
    raise TimeoutError("a program didn't come up; see target/peers/launcher/dockerd.log")


def attempts():
    """The table: what each attempt comes to under each launcher, with its own defaults."""
    prepare()
    sockets = listen()
    variables = [word for key, value in bait().items() for word in ("-e", f"{key}={value}")]
    what = ["/attempts/attempts", "--all"]
    found = engines()
    launchers = {
        "harden": harden(WORK / "root-home", *variables) + what,
        "harden, user": harden(WORK / "user-home", *variables, prefix=USER) + what,
        "docker": [*found["docker"], *variables, "peers:1", *what] if "docker" in found else None,
        "podman": [*found["podman"], *variables, "localhost/peers:1", *what],
        "runc": ["runc", "run", "-b", bundle("runc", "runc", what), "peers-runc"],
        "crun": crun("run", "-b", str(bundle("crun", "crun", what)), "peers-crun"),
        "bwrap": ["bwrap", "--ro-bind", ROOTFS, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--unshare-all",
                  "--die-with-parent", *[word for key, value in bait().items() for word in ("--setenv", key, value)], *what],
    }
    listed = subprocess.run([ROOTFS / "attempts/attempts", "--list"], capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t") for line in listed.splitlines()]
    rows = [row for row in rows if row[2] != "vm"]
    endings = {}
    for name, command in launchers.items():
        if command is None:
            continue
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600)
        endings[name] = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
        if len(endings[name]) < len(rows) / 2:
            print(f"{name} did not run: {done.stderr[-500:]}")
    for socket_ in sockets:
        socket_.close()
    width = max(len(row[0]) for row in rows)
    print(f"{len(rows)} attempts, each launcher with its own defaults; ! is an attempt that succeeded")
    print(" " * width, *(f"{name:>14}" for name in endings))
    for name, _, _, _ in rows:
        cells = [endings[launcher].get(name, "-") for launcher in endings]
        shown = ["!" if cell == "SUCCEEDED" else cell.removeprefix("HELD ")[:13] for cell in cells]
        print(f"{name:{width}}", *(f"{cell:>14}" for cell in shown))
    counts = {name: sum(ending == "SUCCEEDED" for ending in found.values()) for name, found in endings.items()}
    print(f"{'succeeded':{width}}", *(f"{count:>14}" for count in counts.values()))
    # Debugging one's own child and knowing process 1 are nobody's loss; the rest is.
    harmless = {"ptrace-child", "signal-other", "see-host"}
    return [f"{launcher}: {name} succeeded" for launcher in endings if launcher.startswith("harden")
            for name, ending in endings[launcher].items() if ending == "SUCCEEDED" and name not in harmless]


def took(command, **more):
    start = time.perf_counter()
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, **more)
    wall = (time.perf_counter() - start) * 1000
    assert done.returncode == 0, f"{command}: {done.returncode} {done.stderr[-800:]}"
    return wall


def spread(values, form=".1f"):
    return f"{format(statistics.median(values), form)} ({format(min(values), form)} to {format(max(values), form)})"


def speed(runs):
    """What a start, a system call and waiting cost."""
    prepare()
    true = ["/bin/true"]
    counter = iter(range(10**9))
    runc_true, crun_true = bundle("runc", "runc", true), bundle("crun", "crun", true)
    starts = {
        "harden": lambda: harden(WORK / "root-home") + true,
        "bwrap": lambda: ["bwrap", "--ro-bind", ROOTFS, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
                          "--unshare-all", "--die-with-parent", *true],
        "crun": lambda: crun("run", "-b", str(crun_true), f"peers-{next(counter)}"),
        "runc": lambda: ["runc", "run", "-b", runc_true, f"peers-{next(counter)}"],
        "harden, user": lambda: harden(WORK / "user-home", prefix=USER) + true,
        "bwrap, user": lambda: [*USER, "bwrap", "--ro-bind", ROOTFS, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs",
                                "/tmp", "--unshare-all", "--die-with-parent", *true],
    }
    # What it takes to get there counts against nobody.
    free = {"crun": lambda: crun("--version"), "harden, user": lambda: [*USER, "true"], "bwrap, user": lambda: [*USER, "true"]}
    figures = {name: [] for name in starts}
    for _ in range(runs + 2):
        for name, command in starts.items():
            figures[name].append(took(command()))
    figures = {name: values[2:] for name, values in figures.items()}
    print(f"start to exit of true, {runs} runs in turn, median ms (least to most); load {os.getloadavg()[0]:.1f}")
    for name, values in figures.items():
        beside = f", of which {statistics.median([took(free[name]()) for _ in range(9)]):.1f} before it" if name in free else ""
        print(f"  {name:14} {spread(values)}{beside}")
    missed = []
    median = {name: statistics.median(values) for name, values in figures.items()}
    goals = [("harden", "bwrap", MAX_BWRAP), ("harden, user", "bwrap, user", MAX_BWRAP), ("harden", "crun", MAX_CRUN),
             ("harden", "runc", MAX_RUNC)]
    for ours, other, goal in goals:
        ratio = median[ours] / median[other]
        print(f"  {ours} takes {ratio:.2f} times {other} (goal {goal})")
        if ratio > goal:
            missed.append(f"{ours} takes {ratio:.2f} times {other}, not {goal}")

    calls = ["/attempts/calls", "3000000"]
    found = engines()
    under = {"nothing": [ROOTFS / "attempts/calls", calls[1]], "harden": harden(WORK / "root-home") + calls}
    if "docker" in found:
        under["docker"] = [*found["docker"], "--network", "none", "peers:1", *calls]
    costs = {name: [] for name in under}
    for _ in range(max(runs // 3, 5)):
        for name, command in under.items():
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
            costs[name].append(float(done.stdout.split()[0]))
    print("a program that does little but system calls, nanoseconds a call")
    for name, values in costs.items():
        print(f"  under {name:8} {spread(values)}")
    if "docker" in costs and statistics.median(costs["harden"]) > statistics.median(costs["docker"]):
        missed.append("a system call costs more than under docker's default profile")

    waiting = subprocess.Popen([str(word) for word in harden(WORK / "root-home") + ["/bin/sleep", "30"]])
    time.sleep(1)
    rollup = pathlib.Path(f"/proc/{waiting.pid}/smaps_rollup").read_text()
    waiting.terminate()
    waiting.wait()
    pss = int(next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:"))) / 1000
    print(f"the waiting launcher's memory: {pss:.1f} MB (goal {MAX_WAITING_MB})")
    if pss > MAX_WAITING_MB:
        missed.append(f"the waiting launcher takes {pss:.1f} MB, not {MAX_WAITING_MB}")

    big = ROOT / "target/tools/images/mid"
    if big.exists():
        command = ["env", f"XDG_DATA_HOME={WORK}/root-home", HARDEN, "run", "--allow", "partial-limits", "--entrypoint",
                   "/bin/true", f"oci:{big}"]
        first = took(command)
        again = [took(command) for _ in range(runs)]
        print(f"an image of 1.3 GB: first start {first / 1000:.1f} s, later ones {spread(again)} ms "
              f"(goal {MAX_SECOND_START_MS})")
        if statistics.median(again) > MAX_SECOND_START_MS:
            missed.append(f"{statistics.median(again):.0f} ms for a second start, not {MAX_SECOND_START_MS}")
    return missed
