# Kills a command: politely, then for good, and says whether it is gone.
# R: the leader of its session; T: the leader's start time, or empty; G: seconds of grace.

# Lists what lives as lines "pid ppid pgrp session starttime". Zombies do not live.
table() {
  if [ -r /proc/self/stat ]; then
    for f in /proc/[0-9]*/stat; do
      { IFS= read -r l < "$f"; } 2>/dev/null || continue
      p=${l%% *}
      case $l in *') '*) ;; *) continue ;; esac
      set -- ${l##*) }
      case $1 in Z | X | x) continue ;; esac
      echo "$p $2 $3 $4 ${20}"
    done
  else
    ps -A -o pid= -o ppid= -o pgid= -o state= 2>/dev/null | while read -r p q g s; do
      case $s in Z*) continue ;; esac
      echo "$p $q $g $g 0"
    done
  fi
}

# Sets M to the members: the leader's session and group, and what descends from them.
members() {
  M=' '
  rows=$(table)
  grew=1
  while [ -n "$grew" ]; do
    grew=
    while read -r p q g s t; do
      [ -n "$p" ] || continue
      case $M in *" $p "*) continue ;; esac
      if [ "$p" = "$R" ] && [ -n "$T" ] && [ "$t" != "$T" ]; then M=' '; return; fi
      if [ "$s" = "$R" ] || [ "$g" = "$R" ] || [ "$p" = "$R" ]; then M="$M$p "; grew=1; continue; fi
      case $M in *" $q "*) M="$M$p "; grew=1 ;; esac
    done <<ROWS
$rows
ROWS
  done
}

gone() {
  members
  [ "$M" = ' ' ] || return 1
  echo "conn-kill gone"
  exit 0
}

# Waits up to $1 seconds, sending signal $2 each time round if it is given.
wait_gone() {
  i=0
  while [ "$i" -lt "$(($1 * 10))" ]; do
    gone && return
    [ -z "$2" ] || kill "-$2" $M 2>/dev/null
    if sleep 0.1 2>/dev/null; then i=$((i + 1)); else sleep 1; i=$((i + 10)); fi
  done
}

gone
kill -TERM $M 2>/dev/null
kill -CONT $M 2>/dev/null
wait_gone "$G"
wait_gone 3 KILL
gone
echo "conn-kill left$M"
