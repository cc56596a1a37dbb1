#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench kernels: our latency and memory beside ONNX Runtime's, in float32 and int8, with one and
# two threads. Without VNNI, sums of bytes that both sides' libraries make are exact only for weights
# of 63 or less in magnitude, so int8 networks for such a machine have those; $CLEAVE_INT8_LIMIT=127
# gives them all 8 bits (ONNX Runtime's answers are wrong then).
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

limit=127
grep -qE '^flags.*avx(512)?_vnni' /proc/cpuinfo || limit=63
limit=${CLEAVE_INT8_LIMIT:-$limit}
arguments=()
# name, file, and the goal of int8 over our float32 with one thread (0: none)
for row in mobilenetv2:mobilenetv2-1.0-224:0.40 squeezenet1.1:squeezenet1.1-7:0 resnet50:structure/light-resnet50:0.30; do
    IFS=: read -r name file goal <<<"$row"
    model=$zoo/models/$file.onnx
    build/release/bin/cleave build "$model" --preset imagenet -o "$out/$name.clv" >&2
    build/release/bin/bench_qdq "$model" "$zoo/coco-val2017/images" "$limit" "$out/$name.int8.clv" "$out/$name.qdq.onnx" >&2
    arguments+=("$name" "$model" "$out/$name.clv" "$out/$name.qdq.onnx" "$out/$name.int8.clv" "$goal")
done
echo "int8 weights: at most $limit in magnitude"
exec build/release/bin/bench_kernels "$out/kernels.json" "$worker" "${arguments[@]}"
