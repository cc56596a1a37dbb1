#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Models that people use: the demo's, and the zoo's ($CLEAVE_ZOO or ../shared/zoo) where they are.
. "$(dirname "$0")/lib.sh"
source_dir=$CLV_SOURCE_DIR
zoo=${CLEAVE_ZOO:-$source_dir/../shared/zoo}
demo=$source_dir/models/demo
tried=0

if [ -e "$demo/teacher.onnx" ] && [ -e "$demo/student.onnx" ]; then
    tried=1
    expect 0 build "$demo/teacher.onnx" --student "$demo/student.onnx" --preset tf \
        --labels "$demo/labels.txt" -o demo.clv
    [ ! -s "$err" ] || bad "$(cat "$err")"
    for model in "$demo/teacher.onnx" "$demo/student.onnx" demo.clv; do
        expect 0 verify "$model" --json
        json mismatches 0
        expect 0 inspect "$model" --json
    done
    expect 0 run demo.clv --input 0.png
fi

if [ -d "$zoo/models" ]; then
    tried=1
    # The accuracy of ONNX Runtime on the same photographs: 160 of 250.
    photos=$zoo/imagenet-sample model=$zoo/models/squeezenet1.1-7.onnx
    expect 0 eval "$model" --preset imagenet --data "$photos" --labels "$photos/labels.csv" --json \
        --predictions whole.csv
    json images 250
    right=$(value top1_count)
    if [ "$right" -lt 157 ] || [ "$right" -gt 163 ]; then bad "top-1: $right of 250, not 160"; fi
    # At least 98 % of the answers are ONNX Runtime's.
    agree=$(paste -d, <(cut -d, -f2 whole.csv) <(cut -d, -f3 "$photos/ort_fp32_top1.csv") |
        awk -F, 'NR > 1 && $1 == $2' | wc -l)
    [ "$agree" -ge 245 ] || bad "$agree of 250 agree with ONNX Runtime"
    expect 0 eval "$model" --preset imagenet --data "$photos" --labels "$photos/labels.csv" --limit 40 \
        --cut 21 --predictions cut.csv
    head -41 whole.csv >head.csv
    same head.csv cut.csv
    # A background class at 0.
    expect 0 eval "$zoo/models/mobilenetv1-0.25-128.onnx" --preset tf --label-offset 1 --data "$photos" \
        --labels "$photos/labels.csv" --limit 100 --json
    [ "$(value top1_count)" -ge 30 ] || bad "mobilenet: $(value top1_count) of 100"
    # Weights in 8 bits, in at most 0.27 of the bytes; weights in 4.
    for form in int8:27:155:232 int4:16:150:212; do
        IFS=: read -r name percent least same_answers <<<"$form"
        expect 0 build "$model" --preset imagenet --weights "$name" -o packed.clv
        expect 0 inspect packed.clv --json
        bytes=$(value weights.float.stored_bytes) whole=$(value weights.float.float_bytes)
        [ $((bytes * 100)) -le $((whole * percent)) ] || bad "$name: $bytes of $whole bytes"
        expect 0 eval packed.clv --data "$photos" --labels "$photos/labels.csv" --json --predictions packed.csv
        [ "$(value top1_count)" -ge "$least" ] || bad "$name: $(value top1_count) of 250"
        agree=$(paste -d, <(cut -d, -f2 whole.csv) <(cut -d, -f2 packed.csv) |
            awk -F, 'NR > 1 && $1 == $2' | wc -l)
        [ "$agree" -ge "$same_answers" ] || bad "$name: $agree of 250 agree with float32"
    done
    # The zoo keeps its tensors raw.
    expect 0 run "$zoo/models/mnist-8.onnx" --tensor "Input3=$zoo/golden/mnist-8.0.in.Input3.f32" --json
    json runs.0.outputs.0.top 5
fi
[ $tried -eq 1 ] || exit 77
