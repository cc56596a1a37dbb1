# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced: the demo's model, pictures and keys for the laboratory in $stage; $bin is where the programs are.
export LC_ALL=C

# stage_open FRAMES: a bundle with a student, so many pictures, certificates.
stage_open() {
    [ "$(id -u)" -eq 0 ] || { echo "skipped: the link laboratory needs root" >&2; exit 77; }
    stage=$(mktemp -d)
    trap 'rm -rf "$stage"' EXIT
    local demo=${CLV_SOURCE_DIR:-.}/models/demo
    mkdir "$stage/bundles"
    "$bin/cleave" build "$demo/teacher.onnx" --student "$demo/student.onnx" --labels "$demo/labels.txt" --preset tf \
        -o "$stage/bundles/demo.clv" >/dev/null
    "$bin/clv_demo_draw" --count "$1" --images "$stage/pictures"
    stage_keys
}
stage_keys() {
    "$bin/cleave" pki init "$stage/pki" >/dev/null
    "$bin/cleave" pki issue "$stage/pki" --server 10.77.0.2 >/dev/null
    "$bin/cleave" pki issue "$stage/pki" --device lab >/dev/null
}

# stage_run [LAB FLAGS...] -- EDGE FLAGS...: cleave-server at one end, cleave-edge at the other.
stage_run() {
    local flags=()
    while [ "$1" != -- ]; do flags+=("$1"); shift; done
    shift
    rm -f "$stage/port"
    "$bin/clv_lab" "${flags[@]}" --ready "$stage/port" \
        -- "$bin/cleave-server" --bundles "$stage/bundles" --listen 10.77.0.2:7447 --port-file "$stage/port" --log-level warn \
        --ca "$stage/pki/ca.crt" --cert "$stage/pki/10.77.0.2.crt" --key "$stage/pki/10.77.0.2.key" \
        -- "$bin/cleave-edge" --server 10.77.0.2:7447 --wait-link-ms 10000 \
        --ca "$stage/pki/ca.crt" --cert "$stage/pki/lab.crt" --key "$stage/pki/lab.key" "$@"
}

# stage_demo [LAB FLAGS...] -- EDGE FLAGS...: the same over the demo's pictures.
stage_demo() {
    stage_run "$@" --bundle "$stage/bundles/demo.clv" --input - --size 96x96 <"$stage/pictures"
}
