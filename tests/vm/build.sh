#!/usr/bin/env bash
# What the virtual machine boots: Debian's kernel and a root in memory with busybox, AppArmor's parser and the helpers of
# user namespaces. Nothing of it depends on harden, so it is made once. The kernel is the one for real machines: the one
# for clouds has neither Bluetooth nor CAN nor x32, which attempts ask for.
#
#   bash tests/vm/build.sh FOLDER
set -euo pipefail

mkdir -p "$1"
folder=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
newest() { apt-cache depends linux-image-amd64 | awk '/Depends: linux-image/ {print $2; exit}'; }
stamp() { echo "$version $(sha256sum "$here/build.sh" "$here/init" | sha256sum)"; }
version=$(newest || true)
[ "$(cat "$folder/stamp" 2>/dev/null)" = "$(stamp)" ] && exit

work=$(mktemp -d "$folder/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
download() { (cd "$work" && apt-get download -q "${version:-linux-image}"); }
if ! download; then
    # There are no lists, or what they name is gone.
    apt-get update -q
    version=$(newest)
    download
fi
(cd "$work" && dpkg-deb -x "$version"*.deb kernel)
cp "$work"/kernel/boot/vmlinuz-* "$work/vmlinuz"

root=$work/root
mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,lib,lib64,etc,proc,sys,dev,tmp,run,root,home/user,mnt,var/tmp,srv,new}
cp /bin/busybox "$root/bin/busybox"
for applet in $("$root/bin/busybox" --list); do
    [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
done
cp "$here/init" "$root/init"

# A program with the libraries that it names, in their places.
add() {
    local program=$1 library
    mkdir -p "$root$(dirname "$program")"
    cp "$program" "$root$program"
    ldd "$program" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -n "$library" "$root$library"
    done
}
for program in apparmor_parser newuidmap newgidmap setpriv setcap find; do
    add "$(command -v "$program")"
done
chmod u+s "$root/usr/bin/newuidmap" "$root/usr/bin/newgidmap"
# The launcher is built on this machine and needs its C library.
for library in libc.so.6 libm.so.6 libgcc_s.so.1 libutil.so.1; do
    path=$(ldconfig -p | awk -v name="$library" '$1 == name && /x86-64/ {print $NF; exit}')
    mkdir -p "$root$(dirname "$path")"
    cp -n "$path" "$root$path"
done
cp -n /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
mkdir -p "$root/etc/apparmor.d" "$root/usr/share"
cp -r /etc/apparmor "$root/etc/"
cp -r /etc/apparmor.d/{abi,tunables,abstractions} "$root/etc/apparmor.d/"
cp -r /usr/share/apparmor-features "$root/usr/share/" 2>/dev/null || true
# Modules with those that they need, which the list of the whole kernel tells.
kernel=${version#linux-image-}
busybox depmod -b "$work/kernel" "$kernel"
for module in overlay fuse tun algif_hash vsock tipc bluetooth can-raw nfnetlink binfmt_misc brd ext4 crc32c_generic kvm-amd; do
    sed -n "s|^\\(kernel/[^:]*/$module.ko\\):|\\1|p" "$work/kernel/lib/modules/$kernel/modules.dep"
done | tr ' ' '\n' | sort -u >"$work/modules"
mkdir -p "$root/lib/modules/$kernel"
(cd "$work/kernel/lib/modules/$kernel" && grep . "$work/modules" | tar -c -T -) | tar -x -C "$root/lib/modules/$kernel"
busybox depmod -b "$root" "$kernel"
printf 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nuser:x:1000:\n' >"$root/etc/group"
echo 'user:100000:65536' | tee "$root/etc/subuid" >"$root/etc/subgid"
(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/base.gz"
mv "$work/vmlinuz" "$work/base.gz" "$folder/"
stamp >"$folder/stamp"
