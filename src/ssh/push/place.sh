# Checks a file that was sent, gives it owner and mode, and puts it in its place.
# S: the file; T: where to copy it first, beside the destination, or empty; DEST; SUM: its SHA-256,
# or empty when it was checked; OWNER and MODE: to set, or empty.
refuse() {
  [ -z "$T" ] || rm -f -- "$T"
  printf 'conn-push refused %s\n' "$(printf %s "$*" | tail -n 1)"
  exit 1
}
M=
if [ -d "$DEST" ]; then refuse "$DEST is a directory"; fi
F=$S
if [ -n "$T" ]; then
  umask 077
  M=$(LC_ALL=C dd if="$S" of="$T" bs=65536 conv=fsync 2>&1) || refuse "${M%%
*}"
  F=$T
fi
if [ -n "$SUM" ]; then
  if command -v sha256sum >/dev/null 2>&1; then
    set -- $(sha256sum < "$F")
  elif command -v shasum >/dev/null 2>&1; then
    set -- $(shasum -a 256 < "$F")
  elif command -v openssl >/dev/null 2>&1; then
    set -- $(openssl dgst -sha256 -r < "$F")
  elif [ -n "$T" ]; then
    cmp -s "$S" "$T" && set -- "$SUM"
  else
    echo "conn-push unchecked"
    exit
  fi
  [ "$1" = "$SUM" ] || refuse "its checksum is wrong after the transfer"
fi
[ -z "$OWNER" ] || M=$(LC_ALL=C chown -- "$OWNER" "$F" 2>&1) || refuse "$M"
[ -z "$MODE" ] || M=$(LC_ALL=C chmod -- "$MODE" "$F" 2>&1) || refuse "$M"
M=$(LC_ALL=C mv -f -- "$F" "$DEST" 2>&1) || refuse "$M"
[ -z "$T" ] || rm -f -- "$S"
echo "conn-push placed"
