# Where attempts are kept. A: the attempt's name. Sets D to its directory; fails if there is none.
conn_find() {
  D=$HOME/.local/state/conn/attempts/$A
  [ ! -d "$D" ] || return 0
  for b in /var/tmp/conn-*; do
    if [ -d "$b/$A" ] && [ -O "$b" ]; then D=$b/$A; return 0; fi
  done
  return 1
}

# Makes the attempt's directory: who succeeds owns the attempt. Sets D; on failure M says why.
conn_make() {
  b=$HOME/.local/state/conn/attempts
  if ! { [ -d "$b" ] || mkdir -p "$b" 2>/dev/null; } || [ ! -w "$b" ]; then
    b=/var/tmp/conn-$(id -u)
    mkdir -m 700 "$b" 2>/dev/null
    case $(ls -ld "$b" 2>&1) in
      drwx------*) ;;
      *) M="neither the home directory nor $b can be written"; return 1 ;;
    esac
    [ -O "$b" ] || { M="$b belongs to somebody else"; return 1; }
  fi
  D=$b/$A
  M=$(LC_ALL=C mkdir -m 700 "$D" 2>&1)
}

# Says that the attempt cannot be started or looked for, with the first line of M.
conn_refuse() {
  nl='
'
  printf 'X %s\n' "${M%%"$nl"*}"
}
