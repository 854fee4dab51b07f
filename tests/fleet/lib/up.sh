# shellcheck shell=bash
# `fleet up`: a bridge, and N hosts on it.

PREFIX=web
DISK=256m
LOGIN_SHELL=/bin/bash
MORE_USERS=()
SSHD_LINES=()
WITH_CA=''
SYSLOG=''
UNTIL_EOF=''

fleet_up() {
    parse_up "$@"
    check_machine
    mkdir -p "$DIR"
    dir_is_ours || die "$DIR holds other files. Give a directory that is empty or does not exist yet."
    lock_dir
    clear_dir
    trap 'up_failed $?' EXIT
    trap 'exit 130' INT TERM HUP
    take_subnet
    make_keys
    start_keeper
    make_common_layer
    make_links
    boot_all
    write_client_files
    [[ ! $UNTIL_EOF ]] || start_watcher
    trap - EXIT INT TERM HUP
    unlock_dir
}

parse_up() {
    local words=() n
    while (($#)); do
        case $1 in
        --prefix) need_args 2 "$@" && PREFIX=$2 && shift ;;
        --disk) need_args 2 "$@" && DISK=$2 && shift ;;
        --shell) need_args 2 "$@" && LOGIN_SHELL=$2 && shift ;;
        --user) need_args 2 "$@" && MORE_USERS+=("$2") && shift ;;
        --sshd) need_args 2 "$@" && SSHD_LINES+=("$2") && shift ;;
        --ca) WITH_CA=1 ;;
        --syslog) SYSLOG=1 ;;
        --until-eof) UNTIL_EOF=1 ;;
        -*) die "there is no option '$1'; see: fleet --help" ;;
        *) words+=("$1") ;;
        esac
        shift
    done
    ((${#words[@]} == 2)) || die "'up' needs the number of hosts and a directory; see: fleet --help"
    n=${words[0]}
    [[ $n =~ ^[0-9]{1,4}$ ]] && ((10#$n >= 1 && 10#$n <= 1000)) || die "'$n' is no number of hosts from 1 to 1000."
    [[ $PREFIX =~ ^[a-z]([a-z0-9-]*[a-z])?$ ]] ||
        die "'$PREFIX' is no prefix for host names: letters, with digits and - between."
    for n in "${MORE_USERS[@]}"; do
        [[ $n =~ ^[a-z][a-z0-9_-]*(:/[^[:space:]:]+)?$ ]] || die "'$n' is no user: NAME or NAME:/PATH/OF/SHELL."
    done
    set_dir "${words[1]}"
    name_hosts "${words[0]}"
}

name_hosts() { mapfile -t HOSTS < <(seq -f "$PREFIX%0$((10#$1 > 99 ? ${#1} : 2)).0f" 1 "$((10#$1))"); }

check_machine() {
    local shell
    need_root
    need_command sshd openssh-server
    need_command ssh openssh-client
    need_command ip iproute2
    need_command unshare util-linux
    unshare --mount --net --pid true 2>/dev/null ||
        die 'no namespaces can be made here. Is this a container? It needs CAP_SYS_ADMIN (docker: --privileged).'
    [[ ! $SYSLOG ]] || need_command busybox busybox
    for shell in "$LOGIN_SHELL" "${MORE_USERS[@]#*:}"; do
        [[ $shell != /* || -x $shell ]] ||
            die "the login shell $shell is not installed here, so hosts do not have it either."
    done
}

# clear_dir: takes away the remains of a fleet that runs no more.
clear_dir() {
    load_record || return 0
    [[ ! $KEEPER ]] || die "a fleet runs in $DIR already. Take it down with: fleet down $DIR"
    remove_fleet
    mkdir -p "$DIR"
    lock_dir
}

up_failed() {
    trap - EXIT INT TERM HUP
    printf 'fleet: %s could not be brought up; taking away what was made.\n' "$DIR" >&2
    [[ ! -f $DIR/run/log ]] || tail -n 20 "$DIR/run/log" >&2
    KEEPER=$(recorded_process "$DIR/.keeper") || KEEPER=''
    [[ ! $KEEPER ]] || end_process "$KEEPER"
    wait || true # for the helpers in the background: they may still be making things
    remove_fleet
    exit "$1"
}

# take_subnet: a free 10.64.0.0/10 slice of 1,024 addresses. One machine-wide lock keeps two fleets apart; the
# search starts at a place of its own, so that they seldom meet at all.
take_subnet() {
    local used start i
    mkdir -p /run/lock
    exec 8>/run/lock/conn-fleet.lock
    flock -w 60 8 || die 'another fleet takes its addresses since a minute; see: fuser /run/lock/conn-fleet.lock'
    used=$(ip -4 -o route show table all; ip -4 -o addr show)
    start=$(($(printf '%s' "$DIR" | cksum | cut -d' ' -f1) % 4096))
    for ((i = 0; i < 4096; i++)); do
        set_subnet $(((start + i) % 4096))
        ! slice_is_used "$used" || continue
        save_record
        ip -batch - <<TEXT
link add $BRIDGE type bridge
link set $BRIDGE alias $DIR
addr add $(bridge_address)/22 dev $BRIDGE
link set $BRIDGE up
TEXT
        exec 8>&-
        return
    done
    die 'no free addresses are left in 10.64.0.0/10. Take down fleets that are no longer needed.'
}

# set_subnet K: the K-th slice of four /24.
set_subnet() {
    NET="$((64 + $1 / 64)).$(($1 % 64 * 4))"
    ID=$(printf 'cf%02x%02x' "${NET%.*}" "${NET#*.}")
    BRIDGE=${ID}br
}

bridge_address() { echo "10.${NET%.*}.$((${NET#*.} + 3)).254"; }

# slice_is_used ROUTES: does any route or address begin with one of its four /24? Wider routes do not count: this
# one is more specific.
slice_is_used() {
    local c=${NET#*.}
    [[ -e /sys/class/net/$BRIDGE || $1 =~ (^|[^0-9.])10\.${NET%.*}\.($c|$((c + 1))|$((c + 2))|$((c + 3)))\. ]]
}

make_keys() {
    mkdir -p "$DIR/run" "$DIR/disks" "$DIR/hostkeys"
    make_key "$DIR/id" "fleet $ID"
    [[ $WITH_CA ]] || return 0
    make_key "$DIR/ca_host" "fleet $ID host authority"
    make_key "$DIR/ca_user" "fleet $ID user authority"
    make_key "$DIR/id_cert" "fleet $ID, by certificate only"
    ssh-keygen -q -s "$DIR/ca_user" -I "fleet-$ID" -n root,admin "$DIR/id_cert.pub"
}

make_key() { ssh-keygen -q -t ed25519 -N '' -C "$2" -f "$1"; }

# start_keeper: from here on, one SIGKILL takes everything away but the bridge.
start_keeper() {
    setsid unshare --mount --pid "$HERE/guest/first" "$HERE/guest/keeper" "$DIR/.keeper" \
        </dev/null >>"$DIR/run/log" 2>&1
    wait_for 'the keeper' 10 keeper_is_there
}

keeper_is_there() {
    [[ -s $DIR/.keeper ]] && KEEPER=$(recorded_process "$DIR/.keeper")
}

# make_links: a network namespace a host, joined to the bridge by a pair of links: eth0 there, the other end here.
make_links() {
    local i
    for i in "${!HOSTS[@]}"; do link_commands "${HOSTS[i]}" $((i + 1)); done | in_keeper_mounts ip -batch -
}

boot_all() {
    local host jobs=() job
    for host in "${HOSTS[@]}"; do
        echo "fleet $DIR/disks/$host tmpfs size=$DISK,mode=755,X-mount.mkdir 0 0"
    done >"$DIR/run/disks"
    in_keeper_mounts mount -a -T "$DIR/run/disks"
    for host in "${HOSTS[@]}"; do
        first_boot "$host" &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do wait "$job" || die 'a host did not come up.'; done
}

first_boot() {
    local host=$1 disk
    disk=$(disks)/$host
    mkdir -p "$disk"/{upper/etc/ssh,work,root}
    echo "$host" >"$disk/upper/etc/hostname"
    read -r machine_id </proc/sys/kernel/random/uuid
    echo "${machine_id//-/}" >"$disk/upper/etc/machine-id"
    make_host_key "$host" "$disk/upper"
    boot_host "$host"
    wait_for "sshd of $host" 30 sshd_answers "$host"
}

write_client_files() {
    local host
    hosts_and_addresses >"$DIR/hosts"
    for host in "${HOSTS[@]}"; do
        echo "$host,$(address_of "$(index_of "$host")") $(cut -d' ' -f1,2 "$DIR/hostkeys/$host.pub")"
    done >"$DIR/known_hosts"
    write_ssh_config "$DIR/ssh_config" "$DIR/id" "$DIR/known_hosts"
    [[ $WITH_CA ]] || return 0
    echo "@cert-authority $PREFIX*,10.${NET%.*}.* $(cut -d' ' -f1,2 "$DIR/ca_host.pub")" >"$DIR/known_hosts_ca"
    write_ssh_config "$DIR/ssh_config_ca" "$DIR/id_cert" "$DIR/known_hosts_ca"
}

# write_ssh_config FILE KEY KNOWN_HOSTS
write_ssh_config() {
    local i
    {
        for i in "${!HOSTS[@]}"; do printf 'Host %s\n  HostName %s\n' "${HOSTS[i]}" "$(address_of $((i + 1)))"; done
        cat <<TEXT
Host $PREFIX*
  User root
  IdentityFile $2
  UserKnownHostsFile $3
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
TEXT
    } >"$1"
}

# start_watcher: takes the fleet down when standard input ends. It must not keep anyone else's files open.
start_watcher() {
    setsid "$HERE/guest/watcher" "$HERE/fleet" "$DIR" <&0 >/dev/null 2>&1 8>&- 9>&- &
    echo "$! $(start_time $!)" >"$DIR/.watcher"
}
