#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench codec [rate [NETWORK...] | coder [quick] | temporal]: all, or one of them.
# rate: what a split costs, on IMAGES photographs (120). Points for some cuts are designed and put in bundles
#   (`cleave build --codec-points`), then every codec, the plain scheme and JPEG at cut 0 are measured
#   on other images (`cleave eval --codec-sweep`). All networks: docs/rate-fidelity.md is written.
# coder: our entropy coder beside zstd and lz4, size and speed, and the designer's steps.
# temporal: frames of a fixed camera and of a fast pan, each after the one before it.
set -euo pipefail
bin=build/release/bin
out=build/bench
zoo=${CLEAVE_ZOO:-../shared/zoo}
[ -d "$zoo/models" ] || { echo "bench: no models at $zoo; set CLEAVE_ZOO" >&2; exit 3; }

# --- rate -----------------------------------------------------------------------------------------
rate=$out/rate
design=$zoo/coco-val2017/images
wanted=()
files=()

# network NAME TITLE MODEL CUTS BUILD_FLAGS... -- SWEEP_FLAGS...
network() {
    local name=$1 title=$2 model=$3 cuts=$4 build=()
    shift 4
    while [ "$1" != -- ]; do build+=("$1"); shift; done
    shift
    [ ${#wanted[@]} -eq 0 ] || [[ " ${wanted[*]} " == *" $name "* ]] || return 0
    $bin/cleave build "$zoo/models/$model.onnx" --precision float --calibrate "$design" \
        --calibration-images 64 --codec-points "$cuts" "${build[@]}" -o "$rate/$name.clv" >"$rate/$name.points"
    $bin/bench_rate "$rate/$name.json" "$plots/rate-$name.svg" "$title" "$rate/$name.clv" --design "$design" "$@" \
        >"$rate/$name.table"
    files+=("$rate/$name.json")
    echo "bench: $title: done" >&2
}

measure_rate() {
    wanted=("$@")
    page=docs/rate-fidelity.md plots=docs/benchmarks
    [ ${#wanted[@]} -eq 0 ] || { page=$rate/page.md; plots=$rate; }
    mkdir -p "$rate/cifar" "$plots"
    $bin/bench_pictures cifar "$zoo/cifar10_2000.bin" "$rate/cifar"
    photographs=(--data "$zoo/imagenet-sample" --labels "$zoo/imagenet-sample/labels.csv" --limit "${IMAGES:-120}")
    network mobilenetv2 "MobileNetV2 1.0, 224" mobilenetv2-1.0-224 21,24,36,42 --preset tf -- \
        --label-offset 1 "${photographs[@]}"
    network squeezenet "SqueezeNet 1.1" squeezenet1.1-7 12,16,21,25,29,33 --preset imagenet -- "${photographs[@]}"
    network mobilenetv1 "MobileNetV1 0.5, 160" mobilenetv1-0.5-160 12,16,20 --preset tf -- \
        --label-offset 1 "${photographs[@]}"
    network resnet20 "ResNet-20, CIFAR-10" resnet20-cifar10 12,14,16 --preset imagenet --fit stretch -- \
        --data "$rate/cifar" --labels "$rate/cifar/labels.csv" --limit 300
    # Its boxes are known for COCO, so that is what it is measured on.
    design=$zoo/imagenet-sample
    network fastestdet "FastestDet, 352" fastestdet-352 20,102 --decode fastestdet --preset raw --channels bgr \
        --std 255 --fit letterbox -- --decode fastestdet --data "$zoo/coco-val2017/images" \
        --boxes "$zoo/coco-val2017/labels"
    $bin/bench_rate_page "$page" "$plots/rate-fidelity.csv" "$out/codec-rate.json" "${files[@]}"
}

# --- coder ----------------------------------------------------------------------------------------
# coder NAME MODEL PRESET CUTS
coder() {
    $bin/bench_codec "$out/codec-$1.json" "$zoo/models/$2.onnx" "$3" "$4" \
        "crop:$zoo/coco-val2017/images" "crop:$zoo/imagenet-sample" "stretch:$zoo/nips2017"
}

measure_coder() {
    coder mobilenetv2 mobilenetv2-1.0-224 tf 64x14x14.1
    [ "${1:-}" = quick ] && return
    coder mobilenetv2-others mobilenetv2-1.0-224 tf 32x28x28.0,96x14x14.1
    coder squeezenet squeezenet1.1-7 imagenet 48x13x13.1
}

# --- temporal -------------------------------------------------------------------------------------
# temporal NAME MODEL PRESET CUT
temporal() {
    $bin/bench_codec_temporal "$out/codec-temporal-$1.json" "$zoo/models/$2.onnx" "$3" \
        "$4" 0.025,0.04,0.055,0.07,-0.1,-0.2,-0.3,-0.4,-0.5 "$zoo/coco-val2017/images" \
        "$zoo/video/car-detection_frames" "$(find "$zoo/nips2017" -name '*.png' | sort | head -1)"
}

measure_temporal() {
    temporal mobilenetv2 mobilenetv2-1.0-224 tf 64x14x14.1
    temporal squeezenet squeezenet1.1-7 imagenet 48x13x13.1
}

case ${1:-} in
    rate) shift; measure_rate "$@" ;;
    coder | quick) measure_coder "${2:-$1}" ;;
    temporal) measure_temporal ;;
    "") measure_coder; measure_temporal; measure_rate ;;
    *) echo "bench: ./dev bench codec [rate [NETWORK...] | coder [quick] | temporal]" >&2; exit 2 ;;
esac
