# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the test_*.sh beside it. CMake gives $CLEAVE, $CLI_FIXTURES, $JSON_GET: programs.
# A check that fails prints its line and lets the script go on; the exit code tells.
set -u
work=$(mktemp -d)
failures=0
finish() {
    local code=$?
    rm -rf "$work"
    if [ $code -ne 0 ]; then exit $code; fi
    [ "$failures" -eq 0 ] || { echo "$failures checks failed"; exit 1; }
}
trap finish EXIT
cd "$work" || exit 1
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}:exitcode=99 UBSAN_OPTIONS=exitcode=99
export LC_ALL=C
out=$work/.out err=$work/.err

bad() {
    failures=$((failures + 1))
    printf '%s line %s: %s\n' "$0" "${BASH_LINENO[1]}" "$*"
}

# Lines of text only: no escape sequence reaches a terminal from out or err.
check_plain() {
    local file
    for file in "$out" "$err"; do
        if grep -aq $'[\001-\011\013-\037\177\200-\237]' "$file"; then
            bad "control characters: $(cat -v "$file")"
        fi
    done
}

# expect CODE ARGUMENTS...: run cleave; keep stdout in $out and stderr in $err.
expect() {
    local want=$1 got
    shift
    "$CLEAVE" "$@" >"$out" 2>"$err" </dev/null
    got=$?
    if [ $got -ne "$want" ]; then
        bad "cleave $*: exit code $got, not $want"
        sed 's/^/    /' "$err"
    fi
    if [ "$want" -ge 2 ] && [ ! -s "$err" ]; then bad "cleave $*: no word on stderr"; fi
    if [ "$want" -ge 2 ] && [ -s "$out" ] && [ "${allow_output:-no}" = no ]; then
        bad "cleave $*: it failed, but wrote to stdout"
    fi
    check_plain
}

# says TEXT: stdout has it; complains TEXT: stderr has it; both take several.
says() {
    local text
    for text in "$@"; do
        grep -aqF -e "$text" "$out" || bad "stdout lacks '$text': $(head -c 600 "$out")"
    done
}
complains() {
    local text
    for text in "$@"; do
        grep -aqF -e "$text" "$err" || bad "stderr lacks '$text': $(head -c 600 "$err")"
    done
}

# json PATH VALUE: stdout is JSON with VALUE at PATH.
json() {
    local got
    got=$("$JSON_GET" "$1" <"$out" 2>&1) || bad "$1: $got"
    [ "$got" = "$2" ] || bad "$1 is '$got', not '$2'"
}

# value PATH: of $out, for comparisons.
value() { "$JSON_GET" "$1" <"$out"; }

same() { cmp -s "$1" "$2" || bad "$1 and $2 differ"; }
differ() { if cmp -s "$1" "$2"; then bad "$1 and $2 are the same"; fi; }
exists() { local f; for f in "$@"; do [ -e "$f" ] || bad "$f is missing"; done; }
gone() { local f; for f in "$@"; do [ ! -e "$f" ] || bad "$f is there"; done; }
# count WANTED FILES...: as many of them exist.
count() {
    local want=$1 n=0 f
    shift
    for f in "$@"; do [ -e "$f" ] && n=$((n + 1)); done
    [ $n -eq "$want" ] || bad "$n files, not $want: $*"
}

"$CLI_FIXTURES" "$work" || exit 1
