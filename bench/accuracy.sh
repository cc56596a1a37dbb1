#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench accuracy [MODEL...]: the float and the int8 form of the zoo's networks side by side,
# with weights of 8 and of 7 bits, as --max-drop is by default and with all in int8 that can be. All
# of them: docs/accuracy.md is written. No image that is evaluated was calibrated with.
set -euo pipefail
bin=build/release/bin
out=build/bench/accuracy
zoo=${CLEAVE_ZOO:-../shared/zoo}
[ -d "$zoo/models" ] || { echo "bench: no models at $zoo; set CLEAVE_ZOO" >&2; exit 3; }
wanted=("$@")
rm -rf "$out"
mkdir -p "$out/cifar" "$out/mnist" "$out/digits" "$out/people"
list=$out/list
read -ra variants <<<"${VARIANTS:-8 7 8-all 7-all}"

$bin/bench_pictures cifar "$zoo/cifar10_2000.bin" "$out/cifar"
gunzip -c "$zoo/mnist/t10k-images-idx3-ubyte.gz" >"$out/mnist.images"
gunzip -c "$zoo/mnist/t10k-labels-idx1-ubyte.gz" >"$out/mnist.labels"
$bin/bench_pictures mnist "$out/mnist.images" "$out/mnist.labels" 0 256 "$out/digits"
$bin/bench_pictures mnist "$out/mnist.images" "$out/mnist.labels" 256 2000 "$out/mnist"
# A person is there: one has more than 0.5% of the picture's area.
{
    echo file,class_index
    for image in "$zoo"/coco-val2017/images/*.jpg; do
        name=${image##*/} boxes=$zoo/coco-val2017/labels/$(basename "$image" .jpg).txt
        echo "$name,$([ -f "$boxes" ] && awk '$1 == 0 && $4 * $5 > 0.005 {n = 1} END {print n + 0}' "$boxes" || echo 0)"
    done
} >"$out/people/labels.csv"

# model NAME CALIBRATION FLAGS...: build its bundles; what follows is evaluated with them.
model() {
    name=$1 calibration=$2
    shift 2
    skip=no
    [ ${#wanted[@]} -eq 0 ] || [[ " ${wanted[*]} " == *" $name "* ]] || skip=yes
    [ $skip = no ] || return 0
    local dir=$zoo/$calibration
    [ -d "$dir" ] || dir=$out/$calibration
    for variant in "${variants[@]}"; do
        local all=()
        [ "$variant" = "${variant%-all}" ] || all=(--max-drop 1)
        $bin/cleave build "$zoo/models/$name.onnx" "$@" --calibrate "$dir" --precision both \
            --weight-bits "${variant%-all}" "${all[@]}" --report "$out/$name.$variant.report.json" \
            -o "$out/$name.$variant.clv" >&2
    done
}

# set_of NAME MOST_POINTS LEAST_AGREEMENT FLAGS...: `cleave eval` over it. The limits are the
# criteria's; - is none.
set_of() {
    local title=$1 points=$2 agreement=$3 file
    shift 3
    [ $skip = no ] || return 0
    for variant in "${variants[@]}"; do
        file=$out/$name.${title// /-}.$variant.json
        $bin/cleave eval "$out/$name.$variant.clv" --precisions float,int8 --json "$@" >"$file"
        printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$title" "${variant/-/, }" "$calibration" "$points" "$agreement" "$file" >>"$list"
        echo "bench: $name, $title, $variant: done" >&2
    done
}

photographs() { # OFFSET AGREEMENT
    set_of imagenet-sample 1 "$2" --label-offset "$1" --data "$zoo/imagenet-sample" --labels "$zoo/imagenet-sample/labels.csv"
    set_of nips2017 1 "$2" --label-offset "$1" --fit stretch --data "$zoo/nips2017" --labels "$zoo/nips2017/labels.csv"
}
boxes() { # DECODER
    set_of coco-val2017 1 - --fit letterbox --decode "$1" --data "$zoo/coco-val2017/images" --boxes "$zoo/coco-val2017/labels"
}

coco=coco-val2017/images
cifar=(--fit stretch --data "$out/cifar" --labels "$out/cifar/labels.csv")
model resnet20-cifar10 $coco --preset imagenet
set_of CIFAR-10 0.5 - "${cifar[@]}"
model resnet8-cifar10-mlperftiny $coco --preset raw
set_of CIFAR-10 0.5 - "${cifar[@]}"
model mnist-8 digits --preset raw --channels gray --fit stretch
set_of MNIST 1 - --data "$out/mnist" --labels "$out/mnist/labels.csv"
model vww96-mobilenetv1-0.25-mlperftiny imagenet-sample --calibration-images 64 --preset raw --std 255 --fit stretch
set_of "people in coco-val2017" 1 - --data "$zoo/coco-val2017/images" --labels "$out/people/labels.csv"
model nanodet-m-320 imagenet-sample --calibration-images 64 --preset raw --channels bgr --mean 103.53,116.28,123.675 --std 57.375,57.12,58.395 --fit letterbox
boxes nanodet
model fastestdet-352 imagenet-sample --calibration-images 64 --preset raw --channels bgr --std 255 --fit letterbox
boxes fastestdet
model mobilenetv1-0.25-128 $coco --preset tf
photographs 1 -
model mobilenetv1-0.5-160 $coco --preset tf
photographs 1 -
model squeezenet1.1-7 $coco --preset imagenet
photographs 0 97
model mobilenetv2-1.0-224 $coco --preset tf
photographs 1 97

page=docs/accuracy.md
[ ${#wanted[@]} -eq 0 ] || page=$out/accuracy.md
exec $bin/bench_accuracy build/bench/accuracy.json "$page" <"$list"
