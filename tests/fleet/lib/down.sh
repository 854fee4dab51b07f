# shellcheck shell=bash
# `fleet down`: nothing of a fleet is left, whatever state it was in.

fleet_down() {
    set_dir "$1"
    [[ -d $DIR ]] || return 0
    dir_is_ours || die "there is no fleet in $DIR, but other files: they stay."
    need_root
    lock_dir # waits for an `up`, and for what a killed one left running
    load_record || true
    remove_fleet
}

remove_fleet() {
    local watcher
    watcher=$(recorded_process "$DIR/.watcher") && [[ $watcher != "${FLEET_WATCHER-}" ]] && end_process "$watcher"
    [[ ! $KEEPER ]] || end_process "$KEEPER"
    remove_links
    rm -rf "$DIR"
}

# remove_links: the kernel would drop the links a moment after their namespaces; here they are gone on return.
# The bridge says whose it is: a later fleet may have the name that an old record still holds.
remove_links() {
    local owner=''
    [[ $BRIDGE && -e /sys/class/net/$BRIDGE ]] || return 0
    read -r owner <"/sys/class/net/$BRIDGE/ifalias" || true
    [[ $owner == "$DIR" ]] || return 0
    ip -o link show | awk -F': ' -v id="$ID" 'index($2, id) == 1 { sub(/@.*/, "", $2); print "link del", $2 }' |
        ip -force -batch - 2>/dev/null || true
    [[ ! -e /sys/class/net/$BRIDGE ]] || die "the bridge $BRIDGE could not be removed. See: ip link show $BRIDGE"
}
