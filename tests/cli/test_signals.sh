#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A signal in the middle leaves no half-written file.
. "$(dirname "$0")/lib.sh"

# wait_for PATTERN PID: until such a file is there, or the process is gone.
wait_for() {
    until compgen -G "$1" >/dev/null || ! kill -0 "$2" 2>/dev/null; do :; done
}

"$CLI_FIXTURES" --big big.onnx || exit 1
for name in INT TERM HUP; do
    # A subshell of a script ignores SIGINT; env puts that right again.
    env --default-signal=INT "$CLEAVE" build big.onnx -o big.clv >"$out" 2>"$err" &
    pid=$!
    wait_for 'big.clv*' $pid
    kill -s $name $pid 2>/dev/null
    wait $pid 2>/dev/null
    code=$?
    number=$(kill -l $name)
    # Too late to be heard: 0.
    if [ $code -ne $((128 + number)) ] && [ $code -ne 0 ]; then bad "build, SIG$name: $code"; fi
    count 0 big.clv.*
    if [ -e big.clv ]; then expect 0 inspect big.clv; fi
    rm -f big.clv
done

# Hours of images: stopped between two of them; the old predictions stay.
{
    echo file,class_index
    for ((i = 0; i < 200000; i++)); do echo 0.png,1; done
} >long.csv
for name in INT TERM HUP; do
    echo old >predictions.csv
    env --default-signal=INT "$CLEAVE" eval classifier.onnx --preset raw --data . --labels long.csv \
        --predictions predictions.csv >"$out" 2>"$err" &
    pid=$!
    wait_for 'predictions.csv.*' $pid
    kill -s $name $pid
    wait $pid 2>/dev/null
    code=$?
    [ $code -eq $((128 + $(kill -l $name))) ] || bad "eval, SIG$name: $code"
    count 1 predictions.csv*
    [ "$(cat predictions.csv)" = old ] || bad "$(head -3 predictions.csv)"
    complains "interrupted"
    [ ! -s "$out" ] || bad "$(cat "$out")"
done

# A sweep over them: stopped, and nothing is drawn.
env --default-signal=INT "$CLEAVE" eval classifier.onnx --preset raw --data . --labels long.csv \
    --codec-sweep --svg sweep.svg >"$out" 2>"$err" &
pid=$!
wait_for 'sweep.svg.*' $pid
kill -s INT $pid
wait $pid 2>/dev/null
code=$?
[ $code -eq $((128 + $(kill -l INT))) ] || bad "sweep, SIGINT: $code"
count 0 sweep.svg*
[ ! -s "$out" ] || bad "$(cat "$out")"

# Who started it under nohup means it.
env --ignore-signal=HUP "$CLEAVE" eval classifier.onnx --preset raw --data . --labels long.csv \
    --limit 2000 --predictions predictions.csv >"$out" 2>"$err" &
pid=$!
wait_for 'predictions.csv.*' $pid
kill -s HUP $pid
wait $pid || bad "eval, ignored SIGHUP: $?"
[ "$(wc -l <predictions.csv)" -eq 2001 ] || bad "$(wc -l predictions.csv)"
