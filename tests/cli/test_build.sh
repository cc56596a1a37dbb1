#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cleave build
. "$(dirname "$0")/lib.sh"

expect 0 build classifier.onnx --preset tf -o one.clv
says "one.clv: " " nodes, id "
count 1 one.clv*
expect 0 build classifier.onnx --preset tf --output two.clv
same one.clv two.clv # a bundle is a function of its inputs
[ "$(stat -c %a one.clv)" = 644 ] || bad "mode $(stat -c %a one.clv)"
expect 0 build classifier.onnx --preset raw -o one.clv
differ one.clv two.clv # it was replaced
count 1 one.clv*

expect 0 build classifier.onnx -o assumed.clv
complains "note: no --preset was given for classifier.onnx: imagenet is assumed"
printf 'a\nb\nc\nd\ne\n' >names.txt
expect 0 build classifier.onnx --preset tf --student student.onnx --labels names.txt -o full.clv
says ", student student.onnx, id "
expect 0 inspect full.clv --json
json bundle.labels 5
json bundle.student_nodes 3
expect 0 inspect full.clv
says "student 3 nodes" "labels  5" "images  rgb, crop"
expect 0 verify full.clv

# A bundle of a bundle, and shapes that the model leaves open.
expect 0 build full.clv -o again.clv
expect 0 build open.onnx --shape x=2,3 -o open.clv
expect 0 inspect open.clv
says "x: float32 2x3"

# Weights in fewer bytes; the student's too.
demo=$CLV_SOURCE_DIR/models/demo last=1000000000
for form in float32 float16 int8 int4; do
    expect 0 build "$demo/teacher.onnx" --student "$demo/student.onnx" --preset tf --weights $form -o $form.clv
    expect 0 verify $form.clv
    says " 0 mismatches"
    expect 0 inspect $form.clv
    says "weights float: "
    expect 0 inspect $form.clv --json
    [ "$(value weights.float.forms.$form)" -gt 0 ] || bad "nothing is $form"
    [ "$(value bundle.student_weights.float.stored_bytes)" -gt 0 ] || bad "no bytes of the student"
    bytes=$(value weights.float.stored_bytes) whole=$(value weights.float.float_bytes)
    [ "$bytes" -lt $last ] || bad "$form takes $bytes bytes, not less than $last"
    last=$bytes
    if [ $form = int8 ] && [ $((bytes * 100)) -gt $((whole * 29)) ]; then bad "$bytes of $whole bytes"; fi
done
expect 0 build int8.clv -o again.clv # as they were packed
expect 0 inspect again.clv --json
[ "$(value weights.float.forms.int8)" -gt 0 ] || bad "they were unpacked"
expect 2 build classifier.onnx --preset tf --weights int2 -o bad.clv
complains "--weights" "'int2' is none of float32, float16, int8, int4"

# What can't be, and then nothing is left behind.
expect 2 build classifier.onnx
complains "-o FILE is missing"
expect 2 build classifier.onnx -o
complains "--output: needs a value"
expect 3 build classifier.onnx --preset tf --student two_outputs.onnx -o bad.clv
complains "two_outputs.onnx" "2 outputs, the main model 1"
expect 3 build classifier.onnx --preset tf --student open.onnx -o bad.clv
complains "open.onnx"
expect 3 build classifier.onnx --preset tf --student missing.onnx -o bad.clv
complains "missing.onnx"
expect 3 build classifier.onnx --preset tf --labels missing.txt -o bad.clv
complains "missing.txt"
expect 3 build classifier.onnx --preset tf -o no/such/folder/bad.clv
complains "no/such/folder/bad.clv"
mkdir folder
expect 3 build classifier.onnx --preset tf -o folder
complains "folder"
mkfifo pipe # as /dev/null: what isn't a file must not be replaced by one
expect 3 build classifier.onnx --preset tf -o pipe
complains "pipe" "no regular file"
[ -p pipe ] || bad "the pipe was replaced"
count 0 bad.clv* folder/* folder.*

# Nothing that is read is written over.
cp classifier.onnx before.onnx
ln -s classifier.onnx link.onnx
for output in classifier.onnx ./classifier.onnx link.onnx student.onnx names.txt; do
    expect 2 build classifier.onnx --preset tf --student student.onnx --labels names.txt -o $output
    complains "would be overwritten"
done
same classifier.onnx before.onnx
