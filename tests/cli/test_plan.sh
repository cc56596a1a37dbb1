#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cleave plan
. "$(dirname "$0")/lib.sh"

expect 0 build classifier.onnx --preset raw -o net.clv
expect 0 profile net.clv --runs 5 --codec-runs 1 -o here.json
nodes=$("$CLEAVE" inspect net.clv --json | "$JSON_GET" nodes)

# Times that are known: each node 1 ms on the device and 0.1 ms on the server; nothing else takes any.

cat >known.py <<'PY'
import json, sys
p = json.load(open("here.json"))
ns = int(sys.argv[1])
p["preprocess"] = {"min_ns": 0, "spread_ns": 0}
p["points"] = []
for run in p["runs"]:
    run["node_min_ns"] = [ns for _ in p["nodes"]]
    run["cut_bytes"] = [100000] + [1000 for _ in p["nodes"]]
    run["peak_bytes"] = [(k + 1) << 20 for k in range(len(p["nodes"]) + 1)]
json.dump(p, open(sys.argv[2], "w"))
PY
/usr/bin/python3 known.py 1000000 device.json || exit 77 # no Python here
/usr/bin/python3 known.py 100000 server.json
both=(--device device.json --server server.json)

# 1.4 kB cross any cut but the first, with the answer 2.4 kB: behind node 0 at 8 Mbit/s.
expect 0 plan net.clv "${both[@]}" --mbps 8 --rtt-ms 0 --device-slowdown 20 --json
json best.cut 1
json best.codec float
json best.bytes 2400
json best.device_us 20000
json best.link_us 2400
json best.server_us $((100 * (nodes - 1)))
json "baselines.device only.latency_us" $((20000 * nodes))
json "baselines.JPEG to server" null
json cuts $((nodes + 1))
json within_limits true
value over_bandwidth.1.from_mbps >/dev/null || bad "no break in the plan"
expect 0 plan net.clv "${both[@]}" --mbps 900 --rtt-ms 0 --device-slowdown 20 --json
json best.cut 0
expect 0 plan net.clv "${both[@]}" --mbps 0 --json
json best.ships false
json best.cut "$nodes"
expect 0 plan net.clv --device device.json --json
json best.ships false
json server null

# Limits
expect 0 plan net.clv "${both[@]}" --mbps 900 --rtt-ms 0 --device-slowdown 20 --min-depth 2 --json
json best.cut 2
expect 0 plan net.clv "${both[@]}" --mbps 900 --rtt-ms 0 --device-slowdown 20 --not-before 1 --json
json best.cut 2
expect 0 plan net.clv "${both[@]}" --mbps 900 --rtt-ms 0 --objective bytes --json
json best.ships false
expect 0 plan net.clv "${both[@]}" --mbps 900 --rtt-ms 0 --objective bytes --max-memory-mib 2 --json
json best.cut 1
expect 0 plan net.clv "${both[@]}" --deadline-ms 0.01 --json
json within_limits false
expect 0 plan net.clv "${both[@]}" --objective throughput
says "best for throughput" "device only" "cut 0, float" "frames/s"
expect 3 plan net.clv "${both[@]}" --max-memory-mib 1 --min-depth 1
complains "keeps the limits"

# The page: nothing in it from elsewhere, no script, names escaped.
expect 0 plan net.clv "${both[@]}" --mbps 8 --html page.html
[ "$(grep -c '<svg' page.html)" = 3 ] || bad "not three plots"
grep -q 'prefers-color-scheme:dark' page.html || bad "no dark colours"
if grep -qiE '<script|https?:|src=|@import' page.html; then bad "the page isn't alone"; fi
grep -q '</html>' page.html || bad "the page is cut off"
sed 's/"processor": "[^"]*"/"processor": "<script>\&"/' device.json >evil.json
expect 0 plan net.clv --device evil.json --server server.json --html evil.html
if grep -q '<script' evil.html; then bad "a name became a script"; fi

# What can't be
expect 2 plan net.clv
complains "--device"
expect 2 plan net.clv "${both[@]}" --objective speed
complains "speed"
expect 2 plan net.clv "${both[@]}" --not-before nobody
complains "nobody"
expect 2 plan net.clv "${both[@]}" --mbps -1
complains "--mbps"
expect 2 plan net.clv "${both[@]}" --busy-watts 1
complains "--busy-watts"
expect 2 plan net.clv "${both[@]}" --html device.json
complains "--html"
expect 3 plan net.clv --device nowhere.json
complains "nowhere.json"
expect 3 plan classifier.onnx "${both[@]}"
complains "bundle"
expect 0 build classifier.onnx --preset imagenet -o other.clv
expect 3 plan other.clv "${both[@]}"
