#!/usr/bin/env bash
# Makes the base images that the projects of testdata/projects are built from, out of Debian's packages and what this
# machine has (busybox, Go, a JDK): no image is pulled from anywhere. They bear the well-known names and have the
# accounts, the setuid files and the package managers of the images that bear them in the world. Every package that a
# project installs lies inside, so that builds need no network.
#
#   bash tests/proof/bases.sh DIR     writes DIR/layout, an OCI layout with one manifest a name, and DIR/names
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1
work=$out.work
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
unset TMPDIR

key=$(find "$here" -maxdepth 1 -type f | sort | xargs cat | sha256sum)
[ "$(cat "$out/complete" 2>/dev/null)" != "$key" ] || exit 0
# A run that was ended may have left something mounted in there, which is not ours to remove.
trap 'rm -rf --one-file-system "$work"' EXIT
rm -rf --one-file-system "$out" "$work"
mkdir -p "$out" "$work"

# image NAME ROOTFS CONFIG: one layer, uncompressed, so that builders copy it and don't unpack it twice.
image() {
    tar --sort=name --mtime=@0 --numeric-owner --one-file-system -C "$2" -cf "$work/layer.tar" .
    python3 "$here/layout.py" "$out/layout" "$1" "$work/layer.tar" "$3"
    echo "$1" >>"$out/names"
}

# in ROOTFS COMMAND…: runs a command in a root file system.
in_root() {
    local root=$1
    shift
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin unshare --mount --fork bash -c '
        mount -t proc proc "$0/proc" && mount -t devtmpfs -o ro dev "$0/dev" 2>/dev/null || mount --rbind /dev "$0/dev"
        exec chroot "$0" "$@"' "$root" "$@"
}

# derive NAME PACKAGE…: a copy of Debian's root with more packages; prints nothing, sets $root.
derive() {
    root=$work/$1
    shift
    cp -a "$work/debian" "$root"
    if [ $# != 0 ]; then
        in_root "$root" apt-get install -q -y --no-install-recommends "$@" >"$work/apt.log" 2>&1 || {
            cat "$work/apt.log" >&2
            return 1
        }
    fi
}

# What no project looks at: caches, logs, and the network's package sources in favour of the packages inside.
finish() {
    rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/cache/debconf/*-old "$1"/var/log/* "$1"/etc/apt/sources.list.d/*
    rm -rf "$1"/usr/lib/x86_64-linux-gnu/gconv "$1"/var/lib/dpkg/*-old "$1"/var/cache/ldconfig "$1"/usr/share/{doc,man,locale,info,zoneinfo}
    mkdir -p "$1/var/lib/apt/lists/partial" "$1/var/cache/apt/archives/partial"
    echo "deb [trusted=yes] file:/usr/share/proof/apt ./" >"$1/etc/apt/sources.list"
    : >"$1/etc/resolv.conf"
    : >"$1/etc/hosts"
    cp -a "$work/apt" "$1/usr/share/proof/"
}

path='"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"'

echo "bases: debian"
# In a mount namespace of its own, what it mounts goes with it, however it ends.
unshare --mount mmdebstrap --quiet --variant=minbase \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/lintian/*' --dpkgopt='path-exclude=/usr/share/zoneinfo/*' \
    --skip=cleanup/apt bookworm "$work/debian" http://deb.debian.org/debian
mkdir -p "$work/debian/usr/share/proof"
rm -f "$work/debian/etc/apt/apt.conf.d/99mmdebstrap"
# mmdebstrap takes usrmerge, and all of perl with it, where its sister that does nothing is enough.
in_root "$work/debian" sh -c 'apt-get install -q -y usr-is-merged usrmerge- && apt-get autoremove -q -y --purge' >"$work/apt.log" 2>&1 || {
    cat "$work/apt.log" >&2
    exit 1
}
# The packages that projects install: ours, which stand for any, and some real ones.
mkdir -p "$work/apt"
(cd "$work/debian/tmp" && in_root "$work/debian" sh -c 'cd /tmp && apt-get download -q cron cron-daemon-common sensible-utils sudo gosu' >"$work/apt.log" 2>&1) || {
    cat "$work/apt.log" >&2
    exit 1
}
mv "$work/debian/tmp"/*.deb "$work/apt/"
# deb NAME CONTROL PROGRAM: a package with one program.
deb() {
    mkdir -p "$work/deb/DEBIAN" "$work/deb/usr/bin"
    printf 'Package: %s\nVersion: 1.0\nArchitecture: all\nMaintainer: harden\nDescription: %s\n%s' "$1" "$1" "$2" >"$work/deb/DEBIAN/control"
    printf '%s\n' "$3" >"$work/deb/usr/bin/$1"
    chmod 755 "$work/deb/usr/bin/$1"
    dpkg-deb --root-owner-group -Znone --build "$work/deb" "$work/apt/$1_1.0_all.deb" >/dev/null
    rm -r "$work/deb"
}
deb hello-proof $'Recommends: hello-extras\n' $'#!/bin/sh\necho "hello from a package"'
deb hello-extras '' $'#!/bin/sh\necho "extras that nobody asked for"'
(
    cd "$work/apt"
    for file in *.deb; do
        dpkg-deb -f "$file"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$(sha256sum <"$file" | cut -d' ' -f1)"
    done >Packages
)

echo "bases: ubuntu"
derive ubuntu
in_root "$root" useradd --create-home --uid 1000 --shell /bin/bash ubuntu
finish "$root"
image ubuntu:24.04 "$root" "{\"Env\":[$path],\"Cmd\":[\"/bin/bash\"]}"

echo "bases: python"
derive python python3 python3-pip-whl
python_path=$(ls "$root"/usr/share/python-wheels/pip-*.whl | head -n 1)
in_root "$root" python3 "${python_path#"$root"}/pip" install -q --no-index --break-system-packages --root-user-action ignore "${python_path#"$root"}"
rm -rf "$root"/usr/lib/python3*/EXTERNALLY-MANAGED "$root"/usr/lib/python3/EXTERNALLY-MANAGED "$root"/usr/share/python-wheels
ln -sf python3 "$root/usr/bin/python"
mkdir -p "$root/usr/share/proof/wheels"
python3 "$here/wheel.py" "$root/usr/share/proof/wheels" greeting 1.0 'def hello(name): return f"hello {name} from a wheel"'
finish "$root"
image python:3.12-slim "$root" "{\"Env\":[$path,\"PIP_NO_INDEX=1\",\"PIP_FIND_LINKS=/usr/share/proof/wheels\",\"PIP_ROOT_USER_ACTION=ignore\",\"PIP_DISABLE_PIP_VERSION_CHECK=1\"],\"Cmd\":[\"python3\"]}"
rm -rf "$root"

echo "bases: node"
derive node nodejs
in_root "$root" groupadd --gid 1000 node
in_root "$root" useradd --uid 1000 --gid node --shell /bin/bash --create-home node
install -m 755 "$here/npm" "$root/usr/local/bin/npm"
finish "$root"
image node:22-slim "$root" "{\"Env\":[$path,\"NODE_VERSION=22.0.0\"],\"Cmd\":[\"node\"]}"
rm -rf "$root"

echo "bases: php"
derive php php8.2-fpm
mkdir -p "$root/usr/local/etc/php-fpm.d" "$root/var/www/html"
chown 33:33 "$root/var/www/html"
chmod 1777 "$root/var/www/html"
ln -sf "../../sbin/php-fpm8.2" "$root/usr/local/sbin/php-fpm"
ln -sf /usr/sbin/php-fpm8.2 "$root/usr/local/sbin/php-fpm"
# As docker-library/php has it: in the foreground, on port 9000, as www-data.
cat >"$root/etc/php/8.2/fpm/php-fpm.conf" <<'CONF'
[global]
daemonize = no
error_log = /proc/self/fd/2
[www]
user = www-data
group = www-data
listen = 9000
pm = static
pm.max_children = 1
clear_env = no
CONF
finish "$root"
image php:8.3-fpm "$root" "{\"Env\":[$path],\"Cmd\":[\"php-fpm\"],\"WorkingDir\":\"/var/www/html\",\"ExposedPorts\":{\"9000/tcp\":{}},\"StopSignal\":\"SIGQUIT\"}"
rm -rf "$root"

echo "bases: nginx"
derive nginx
in_root "$root" groupadd --system --gid 101 nginx
in_root "$root" useradd --system --gid nginx --no-create-home --home-dir /nonexistent --shell /bin/false --uid 101 nginx
in_root "$root" apt-get install -q -y --no-install-recommends nginx-light >"$work/apt.log" 2>&1
rm -rf "$root"/etc/nginx/sites-* "$root"/etc/nginx/modules-enabled/* "$root"/var/lib/nginx/* "$root"/var/www/html
mkdir -p "$root/etc/nginx/conf.d" "$root/usr/share/nginx/html" "$root/var/log/nginx" "$root/var/cache/nginx"
# As nginxinc/docker-nginx has it: workers are `nginx`, temporary files under /var/cache/nginx, logs on the console.
cat >"$root/etc/nginx/nginx.conf" <<'CONF'
user nginx;
worker_processes 1;
error_log /var/log/nginx/error.log notice;
pid /var/run/nginx.pid;
events { worker_connections 64; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    client_body_temp_path /var/cache/nginx/client_temp;
    proxy_temp_path /var/cache/nginx/proxy_temp;
    fastcgi_temp_path /var/cache/nginx/fastcgi_temp;
    uwsgi_temp_path /var/cache/nginx/uwsgi_temp;
    scgi_temp_path /var/cache/nginx/scgi_temp;
    include /etc/nginx/conf.d/*.conf;
}
CONF
cat >"$root/etc/nginx/conf.d/default.conf" <<'CONF'
server {
    listen 80;
    location / { root /usr/share/nginx/html; index index.html; }
}
CONF
finish "$root"
mkdir -p "$root/var/log/nginx"
ln -sf /dev/stdout "$root/var/log/nginx/access.log"
ln -sf /dev/stderr "$root/var/log/nginx/error.log"
image nginx:1.27 "$root" "{\"Env\":[$path],\"Cmd\":[\"nginx\",\"-g\",\"daemon off;\"],\"ExposedPorts\":{\"80/tcp\":{}},\"StopSignal\":\"SIGQUIT\"}"
rm -rf "$root"

echo "bases: redis"
derive redis
in_root "$root" groupadd --system --gid 999 redis
in_root "$root" useradd --system --gid redis --uid 999 redis
in_root "$root" apt-get install -q -y --no-install-recommends redis-server >"$work/apt.log" 2>&1
mkdir -p "$root/data"
chown 999:999 "$root/data"
# As docker-library/redis has it, with setpriv in place of gosu.
cat >"$root/usr/local/bin/docker-entrypoint.sh" <<'SH'
#!/bin/sh
set -e
if [ "${1#-}" != "$1" ]; then set -- redis-server "$@"; fi
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis '{}' +
    exec setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
fi
exec "$@"
SH
chmod 755 "$root/usr/local/bin/docker-entrypoint.sh"
finish "$root"
image redis:7 "$root" "{\"Env\":[$path],\"Entrypoint\":[\"docker-entrypoint.sh\"],\"Cmd\":[\"redis-server\"],\"WorkingDir\":\"/data\",\"Volumes\":{\"/data\":{}},\"ExposedPorts\":{\"6379/tcp\":{}}}"
rm -rf "$root"

echo "bases: java"
derive java
home=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
"$home/bin/jlink" --add-modules java.base,jdk.httpserver,jdk.compiler --strip-debug --no-man-pages --no-header-files \
    --output "$root/opt/java"
finish "$root"
image eclipse-temurin:17-jdk "$root" "{\"Env\":[\"JAVA_HOME=/opt/java\",\"PATH=/opt/java/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"],\"Cmd\":[\"jshell\"]}"
rm -rf "$root"

echo "bases: golang"
derive golang
go=${GOROOT:-/usr/local/go}
mkdir -p "$root/usr/local/go/pkg/tool/linux_amd64" "$root/go/src" "$root/go/bin" "$root/usr/local/go/bin"
cp "$go/bin/go" "$root/usr/local/go/bin/"
cp "$go"/pkg/tool/linux_amd64/{asm,compile,link} "$root/usr/local/go/pkg/tool/linux_amd64/"
cp -r "$go/pkg/include" "$root/usr/local/go/pkg/"
cp "$go/VERSION" "$go/go.env" "$root/usr/local/go/"
tar -C "$go" --exclude=testdata --exclude='*_test.go' --exclude=src/cmd -cf - src | tar -C "$root/usr/local/go" -xf -
# The standard library's part that the projects use is compiled already.
mkdir -p "$root/tmp/warm"
printf 'package main\nimport ("fmt"; "net/http"; "os")\nfunc main() { fmt.Println(os.Args, http.ListenAndServe(":1", nil)) }\n' >"$root/tmp/warm/main.go"
printf 'module warm\n\ngo 1.20\n' >"$root/tmp/warm/go.mod"
in_root "$root" env HOME=/root CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-buildvcs=false PATH=/usr/local/go/bin:/usr/bin:/bin \
    sh -c 'cd /tmp/warm && go build -o /dev/null .'
rm -rf "$root/tmp/warm"
finish "$root"
image golang:1.23 "$root" "{\"Env\":[\"PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\"GOPATH=/go\",\"GOTOOLCHAIN=local\",\"GOFLAGS=-buildvcs=false\",\"GOPROXY=off\",\"CGO_ENABLED=0\"],\"Cmd\":[\"bash\"],\"WorkingDir\":\"/go\"}"
rm -rf "$root"

echo "bases: ubi-minimal"
derive ubi
# Red Hat's minimal image has microdnf and no shadow-utils, which microdnf brings; here it was set aside inside.
mkdir -p "$root/usr/share/proof/rpm/shadow-utils/usr/sbin" "$root/usr/share/proof/rpm/hello-proof/usr/bin" "$root/usr/share/proof/rpm/hello-extras/usr/bin"
mv "$root"/usr/sbin/{useradd,userdel,usermod,groupadd,groupdel,groupmod} "$root/usr/share/proof/rpm/shadow-utils/usr/sbin/"
rm -f "$root"/usr/sbin/{adduser,addgroup,deluser,delgroup}
printf '#!/bin/sh\necho "hello from a package"\n' >"$root/usr/share/proof/rpm/hello-proof/usr/bin/hello-proof"
printf '#!/bin/sh\necho "extras that nobody asked for"\n' >"$root/usr/share/proof/rpm/hello-extras/usr/bin/hello-extras"
echo hello-extras >"$root/usr/share/proof/rpm/hello-proof.weak"
chmod 755 "$root"/usr/share/proof/rpm/*/usr/bin/*
install -m 755 "$here/microdnf" "$root/usr/bin/microdnf"
finish "$root"
rm -rf "$root"/usr/bin/apt* "$root"/usr/lib/apt "$root"/var/lib/apt "$root"/etc/apt "$root"/usr/share/proof/apt "$root"/usr/bin/dpkg*
printf 'NAME="Red Hat Enterprise Linux"\nID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.4"\n' >"$root/usr/lib/os-release"
image registry.access.redhat.com/ubi9/ubi-minimal:9.4 "$root" "{\"Env\":[$path],\"Cmd\":[\"/bin/bash\"]}"
rm -rf "$root"

echo "bases: alpine, busybox"
root=$work/busybox
mkdir -p "$root"/{bin,etc,home,proc,dev,sys,root,run,tmp,usr/bin,usr/sbin,sbin,var/www,var/run,var/cache}
chmod 1777 "$root/tmp"
chmod 700 "$root/root"
cp /bin/busybox "$root/bin/busybox"
# The machine's busybox may be linked dynamically; then its static sister is what we need.
"$root/bin/busybox" --list | grep -vx busybox | while read -r name; do ln -s busybox "$root/bin/$name"; done
printf 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nnogroup:x:65534:\nnobody:x:65534:\n' >"$root/etc/group"
printf 'root:*:::::::\ndaemon:*:::::::\nwww-data:*:::::::\nnobody:*:::::::\n' >"$root/etc/shadow"
chmod 600 "$root/etc/shadow"
: >"$root/etc/resolv.conf"
: >"$root/etc/hosts"
install -m 755 "$here/adduser" "$root/bin/adduser"
install -m 755 "$here/addgroup" "$root/bin/addgroup"
: >"$root/etc/hostname"
image busybox:1.36 "$root" "{\"Env\":[$path],\"Cmd\":[\"sh\"]}"
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\nguest:x:405:100:guest:/dev/null:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:root\nshadow:x:42:\nusers:x:100:games\nnogroup:x:65533:\nnobody:x:65534:\n' >"$root/etc/group"
printf 'root:*::0:::::\nnobody:!::0:::::\nguest:!::0:::::\n' >"$root/etc/shadow"
printf 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.0\n' >"$root/etc/os-release"
mkdir -p "$root"/usr/share/proof/apk/{hello-proof/usr/bin,busybox-suid/bin} "$root/lib/apk/db" "$root/etc/apk"
printf '#!/bin/busybox sh\n' >"$root/usr/share/proof/apk/busybox-suid/bin/bbsuid"
printf '#!/bin/sh\necho "hello from a package"\n' >"$root/usr/share/proof/apk/hello-proof/usr/bin/hello-proof"
chmod 755 "$root/usr/share/proof/apk/hello-proof/usr/bin/hello-proof"
: >"$root/etc/apk/world"
install -m 755 "$here/apk" "$root/sbin/apk"
image alpine:3.20 "$root" "{\"Env\":[$path],\"Cmd\":[\"/bin/sh\"]}"
rm -rf "$root"

echo "bases: distroless"
root=$work/distroless
mkdir -p "$root"/{etc,home/nonroot,root,tmp,proc,sys,dev,var,usr/lib,lib64,bin}
rmdir "$root/bin"
chmod 1777 "$root/tmp"
chmod 700 "$root/root" "$root/home/nonroot"
chown 65532:65532 "$root/home/nonroot"
printf 'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n' >"$root/etc/group"
cp "$work/debian/usr/lib/os-release" "$root/etc/os-release"
image gcr.io/distroless/static-debian12:latest "$root" "{\"Env\":[$path,\"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt\"],\"User\":\"0\",\"WorkingDir\":\"/\"}"
image gcr.io/distroless/static-debian12:nonroot "$root" "{\"Env\":[$path,\"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt\"],\"User\":\"65532\",\"WorkingDir\":\"/home/nonroot\"}"
mkdir -p "$root/lib/x86_64-linux-gnu"
cp -a "$work/debian"/usr/lib/x86_64-linux-gnu/{libc.so.6,libm.so.6,ld-linux-x86-64.so.2} "$root/lib/x86_64-linux-gnu/"
cp -a "$work/debian/lib64/ld-linux-x86-64.so.2" "$root/lib64/"
image gcr.io/distroless/base-debian12:latest "$root" "{\"Env\":[$path],\"User\":\"0\",\"WorkingDir\":\"/\"}"

echo "bases: debian:bookworm-slim"
finish "$work/debian"
image debian:bookworm-slim "$work/debian" "{\"Env\":[$path],\"Cmd\":[\"bash\"]}"

# The layers unpacked, which the test lays images over, and buildah's storage with the images in it.
echo "bases: unpacked, and buildah's storage"
printf 'unqualified-search-registries = ["docker.io"]\n' >"$work/registries.conf"
export CONTAINERS_REGISTRIES_CONF=$work/registries.conf
while read -r name; do
    storage=(buildah --root "$out/storage" --runroot "$work/run" --storage-driver overlay)
    id=$("${storage[@]}" pull -q "oci:$out/layout:$name")
    case "$name" in
    */*) "${storage[@]}" tag "$id" "$name" ;;
    *) "${storage[@]}" tag "$id" "docker.io/library/$name" ;;
    esac
done <"$out/names"
for layer in "$out"/layout/blobs/sha256/*; do
    head -c 1 "$layer" | grep -q '{' && continue
    mkdir -p "$out/roots/${layer##*/}"
    tar --numeric-owner -p -C "$out/roots/${layer##*/}" -xf "$layer"
done
echo "$key" >"$out/complete"
