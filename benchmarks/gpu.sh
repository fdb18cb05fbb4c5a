#!/usr/bin/env bash
# The main job's default run on an NVIDIA GPU, and train steps of the ladder and the 96x96 VAE beside PyTorch's best.
#
#     benchmarks/gpu.sh [FOLDER]
#
# takes ten minutes at most. It runs `python -m experiments.vlae_mnist` as it is, and then benchmarks.throughput with one
# and with eight replicas against PyTorch eager and compiled, also with CUDA graphs, in both memory formats. A part that
# takes too long is stopped, and the next one begins. FOLDER, runs/gpu if not given, must be new.
#
# Needs jaxvae with its extras `bench` and `cuda12` or `cuda13`. Without a GPU, BENCHMARK_DEVICE=cpu tries the script;
# the words in RUN_FLAGS and BENCHMARK_FLAGS are added to the two commands.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-runs/gpu}
device=${BENCHMARK_DEVICE:-gpu}
if [ -e "$folder" ]; then
    echo "error: $folder exists; name another folder." >&2
    exit 2
fi
mkdir -p "$folder"
failed=0

part() { # seconds, name, command
    local limit=$1 name=$2 started=$SECONDS status=0
    shift 2
    timeout --signal INT "$limit" "$@" 2>&1 | tee "$folder/$name.txt" || status=$?
    echo "$name: $((SECONDS - started)) s, status $status" | tee -a "$folder/parts.txt"
    [ "$status" = 0 ] || failed=1
}

precision=tensorfloat32
[ "$device" = gpu ] || precision=float32
# shellcheck disable=SC2086
part 120 main_job python -m experiments.vlae_mnist --workdir "$folder/vlae_mnist" ${RUN_FLAGS:-}
for model in ladder horses; do
    # shellcheck disable=SC2086
    part 240 "$model" python -m benchmarks.throughput --device "$device" --model "$model" --precision "$precision" \
        --seeds 1 8 --starts 2 --rounds 2 --seconds 1 --out "$folder/$model.json" ${BENCHMARK_FLAGS:-}
done
cat "$folder/parts.txt"
exit "$failed"
