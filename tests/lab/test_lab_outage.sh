#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whole runs in the laboratory: whatever the link does, every frame has one answer by its deadline.
set -uo pipefail
bin=${LAB_BIN:?}
CLV_SOURCE_DIR=$(cd "$(dirname "$0")/../.." && pwd)
export CLV_SOURCE_DIR
. "$CLV_SOURCE_DIR/tests/lab/stage.sh"
failures=0
bad() { failures=$((failures + 1)); echo "$0 line ${BASH_LINENO[0]}: $*"; }
answers() { grep -c "\"source\":\"$1\"" "$stage/out"; }

# play FRAMES SCRIPT-LINES...: 40 frames a second, 250 ms each; the answers in $stage/out.
play() {
    local frames=$1
    shift
    printf '%s\n' "$@" >"$stage/script"
    head -c $((frames * 96 * 96 * 3)) "$stage/all" >"$stage/pictures"
    stage_demo --script "$stage/script" --seed 7 -- --cut 12 --codec uint8 --deadline-ms 250 --fps 40 >"$stage/out" 2>"$stage/err"
    local code=$?
    [ $code -ne 77 ] || { tail -1 "$stage/err"; exit 77; }
    [ $code -eq 0 ] || bad "exit code $code: $(tail -3 "$stage/err")"
    # Each of 1..N once, none late, none by nobody.
    sed -E 's/^\{"id":([0-9]+),.*/\1/' "$stage/out" | sort -n | uniq >"$stage/ids"
    [ "$(wc -l <"$stage/out")" -eq "$frames" ] || bad "$(wc -l <"$stage/out") answers to $frames frames"
    seq "$frames" | cmp -s - "$stage/ids" || bad "not every frame has its answer"
    [ "$(answers none)" -eq 0 ] || bad "$(answers none) frames were answered by nobody"
    # A busy machine may take the processor away for longer than the millisecond that the device keeps in reserve.
    late=$(grep -c '"late":true' "$stage/out")
    [ "$late" -le $((frames / 100 + 1)) ] || bad "$late answers were late"
    slowest=$(sed -E 's/.*"total":([0-9]+).*/\1/' "$stage/out" | sort -n | tail -1)
    [ "$slowest" -le 300000 ] || bad "the last answer took $slowest us"
    echo "$frames frames: $(answers split) split, $(answers student) student, $late late; $(grep 'device to server' "$stage/err")"
}

stage_open 400
mv "$stage/pictures" "$stage/all"

# A good link: the server answers.
play 80 "0 rate 20" "0 delay 10"
[ "$(answers split)" -ge 78 ] || bad "only $(answers split) of 80 were split"

# Nothing arrives from 2 s to 4 s: the student answers, and the split is back soon after.
play 320 "0 rate 20" "0 delay 10" "2 outage on" "4 outage off"
[ "$(answers student)" -ge 20 ] || bad "the student answered only $(answers student) frames of the outage"
[ "$(answers student)" -le 140 ] || bad "the student answered $(answers student) frames: more than the outage's 80 and a second"
[ "$(tail -100 "$stage/out" | grep -c '"source":"split"')" -ge 98 ] || bad "the split didn't come back"

# Packets are lost, and overtake each other.
play 240 "0 rate 20" "0 delay 10" "0 jitter 3" "0 loss 2" "0 reorder 1"
[ "$(answers split)" -ge 150 ] || bad "only $(answers split) of 240 were split"
grep -q ' 0 lost, ' "$stage/err" && bad "nothing was lost: $(tail -2 "$stage/err")"

# A link that is far too slow for the frames: the student keeps the deadlines.
play 120 "0 rate 0.2" "0 delay 60"
exit $((failures > 0))
