#!/usr/bin/env bash
# bench.sh BIN_DIR [NAME] [--json]: runs one measurement, or lists them.
# Each prints its limit or its peer measured in the same run; this kind of machine is noisy, so read the ratios.
set -euo pipefail
bin=$1
shift
here=$(dirname "$(readlink -f "$0")")
name=${1:-}
[ $# -gt 0 ] && shift
list() {
  cat <<'TEXT'
round      one federated round over the real daemons: 4 sites x 1 M, 10 M, 100 M parameters, int8 and int16
memory     anonymous memory of the aggregator at 4 sites x 25 M, 100 M, 400 M
merge      merging contributions, beside the memory bandwidth
merging    robust merging, beside the mean of the same contributions
masking    masking and unmasking, beside AES-CTR of OpenSSL and the memory bandwidth
noise      noise for differential privacy, beside the random words it is made of
transport  gRPC under mutual TLS, beside a plain TLS socket
tokens     text to tokens, beside the gigabyte a minute that is wanted
train      CPU training, beside PyTorch (./run peers installs it)
gpu        the CUDA engine, each kernel and whole steps, beside PyTorch; needs a GPU
ledger     durable appends with receipts from 64 clients
policy     a decision with 25 rules, beside the digest of its facts
audit      checking a record of 100,000 entries, beside its signature checks alone
sim        simulated worlds a minute
build      a clean build and the tests
TEXT
}
case "$name" in
  "" | list | --help | -h) list ;;
  train) exec /usr/bin/python3 -B "$here/train/compare.py" "$bin/bench_train" "$@" ;;
  gpu) exec "$here/gpu/verify.sh" "$@" ;;
  round | memory) exec "$here/round/$name.sh" "$bin" "$@" ;;
  merge | merging | masking | noise | transport | ledger | audit | policy | tokens) exec "$bin/bench_$name" "$@" ;;
  sim) exec "$bin/dure-sim" --seeds 5000 "$@" ;;
  build)
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    git -C "$here/.." archive HEAD | tar -x -C "$dir"
    cd "$dir"
    start=$(date +%s)
    CCACHE_DISABLE=1 ./run test >"$dir/log" 2>&1 || { tail -20 "$dir/log"; exit 1; }
    echo "{\"clean_build_and_test_seconds\": $(($(date +%s) - start))}"
    ;;
  *)
    echo "bench: no measurement '$name'" >&2
    list >&2
    exit 2
    ;;
esac
