#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench codec [quick]: bytes at cuts of real networks and how often the answer stays, beside a
# plain scheme and JPEG; our entropy coder beside zstd and lz4; frames of a fixed camera and of a fast
# pan, each after the one before it. Points are designed on COCO only.
set -euo pipefail
out=build/bench
zoo=${CLEAVE_ZOO:-../shared/zoo}
[ -d "$zoo/models" ] || { echo "bench: no models at $zoo; set CLEAVE_ZOO" >&2; exit 3; }

# temporal NAME MODEL PRESET CUT
temporal() {
    build/release/bin/bench_codec_temporal "$out/codec-temporal-$1.json" "$zoo/models/$2.onnx" "$3" \
        "$4" 0.025,0.04,0.055,0.07,-0.1,-0.2,-0.3,-0.4,-0.5 "$zoo/coco-val2017/images" \
        "$zoo/video/car-detection_frames" "$(find "$zoo/nips2017" -name '*.png' | sort | head -1)"
}
# bench NAME MODEL PRESET CUTS
bench() {
    build/release/bin/bench_codec "$out/codec-$1.json" "$zoo/models/$2.onnx" "$3" "$4" \
        "crop:$zoo/coco-val2017/images" "crop:$zoo/imagenet-sample" "stretch:$zoo/nips2017"
}
bench mobilenetv2 mobilenetv2-1.0-224 tf 64x14x14.1
temporal mobilenetv2 mobilenetv2-1.0-224 tf 64x14x14.1
[ "${1:-}" = quick ] && exit
bench mobilenetv2-others mobilenetv2-1.0-224 tf 32x28x28.0,96x14x14.1
bench squeezenet squeezenet1.1-7 imagenet 48x13x13.1
temporal squeezenet squeezenet1.1-7 imagenet 48x13x13.1
