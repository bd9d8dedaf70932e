#!/usr/bin/env bash
# Makes the images that image lints are tested with, out of Debian's packages: no image is pulled from anywhere and
# nothing of them runs. What is wrong with each is listed in planted.txt, which a test reads.
#
#   bash testdata/images/build.sh DIR [NAME…]     all but mid and mid2, or those named; as root
#
# clean     a well kept base: whatever is serious here is a false alarm
# flawed    layers on top of clean, with all that planted.txt lists, in every form that images are stored in
# small     dangling, eol, ambiguous, obscured, scratch-static and squashed (flawed without history): one idea each
# mid, mid2 large ones, for measuring
#
# An image is made again only where the text that makes it has changed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# In a mount namespace of its own, what it mounts goes with it, however it ends.
[ -n "${IMAGES_NAMESPACE:-}" ] || IMAGES_NAMESPACE=1 exec unshare --mount --propagation private bash "$0" "$@"

out=$1
shift
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$out/work
. "$here/flaws.sh"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
# Debian's tools take it for "now": nothing in an image is younger.
export SOURCE_DATE_EPOCH=1764547200
unset TMPDIR
PATH=$PATH:/usr/sbin:/sbin
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# in_root ROOT COMMAND…: runs a command in a root file system.
in_root() {
    local root=$1
    shift
    PATH=$path unshare --mount --fork bash -c '
        mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev"
        exec chroot "$0" "$@"' "$root" "$@"
}

# install ROOT PACKAGE…: with its lists and archives left behind, as a careless RUN leaves them.
install_packages() {
    local root=$1
    shift
    # Otherwise a package's script may start its service on this machine.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    in_root "$root" sh -c 'apt-get update -q && apt-get install -q -y "$@"' sh "$@" >"$work/apt.log" 2>&1 || {
        cat "$work/apt.log" >&2
        return 1
    }
    rm -f "$root"/var/cache/apt/*.bin "$root/usr/sbin/policy-rc.d"
    : >"$root/etc/resolv.conf"
}

# layer NAME LOWER FUNCTION ARGUMENT…: the folder NAME gets what the function changes in its first argument, a root file
# system made of LOWER (folders, highest first, as overlayfs wants them). To be packed when nothing is laid on it.
layer() {
    local name=$1 lower=$2 function=$3
    shift 3
    mkdir -p "$work/$name" "$work/overlay" "$work/merged"
    mount -t overlay overlay "$work/merged" \
        -o "lowerdir=$lower,upperdir=$work/$name,workdir=$work/overlay,index=off,metacopy=off,redirect_dir=off"
    "$function" "$work/merged" "$@"
    umount "$work/merged"
    rm -rf --one-file-system "$work/overlay"
    python3 "$here/layout.py" opaque "$work/$name" "$lower"
}

# pack NAME: the folder NAME as the archive NAME.tar, as container builders write it: whole seconds, PAX only where
# it is needed, file capabilities in it.
pack() {
    python3 "$here/layout.py" whiteouts "$work/$1"
    tar --sort=name --format=posix --pax-option=delete=atime,delete=ctime,delete=mtime \
        --xattrs --xattrs-include=security.capability --clamp-mtime --mtime="@$SOURCE_DATE_EPOCH" \
        --numeric-owner --one-file-system -C "$work/$1" -cf "$work/$1.tar" .
}

# image NAME LAYER…: an OCI layout of these layers and the configuration config.json.
image() {
    local name=$1 layer archives=()
    shift
    for layer; do
        [ ! -d "$work/$layer" ] || pack "$layer"
        archives+=("$work/$layer.tar")
    done
    python3 "$here/layout.py" image "$out/$name" "$work/config.json" "${archives[@]}"
}

minbase() {
    mmdebstrap --quiet --variant=minbase bookworm "$out/minbase" http://deb.debian.org/debian
    rm -f "$out/minbase/etc/apt/apt.conf.d/99mmdebstrap"
    : >"$out/minbase/etc/resolv.conf"
}

# config COMMAND…: the configuration of an image with nothing else to say, with a history line a layer.
config() {
    local lines="" line
    for line in "$@"; do lines+=",{\"created\":\"2025-12-01T00:00:00Z\",\"created_by\":\"RUN /bin/sh -c $line # buildkit\"}"; done
    printf '{"created":"2025-12-01T00:00:00Z","config":{"Env":["PATH=%s"],"Cmd":["bash"]},"history":[%s]}' "$path" "${lines#,}"
}

# The mid image of the research: three layers of about 60, 300 and 60 MB, 37,000 entries.
mid() {
    cp -a "$out/minbase" "$work/minbase"
    layer mid-1 "$out/minbase" without_caches python3 python3-dev python3-pip python3-venv gcc g++ git golang
    layer mid-2 "$work/mid-1:$out/minbase" with_archives nodejs
    config "mmdebstrap bookworm" "apt-get install python3 gcc g++ git golang" "apt-get install nodejs" >"$work/config.json"
    image mid minbase mid-1 mid-2
}

# About twice as much of everything: 68,000 entries in four layers, 3 GB before compression.
mid2() {
    cp -a "$out/minbase" "$work/minbase"
    layer mid-1 "$out/minbase" without_caches python3 python3-dev python3-pip python3-venv gcc g++ git golang
    layer mid-2 "$work/mid-1:$out/minbase" with_archives nodejs
    layer mid-3 "$work/mid-2:$work/mid-1:$out/minbase" with_archives openjdk-17-jdk-headless clang python3-scipy
    config "mmdebstrap bookworm" "apt-get install python3 gcc g++ git golang" "apt-get install nodejs" \
        "apt-get install openjdk clang scipy" >"$work/config.json"
    image mid2 minbase mid-1 mid-2 mid-3
}

without_caches() {
    install_packages "$@"
    in_root "$1" apt-get clean
    rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin
}

with_archives() {
    install_packages "$@"
    rm -rf "$1"/var/lib/apt/lists/*
}

# A well kept base: no cache, no lists, an account of its own, an entrypoint that nobody but root can change.
clean_layer() {
    cp -a "$out/minbase" "$work/clean"
    rm -rf "$work/clean"/var/{lib/apt/lists/*,cache/apt/*.bin,cache/debconf/*-old,lib/dpkg/*-old,log/*.log,log/apt/*}
    rm -f "$work/clean"/etc/{passwd,group,shadow}-
    # As Debian's slim images have it.
    rm -rf "$work/clean"/usr/share/{doc,man,locale,info,zoneinfo}
    echo 'app:x:10001:10001::/srv/app:/usr/sbin/nologin' >>"$work/clean/etc/passwd"
    echo 'app:x:10001:' >>"$work/clean/etc/group"
    echo 'app:!:20000:0:99999:7:::' >>"$work/clean/etc/shadow"
    mkdir -p "$work/clean/srv/app"
}

clean() {
    clean_layer
    cat >"$work/config.json" <<JSON
{"created": "2025-12-01T00:00:00Z", "config": {"User": "10001:10001", "WorkingDir": "/srv/app", "Env": ["PATH=$path"],
  "Entrypoint": ["/usr/bin/sleep"], "Cmd": ["infinity"], "Labels": {"org.opencontainers.image.title": "clean"}},
 "history": [{"created": "2025-12-01T00:00:00Z", "created_by": "mmdebstrap bookworm"}]}
JSON
    image clean clean
}

flawed() {
    local lower=$work/clean name
    rm -rf "$out"/flawed-zstd "$out"/flawed.*tar
    eval "$(python3 "$here/tokens.py")"
    clean_layer
    for name in packages privilege service secrets cleanup; do
        layer "flawed-$name" "$lower" "flawed_$name"
        lower=$work/flawed-$name:$lower
    done
    python3 "$here/forms.py" hardlink "$work/flawed-hardlink.tar"
    flawed_config >"$work/config.json"
    local layers=(clean flawed-packages flawed-privilege flawed-hardlink flawed-service flawed-secrets flawed-cleanup)
    image flawed "${layers[@]}"
    layers=("${layers[@]/%/.tar}")
    python3 "$here/layout.py" image --zstd "$out/flawed-zstd" "$work/config.json" "${layers[@]/#/$work/}"
    skopeo copy -q "oci:$out/flawed:latest" "oci-archive:$out/flawed.oci.tar:latest"
    skopeo copy -q "oci:$out/flawed:latest" "docker-archive:$out/flawed.docker.tar:flawed:latest"
    python3 "$here/forms.py" docker-old "$out/flawed" "$out/flawed.docker-old.tar"
    python3 "$here/forms.py" docker-25 "$out/flawed" "$out/flawed.docker-25.tar"
    same_diff_ids
}

# Every form must hold the same layers, as skopeo, which is not ours, reads them.
same_diff_ids() {
    local form wanted
    wanted=$(python3 "$here/forms.py" diff-ids "$out/flawed")
    for form in "oci:$out/flawed-zstd" "oci-archive:$out/flawed.oci.tar" "docker-archive:$out/flawed.docker.tar" \
        "docker-archive:$out/flawed.docker-old.tar" "docker-archive:$out/flawed.docker-25.tar"; do
        [ "$(skopeo inspect --config "$form" | python3 -c 'import json, sys
print("\n".join(json.load(sys.stdin)["rootfs"]["diff_ids"]))')" = "$wanted" ] || {
            echo "images: $form holds other layers than oci:$out/flawed" >&2
            return 1
        }
    done
}

# tiny NAME USER: an image of one layer from the folder NAME.
tiny() {
    cat >"$work/config.json" <<JSON
{"created": "2025-12-01T00:00:00Z", "config": {"User": "$2", "WorkingDir": "/", "Env": ["PATH=/bin"], "Entrypoint": ["/bin/busybox"],
  "Cmd": ["sleep", "1000"]}, "history": [{"created": "2025-12-01T00:00:00Z", "created_by": "COPY $1 / # buildkit"}]}
JSON
    image "$1" "$1"
}

# tiny_root NAME: a root file system of one static program.
tiny_root() {
    local root=$work/$1
    mkdir -p "$root"/{bin,etc}
    install -m 755 /bin/busybox "$root/bin/busybox"
    printf 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532::/:/sbin/nologin\n' >"$root/etc/passwd"
    printf 'root:x:0:\nnonroot:x:65532:\n' >"$root/etc/group"
}

# One idea each.
small() {
    rm -rf "$out"/{dangling,eol,ambiguous,obscured,scratch-static,squashed}
    tiny_root dangling
    tiny dangling service

    # Debian 9, run by a user who is root under another name.
    tiny_root eol
    ln -s busybox "$work/eol/bin/sh"
    printf '%s\n' 'PRETTY_NAME="Debian GNU/Linux 9 (stretch)"' 'NAME="Debian GNU/Linux"' 'VERSION_ID="9"' \
        'VERSION="9 (stretch)"' ID=debian >"$work/eol/etc/os-release"
    echo 'admin:x:0:0::/:/bin/sh' >>"$work/eol/etc/passwd"
    tiny eol admin:nonroot

    python3 "$here/forms.py" ambiguous "$work/ambiguous.tar"
    tiny ambiguous 65532

    # Debian whose package database was taken away.
    mkdir "$work/obscured"
    cp -a "$out"/minbase/{bin,etc,lib,lib64,sbin,usr} "$work/obscured/"
    install -m 755 /bin/busybox "$work/obscured/usr/bin/busybox"
    tiny obscured 65532

    # The program alone, under a name that isn't a shell's.
    mkdir "$work/scratch-static"
    install -m 755 /bin/busybox "$work/scratch-static/app"
    printf '{"created": "2025-12-01T00:00:00Z", "config": {"User": "65532:65532", "Entrypoint": ["/app"]},
  "history": [{"created_by": "COPY app / # buildkit"}]}' >"$work/config.json"
    image scratch-static scratch-static

    python3 "$here/forms.py" without-history "$out/flawed" "$out/squashed"
}

# made NAME FILE… -- FUNCTION…: makes an image by the first function, unless these texts have made it before.
made() {
    local name=$1 files=() key
    shift
    while [ "$1" != -- ]; do
        files+=("$1")
        shift
    done
    shift
    key=$({
        cat "$here/layout.py" "${files[@]}"
        declare -f minbase in_root install_packages layer pack image "$@"
    } | sha256sum)
    [ "$(cat "$out/$name.stamp" 2>/dev/null)" != "$key" ] || return 0
    rm -rf --one-file-system "$out/$name" "$out/$name.stamp" "$work"
    mkdir -p "$work"
    echo "images: $name"
    "$1"
    rm -rf --one-file-system "$work"
    echo "$key" >"$out/$name.stamp"
}

[ $# != 0 ] || set -- clean flawed small
made minbase -- minbase
for name; do
    case "$name" in
    clean) made clean -- clean clean_layer ;;
    flawed) made flawed "$here"/{flaws.sh,tokens.py,forms.py} -- flawed clean_layer same_diff_ids ;;
    small) made small "$here/forms.py" "$out/flawed.stamp" -- small tiny tiny_root ;;
    mid | mid2) made "$name" -- "$name" config without_caches with_archives ;;
    *)
        echo "images: there is no image $name" >&2
        exit 2
        ;;
    esac
done
