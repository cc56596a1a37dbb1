#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev lab SCRIPT [FLAGS of cleave-edge]: the demo's network between a device and a server over the
# link that SCRIPT describes, 20 frames a second until 2 s after its last event. docs/lab.md
set -euo pipefail
cd "$(dirname "$0")/../.."
script=${1:-}
[ -n "$script" ] || { echo "which script? $(ls tests/lab/traces/*.lab | tr '\n' ' ')" >&2; exit 2; }
shift
bin=build/release/bin
. tests/lab/stage.sh
seconds=$(awk '{sub(/#.*/, "")} NF {last = $1} END {print last + 2}' "$script")
stage_open "$(awk -v s="$seconds" 'BEGIN {print int(s * 20) + 1}')"
stage_demo --script "$script" --report -- --cut 12 --codec uint8 --deadline-ms 250 --fps 20 "$@"
