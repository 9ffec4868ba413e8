#!/bin/sh
# Packs a small guest that puts an ext4 file system on its first virtio disk, or reads one back, or writes to the bare disk
# and checks it until it is told to stop.
#   make-initramfs.sh KERNEL-VERSION OUT.cpio.gz
# Needs Debian's busybox-static, e2fsprogs, cpio and the modules of that kernel (linux-image-cloud-amd64).
# The guest's step is given on the kernel's command line: mirach.step=write, read or churn.
set -eu
[ $# = 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
version=$1
case $2 in /*) out=$2 ;; *) out=$PWD/$2 ;; esac
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/mnt" "$root/modules"
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$here/init" "$root/init"
chmod 755 "$root/init"

# Modules in the order in which they must be loaded, as modprobe resolves it.
for wanted in virtio_pci virtio_blk; do
  modprobe --set-version "$version" --show-depends "$wanted" | awk '$1 == "insmod" { print $2 }'
done | awk '!seen[$0]++' | while read -r module; do
  cp "$module" "$root/modules/"
  basename "$module" >>"$root/modules/order"
done

# mkfs.ext4 with the libraries that it links.
mkfs=$(PATH=$PATH:/usr/sbin:/sbin command -v mkfs.ext4)
{ echo "$mkfs"; ldd "$mkfs" | grep -o '/[^ ]*'; } | while read -r file; do
  mkdir -p "$root$(dirname "$file")"
  cp -L "$file" "$root$file"
done
cp -L "$mkfs" "$root/bin/mkfs.ext4"

(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$out"
