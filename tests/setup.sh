#!/bin/sh
# Installs what the tests use on a Debian machine with Rust: real SSH servers, other shells, and the programs whose
# answers ours are compared with. Installs only what is missing, says what, and needs root or `sudo -n` for that.
#
# Usage: tests/setup.sh [--peers]    with --peers also what the side-by-side benches (tests/peers) compare with
set -eu

PATH=$PATH:/usr/sbin:/sbin

# command, and the package that has it
tests='sshd openssh-server
ssh openssh-client
ip iproute2
tmux tmux
nodeset clustershell
busybox busybox
dash dash
bash bash
tcsh tcsh
fish fish
sudo sudo
doas opendoas
ansible-inventory ansible-core
ps procps
python3 python3
cc gcc libc6-dev'
peers='parallel-ssh pssh
pdsh pdsh'

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        echo "setup: no root here, and sudo asks for a password. Run as root: apt-get install$missing" >&2
        exit 1
    fi
}

missing_packages() {
    echo "$1" | while read -r name package; do
        command -v "$name" >/dev/null || printf ' %s' "$package"
    done
}

missing=$(missing_packages "$tests")
case ${1-} in
'') ;;
--peers) missing=$missing$(missing_packages "$peers") ;;
*)
    echo "usage: tests/setup.sh [--peers]" >&2
    exit 2
    ;;
esac

if [ -n "$missing" ]; then
    echo "setup: installing$missing"
    as_root apt-get -qq update
    # shellcheck disable=SC2086 # one word a package
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends $missing >/dev/null
fi

for component in rustfmt clippy; do
    cargo "$(echo "$component" | sed s/rustfmt/fmt/)" --version >/dev/null 2>&1 && continue
    echo "setup: adding $component to the Rust toolchain"
    rustup component add "$component"
done
