#!/usr/bin/env bash
# memory.sh BIN_DIR [--json]: anonymous memory of the aggregator at 4 sites x 25 M, 100 M and 400 M.
# The last needs about 60 GB of disk in $TMPDIR; --params 25M,100M does with 16.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
bin=$1
shift
exec python3 -B "$here/round.py" "$bin" --params 25M,100M,400M --rounds 2 "$@"
