# shellcheck shell=bash
# What every part of `fleet` uses: the record of a fleet, its lock, its processes, waiting.

# The record: what `up` is going to make, written before it is made, so that `down` can always find it.
DIR=''       # absolute path of the fleet's directory
ID=''        # unique on this machine; part of the name of every link
BRIDGE=''    # the bridge the hosts hang on
NET=''       # 10.A.B: the first three numbers of the /22
HOSTS=()     # names, in order
KEEPER=''    # pid of the process that holds all namespaces

die() {
    printf 'fleet: %s\n' "$*" >&2
    exit 1
}

need_args() {
    local n=$1
    shift
    (($# >= n)) || {
        usage >&2
        exit 2
    }
}

need_root() {
    ((EUID == 0)) || die 'making hosts needs root (network namespaces and mounts). Run it as root or with sudo.'
}

# need_command NAME PACKAGE
need_command() {
    command -v "$1" >/dev/null || die "'$1' is missing. Install the Debian package $2, or run tests/setup.sh."
}

# set_dir DIR: a path that can stand in mount options, ssh_config and known_hosts as it is.
set_dir() {
    DIR=$(realpath -m -- "$1")
    [[ $DIR =~ ^/[A-Za-z0-9._/+@-]+$ ]] ||
        die "'$DIR' cannot hold a fleet: use a path of letters, digits and . _ - + @ only."
}

# dir_is_ours: it is empty but perhaps for our lock, or holds a fleet's record. Asked before anything is written there.
dir_is_ours() {
    [[ -f $DIR/.fleet || -z $(find "$DIR" -mindepth 1 ! -name .lock -print -quit) ]]
}

# lock_dir: one `up` or `down` at a time. A keeper that is still starting holds it too (see guest/keeper).
lock_dir() {
    exec 9>"$DIR/.lock"
    flock -w 60 9 || die "another command works on $DIR since a minute. Look for it with: fuser $DIR/.lock"
}

unlock_dir() { exec 9>&-; }

save_record() {
    printf '%s\n' "id=$ID" "bridge=$BRIDGE" "net=$NET" "hosts=${HOSTS[*]}" >"$DIR/.fleet"
}

load_record() {
    local key value
    [[ -f $DIR/.fleet ]] || return 1
    while IFS='=' read -r key value; do
        case $key in
        id) ID=$value ;;
        bridge) BRIDGE=$value ;;
        net) NET=$value ;;
        hosts) read -ra HOSTS <<<"$value" ;;
        esac
    done <"$DIR/.fleet"
    KEEPER=$(recorded_process "$DIR/.keeper") || KEEPER=''
}

# open_fleet DIR: for everything that works on a running fleet.
open_fleet() {
    set_dir "$1"
    need_root
    load_record || die "there is no fleet in $DIR. Make one with: fleet up N $DIR"
    [[ $KEEPER ]] || die "the fleet in $DIR is no longer running. Take away what is left with: fleet down $DIR"
}

# recorded_process FILE: the pid in FILE, if that very process still lives. FILE has pid and start time.
recorded_process() {
    local pid start
    read -r pid start <"$1" || return 1
    [[ $(start_time "$pid") == "$start" ]] && echo "$pid"
} 2>/dev/null

# start_time PID: in clock ticks since boot; nothing for a process that is gone or a zombie.
start_time() {
    local stat fields
    read -r stat <"/proc/$1/stat" || return 0
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} == [ZX] ]] || echo "${fields[19]}"
} 2>/dev/null

# end_process PID: SIGKILL, and wait until it is gone; with a pid namespace's first process, all in it are gone too.
end_process() {
    local start
    start=$(start_time "$1")
    [[ $start ]] || return 0
    kill -KILL "$1" 2>/dev/null || true
    wait_for "process $1 to end" 30 process_is_gone "$1" "$start"
}

process_is_gone() { [[ $(start_time "$1") != "$2" ]]; }

# wait_for WHAT SECONDS PREDICATE…: asks 100 times a second.
wait_for() {
    local what=$1 tries=$(($2 * 100))
    shift 2
    until "$@"; do
        ((tries-- > 0)) || {
            printf 'fleet: waited in vain for %s.\n' "$what" >&2
            return 1
        }
        sleep 0.01
    done
}

has_host() {
    local h
    for h in "${HOSTS[@]}"; do [[ $h == "$1" ]] && return; done
    die "there is no host '$1' in $DIR; it has: ${HOSTS[*]}"
}

# index_of HOST: 1 for the first.
index_of() {
    local i
    for i in "${!HOSTS[@]}"; do [[ ${HOSTS[i]} == "$1" ]] && echo $((i + 1)) && return; done
}

# address_of INDEX: .1 to .1000 of the /22, leaving out the numbers 0 and 255, that look like no host's.
address_of() {
    local i=$(($1 - 1))
    echo "10.${NET%.*}.$((${NET#*.} + i / 250)).$((1 + i % 250))"
}

link_of() { echo "${ID}v$1"; }

# disks: where the hosts' disks are, seen from outside the keeper's mount namespace.
disks() { echo "/proc/$KEEPER/root$DIR/disks"; }

# init_of HOST: the host's first process as seen from here; fails when the host is down.
init_of() { recorded_process "$DIR/run/$1"; }

# in_host HOST CMD…: as root, in all of its namespaces, with a clean environment.
in_host() {
    local host=$1 init
    shift
    init=$(init_of "$host") || die "$host is down. Boot it with: fleet reboot $DIR $host"
    nsenter -t "$init" -m -u -i -n -p -- /usr/bin/env -i --default-signal \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
}
