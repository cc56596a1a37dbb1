#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench resplit: what a change of the cut costs while frames run, and what it brings that several
# are on their way. It wants three cores to itself: device, server and the link between them.
set -euo pipefail
out=build/bench
zoo=${CLEAVE_ZOO:-../shared/zoo}
[ -d "$zoo/models" ] || { echo "bench: no models at $zoo; set CLEAVE_ZOO" >&2; exit 3; }

mkdir -p "$out/resplit"
build/release/bin/cleave build "$zoo/models/mobilenetv2-1.0-224.onnx" --preset imagenet -o "$out/resplit/net.clv" >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
build/release/bin/bench_resplit "$folder" "$out/resplit" "$out/resplit.json"
