#!/bin/sh
# A pretend HBase for hosts that have no real one, so that the flows of this example site do real work: a
# RegionServer here is a process that holds a port, of a version that was installed. A port is a file that names its
# process. The flow InstallPretendServices puts this on hosts; its `setup` gives every tool below a command.
#
# To let a host fail, write the reason into /var/lib/pretend-hbase/broken: no other version can be installed there
# until that file is gone. /var/lib/pretend-hbase/history has a line for everything that was done.

state=/var/lib/pretend-hbase   # ports/PORT, broken, history
opt=/opt/pretend-hbase         # releases/VERSION; current and previous name one of them
here=/usr/local/lib/pretend_hbase.sh
port=16020
tool=$1
shift

fail() { echo "$tool: $*" >&2; exit 1; }
note() { echo "$*" >>"$state/history"; }
said() { cat "$1" 2>/dev/null; }

# born PID: when a process started, which tells it from a later one of the same number.
born() {
    stat=$(said "/proc/$1/stat") || return 0
    set -- ${stat##*) }
    echo "${20}"
}

# runs PORT: sets pid and version of the RegionServer there, if there is one.
runs() {
    [ -f "$state/ports/$1" ] || return 1
    read -r pid since version <"$state/ports/$1"
    [ "$since" = "$(born "$pid")" ]
}

# stop SECONDS
stop() {
    kill "$pid" || fail "not as $(id -un): this wants hbase"
    left=$1
    while runs "$port"; do
        [ "$left" -gt 0 ] || fail "RegionServer $pid does not end"
        sleep 1
        left=$((left - 1))
    done
    rm -f "$state/ports/$port"
    note "stopped $version"
}

graceful_stop() {
    [ "$1" = --timeout ] || fail "usage: graceful_stop.sh --timeout SECONDS"
    runs "$port" || { echo "no RegionServer runs here"; return; }
    echo "moving the regions of $version away"
    sleep 1
    stop "$2"
    echo "stopped"
}

start_regionserver() {
    wanted=$(said "$opt/current") || fail "nothing is installed"
    if runs "$port"; then
        if [ "$version" = "$wanted" ]; then echo "$version runs already, as process $pid"; return; fi
        stop 10
    fi
    setsid /bin/sh "$opt/releases/$wanted/regionserver" "$state" "$port" </dev/null >>"$state/log" 2>&1 &
    left=20
    until runs "$port"; do
        [ "$left" -gt 0 ] || fail "the RegionServer did not open port $port; see $state/log"
        sleep 0.5
        left=$((left - 1))
    done
    note "started $version"
    echo "$version runs, as process $pid"
}

check_regionserver() {
    wanted=
    while [ $# -gt 1 ]; do
        case $1 in
        --port) port=$2 ;;
        --version) wanted=$2 ;;
        *) fail "what is $1?" ;;
        esac
        shift 2
    done
    runs "$port" || fail "nothing listens on port $port"
    [ -z "$wanted" ] || [ "$wanted" = "$version" ] || fail "$version listens on port $port, not $wanted"
    echo "$version listens on port $port"
}

install_hbase() {
    current=$(said "$opt/current")
    if [ "$1" = --previous ]; then go_back; return; fi
    if [ "$current" != "$2" ]; then
        if [ -n "$current" ] && [ -e "$state/broken" ]; then
            echo "to mend this host: rm $state/broken"
            fail "$(said "$state/broken")"
        fi
        # Should this fail there is nothing to go back to.
        rm -rf "$opt/previous" "$opt/releases/$2"
        /bin/sh "$1" "$opt/releases/$2" || fail "$1 cannot be unpacked"
        [ "$(said "$opt/releases/$2/VERSION")" = "$2" ] || fail "$1 does not hold $2"
        [ -z "$current" ] || echo "$current" >"$opt/previous"
        echo "$2" >"$opt/current" || fail "not as $(id -un): this wants hbase"
        note "installed $2"
    fi
    echo "installed $2"
}

go_back() {
    if [ -f "$opt/previous" ]; then
        mv "$opt/previous" "$opt/current" || fail "not as $(id -un): this wants hbase"
        current=$(said "$opt/current")
        note "installed $current"
    fi
    echo "installed $current"
}

hbase_versions() {
    [ "$1" = --expect ] || fail "usage: hbase_versions.sh --expect VERSION"
    runs "$port" || fail "no RegionServer runs here"
    echo "$version runs, $(said "$opt/current") is installed"
    [ "$version" = "$2" ] || fail "$2 was expected"
}

# setup, as root: directories, and a command for each tool.
setup() {
    id hbase >/dev/null 2>&1 || useradd --system --shell /bin/sh hbase || fail "there is no user hbase"
    mkdir -p /usr/local/lib /usr/local/bin "$state/ports" "$opt/releases" || fail "there is no room"
    chown hbase "$state" "$state/ports" "$opt" "$opt/releases" || fail "not as $(id -un): this wants root"
    cp "$1" "$here" && chmod 755 "$here" || fail "$here cannot be written"
    for tool in graceful_stop start_regionserver check_regionserver install_hbase hbase_versions; do
        printf '#!/bin/sh\nexec /bin/sh %s %s "$@"\n' "$here" "$tool" >"/usr/local/bin/$tool.sh"
        chmod 755 "/usr/local/bin/$tool.sh"
    done
    echo "set up"
}

case $tool in
setup | graceful_stop | start_regionserver | check_regionserver | install_hbase | hbase_versions) "$tool" "$@" ;;
*) fail "no such tool" ;;
esac
