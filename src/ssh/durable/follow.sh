# Tells what an attempt does, in frames on standard output. D: its directory; O, E: the offsets from
# which its streams are wanted; VOID: set if an attempt that never began is to be made void.
#
# A frame is a line. "o OFFSET LENGTH" and "e OFFSET LENGTH" are followed by LENGTH raw bytes, so
# nothing that the command writes can pass for a frame.

conn_nap() {
  case $nap in 0) t=0.02 ;; 1 | 2) t=0.05 ;; 3 | 4 | 5) t=0.1 ;; 6 | 7 | 8) t=0.3 ;; *) t=1 ;; esac
  [ "$nap" -gt 8 ] || nap=$((nap + 1))
  if [ "$t" = 1 ]; then beat=$((beat + 1)); fi
  if [ -z "$whole" ] && sleep "$t" 2>/dev/null; then :; else whole=1; sleep 1; beat=$((beat + 1)); fi
  # To a connection that is gone, this is the end.
  if [ "$beat" -ge 20 ]; then beat=0; printf '.\n' || exit; fi
}

# Says, now and whenever it is asked again, that the attempt never began and never will: "V begun"
# where its directory was there and nothing had started in it, "V absent" where there was none. The
# seconds since the host was started tell whether a directory may have gone with an earlier boot.
conn_void() {
  echo "$1" > "$D/void"
  conn_voided
}

conn_voided() {
  up= how=begun
  { read -r up rest < /proc/uptime; } 2>/dev/null
  read -r how < "$D/void"
  echo "V $how ${up%%.*}"
}

# Waits for the wrapper. Fails if there will be none.
conn_await() {
  n=0
  until [ -s pid ]; do
    if [ -e failed ]; then
      printf 'X %s\n' "$(head -c 300 note 2>/dev/null | tr '\n\r' '  ')"
      return 1
    fi
    if [ -e void ]; then conn_voided; return 1; fi
    n=$((n + 1))
    if [ "$n" -gt 12 ] && [ -n "$VOID" ]; then
      if mkdir go 2>/dev/null; then conn_void begun; return 1; fi
      if [ "$n" -gt 18 ]; then echo 'D its wrapper ended before it began'; return 1; fi
    fi
    conn_nap
  done
  read -r boot pid since < pid
  echo "P $boot $pid $since"
}

# Whether the wrapper lives. Sets why.
conn_alive() {
  now=-
  { read -r now < /proc/sys/kernel/random/boot_id; } 2>/dev/null
  why='the host was started anew while it ran'
  [ "$now" = "$boot" ] || return 1
  why='its wrapper was killed'
  if [ -r /proc/self/stat ]; then
    { IFS= read -r l < "/proc/$pid/stat"; } 2>/dev/null || return 1
    set -- ${l##*) }
    [ "${20}" = "$since" ] && [ "$1" != Z ]
  else
    kill -0 "$pid" 2>/dev/null
  fi
}

# Sends what there is of stream $1 from offset $2 on. Sets at to the offset reached.
conn_send() {
  name=$1 at=$2
  while :; do
    # Names are listed before sizes are read: a chunk that has a successor is complete.
    best=-1 next=-1
    set -- $(LC_ALL=C ls -ln "$name".[0-9]* 2>/dev/null)
    while [ "$#" -ge 9 ]; do
      s=${9#*.}
      if [ "$s" -le "$at" ]; then
        if [ "$s" -gt "$best" ]; then best=$s size=$5; fi
      elif [ "$next" -lt 0 ] || [ "$s" -lt "$next" ]; then next=$s; fi
      shift 9
    done
    if [ "$best" -ge 0 ] && [ "$((best + size))" -gt "$at" ]; then
      n=$((best + size - at))
      {
        echo "$name $at $n" || exit
        if [ "$best" = "$at" ]; then head -c "$n"; else tail -c "+$((at - best + 1))" | head -c "$n"; fi
      } 2>/dev/null < "$name.$best" && at=$((at + n)) nap=0
    elif [ "$next" -ge 0 ]; then
      echo "g $name $at $next"
      at=$next
    else
      return
    fi
  done
}

conn_lost() {
  read -r from count < "$1.lost" || return
  [ -z "$from" ] || echo "l $1 $from $count"
}

conn_follow() {
  cd "$D" || { echo 'D its directory is gone'; return; }
  nap=0 beat=0 whole='' child='' dead=''
  conn_await || return
  while :; do
    ended=
    [ ! -e rc ] || ended=1
    if [ -z "$child" ] && [ -s child ]; then read -r child born < child; echo "C $child $born"; fi
    conn_send o "$O"; O=$at
    conn_send e "$E"; E=$at
    if [ -n "$ended" ]; then
      conn_lost o
      conn_lost e
      read -r rc killed left < rc
      echo "R $rc $killed $left"
      return
    fi
    if [ -n "$dead" ]; then echo "D $why"; return; fi
    # Once more: it may have written its end just before it went.
    if conn_alive; then conn_nap; else dead=1; fi
  done
}
