#!/usr/bin/env bash
# fuzz_all.sh BIN_DIR SECONDS [NAME]: runs each fuzz target for SECONDS from its corpus; stops at the first finding.
# New inputs go to a scratch folder; copy a telling one into tests/fuzz/corpus/<target> to keep it as a test.
set -euo pipefail
bin=$1
seconds=$2
only=${3:-}
corpus=$(dirname "$(readlink -f "$0")")/corpus
scratch=$(mktemp -d)
for target in "$bin"/*_fuzz; do
  name=$(basename "$target")
  [ -n "$only" ] && [ "$only" != "$name" ] && continue
  mkdir -p "$scratch/$name"
  echo "▸ $name for $seconds s"
  "$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -artifact_prefix="$scratch/$name-" \
    -verbosity=0 -print_final_stats=0 "$scratch/$name" "$corpus/$name"
done
echo "no findings; new inputs are in $scratch"
