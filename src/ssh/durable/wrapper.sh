# Runs the command and keeps what comes of it, whoever listens.
# $1: the attempt's directory; $2: bytes of output to keep a stream; $3: the command's script, which
# gets the wrapper's own standard input unless it has one in a file.
# As sh, bash keeps to itself that a signal ended a command.
[ -z "$BASH_VERSION" ] || set +o posix
D=$1
CAP=$2
CHUNK=$((CAP / 16 / 65536 * 65536))
[ "$CHUNK" -ge 65536 ] || CHUNK=65536
[ "$CHUNK" -le 4194304 ] || CHUNK=4194304

# Sets Z to the size of a file.
size() {
  set -- $(LC_ALL=C ls -ln "$1" 2>/dev/null)
  Z=${5:-0}
}

# Takes a stream to its end without keeping it, and writes down how much that was, and from where.
lose() {
  printf '%s 0\n' "$2" 1<> "$D/$1.lost"
  n=$(wc -c)
  printf '%s %s\n' "$2" "$((n))" 1<> "$D/$1.lost"
}

# Keeps a stream in chunks named by their offset; over the cap, the middle ones go.
keep() {
  s=0 head=0 tail=0 old=''
  while :; do
    f=$D/$1.$s
    if ! true > "$f"; then lose "$1" "$s"; break; fi
    fill "$1" "$s" "$f"
    case $end in full) lose "$1" "$((s + Z))"; break ;; eof) break ;; esac
    if [ -z "$old" ] && [ "$((head + Z))" -le "$((CAP / 2))" ]; then
      head=$((head + Z))
    else
      old="$old $s" tail=$((tail + Z))
    fi
    s=$((s + Z))
    thin "$1"
  done 2>/dev/null
  true 2>/dev/null > "$D/$1.eof"
}

# Fills one chunk. Sets Z to its size and end to eof, full (of the disk) or nothing.
fill() {
  end=
  while :; do
    blocks=$((CHUNK / 65536))
    told=$(LC_ALL=C dd bs=65536 count="$blocks" 2>&1 >> "$3") || end=full
    size "$3"
    [ -z "$end" ] || return
    # "WHOLE+PART records in", after warnings of reads that were not whole.
    told=${told%% records in*}
    told=${told##*[!0-9+]}
    case $told in [0-9]*+[0-9]*) ;; *) end=full; return ;; esac
    whole=${told%+*}
    part=${told#*+}
    if [ "$((whole + part))" -lt "$blocks" ]; then end=eof; return; fi
    [ "$Z" -lt "$CHUNK" ] || return
  done
}

# Removes the oldest chunks behind the head while the tail is too long.
thin() {
  while [ "$tail" -gt "$((CAP / 2))" ]; do
    set -- "$1" $old
    [ "$#" -gt 2 ] || return
    size "$D/$1.$2"
    rm -f "$D/$1.$2"
    tail=$((tail - Z))
    old=${old#" $2"}
  done
}

# The start time of a process, which tells it from a later one of the same id.
since() {
  T=0
  { IFS= read -r l < "/proc/$1/stat"; } 2>/dev/null || return
  set -- ${l##*) }
  T=${20}
}

# Who makes this directory decides whether the command runs.
mkdir "$D/go" 2>/dev/null || exit 125
boot=-
{ read -r boot < /proc/sys/kernel/random/boot_id; } 2>/dev/null
since $$
printf '%s %s %s\n' "$boot" "$$" "$T" > "$D/pid"
keep o < "$D/o.pipe" >/dev/null &
keep e < "$D/e.pipe" >/dev/null &
session=
if command -v setsid >/dev/null 2>&1; then session=setsid; fi
[ ! -e "$D/in" ] || exec < "$D/in"
# The command opens its output itself: of a command with redirections, dash writes the word about
# the signal that ended it to where the command's errors go.
$session /bin/sh -c '
  exec > "$1/o.pipe" 2> "$1/e.pipe"
  d=$1 x=$2
  { IFS= read -r l < "/proc/$$/stat"; } 2>/dev/null && set -- ${l##*) }
  printf "%s %s\n" "$$" "${20:-0}" > "$d/child"
  eval "$x"
' conn-command "$D" "$3"
rc=$?
killed=0
# Only of a command that a signal ended does the shell say a word.
[ "$rc" -le 128 ] || [ ! -s "$D/note" ] || killed=1
i=0
until [ -e "$D/o.eof" ] && [ -e "$D/e.eof" ] || [ "$i" -ge 40 ]; do
  if [ "$i" = 0 ]; then t=0.01; else t=0.05; fi
  if sleep "$t" 2>/dev/null; then i=$((i + 1)); else sleep 1; i=$((i + 20)); fi
done
left=0
[ -e "$D/o.eof" ] && [ -e "$D/e.eof" ] || left=1
printf '%s %s %s\n' "$rc" "$killed" "$left" 1<> "$D/rc.new"
mv "$D/rc.new" "$D/rc"
