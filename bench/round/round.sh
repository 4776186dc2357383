#!/usr/bin/env bash
# round.sh BIN_DIR [--params 100M] [--lane int8] [--rounds 3] [--json]: see round.py.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
exec python3 -B "$here/round.py" "$@"
