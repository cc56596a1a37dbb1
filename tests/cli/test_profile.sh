#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cleave profile
. "$(dirname "$0")/lib.sh"

mkdir photos
for i in 0 1 2 3; do cp $i.png photos/; done
expect 0 build classifier.onnx --preset raw --calibrate photos --precision both --max-drop 1 -o both.clv
expect 0 build classifier.onnx --preset raw -o float.clv
id=$("$CLEAVE" inspect both.clv --json | "$JSON_GET" bundle.id)
nodes=$("$CLEAVE" inspect both.clv --json | "$JSON_GET" nodes)

expect 0 profile both.clv --runs 5 --codec-runs 1
says "float min us" "int8 min us" "peak KiB" "sum / whole" "preprocess" "float, uint8: " "int8, float: "
expect 0 profile float.clv --runs 5 --codec-runs 0
says "min us" "sum / whole"
if grep -q "float, lz4" "$out"; then bad "codecs were measured"; fi

expect 0 profile both.clv --runs 5 --json -o both.json
json profile 1
json bundle "$id"
json threads 1
json nodes "$nodes"
json runs 2
json runs.0.precision float
json runs.1.precision int8
json runs.0.batch 1
json runs.1.node_min_ns "$nodes"
json runs.1.node_median_ns "$nodes"
json runs.0.cut_bytes $((nodes + 1))
json runs.0.cut_bytes.0 768 # 3x8x8 floats
json runs.0.peak_bytes $((nodes + 1))
json points $((nodes * 4 * 2 + 4)) # and the frame as pixels and as JPEG
json points.0.cut 0
json points.0.lossless true # float
json points.1.codec jpeg
json points.1.lossless false
json points.1.agreement 0
json points.3.codec pixels
json points.3.mean_bytes 921600
value processor >/dev/null || bad "no processor"
"$JSON_GET" <both.json || bad "both.json isn't JSON"
[ "$("$JSON_GET" bundle <both.json)" = "$id" ] || bad "another bundle in the file"

# Several frames together, and a plan for a server that runs them so.
expect 0 profile both.clv --runs 5 --codec-runs 1 --batch 1,2,4 --json -o server.json
json runs 6
json runs.0.batch 1
json runs.1.precision int8
json runs.2.batch 2
json runs.3.batch 4
json runs.5.precision int8
json runs.5.cut_bytes.0 768 # of one frame
expect 0 plan both.clv --device both.json --server server.json --batch 4 --objective throughput
expect 3 plan both.clv --device both.json --server server.json --batch 3 --objective throughput
expect 0 profile both.clv --runs 5 --codec-runs 1 --batch 2
says "float, 2 frames together: " "int8, 2 frames together: " "of one alone"
for batch in 0 2, ,2 x 2x 4097 -1; do expect 2 profile both.clv --batch "$batch"; done

# The camera's frame is a way to ship cut 0: as it is where it is a JPEG.
expect 0 profile both.clv --runs 5 --input 0.png --input 1.png --json
json points $((nodes * 4 * 2 + 4))
json points.1.codec jpeg
json points.1.lossless false
differ_pixels=$(value points.3.mean_bytes)
[ "$differ_pixels" != 921600 ] || bad "the made-up frame's pixels"
jpeg="$CLV_SOURCE_DIR/tests/fuzz/corpus/image/jpeg_rgb"
expect 0 profile both.clv --runs 5 --input "$jpeg" --json
json points.1.codec jpeg
json points.1.lossless true
json points.1.encode.min_ns 0
json points.1.mean_bytes "$(stat -c %s "$jpeg")"

# Few cuts measured, points at all of them; one form alone.
expect 0 profile both.clv --runs 5 --cuts 1 --precision int8 --json
json points $((nodes * 4 + 2))
json runs 1
json runs.0.precision int8

expect 2 profile both.clv --runs 1
complains "--runs"
expect 2 profile both.clv -o both.clv
complains "--output"
expect 2 profile float.clv --precision int8
complains "--precision"
expect 2 profile both.clv --backend fast
complains "--backend"
expect 3 profile classifier.onnx
complains "cleave build"
expect 3 profile missing.clv
complains "missing.clv"
expect 3 profile both.clv --input labels.txt
expect 3 profile both.clv -o nowhere/both.json
complains "nowhere"
gone nowhere
printf 'no image' >bad.png
expect 3 profile both.clv --input bad.png
complains "both.clv"
