#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench kernels: our fp32 latency and memory beside ONNX Runtime's, one and two threads.
set -euo pipefail
out=build/bench
zoo=${CLEAVE_ZOO:-../shared/zoo}
[ -d "$zoo/models" ] || { echo "bench: no models at $zoo; set CLEAVE_ZOO" >&2; exit 3; }

worker=''
if command -v npm >/dev/null; then
    ort=$out/onnxruntime
    mkdir -p "$ort"
    cp bench/onnxruntime/package.json "$ort/"
    # Its install script would fetch GPU libraries from elsewhere; the CPU ones are in the package.
    [ -d "$ort/node_modules/onnxruntime-node" ] || (cd "$ort" && npm install --ignore-scripts --no-audit --no-fund --silent >&2)
    export ORT_DIR=$PWD/$ort
    worker=bench/onnxruntime/worker.js
else
    echo "bench: no npm: ONNX Runtime is left out" >&2
fi

arguments=()
for pair in mobilenetv2:mobilenetv2-1.0-224 squeezenet1.1:squeezenet1.1-7 resnet50:structure/light-resnet50; do
    name=${pair%%:*} model=$zoo/models/${pair#*:}.onnx
    build/release/bin/cleave build "$model" --preset imagenet -o "$out/$name.clv" >&2
    arguments+=("$name" "$model" "$out/$name.clv")
done
exec build/release/bin/bench_kernels "$out/kernels.json" "$worker" "${arguments[@]}"
