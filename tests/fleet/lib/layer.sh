# shellcheck shell=bash
# What all hosts of a fleet have in common: files laid over this machine's own.

# make_common_layer: what all hosts have in common, laid over this machine's own files:
# `mask` hides what is private here (a character device 0/0 hides what is below it), `common` adds what is new.
make_common_layer() {
    local mask common dir
    nsenter -t "$KEEPER" -m mount -t tmpfs -o size=64m,mode=755 fleet "$DIR/disks"
    mask=$(disks)/mask common=$(disks)/common
    mkdir -p "$mask/var" "$common"/{dev/pts,dev/shm,etc/ssh,etc/sudoers.d,home,proc,root,run,tmp,var/log,var/tmp}
    for dir in root home tmp var/tmp var/log; do mknod "$mask/$dir" c 0 0; done
    chmod 700 "$common/root"
    chmod 1777 "$common/tmp" "$common/var/tmp" "$common/dev/shm"
    make_devices "$common/dev"
    make_users "$common"
    make_sshd_config "$common/etc/ssh"
    install -m 755 "$HERE/guest/init" "$common/etc/fleet-init"
    {
        echo '127.0.0.1 localhost'
        hosts_and_addresses | awk '{ print $2, $1 }'
    } >"$common/etc/hosts"
    unshare --mount --net --pid true 2>/dev/null ||
        die 'no namespaces can be made here. Is this a container? It needs CAP_SYS_ADMIN (docker: --privileged).'
    [[ ! $SYSLOG ]] || : >"$common/etc/fleet-syslog"
}

hosts_and_addresses() {
    local i
    for i in "${!HOSTS[@]}"; do echo "${HOSTS[i]} $(address_of $((i + 1)))"; done
}

make_devices() {
    cp -a /dev/{null,zero,full,random,urandom,tty} "$1/"
    ln -s pts/ptmx "$1/ptmx"
    ln -s /proc/self/fd "$1/fd"
    ln -s /proc/self/fd/0 "$1/stdin"
    ln -s /proc/self/fd/1 "$1/stdout"
    ln -s /proc/self/fd/2 "$1/stderr"
}

# make_users LAYER: this machine's accounts without its passwords, and ours. `*` is no password, but not locked
# either: sshd refuses locked accounts.
make_users() {
    local etc=$1/etc id=61000 user name shell ours=" admin:$LOGIN_SHELL"
    for user in "${MORE_USERS[@]}"; do ours+=" $user"; done
    awk -F: -v OFS=: -v shell="$LOGIN_SHELL" '$1 == "root" { $7 = shell } $1 != "admin"' /etc/passwd >"$etc/passwd"
    awk -F: '$1 != "admin" { print $1 ":*:19000:0:99999:7:::" }' /etc/passwd >"$etc/shadow"
    grep -v '^admin:' /etc/group >"$etc/group"
    echo 'root ALL=(ALL:ALL) NOPASSWD: ALL' >"$etc/sudoers"
    for user in $ours; do
        name=${user%%:*}
        shell=${user#"$name"}
        shell=${shell#:}
        echo "$name:x:$id:$id::/home/$name:${shell:-/bin/bash}" >>"$etc/passwd"
        echo "$name:*:19000:0:99999:7:::" >>"$etc/shadow"
        echo "$name:x:$id:" >>"$etc/group"
        echo "$name ALL=(ALL:ALL) NOPASSWD: ALL" >>"$etc/sudoers"
        install -d -m 750 -o "$id" -g "$id" "$1/home/$name"
        id=$((id + 1))
    done
    chmod 640 "$etc/shadow"
    chmod 440 "$etc/sudoers"
}

make_sshd_config() {
    cp "$DIR/id.pub" "$1/fleet_keys"
    {
        printf '%s\n' "${SSHD_LINES[@]}"
        cat <<'TEXT'
Port 22
HostKey /etc/ssh/hostkey
AuthorizedKeysFile /etc/ssh/fleet_keys .ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
MaxStartups 1000
PrintMotd no
PidFile /run/fleet-sshd.pid
Subsystem sftp internal-sftp
AcceptEnv LANG LC_*
TEXT
        if [[ $WITH_CA ]]; then
            cp "$DIR/ca_user.pub" "$1/ca_user.pub"
            echo 'HostCertificate /etc/ssh/hostkey-cert.pub'
            echo 'TrustedUserCAKeys /etc/ssh/ca_user.pub'
        fi
    } >"$1/sshd_fleet"
    check_sshd_config "$1/sshd_fleet"
}

# check_sshd_config FILE: also tells whether this sshd slows down whoever fails often, which tests do on purpose.
check_sshd_config() {
    local sshd
    sshd=$(command -v sshd)
    mkdir -p /run/sshd
    if "$sshd" -t -h "$DIR/id" -f /dev/null -o 'PerSourcePenalties no' 2>/dev/null; then
        echo 'PerSourcePenalties no' >>"$1"
    fi
    sed -e '/^HostKey /d' -e '/^HostCertificate /d' "$1" >"$DIR/run/sshd_check"
    "$sshd" -t -h "$DIR/id" -f "$DIR/run/sshd_check" ||
        die 'sshd does not take this configuration (see above); mind the --sshd options.'
}
