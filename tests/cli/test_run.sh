#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cleave run
. "$(dirname "$0")/lib.sh"

printf 'cat\ndog\n\nhen\r\n\033[31mred' >names.txt # 5 of them; no newline at the end
quiet=(--preset raw)

# Images, text.
expect 0 run classifier.onnx "${quiet[@]}" --labels names.txt --input 0.png 1.png
says "0.png (" "1.png (" " cat" " dog" " hen" '\u001b[31mred'
grep -q ' hen$' "$out" || bad "the end of a line is in the label: $(cat "$out")"
[ "$(wc -l <"$out")" -eq 12 ] || bad "$(cat "$out")" # a title and 5 classes for each
[ ! -s "$err" ] || bad "$(cat "$err")"
expect 0 run classifier.onnx "${quiet[@]}" --top 2 --input 0.png
[ "$(wc -l <"$out")" -eq 3 ] || bad "$(cat "$out")"

# What was guessed or looks wrong is said, on stderr.
expect 0 run classifier.onnx --input 0.png
complains "note: no --preset was given for classifier.onnx: imagenet is assumed"
expect 0 run classifier.onnx --mean 0 --input 0.png
[ ! -s "$err" ] || bad "$(cat "$err")"
head -2 names.txt >two.txt
expect 0 run classifier.onnx "${quiet[@]}" --labels two.txt --input 0.png
complains "note: two.txt has 2 names for 5 classes"
: >none.txt
expect 3 run classifier.onnx "${quiet[@]}" --labels none.txt --input 0.png
complains "none.txt"
expect 3 run classifier.onnx "${quiet[@]}" --labels missing.txt --input 0.png
complains "missing.txt"

# JSON.
expect 0 run two_outputs.onnx "${quiet[@]}" --labels names.txt --json --input 0.png 1.png
json model two_outputs.onnx
json runs 2
json runs.0.input 0.png
json runs.1.input 1.png
json runs.0.outputs 2
json runs.0.outputs.0.name out:0
json runs.0.outputs.0.type float32
json runs.0.outputs.0.shape.1 5
json runs.0.outputs.0.top 5
json runs.0.outputs.1.name mid/feature:0
json runs.0.outputs.1.shape 4
value runs.0.run_us >/dev/null || bad "no run_us"
value runs.0.outputs.0.top.0.confidence >/dev/null || bad "no confidence"
value runs.0.outputs.1.mean >/dev/null || bad "no mean"
expect 0 run classifier.onnx "${quiet[@]}" --labels names.txt --top 1 --json --input 0.png
json runs.0.outputs.0.top 1

# The flags of the input change it; a bundle brings its own.
expect 0 run classifier.onnx "${quiet[@]}" --json --input 0.png
raw=$(value runs.0.outputs.0.top.0.score)
for flags in "--preset tf" "--preset caffe" "--preset imagenet" "--preset raw --channels bgr" \
    "--preset raw --mean 9" "--preset raw --std 2,3,4" "--preset raw --fit letterbox"; do
    # shellcheck disable=SC2086
    expect 0 run classifier.onnx $flags --json --input 0.png
    [ "$(value runs.0.outputs.0.top.0.score)" != "$raw" ] || bad "$flags changes nothing"
done
expect 0 build classifier.onnx --preset tf --labels names.txt -o tf.clv
expect 0 run classifier.onnx --preset tf --json --input 0.png
tf=$(value runs.0.outputs.0.top.0.score)
expect 0 run tf.clv --json --input 0.png
json runs.0.outputs.0.top.0.score "$tf"
value runs.0.outputs.0.top.0.label >/dev/null || bad "the bundle's labels are lost"
expect 0 run tf.clv --preset raw --json --input 0.png
json runs.0.outputs.0.top.0.score "$raw"

# The backends agree to a few digits; threads change nothing that anybody sees.
expect 0 run classifier.onnx "${quiet[@]}" --backend ref --json --input 0.png
ref=$(value runs.0.outputs.0.top.0.score)
[ "${ref:0:6}" = "${raw:0:6}" ] || bad "ref gives $ref, auto $raw"
expect 0 run classifier.onnx "${quiet[@]}" --threads 2 --json --input 0.png

# Bad images: the file is named, nothing is printed.
head -c 60 0.png >cut.png
for image in cut.png missing.png . names.txt /dev/null; do
    expect 3 run classifier.onnx "${quiet[@]}" --input $image
    complains "cleave run: $image"
done
expect 3 run classifier.onnx "${quiet[@]}" --json --input 0.png cut.png
allow_output=yes expect 3 run classifier.onnx "${quiet[@]}" --input 0.png cut.png
says "0.png ("

# Neither, both.
expect 2 run classifier.onnx
complains "either --input or --tensor"
expect 2 run classifier.onnx --input 0.png --tensor input.1=x.raw
complains "either --input or --tensor"
expect 2 run --input 0.png classifier.onnx
complains "goes in front of --input"
expect 3 run two_inputs.onnx --input 0.png
complains "two_inputs.onnx" "--tensor NAME=FILE"

# The three forms of a tensor give the same bytes.
for form in raw npy pb; do
    expect 0 run two_outputs.onnx --tensor input.1=x.$form --save saved.$form
    exists saved.$form/out_0.npy saved.$form/mid_feature_0.npy
    count 2 saved.$form/*
done
for form in npy pb; do
    same saved.raw/out_0.npy saved.$form/out_0.npy
    same saved.raw/mid_feature_0.npy saved.$form/mid_feature_0.npy
done
# A saved tensor can be read again.
expect 0 run two_inputs.onnx --tensor a=a.npy a=b=b.npy --save first
says "difference: float32 2x3, min"
expect 0 run two_inputs.onnx --tensor a=a.npy --tensor a=b=first/difference.npy --save second
differ first/difference.npy second/difference.npy
expect 0 run two_inputs.onnx --tensor a=a.raw a=b=b.pb --json --save third
same first/difference.npy third/difference.npy
json runs.0.input null
json runs.0.outputs.0.shape.0 2

# Wrong tensors.
expect 2 run two_inputs.onnx --tensor a=a.npy
complains "--tensor" "input 'a=b' is missing"
expect 2 run two_inputs.onnx --tensor c=a.npy a=b=b.npy
complains "'c=a.npy'" "'a', 'a=b'"
expect 2 run two_inputs.onnx --tensor a=a.npy a=a.npy a=b=b.npy
complains "'a' is given twice"
expect 2 run two_inputs.onnx --tensor a
complains "'a' is not INPUT=FILE"
expect 3 run two_inputs.onnx --tensor a=missing.npy a=b=b.npy
complains "missing.npy"
expect 3 run two_inputs.onnx --tensor a=. a=b=b.npy
complains "cleave run: ."
head -c 20 a.raw >short.raw
cat a.raw a.raw >long.raw
for file in short.raw long.raw x.raw 0.png; do
    expect 3 run two_inputs.onnx --tensor a=$file a=b=b.npy
    complains "$file" "bytes" "2x3 has 24"
done
head -c 90 a.npy >short.npy
head -c 30 a.pb >short.pb
for file in short.npy short.pb x.npy x.pb; do
    expect 3 run two_inputs.onnx --tensor a=$file a=b=b.npy
    complains "$file"
done

# --save: a folder for each of several images; folders are made; nothing is written twice.
expect 0 run two_outputs.onnx "${quiet[@]}" --input 0.png --save deep/er
exists deep/er/out_0.npy deep/er/mid_feature_0.npy
mkdir other
cp 1.png other/1.png
expect 0 run two_outputs.onnx "${quiet[@]}" --input 0.png other/1.png 2.png --save many
exists many/0.png/out_0.npy many/1.png/mid_feature_0.npy many/2.png/out_0.npy
same deep/er/out_0.npy many/0.png/out_0.npy
differ many/0.png/out_0.npy many/1.png/out_0.npy
expect 2 run two_outputs.onnx "${quiet[@]}" --input 1.png other/1.png --save twice
complains "--save" "1.png and other/1.png"
gone twice
expect 2 run clash.onnx --tensor x=x.npy --save clash
complains "--save" "'a:b' and 'a/b'"
gone clash
: >file
for folder in file file/below /proc/nowhere; do
    allow_output=yes expect 3 run two_outputs.onnx "${quiet[@]}" --input 0.png --save $folder
    complains "cleave run: $folder"
done

# A shape that depends on data is what it is this time.
for tensor in a b; do
    expect 0 run found.onnx --tensor a=$tensor.npy --save found.$tensor
done
says "where: int64 4x2"
grep -q "(2, 2,)" found.a/where.npy || bad "where.npy doesn't have the rows that were found"
grep -q "(4, 2,)" found.b/where.npy || bad "where.npy doesn't have the rows that were found"

# Names that a terminal would obey are shown, not sent; in JSON they stay what they are.
input=$(printf 'in\033[31mput\233')
expect 0 run hostile.onnx --tensor "$input=x.raw" --save hostile
exists hostile/o_ut______.npy
expect 0 run hostile.onnx --tensor "$input=x.raw" --json
json runs.0.outputs.0.shape.1 5
expect 2 run hostile.onnx --tensor nothing=x.raw
complains 'in\u001b[31mput\ufffd'
expect 3 run hostile.onnx "${quiet[@]}" --input "$(printf 'no\033[2Jsuch.png')"
complains 'no\u001b[2Jsuch.png'
