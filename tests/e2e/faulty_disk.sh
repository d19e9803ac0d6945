#!/bin/sh
# A disk for `nbdkit sh` whose faults are switched on by files in $FAULTS, each holding an offset in
# octets; $CONTENT is the file with the content. Errors of any request come from nbdkit's own filter.
#
#   drop     a write over that octet is acknowledged and not done
#   flip     that octet is stored inverted
#   refuse   a write that begins there fails
size() { stat -c %s "$CONTENT"; }

# True if the fault NAME is on and the request of COUNT octets at OFFSET touches it.
hits() {  # name, count, offset
  [ -f "$FAULTS/$1" ] || return 1
  at=$(cat "$FAULTS/$1")
  [ "$at" -ge "$3" ] && [ "$at" -lt $(($3 + $2)) ]
}

store() { dd of="$CONTENT" bs=1M oflag=seek_bytes seek="$1" conv=notrunc iflag=fullblock status=none; }

invert() {
  octet=$(od -An -tu1 -j "$1" -N 1 "$CONTENT")
  printf "\\$(printf %o $((octet ^ 255)))" | store "$1"
}

case $1 in
  get_size) size ;;
  can_write | can_flush) exit 0 ;;
  flush) exit 0 ;;
  pread)
    dd if="$CONTENT" bs=1M iflag=skip_bytes,count_bytes skip="$4" count="$3" status=none ;;
  pwrite)
    if [ -f "$FAULTS/refuse" ] && [ "$(cat "$FAULTS/refuse")" = "$4" ]; then
      echo "EIO a write at $4" >&2
      exit 1
    elif hits drop "$3" "$4"; then
      cat > /dev/null
    else
      store "$4" || exit 1
      if hits flip "$3" "$4"; then invert "$(cat "$FAULTS/flip")"; fi
    fi ;;
  *) exit 2 ;;
esac
