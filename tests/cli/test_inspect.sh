#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cleave inspect, cleave verify
. "$(dirname "$0")/lib.sh"

expect 0 inspect two_outputs.onnx
says "input   input.1: float32 1x3x8x8" "output  out:0: float32 1x5" "mid/feature:0: float32 1x4x6x6" \
    "Conv+Relu" "1x4x6x6" "cut bytes" "classify" "4 nodes, 5 cuts"
# Conv: 4 filters of 3x3x3 at 6x6 places. Cut 0 is the input, cut 1 the one feature of both uses.
expect 0 inspect two_outputs.onnx --json
json model two_outputs.onnx
json bundle null
json cuts 5
json nodes 4
json inputs.0.name input.1
json inputs.0.shape 4
json inputs.0.bounded false
json outputs.1.name mid/feature:0
json nodes.0.op Conv+Relu
json nodes.0.name conv
json nodes.0.params 108
json nodes.0.macs 3888
json nodes.0.activation_bytes 576
json nodes.0.cut_before.bytes 768
json nodes.0.cut_before.candidate true
json nodes.1.cut_before.bytes 576
json nodes.2.cut_before.tensors 2
json nodes.2.cut_before.bytes 592
json nodes.2.cut_before.candidate false
json params 128
json macs 3908
json candidate_cuts.0 0
json candidate_cuts.1 1
value passes.0.name >/dev/null || bad "no passes"
expect 0 inspect two_outputs.onnx --passes
says "fusion" "nodes left"
expect 0 inspect two_outputs.onnx --passes --skip-pass fusion --skip-pass cse
says "fusion              0 changes" ", skipped"
[ "$(grep -c ', skipped$' "$out")" = 2 ] || bad "not two passes are skipped"
expect 0 inspect two_outputs.onnx --json --skip-pass fusion
json nodes.0.op Conv
json passes.0.name constants
json passes.0.skipped false
json cuts 6
expect 2 inspect two_outputs.onnx --skip-pass fuse
complains "--skip-pass: fuse: no such pass; there are constants, identity, " "fusion"
expect 0 build two_outputs.onnx --preset raw --skip-pass fusion -o unfused.clv
expect 0 inspect unfused.clv --json
json cuts 6
expect 2 inspect unfused.clv --skip-pass fusion
complains "unfused.clv is a bundle"
expect 0 build two_outputs.onnx --preset raw -o two.clv
nodes=$("$CLEAVE" inspect two_outputs.onnx | grep -c '^ ')
expect 0 inspect two.clv
[ "$(grep -c '^ ' "$out")" = "$nodes" ] || bad "the bundle has other nodes"
says "bundle  "
expect 0 inspect two.clv --json
json bundle.student_nodes null
json bundle.student_weights null
json weights.float.float_bytes 512 # 108 weights of the Conv, 20 of the Gemm
json weights.float.forms.int4 0
json params 128
json passes 0
expect 2 inspect two.clv --passes
complains "two.clv is a bundle"

expect 0 inspect found.onnx
says "output  where: int64 at most 6x2"
expect 0 inspect found.onnx --json
json outputs.0.bounded true
expect 0 verify two_outputs.onnx
says "two_outputs.onnx: 5 cuts, 0 mismatches"
for model in two_outputs.onnx two.clv; do
    for backend in auto ref; do
        expect 0 verify $model --backend $backend --seed 3 --json
        json model $model
        json nodes 4
        json cuts 5
        json mismatches 0
        json first_mismatch null
        json worst_difference 0
    done
done

# Names from the file, on a terminal and in JSON.
for command in inspect verify; do
    expect 0 $command hostile.onnx
    expect 0 $command hostile.onnx --json
done
expect 0 inspect hostile.onnx
says 'in\u001b[31mput\ufffd' '\u001b]0;owned\u0007' 'o\u000aut\u000d\u009b\u007f"\'
expect 0 inspect hostile.onnx --json
[ "$(value inputs.0.name)" = "$(printf 'in\033[31mput\357\277\275')" ] || bad "$(value inputs.0.name)"
[ "$(value nodes.0.name)" = "$(printf '\033]0;owned\007\357\277\275')" ] || bad "$(value nodes.0.name)"
[ "$(value outputs.0.name)" = "$(printf 'o\nut\r\302\233\177"\\')" ] || bad "$(value outputs.0.name)"
odd=$(printf 'a\033b\377.onnx')
cp classifier.onnx "$odd"
expect 0 inspect "$odd" --json
expect 0 verify "$odd"
says 'a\u001bb\ufffd.onnx: '
