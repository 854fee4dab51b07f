# shellcheck shell=bash
# Acts on single hosts of a running fleet.

# each_host ACT DIR HOST…
each_host() {
    local act=$1 host
    shift
    need_args 2 "$@"
    open_fleet "$1"
    shift
    for host in "$@"; do has_host "$host"; done
    for host in "$@"; do "$act" "$host"; done
}

list_hosts() {
    local host
    for host in "${HOSTS[@]}"; do echo "$host $(address_of "$(index_of "$host")") $(state_of "$host")"; done
}

state_of() {
    local init flags states
    init=$(init_of "$1") || { echo down && return; }
    read -r flags <"/sys/class/net/$(link_of "$(index_of "$1")")/flags"
    states=$(sshd_states "$1" "$init")
    if ((!(flags & 1))); then
        echo cut
    elif [[ ! $states ]]; then
        echo no-sshd
    elif [[ $states == T* ]]; then
        echo stopped
    else
        echo up
    fi
}

# sshd_states HOST INIT: one letter each, listener first, as in ps(1).
sshd_states() {
    nsenter -t "$2" -p -m -- ps -C sshd,sshd-session,sshd-auth -o state= --sort pid | tr -d ' \n'
}

act_cut() { ip link set "$(link_of "$(index_of "$1")")" down; }

act_heal() { ip link set "$(link_of "$(index_of "$1")")" up; }

# act_stop: again until all stand still, since one may fork while another is being stopped.
act_stop() { wait_for "sshd of $1 to stand still" 10 stop_sshd "$1"; }

stop_sshd() {
    in_host "$1" pkill -STOP '^sshd' || return 1
    [[ $(sshd_states "$1" "$(init_of "$1")") =~ ^T+$ ]]
}

act_cont() { in_host "$1" pkill -CONT '^sshd' || die "no sshd runs on $1. Start it with: fleet start-sshd $DIR $1"; }

act_kill_sshd() {
    wait_for "sshd of $1 to end" 10 sshd_is_killed "$1"
    in_host "$1" rm -f /run/fleet-sshd.pid
}

sshd_is_killed() {
    in_host "$1" pkill -KILL '^sshd' || true
    [[ ! $(sshd_states "$1" "$(init_of "$1")") ]]
}

act_start_sshd() {
    in_host "$1" /usr/sbin/sshd -f /etc/ssh/sshd_fleet -E /var/log/sshd.log
    wait_for "sshd of $1" 30 sshd_answers "$1"
}

act_reboot() {
    halt_host "$1"
    boot_host "$1"
    wait_for "sshd of $1" 30 sshd_answers "$1"
}

# act_reboot_hard: the network goes first, with every connection in it, so that no farewell leaves the host.
act_reboot_hard() {
    local index
    index=$(index_of "$1")
    act_cut "$1"
    halt_host "$1"
    {
        echo "link del $(link_of "$index")"
        echo "netns del $1"
        link_commands "$1" "$index"
    } | in_keeper_mounts ip -batch -
    boot_host "$1"
    wait_for "sshd of $1" 30 sshd_answers "$1"
}

halt_host() {
    local init
    init=$(init_of "$1") || return 0
    end_process "$init"
}

# act_rekey: sessions go on; the listener starts anew with the new key.
act_rekey() {
    local init
    init=$(init_of "$1") || die "$1 is down. Boot it with: fleet reboot $DIR $1"
    make_host_key "$1" "/proc/$init/root"
    # shellcheck disable=SC2016 # expands on the host
    in_host "$1" /bin/sh -c 'kill "$(cat /run/fleet-sshd.pid)" && rm -f /run/fleet-sshd.pid'
    wait_for "the port of $1 to be free" 10 port_is_free "$init"
    act_start_sshd "$1"
}

# port_is_free INIT: nothing listens (state 0A) on port 22 (0016) there.
port_is_free() { ! grep -q ':0016 [0-9A-F]*:0000 0A' "/proc/$1/net/tcp"; }

# act_fill HOST [LEAVE]
act_fill() {
    local free
    has_host "$1"
    free=$(in_host "$1" df --output=avail -B1 / | tail -n 1)
    ((free > ${2:-0})) || return 0
    in_host "$1" fallocate -l $((free - ${2:-0})) /var/fleet-fill
}

act_unfill() { has_host "$1" && in_host "$1" rm -f /var/fleet-fill; }

act_exec() {
    has_host "$1"
    (($# > 1)) || die "what is to be run on $1? See: fleet --help"
    in_host "$@"
}

act_log() { has_host "$1" && cat "$(disks)/$1/upper/var/log/sshd.log"; }
