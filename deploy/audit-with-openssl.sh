#!/bin/sh
# Checks an exported record with nothing but openssl, coreutils and this shell: that a tree head is
# signed by the log, that the exported hashes give that head's root, and that an entry is in it.
#
#   audit-with-openssl.sh FOLDER LOG_VKEY [--entry INDEX [FILE]] [--cosigner VKEY]...
#
# FOLDER is what `dure ledger export` wrote (C2SP tlog-tiles). LOG_VKEY is the log's key as you were
# told it, not as the folder says. With FILE the entry is also compared with the bytes you hold.
# Ends with 0 when everything holds, 1 at the first thing that does not, 2 where what was asked
# cannot be checked: a key that is none, a folder without a record, an entry that is not there yet.
set -u
export LC_ALL=C

bad() { echo "NOT INTACT: $*" >&2; exit 1; }
cannot() { echo "CANNOT CHECK: $*" >&2; exit 2; }
usage() {
  echo "usage: $0 FOLDER LOG_VKEY [--entry INDEX [FILE]] [--cosigner VKEY]..." >&2
  exit 2
}

hex() { od -An -v -tx1 | tr -d ' \n'; }
unhex() { printf '%s' "$1" | tr a-f A-F | basenc --base16 -d; }
sha() { sha256sum | cut -c1-64; }
file_bytes() { wc -c <"$1" | tr -d ' '; }

[ $# -ge 2 ] || usage
folder=$1
vkey=$2
shift 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# A verifier key is NAME+KEY_ID+BASE64; the base64 may itself hold '+'. Sets name, id, key (hex).
take_key() {
  name=${1%%+*}
  rest=${1#*+}
  id=${rest%%+*}
  typed=$(printf '%s' "${rest#*+}" | base64 -d 2>/dev/null | hex)
  case $typed in "$2"????????????????????????????????????????????????????????????????) ;;
    *) cannot "$1 is not a verifier key of type $2 (NAME+KEY_ID+BASE64)" ;; esac
  key=${typed#??}
  made=$({ printf '%s\n' "$name"; unhex "$2$key"; } | sha | cut -c1-8)
  [ "$made" = "$id" ] || cannot "the key id of $name is not its key's: copy it again"
}

# Ed25519 by openssl: key (hex), message file, signature (hex).
verify() {
  { unhex "302a300506032b6570032100$1"; } | openssl pkey -pubin -inform DER -out "$work/key.pem" \
    2>/dev/null || return 1
  unhex "$3" >"$work/signature"
  openssl pkeyutl -verify -pubin -inkey "$work/key.pem" -rawin -in "$2" \
    -sigfile "$work/signature" >/dev/null 2>&1
}

# The signature of a name and key id in the checkpoint (hex, without the id), from its lines.
signature_of() {
  found=
  while IFS=' ' read -r dash who line; do
    [ "$dash" = "$(printf '\342\200\224')" ] || bad "the checkpoint has a line that is no signature"
    [ "$who" = "$1" ] || continue
    bytes=$(printf '%s' "$line" | base64 -d 2>/dev/null | hex)
    case $bytes in "$2"*) found=${bytes#????????} ;; esac
  done <"$work/lines"
  printf '%s' "$found"
}

checkpoint=$folder/checkpoint
[ -d "$folder" ] || cannot "there is no folder $folder"
[ -f "$checkpoint" ] || cannot "there is no checkpoint in $folder: is it what dure ledger export wrote?"
head -n 3 "$checkpoint" >"$work/body"
tail -n +5 "$checkpoint" >"$work/lines"
[ -z "$(head -n 4 "$checkpoint" | tail -n 1)" ] ||
  bad "the checkpoint is not three lines and signatures"
{ read -r origin && read -r size && read -r root64; } <"$work/body" ||
  bad "the checkpoint is cut short"
case $size in '' | *[!0-9]* | 0?*) bad "the size of the checkpoint is no number" ;; esac
[ "${#size}" -le 15 ] || bad "the size of the checkpoint is out of range"
root=$(printf '%s' "$root64" | base64 -d 2>/dev/null | hex)
[ "${#root}" = 64 ] || bad "the root of the checkpoint is not 32 bytes"

take_key "$vkey" 01
[ "$name" = "$origin" ] || bad "the checkpoint is of $origin, not of $name"
signature=$(signature_of "$name" "$id") || exit 1
[ -n "$signature" ] || bad "the log $name has not signed the checkpoint"
verify "$key" "$work/body" "$signature" || bad "the signature of the log $name is wrong"
echo "signed by $name: $size entries, root $root"

# The path of a tile: its number in groups of three digits, all but the last after an x.
tile() {
  n=$2
  path=$(printf '%03d' $((n % 1000)))
  n=$((n / 1000))
  while [ "$n" -gt 0 ]; do
    path=$(printf 'x%03d' $((n % 1000)))/$path
    n=$((n / 1000))
  done
  path=$folder/tile/$1/$path
  [ "$3" = 256 ] || path=$path.p/$3
  [ -f "$path" ] || bad "$path is missing"
  printf '%s' "$path"
}

# The hashes of a tile into the file $work/row, one a line.
row() {
  path=$(tile "$1" "$2" "$3") || exit 1
  [ "$(file_bytes "$path")" = $((32 * $3)) ] || bad "$path does not hold $3 hashes"
  od -An -v -w32 -tx1 "$path" | tr -d ' ' >"$work/row"
}

# The root over the hashes in $work/row: pairs, level by level; an odd last one goes up as it is,
# which is RFC 6962's tree. All pairs of a level are hashed by one sha256sum: each is a file.
fold() {
  while [ "$(wc -l <"$work/row")" -gt 1 ]; do
    paste -d '\0' - - <"$work/row" >"$work/paired"
    rm -rf "$work/nodes" && mkdir "$work/nodes" || cannot "there is no room in $work"
    sed -n '/^.\{128\}$/s/^/01/p' "$work/paired" | tr -d '\n' | tr a-f A-F | basenc --base16 -d |
      split -b 65 -a 3 - "$work/nodes/"
    (cd "$work/nodes" && sha256sum ./*) | cut -c1-64 >"$work/row"
    sed -n '/^.\{64\}$/p' "$work/paired" >>"$work/row"
  done
  read -r first <"$work/row" || bad "a tile is empty"
  printf '%s' "$first"
}

# The right edge of the tree: at each level the hashes that stand in no full tile, and behind them
# what the level below comes to.
edge=
level=0
count=$size
while [ "$count" -gt 0 ]; do
  width=$((count % 256))
  : >"$work/row"
  [ "$width" = 0 ] || row $level $((count / 256)) $width
  [ -z "$edge" ] || echo "$edge" >>"$work/row"
  [ ! -s "$work/row" ] || edge=$(fold) || exit 1
  count=$((count / 256))
  level=$((level + 1))
done
[ -n "$edge" ] || edge=$(printf '' | sha)
[ "$edge" = "$root" ] || bad "the exported hashes give the root $edge"
echo "the exported hashes give that root"

# Full tiles on the way from one entry to the right edge, which was checked above.
climb() {
  at=$1
  level=0
  count=$size
  while [ $((at / 256)) -lt $((count / 256)) ]; do
    row $level $((at / 256)) 256
    above=$(fold) || exit 1
    at=$((at / 256))
    count=$((count / 256))
    level=$((level + 1))
    width=$((count - at / 256 * 256))
    [ "$width" -le 256 ] || width=256
    row $level $((at / 256)) $width
    [ "$(tail -n +$((at % 256 + 1)) "$work/row" | head -n 1)" = "$above" ] ||
      bad "a tile of level $level does not hold the hash of the tile below"
  done
}

check_entry() {
  index=$1
  case $index in '' | *[!0-9]*) usage ;; esac
  [ "$index" -lt "$size" ] || cannot "there is no entry $index; the record here has $size, from 0"
  width=$((size - index / 256 * 256))
  [ "$width" -le 256 ] || width=256
  bundle=$(tile entries $((index / 256)) $width) || exit 1
  at=0
  skip=$((index % 256))
  while :; do
    length=$(tail -c +$((at + 1)) "$bundle" | head -c 2 | hex)
    [ "${#length}" = 4 ] || bad "$bundle is cut short"
    length=$((0x$length))
    [ "$skip" -gt 0 ] || break
    at=$((at + 2 + length))
    skip=$((skip - 1))
  done
  tail -c +$((at + 3)) "$bundle" | head -c "$length" >"$work/entry"
  [ "$(file_bytes "$work/entry")" = "$length" ] || bad "$bundle is cut short"
  leaf=$({ printf '\000'; cat "$work/entry"; } | sha)
  row 0 $((index / 256)) $width
  [ "$(tail -n +$((index % 256 + 1)) "$work/row" | head -n 1)" = "$leaf" ] ||
    bad "entry $index does not hash to its leaf"
  climb "$index"
  if [ -n "$2" ]; then
    [ -f "$2" ] || cannot "there is no file $2"
    [ "$(sha <"$2")" = "$(sha <"$work/entry")" ] || bad "entry $index is not the file $2"
  fi
  echo "entry $index is in it: $length bytes, leaf $leaf"
}

check_cosigner() {
  take_key "$1" 04
  signature=$(signature_of "$name" "$id") || exit 1
  [ "${#signature}" = 144 ] || bad "$name has not co-signed the checkpoint"
  time=$((0x$(printf '%s' "$signature" | cut -c1-16)))
  { printf 'cosignature/v1\ntime %s\n' "$time"; cat "$work/body"; } >"$work/cosigned"
  verify "$key" "$work/cosigned" "$(printf '%s' "$signature" | cut -c17-)" ||
    bad "the cosignature of $name is wrong"
  echo "co-signed by $name at $(date -u -d "@$time" +%Y-%m-%dT%H:%M:%SZ)"
}

while [ $# -gt 0 ]; do
  case $1 in
    --entry)
      [ $# -ge 2 ] || usage
      wanted=$2
      shift 2
      held=
      case ${1:-} in '' | --*) ;; *) held=$1; shift ;; esac
      check_entry "$wanted" "$held"
      ;;
    --cosigner)
      [ $# -ge 2 ] || usage
      check_cosigner "$2"
      shift 2
      ;;
    *) usage ;;
  esac
done
