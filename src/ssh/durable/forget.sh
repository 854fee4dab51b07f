# Removes the attempt's directory. Its wrapper may be writing its last file there.
n=0
while conn_find && [ "$n" -lt 5 ]; do
  if ! rm -rf "$D" 2>/dev/null; then
    n=$((n + 1))
    sleep 1
  fi
done
if conn_find; then echo conn-kept; else echo conn-forgot; fi
