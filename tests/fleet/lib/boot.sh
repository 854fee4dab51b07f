# shellcheck shell=bash
# Bringing one host up: its link, its key, its first process, and knowing when it answers.

link_commands() {
    local link
    link=$(link_of "$2")
    echo "netns add $1"
    echo "link add $link type veth peer name eth0 netns $1"
    echo "link set $link master $BRIDGE up"
}

# in_keeper_mounts CMD…: where the network namespaces have their names; the network itself stays this machine's.
in_keeper_mounts() { nsenter -t "$KEEPER" -m -- "$@"; }

# make_host_key HOST ROOT: in the files under ROOT; the public half also in DIR/hostkeys.
make_host_key() {
    local ssh=$2/etc/ssh
    rm -f "$ssh/hostkey" "$ssh/hostkey.pub" "$ssh/hostkey-cert.pub"
    make_key "$ssh/hostkey" "$1"
    if [[ -f $DIR/ca_host ]]; then
        ssh-keygen -q -s "$DIR/ca_host" -I "$1" -h -n "$1,$(address_of "$(index_of "$1")")" "$ssh/hostkey.pub"
    fi
    cp "$ssh/hostkey.pub" "$DIR/hostkeys/$1.pub"
}

# boot_host HOST: the host's first process, in namespaces of its own inside the keeper's.
boot_host() {
    local uuid
    read -r uuid </proc/sys/kernel/random/uuid
    echo "$uuid" >"$(disks)/$1/boot_id"
    rm -f "$DIR/run/$1"
    setsid nsenter -t "$KEEPER" -m -p "--net=/proc/$KEEPER/root/run/netns/$1" \
        unshare --mount --uts --ipc --pid "$HERE/guest/first" \
        "$HERE/guest/boot" "$DIR" "$1" "$(address_of "$(index_of "$1")")/22" \
        </dev/null >>"$DIR/run/log" 2>&1 8>&- 9>&-
    wait_for "$1 to boot" 30 init_of "$1" >/dev/null
}

# sshd_answers HOST: it has written its pid, so it listens; and its greeting comes over the network.
sshd_answers() {
    local init banner
    init=$(init_of "$1") && [[ -s /proc/$init/root/run/fleet-sshd.pid ]] || return 1
    {
        exec 7<>"/dev/tcp/$(address_of "$(index_of "$1")")/22" && read -r -t 5 -u 7 banner
    } 2>/dev/null || return 1
    exec 7>&-
    [[ $banner == SSH-2.0-* ]]
}
