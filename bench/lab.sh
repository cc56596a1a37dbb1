#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench lab: is the link laboratory's link what it is set to? TCP's throughput beside the rate
# (payload of full packets: 1448 of 1500 bytes), UDP's round trip beside the delay, and how much
# slower a piece of work gets. Needs root.
set -euo pipefail
lab=build/release/bin/clv_lab traffic=build/release/bin/bench_lab_traffic
script=$(mktemp)
trap 'rm -f "$script"' EXIT
[ "$(id -u)" -eq 0 ] || { echo "bench: the laboratory needs root" >&2; exit 77; }

# in_lab SETTINGS... -- DEVICE ARGUMENTS: settings are "what value".
in_lab() {
    : >"$script"
    while [ "$1" != -- ]; do echo "0 $1" >>"$script"; shift; done
    shift
    "$lab" --script "$script" -- "$traffic" server -- "$traffic" "$@" 2>/dev/null
}
rows=()
printf '%-10s %-8s %14s %14s %8s %14s %8s\n' "rate" "rtt" "payload Mbit/s" "up" "off by" "down" "off by"
for rate in 0.5 2 10 50 200; do
    for rtt in 5 50; do
        set -- "rate $rate" "delay $(awk "BEGIN {print $rtt / 2}")"
        seconds=4
        up=$(in_lab "$@" -- client 10.77.0.2 up $seconds)
        down=$(in_lab "$@" -- client 10.77.0.2 down $seconds)
        awk -v r=$rate -v t=$rtt -v u="$up" -v d="$down" 'BEGIN {w = r * 1448 / 1500
            printf "%-10s %-8s %14.3f %14.3f %7.1f%% %14.3f %7.1f%%\n", r, t, w, u, (u / w - 1) * 100, d, (d / w - 1) * 100}'
        rows+=("{\"rate_mbit\":$rate,\"rtt_ms\":$rtt,\"up_mbit\":$up,\"down_mbit\":$down}")
    done
done
printf '\n%-10s %12s %12s\n' "rtt set" "median ms" "largest ms"
for rtt in 0 1 5 20 100; do
    read -r median largest < <(in_lab "delay $(awk "BEGIN {print $rtt / 2}")" -- client 10.77.0.2 rtt 40)
    printf '%-10s %12s %12s\n' $rtt "$median" "$largest"
    rows+=("{\"rtt_ms\":$rtt,\"median_ms\":$median,\"largest_ms\":$largest}")
done
printf '\n%-10s %12s %14s %12s\n' "slower" "ms" "processor's ms" "times"
for slower in 1 2 8 32 64; do
    read -r ms own < <(in_lab "device $slower" -- spin)
    awk -v s=$slower -v m="$ms" -v o="$own" 'BEGIN {printf "%-10s %12.1f %14.1f %12.2f\n", s, m, o, m / o}'
    rows+=("{\"slower\":$slower,\"ms\":$ms,\"processor_ms\":$own}")
done
mkdir -p build/bench
(IFS=,; printf '[%s]\n' "${rows[*]}") >build/bench/lab.json
