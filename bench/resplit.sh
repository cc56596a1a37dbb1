#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench resplit: what a change of the cut costs while frames run, and what it brings that several
# are on their way. It wants three cores to itself: device, server and the link between them.
set -euo pipefail
out=build/bench
zoo=${CLEAVE_ZOO:-../shared/zoo}
[ -d "$zoo/models" ] || { echo "bench: no models at $zoo; set CLEAVE_ZOO" >&2; exit 3; }

# net NAME FILE: a network whose stages are a few ms, and one whose stages are tens of them.
net() {
    mkdir -p "$out/resplit/$1"
    build/release/bin/cleave build "$zoo/models/$2.onnx" --preset imagenet -o "$out/resplit/$1/net.clv" >&2
}
net mobilenetv2 mobilenetv2-1.0-224
net resnet50 structure/light-resnet50
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/one" "$folder/two"
build/release/bin/bench_resplit "$folder/one" "$out/resplit/mobilenetv2" "$folder/two" "$out/resplit/resnet50" "$out/resplit.json"
