#!/usr/bin/env bash
# Boots the virtual machine of tests/vm/build.sh, runs a script in it as root and prints what it says. The exit code is the
# script's; 124 where it didn't end in time.
#
#   bash tests/vm/run.sh FOLDER SCRIPT [FILE=PLACE]…      each FILE is at /payload/PLACE
#
# VM_SECONDS=N   how long it may take in all (default 300)
set -euo pipefail

folder=$1 script=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/payload"
cp "$script" "$work/root/payload/script"
for pair in "$@"; do
    mkdir -p "$(dirname "$work/root/payload/${pair#*=}")"
    cp -a "${pair%%=*}" "$work/root/payload/${pair#*=}"
done
(cd "$work/root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/payload.gz"
cat "$folder/base.gz" "$work/payload.gz" >"$work/initrd.gz"
# KVM's device is there on some machines where it hangs, so the processor is always emulated.
timeout "${VM_SECONDS:-300}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 1536 -smp 2 -nodefaults -no-reboot \
    -display none -serial stdio -kernel "$folder/vmlinuz" -initrd "$work/initrd.gz" \
    -append "console=ttyS0 quiet panic=-1 apparmor=1 security=apparmor syscall.x32=y ${VM_KERNEL:-}" </dev/null |
    tr -d '\r' | tee "$work/output"
code=$(sed -n 's/^VM-EXIT \([0-9]*\)$/\1/p' "$work/output" | tail -1)
exit "${code:-124}"
