#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The shipped traces are what their generator writes, and the program takes and refuses scripts.
set -uo pipefail
bin=${LAB_BIN:?}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
bad() { failures=$((failures + 1)); echo "$0 line ${BASH_LINENO[0]}: $*"; }
[ "$(id -u)" -eq 0 ] || { echo "skipped: the link laboratory needs root"; exit 77; }

cp "$here/traces/make.sh" "$work/"
"$work/make.sh"
for trace in "$here"/traces/*.lab; do
    cmp -s "$trace" "$work/${trace##*/}" || bad "$trace isn't what make.sh writes"
    "$bin/clv_lab" --script "$trace" -- sleep 5 -- true 2>"$work/err"
    code=$?
    [ $code -ne 77 ] || { cat "$work/err"; exit 77; }
    [ $code -eq 0 ] || bad "$trace: $code: $(cat "$work/err")"
done
echo "0 speed 1" >"$work/wrong"
"$bin/clv_lab" --script "$work/wrong" -- sleep 5 -- true 2>"$work/err"
[ $? -eq 3 ] || bad "a wrong script: exit code"
grep -q "wrong:1: rate, delay" "$work/err" || bad "a wrong script: $(cat "$work/err")"
"$bin/clv_lab" -- sleep 5 2>/dev/null
[ $? -eq 2 ] || bad "one program: exit code"
"$bin/clv_lab" -- sleep 5 -- sh -c 'exit 41' 2>/dev/null
[ $? -eq 41 ] || bad "the device's exit code is lost"
"$bin/clv_lab" --seconds 0.3 -- sleep 30 -- sleep 30 2>/dev/null
[ $? -eq 143 ] || bad "--seconds didn't end the device"
"$bin/clv_lab" --stamp --from-output -- sleep 30 -- sh -c 'sleep 0.3; echo a; sleep 0.2; echo b' >"$work/out" 2>/dev/null
tr '\n' ' ' <"$work/out" | grep -qE $'^0\\.0[0-9]{5}\ta 0\\.[2-9][0-9]*\tb $' || bad "stamps: $(cat "$work/out")"
exit $((failures > 0))
