#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What holds for every subcommand: usage, exit codes, bad files, output that can't be written.
. "$(dirname "$0")/lib.sh"

expect 2
complains "Usage: cleave COMMAND"
expect 2 nonsense
complains "no command 'nonsense'"
expect 2 inspekt
complains "did you mean 'inspect'?"
expect 0 --help
says "Usage: cleave COMMAND" "Exit codes:"
expect 0 --version
says "cleave "

for command in build eval inspect run verify demo "pki init" "pki issue"; do
    # shellcheck disable=SC2086
    expect 0 $command --help
    says "Usage: cleave $command" "--help"
    # shellcheck disable=SC2086
    expect 2 $command --no-such-flag
    complains "cleave $command: --no-such-flag: unknown flag" "Try 'cleave $command --help'"
done
for command in build eval inspect run verify; do
    expect 2 $command
    complains "MODEL" "is missing"
    expect 2 $command one two
    complains "'two' is one word too many"
done

# Files that are no model: the message has the name, stdout nothing.
head -c 300 classifier.onnx >short.onnx
head -c 4000 /dev/urandom >noise.onnx
: >empty.onnx
mkdir folder.onnx
for model in missing.onnx short.onnx noise.onnx empty.onnx folder.onnx 0.png; do
    expect 3 inspect $model
    complains "cleave inspect: $model"
    expect 3 verify $model
    complains "cleave verify: $model"
    expect 3 run $model --input 0.png
    complains "cleave run: $model"
    expect 3 build $model -o out.clv
    complains "cleave build: $model"
    printf 'file,class_index\n0.png,1\n' >labels.csv
    expect 3 eval $model --data . --labels labels.csv
    complains "cleave eval: $model"
done
gone out.clv

# A bundle is told by its content; one that is cut off or changed is refused everywhere.
expect 0 build classifier.onnx --preset raw -o good.clv
cp good.clv "bundle without suffix"
expect 0 verify "bundle without suffix"
head -c 200 good.clv >short.clv
cp good.clv changed.clv
printf 'X' | dd of=changed.clv bs=1 seek=$(($(stat -c %s good.clv) - 3)) conv=notrunc status=none
for model in short.clv changed.clv; do
    for command in inspect verify; do
        expect 3 $command $model
        complains "cleave $command: $model"
    done
    expect 3 run $model --input 0.png
    complains "cleave run: $model"
done

# Flags that a model can't take are the command line's fault: 2, and the flag is named.
expect 2 run classifier.onnx --input 0.png --backend none
complains "--backend" "'none'"
expect 2 verify classifier.onnx --threads 0
complains "--threads"
expect 2 run classifier.onnx --input 0.png --preset none
complains "--preset" "imagenet"
expect 2 run classifier.onnx --input 0.png --mean 1,2
complains "--mean" "'1,2'"
expect 2 run classifier.onnx --input 0.png --std 0
complains "--std"
expect 2 run classifier.onnx --input 0.png --crop-ratio 2
complains "--crop-ratio" "'2'"
expect 2 run classifier.onnx --input 0.png --channels cmyk
complains "--channels" "rgb"
expect 2 run classifier.onnx --input 0.png --fit squeeze
complains "--fit" "letterbox"
for shape in nothing input.1=1,x input.1=0 =1 input.1= 'input.1=1,2,'; do
    expect 2 inspect classifier.onnx --shape $shape
    complains "--shape"
done
expect 2 inspect classifier.onnx --shape wrong=1,2
complains "--shape" "no input 'wrong'" "'input.1'"
expect 2 inspect good.clv --shape input.1=1,3,8,8
complains "--shape" "good.clv is a bundle"
expect 2 inspect good.clv --batch 2
complains "--batch" "good.clv is a bundle"
expect 0 inspect open.onnx --batch 4
says "x: float32 4x4"
expect 0 inspect open.onnx --shape x=3,5
says "x: float32 3x5"
expect 3 inspect wide-open.onnx --batch 4
complains "dimension 1 of 2 open" "--shape"
expect 0 inspect wide-open.onnx --shape x=3,5
says "x: float32 3x5"
expect 0 run classifier.onnx --input 0.png --preset raw --backend ref

# Output that can't be written is a failure; a pipe that is closed ends the program quietly.
for command in "inspect classifier.onnx" "inspect --json classifier.onnx" "verify classifier.onnx" \
    "run classifier.onnx --preset raw --input 0.png" "--version" "run --help"; do
    # shellcheck disable=SC2086
    "$CLEAVE" $command >/dev/full 2>"$err"
    [ $? -eq 3 ] || bad "$command > /dev/full: not 3"
    complains "cannot write to standard output: No space left"
    # shellcheck disable=SC2086
    "$CLEAVE" $command >&- 2>"$err"
    [ $? -eq 3 ] || bad "$command >&-: not 3"
    complains "cannot write to standard output"
    # shellcheck disable=SC2086
    "$CLEAVE" $command 2>"$err" | true
    code=${PIPESTATUS[0]}
    # 0: all of it was in the pipe before the reader went away.
    if [ "$code" -ne 0 ] && [ "$code" -ne 141 ]; then bad "$command | true: $code"; fi
    [ ! -s "$err" ] || bad "$command | true: $(cat "$err")"
done
"$CLEAVE" inspect classifier.onnx --json 2>"$err" | head -1 >"$out"
says "{"
[ ! -s "$err" ] || bad "inspect | head -1: $(cat "$err")"

# Descriptor 1 is nobody else's: what is printed doesn't end up in the file that is written.
"$CLEAVE" build classifier.onnx --preset raw -o closed.clv >&- 2>"$err"
[ $? -eq 3 ] || bad "build >&-: not 3"
same good.clv closed.clv
