# Follows an attempt that may have been started. Where there is none, none will ever start: the
# directory is made as the starter would have made it.
conn_reattach() {
  VOID=1
  if conn_find; then conn_follow; return; fi
  if conn_make && mkdir "$D/go"; then conn_void absent; return; fi
  if conn_find; then conn_follow; else conn_refuse; fi
}
