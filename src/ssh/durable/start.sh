# Starts the attempt unless it is there already. X: the command's script; W: the wrapper's;
# CAP: bytes of output to keep a stream; S: set if the command is given what conn_feed writes.

# Files that the end of the attempt needs are made now, in full size: a full disk must not hide
# how the command ended.
conn_prepare() {
  # Only what is built in leaves no trace in the list of processes.
  if [ -n "$S" ] && [ "$(command -v printf)" != printf ]; then
    M="this host's /bin/sh has no printf of its own, and would show secrets in the list of processes"
    return 1
  fi
  M=$({
    printf '%64s\n' '' | LC_ALL=C tee "$D/rc.new" "$D/o.lost" "$D/e.lost" >/dev/null &&
      mkfifo "$D/o.pipe" "$D/e.pipe" && conn_input
  } 2>&1) && [ -s "$D/rc.new" ] && return
  # Not every tool says why.
  [ -n "$M" ] || M="nothing can be written to $D"
  case $(LC_ALL=C df -P "$D" 2>/dev/null) in *' 100% '*) M="the disk is full: $M" ;; esac
  return 1
}

# A login manager may kill what a user leaves behind; then the command needs a scope of its own.
conn_scope() {
  [ -d /run/systemd/system ] && command -v systemd-run >/dev/null 2>&1 || return 1
  grep -Eqs '^[[:space:]]*KillUserProcesses[[:space:]]*=[[:space:]]*(yes|true|on|1)' \
    /etc/systemd/logind.conf /etc/systemd/logind.conf.d/*.conf \
    /run/systemd/logind.conf.d/*.conf /usr/lib/systemd/logind.conf.d/*.conf
}

# In the foreground: what a shell starts in the background ignores SIGINT for ever.
conn_run() {
  if [ -n "$S" ]; then conn_feed | "$@"; else "$@" </dev/null; fi >/dev/null 2>"$D/note"
}

conn_launch() {
  set -- /bin/sh -c "$W" conn-wrapper "$D" "$CAP" "$X"
  if command -v setsid >/dev/null 2>&1; then set -- setsid "$@"; else trap '' HUP; fi
  if conn_scope; then
    if [ "$(id -u)" = 0 ]; then
      conn_run systemd-run --scope -q -- "$@" && return
    else
      loginctl enable-linger >/dev/null 2>&1
      conn_run systemd-run --user --scope -q -- "$@" && return
    fi
    [ ! -d "$D/go" ] || return
  fi
  conn_run "$@"
}

conn_start() {
  if conn_find; then conn_follow; return; fi
  if ! conn_make; then
    if conn_find; then conn_follow; else conn_refuse; fi
    return
  fi
  if ! conn_prepare; then
    rm -rf "$D"
    conn_refuse
    return
  fi
  conn_follow &
  conn_launch 2>/dev/null
  [ -d "$D/go" ] || true > "$D/failed"
  wait
}
