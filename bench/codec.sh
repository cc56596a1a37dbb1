#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench codec [quick]: bytes at cuts of real networks and how often the answer stays, beside a
# plain scheme and JPEG; our entropy coder beside zstd and lz4. Points are designed on COCO only.
set -euo pipefail
out=build/bench
zoo=${CLEAVE_ZOO:-../shared/zoo}
[ -d "$zoo/models" ] || { echo "bench: no models at $zoo; set CLEAVE_ZOO" >&2; exit 3; }

# bench NAME MODEL PRESET CUTS
bench() {
    build/release/bin/bench_codec "$out/codec-$1.json" "$zoo/models/$2.onnx" "$3" "$4" \
        "crop:$zoo/coco-val2017/images" "crop:$zoo/imagenet-sample" "stretch:$zoo/nips2017"
}
bench mobilenetv2 mobilenetv2-1.0-224 tf 64x14x14.1
[ "${1:-}" = quick ] && exit
bench mobilenetv2-others mobilenetv2-1.0-224 tf 32x28x28.0,96x14x14.1
bench squeezenet squeezenet1.1-7 imagenet 48x13x13.1
