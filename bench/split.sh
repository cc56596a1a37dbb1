#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench split [fresh]: device only, raw and JPEG to the server, the best fixed split and Cleave over a grid of
# links, devices and networks: by the planner's model of profiles that are measured here, and in some cells for real, in
# the link laboratory (root). Leaves build/bench/split.json, and docs/benchmarks/split.csv and .html (SPLIT_OUT: another folder).
# What is there from a run that was stopped is used again: bundles, profiles of the same bundle, laboratory runs of the same
# flags and script. `fresh` measures everything anew (bundles are kept). SPLIT_CELLS (6): measured cells of each network;
# SPLIT_NETS: only these networks. SPLIT_IMAGES (250): photographs that say which codec points agree enough.
set -euo pipefail
bin=build/release/bin work=build/bench/split
zoo=${CLEAVE_ZOO:-../shared/zoo}
out=${SPLIT_OUT:-docs/benchmarks}
cells=${SPLIT_CELLS:-6}
images=${SPLIT_IMAGES:-250}
agreement=0.97
[ -d "$zoo/models" ] || { echo "bench: no models at $zoo; set CLEAVE_ZOO" >&2; exit 3; }
mkdir -p "$work/bundles"
[ "${1:-}" != fresh ] || rm -rf "$work"/*.json "$work"/*.fit "$work"/*.out* "$work"/*.sweep* "$work"/*.lab "$work"/sending*
# What is measured comes first on a busy machine.
first=$([ "$(id -u)" -ne 0 ] && echo 0 || echo -20)

# net NAME FILE SIDE FIT CAMERA OWN FLAGS...: its bundle, its pictures, its profile, and what a JPEG of its own size costs,
# unless they are there. CAMERA and OWN: the least qualities of JPEGs at which 97% of the answers stay, of a camera's size and
# of the network's (0: none does).
names=()
net() {
    local name=$1 file=$2 side=$3 fit=$4 camera=$5 own=$6 bundle=$work/bundles/${1#:}/net.clv pictures=$work/pictures-${1#:}
    shift 6
    [ -z "${SPLIT_NETS:-}" ] || [[ " $SPLIT_NETS " == *" ${name#:} "* ]] || return 0
    names+=("$name")
    name=${name#:}
    mkdir -p "${bundle%/*}"
    if [ ! -f "$bundle" ]; then
        echo "bench: building $name" >&2
        $bin/cleave build "$zoo/models/$file.onnx" "$@" --calibrate "$zoo/coco-val2017/images" \
            --precision both -o "$bundle.part" --report "$work/$name.report" >&2
        mv "$bundle.part" "$bundle"
    fi
    if [ "$(cat "$pictures/quality" 2>/dev/null)" != "$camera" ]; then
        rm -rf "$pictures"
        $bin/bench_pictures camera "$zoo/imagenet-sample" 4 "$camera" "$pictures"
        echo "$camera" >"$pictures/quality"
    fi
    if [ ! -f "$work/$name.json" ] || [ "$bundle" -nt "$work/$name.json" ] || [ "$pictures/quality" -nt "$work/$name.json" ]; then
        echo "bench: profiling $name" >&2
        rm -f "$work/$name.json"
        taskset -c 0 nice -n "$first" $bin/cleave profile "$bundle" --runs 30 --codec-runs 1 --input "$pictures"/*.jpg \
            -o "$work/$name.part" >"$work/$name.profile"
        mv "$work/$name.part" "$work/$name.json"
    fi
    rm -f "$work/$name.fit"
    [ "$own" = 0 ] || taskset -c 0 nice -n "$first" $bin/bench_pictures cost "$pictures" "$side" "$fit" "$own" >"$work/$name.fit"
}
# sweep NAME FLAGS...: how often the bundle's points keep the answer, on the photographs that the qualities are from.
sweep() {
    local name=$1 precision
    shift
    [ -z "${SPLIT_NETS:-}" ] || [[ " $SPLIT_NETS " == *" $name "* ]] || return 0
    for precision in float int8; do
        local file=$work/$name.$precision.sweep
        [ ! -f "$file" ] || [ "$work/bundles/$name/net.clv" -nt "$file" ] || continue
        echo "bench: what agrees: $name $precision" >&2
        $bin/cleave eval "$work/bundles/$name/net.clv" "$@" --precision $precision --codec-sweep --json --limit "$images" >"$file.part" 2>"$file.log" &&
            mv "$file.part" "$file" || echo "bench: $name: as the bundle says ($(tail -1 "$file.log"))" >&2 &
    done
    wait
}
points=(--calibration-images 24 --codec-points auto)
# Qualities: docs/benchmarks/rate-fidelity.csv (MobileNetV2 at 85 97.2%, at 75 96.0%; of its own size at 95 96.8%, at 98 98.4%.
# SqueezeNet at 95 96.8%, at 98 97.2%; of its own size at 98 95.2%), and `cleave eval --codec-sweep` (NanoDet at 40 99.3%, at
# 25 96.7%; of its own size at 75 98.3%, at 60 96.8%). The graphs' weights are made up: they have MobileNetV2's.
net mobilenetv2 mobilenetv2-1.0-224 224 crop 85 96 --preset tf "${points[@]}"
net squeezenet squeezenet1.1-7 224 crop 97 0 --preset imagenet "${points[@]}"
net :resnet50 structure/light-resnet50 224 crop 85 96 --preset imagenet --calibration-images 8
net :shufflenet structure/light-shufflenet 224 crop 85 96 --preset imagenet --calibration-images 8
net nanodet nanodet-m-320 320 stretch 40 75 --preset raw --channels bgr --mean 103.53,116.28,123.675 --std 57.375,57.12,58.395 \
    --fit stretch --decode nanodet "${points[@]}"
sweep mobilenetv2 --data "$zoo/imagenet-sample" --labels "$zoo/imagenet-sample/labels.csv" --label-offset 1
sweep squeezenet --data "$zoo/imagenet-sample" --labels "$zoo/imagenet-sample/labels.csv"

# lab NAME OUT LAB-FLAGS -- EDGE-FLAGS: one run of a network; answers in OUT.
bin=$PWD/$bin
. tests/lab/stage.sh
stage=$PWD/$work
[ -f "$stage/pki/lab.crt" ] || { rm -rf "$stage/pki"; stage_keys; }
lab() {
    local name=$1 out=$2 flags=()
    shift 2
    while [ "$1" != -- ]; do flags+=("$1"); shift; done
    shift
    rm -f "$stage/port"
    timeout 300 "$bin/clv_lab" --pin --from-output "${flags[@]}" --ready "$stage/port" \
        -- "$bin/cleave-server" --bundles "$work/bundles/$name" --listen 10.77.0.2:7447 --port-file "$stage/port" --workers 1 --profile-ms 0 \
        --ca "$stage/pki/ca.crt" --cert "$stage/pki/10.77.0.2.crt" --key "$stage/pki/10.77.0.2.key" --log-level warn \
        -- "$bin/cleave-edge" --bundle "$work/bundles/$name/net.clv" --server 10.77.0.2:7447 --wait-link-ms 20000 --profile-ms 0 \
        --ca "$stage/pki/ca.crt" --cert "$stage/pki/lab.crt" --key "$stage/pki/lab.key" --log-level warn \
        --input "$work/pictures-$name/" --repeat 0 "$@" >"$out" 2>"$out.log" </dev/null
}

# once SCRIPT NAME OUT LAB-FLAGS -- EDGE-FLAGS: the same, unless it was run with this script, these flags and this bundle.
once() {
    local script=$1 key
    shift
    key=$(printf '%s\n' "$@" | cat - "$script" "$work/$1.json" | sha256sum)
    [ "$(cat "$2.key" 2>/dev/null)" != "$key" ] || return 0
    lab "$@" || return 1
    [ -s "$2" ] || return 1
    echo "$key" >"$2.key"
}

# What a message costs the device besides the codec, over a link that costs nothing.
printf '0.01 device 16\n' >"$work/sending.lab"
real=yes sender=${names[0]#:}
for codec in uint8 jpeg; do
    once "$work/sending.lab" "$sender" "$work/sending-$codec.out" --script "$work/sending.lab" --seconds 4 -- --in-flight 1 --cut 0 --codec $codec || real=no
done
[ $real = yes ] || echo "bench: no laboratory (it needs root): only the model is reported" >&2
[ $real = no ] || "$bin/bench_split" sending "$work/sending-uint8.out" "$work/sending-jpeg.out" 16 >"$work/sending"

"$bin/bench_split" runs "$work" $agreement "$cells" "${names[@]}" >"$work/list"
begin=$SECONDS at=0 all=$(wc -l <"$work/list")
while [ $real = yes ] && read -r name file seconds flags; do
    at=$((at + 1))
    # One that fails is tried once more, then its cells count as not measured.
    for try in 1 2; do
        # shellcheck disable=SC2086
        ! once "$work/$file.lab" "$name" "$work/$file.out" --stamp --script "$work/$file.lab" --seconds "$seconds" -- $flags || break
        echo "bench: $file: failed ($(tail -1 "$work/$file.out.log"))" >&2
        [ $try = 1 ] || rm -f "$work/$file.out"
    done
    echo "bench: $at of $all, $((SECONDS - begin)) s: $name $flags: $(wc -l 2>/dev/null <"$work/$file.out" || echo no) frames" >&2
done <"$work/list"

load=$(cut -d' ' -f1 /proc/loadavg)
machine="$(nproc) cores of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), Linux $(uname -r | cut -d- -f1), $(date -u +%F), load $load at the end; the device bound to one core and slowed, the server to the other, one thread each."
mkdir -p "$out"
"$bin/bench_split" report "$work" $agreement "$cells" build/bench/split.json "$out/split.csv" "$out/split.html" "$machine" "${names[@]}"
