#!/usr/bin/env bash
# Verifies the CUDA engine on a machine with a GPU, in one call and under eight minutes: builds what is
# needed, runs the contract and gradient tests on the device, measures, and writes bench/gpu/README.md.
#
#   bench/gpu/verify.sh                 builds here; needs nvcc and the packages of `./run setup`
#   bench/gpu/verify.sh --pack FOLDER   only builds, and puts programs and libraries there, for a GPU
#                                       machine without those packages (CUDA's own libraries stay out)
#   bench/gpu/verify.sh --bin FOLDER    verifies with what --pack made elsewhere
#   --figures FOLDER                    keeps the raw figures there; build/gpu-figures by default
#
# A peer is measured where python3 (or $PYTHON) has PyTorch 2. Ends with 3 where there is no GPU; with 1
# where a test fails or nothing can be measured.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
folder=build/gpu-figures bin='' pack=''
while [ $# -gt 1 ]; do
  case "$1" in
    --figures) folder=$2 ;;
    --pack) pack=$2 ;;
    --bin) bin=$2 ;;
    *) break ;;
  esac
  shift 2
done
[ $# -eq 0 ] || { sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$folder"
python=${PYTHON:-python3}
programs=(bench_gpu model_cuda_operations_test model_cuda_train_test)
say() { printf '▸ %s (%s s)\n' "$*" "$SECONDS" >&2; }

build() {
  say "building"
  [ -f build/release/build.ninja ] || cmake --preset release >"$folder/configure.txt"
  ninja -C build/release "${programs[@]}" >"$folder/build.txt" 2>&1 || { tail -40 "$folder/build.txt" >&2; exit 1; }
  [ -f build/release/bin/dure_cuda.so ] || { echo "verify: no nvcc was found when build/release was configured" >&2; exit 1; }
  bin=build/release/bin
}

make_pack() {
  local program library
  mkdir -p "$pack/lib"
  for program in "${programs[@]}" dure_cuda.so; do
    strip -g -o "$pack/$program" "$bin/$program"
    chmod +x "$pack/$program"
  done
  # What a GPU machine may lack; the C and C++ libraries it has, CUDA's come with CUDA.
  for library in $(ldd "${programs[@]/#/$bin/}" | awk '$3 ~ /^\// {print $3}' | sort -u); do
    case "$library" in
      *libdnnl* | *libcrypto* | *libOpenCL* | *libgomp* | *libssl* | *libfmt* | *libspdlog*) cp -L "$library" "$pack/lib/" ;;
    esac
  done
  say "packed: $(du -sh "$pack" | cut -f1) in $pack"
}

# cuBLASLt and NCCL: where CUDA put them, or where PyTorch brought them.
find_cuda_libraries() {
  local found
  found=$("$python" -c 'import glob, site, sys
places = [p for s in site.getsitepackages() for p in glob.glob(s + "/nvidia/*/lib")]
print(":".join(places))' 2>/dev/null || true)
  export LD_LIBRARY_PATH="$bin/lib:/usr/local/cuda/lib64:$found${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
}

test_on_device() {
  local test
  for test in model_cuda_operations_test model_cuda_train_test; do
    # The refusals and gangs of the emulated device say nothing about this one.
    DURE_CUDA_PLUGIN="$bin/dure_cuda.so" timeout 150 "$bin/$test" --gtest_filter='-*CudaGangTest*:*Refusal*' \
      >"$folder/$test.txt" 2>&1 || true
    grep -E '^\[  (PASSED|FAILED)' "$folder/$test.txt" | sed "s/^/$test: /" || echo "$test: did not end: $(tail -n 1 "$folder/$test.txt")"
  done
}

peer() {
  local out=$1
  shift
  timeout 90 "$python" -B bench/gpu/torch_peer.py "$@" >"$folder/$out" 2>"$folder/$out.log" || rm -f "$folder/$out"
}

[ -n "$bin" ] || build
if [ -n "$pack" ]; then
  make_pack
  exit 0
fi
find_cuda_libraries
"$bin/bench_gpu" --curve "$folder/curve" >"$folder/curve.json" || { rm -f "$folder/curve.json"; exit 3; }

say "contract and gradient tests on the device"
test_on_device | tee "$folder/tests.txt" >&2
status=0
if grep -qE 'FAILED|did not end' "$folder/tests.txt"; then status=1; fi

say "figures"
timeout 200 nvidia-smi --query-gpu=clocks.sm,power.draw,power.limit --format=csv,noheader,nounits -lms 200 \
  >"$folder/power.csv" 2>/dev/null &
watching=$!
timeout 200 "$bin/bench_gpu" --steps 30 >"$folder/figures.json"
kill "$watching" 2>/dev/null || true
timeout 100 "$bin/bench_gpu" --steps 8 --part training --same-bits yes >"$folder/same-bits.json" ||
  rm -f "$folder/same-bits.json"

say "the same in PyTorch, where there is one"
peer torch-curve.json curve "$folder/curve"
peer torch-124M.json speed --vocab 50304 --dim 768 --layers 12 --heads 12 --kv-heads 12 --ffn 2048 --sequence 1024 --batch 64 --steps 30
peer torch-1.3B.json speed --vocab 50304 --dim 2048 --layers 24 --heads 16 --kv-heads 16 --ffn 5504 --sequence 2048 --batch 8 --steps 30

"$python" -B bench/gpu/report.py "$folder"
say "done"
[ "$status" -eq 0 ] || echo "verify: a test failed on the device: see $folder" >&2
exit "$status"
