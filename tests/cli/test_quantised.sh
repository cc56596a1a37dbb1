#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Models that are quantised already.
. "$(dirname "$0")/lib.sh"

expect 0 inspect quantised.onnx --json
json nodes.0.op Conv+Relu
json nodes.0.precision int8
json nodes.3.op Gemm
json nodes.4.op Identity
json nodes.4.precision int8
json cuts 6
# Cut 1 carries bytes: 4 channels of 6x6.
json nodes.1.cut_before.bytes 144
expect 0 inspect quantised.onnx
says "Conv+Relu int8" "Gemm int8"
expect 0 inspect quantised.onnx --passes
says "qdq "

expect 0 build quantised.onnx --preset raw -o q.clv
expect 0 inspect q.clv --json
json nodes.0.precision int8
expect 0 verify q.clv
expect 0 verify q.clv --backend ref
expect 0 verify quantised.onnx
expect 0 run quantised.onnx --preset raw --json --input 0.png
class=$(value runs.0.outputs.0.top.0.class)
expect 0 run q.clv --json --input 0.png
json runs.0.outputs.0.top.0.class "$class"
mkdir photos
cp 0.png photos
printf 'file,class_index\n0.png,%s\n' "$class" >labels.csv
for cut in 0 1 3 5; do
    expect 0 eval q.clv --data photos --labels labels.csv --cut $cut --json
    json top1 1
done

# One by one the same nodes are a float network.
expect 0 inspect quantised.onnx --skip-pass qdq --json
json nodes.0.op QuantizeLinear
json nodes.0.precision float
expect 0 run quantised.onnx --preset raw --json --input 0.png --skip-pass qdq
json runs.0.outputs.0.top.0.class "$class"

expect 3 build quantised.onnx --preset raw --calibrate photos -o bad.clv
complains "quantised.onnx: the model is quantised already"
gone bad.clv
