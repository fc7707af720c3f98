#!/bin/bash
# rootfs.sh BUILT ROOT: lays out in the folder ROOT all that is in Tidemill's image; the programs come from the folder BUILT.
# This is the one list of what goes in: the Dockerfile takes it, and so do the tests, which make the image without Docker.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
built=$1
root=$2
programs="tidemill tidemill-operator tidemill-worker"

mkdir -p "$root"/{etc/ssl/certs,usr/local/bin,tmp}
chmod 1777 "$root/tmp"
for program in $programs; do
    # Without debugging information, which is most of a binary; function names stay, for what a crash prints.
    strip --strip-debug -o "$root/usr/local/bin/$program" "$built/$program"
    chmod 755 "$root/usr/local/bin/$program"
    "$here/libraries.sh" "$built/$program" "$root"
done
ln -s tidemill "$root/usr/local/bin/kubectl-tidemill"

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
# Looked up as needed: users by their names, hosts in /etc/hosts and by DNS.
echo 'tidemill:x:65532:65532:tidemill:/:/sbin/nologin' > "$root/etc/passwd"
echo 'tidemill:x:65532:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
