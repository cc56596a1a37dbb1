#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench split: device only, raw and JPEG to the server, the best fixed split and Cleave over a grid of links,
# devices and networks: by the planner's model of profiles that are measured here, and in some cells for real, in the link
# laboratory (root). Leaves build/bench/split.json, and docs/benchmarks/split.csv and .html.
set -euo pipefail
bin=build/release/bin work=build/bench/split
zoo=${CLEAVE_ZOO:-../shared/zoo}
agreement=0.97
[ -d "$zoo/models" ] || { echo "bench: no models at $zoo; set CLEAVE_ZOO" >&2; exit 3; }
mkdir -p "$work/bundles"
# What is measured comes first on a busy machine.
first=$([ "$(id -u)" -ne 0 ] && echo 0 || echo -20)

# Pictures of the networks' sizes: nobody has to resize, and JPEG is at its best. Quality 98 is the least at which MobileNetV2 agrees
# with itself as often as the codec's points are asked to (cleave eval --codec-sweep: 97%; quality 95: 95%, 85: 92%).
for side in 224 320; do
    [ -d "$work/pictures-$side" ] || $bin/bench_pictures fit "$zoo/imagenet-sample" 16 $side 98 "$work/pictures-$side"
done

# net NAME FILE SIDE FLAGS...: its bundle, unless it is there, and its profile.
names=()
net() {
    local name=$1 file=$2 side=$3 bundle=$work/bundles/${1#:}/net.clv
    shift 3
    names+=("$name")
    name=${name#:}
    mkdir -p "${bundle%/*}"
    if [ ! -f "$bundle" ]; then
        echo "bench: building $name" >&2
        $bin/cleave build "$zoo/models/$file.onnx" "$@" --calibrate "$zoo/coco-val2017/images" \
            --precision both -o "$bundle" --report "$work/$name.report.json" >&2
    fi
    ln -sfn "$PWD/$work/pictures-$side" "$work/pictures-$name"
    if [ ! -f "$work/$name.json" ] || [ "$bundle" -nt "$work/$name.json" ]; then
        echo "bench: profiling $name" >&2
        taskset -c 0 nice -n "$first" $bin/cleave profile "$bundle" --runs 30 --codec-runs 1 --input "$work/pictures-$side"/00[0-7].jpg \
            -o "$work/$name.json" >&2
    fi
}
points=(--calibration-images 24 --codec-points auto)
net mobilenetv2 mobilenetv2-1.0-224 224 --preset tf "${points[@]}"
net squeezenet squeezenet1.1-7 224 --preset imagenet "${points[@]}"
net :resnet50 structure/light-resnet50 224 --preset imagenet --calibration-images 8
net :shufflenet structure/light-shufflenet 224 --preset imagenet --calibration-images 8
net nanodet nanodet-m-320 320 --preset raw --channels bgr --mean 103.53,116.28,123.675 --std 57.375,57.12,58.395 \
    --fit stretch --decode nanodet "${points[@]}"

# lab NAME OUT LAB-FLAGS -- EDGE-FLAGS: one run of a network; answers in OUT.
bin=$PWD/$bin
. tests/lab/stage.sh
stage=$PWD/$work
[ -d "$stage/pki" ] || stage_keys
lab() {
    local name=$1 out=$2 flags=()
    shift 2
    while [ "$1" != -- ]; do flags+=("$1"); shift; done
    shift
    rm -f "$stage/port"
    "$bin/clv_lab" --pin --from-output "${flags[@]}" --ready "$stage/port" \
        -- "$bin/cleave-server" --bundles "$work/bundles/$name" --listen 10.77.0.2:7447 --port-file "$stage/port" --workers 1 \
        --ca "$stage/pki/ca.crt" --cert "$stage/pki/10.77.0.2.crt" --key "$stage/pki/10.77.0.2.key" --log-level warn \
        -- "$bin/cleave-edge" --bundle "$work/bundles/$name/net.clv" --server 10.77.0.2:7447 --wait-link-ms 20000 \
        --ca "$stage/pki/ca.crt" --cert "$stage/pki/lab.crt" --key "$stage/pki/lab.key" --log-level warn \
        --input "$work/pictures-$name/" --repeat 0 --in-flight 1 --min-agreement $agreement "$@" >"$out" 2>"$out.log" </dev/null
}

# What a message costs the device besides the codec, over a link that costs nothing.
printf '0.01 device 16\n' >"$work/sending.lab"
real=yes
for codec in uint8 jpeg; do
    lab squeezenet "$work/sending-$codec" --script "$work/sending.lab" --seconds 4 -- --cut 0 --codec $codec || real=no
done
[ $real = yes ] || echo "bench: no laboratory (it needs root): only the model is reported" >&2
[ $real = no ] || "$bin/bench_split" sending "$work/sending-uint8" "$work/sending-jpeg" 16 >"$work/sending"

rm -f "$work"/*.out "$work"/*-*.lab
"$bin/bench_split" runs "$work" $agreement "${names[@]}" >"$work/list"
while [ $real = yes ] && read -r name candidate seconds flags; do
    # shellcheck disable=SC2086
    lab "$name" "$work/$name-$candidate.out" --stamp --script "$work/$name-$candidate.lab" --seconds "$seconds" -- $flags || true
    echo "bench: $name $flags: $(wc -l <"$work/$name-$candidate.out") frames" >&2
done <"$work/list"

machine="$(nproc) cores of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), Linux $(uname -r | cut -d- -f1), $(date -u +%F); the device bound to one core and slowed, the server to the other, one thread each."
mkdir -p docs/benchmarks
"$bin/bench_split" report "$work" $agreement build/bench/split.json docs/benchmarks/split.csv docs/benchmarks/split.html "$machine" "${names[@]}"
