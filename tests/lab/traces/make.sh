#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes the traces beside it. They are SYNTHETIC: plausible courses of links that are made up here, not
# measured anywhere. The same seed gives the same files.
set -euo pipefail
cd "$(dirname "$0")"

# trace NAME TITLE: the body is awk code that prints events; noise() is within [-1, 1].
trace() {
    {
        echo "# SYNTHETIC, by traces/make.sh: $2"
        LC_ALL=C awk 'function noise() {state = (state * 1103515245 + 12345) % 2147483648; return state / 1073741824 - 1}
            function clip(x, low, high) {return x < low ? low : x > high ? high : x}
            function link(t, up, down, delay, jitter, loss) {
                printf "%.1f rate %.2f up\n%.1f rate %.2f down\n%.1f delay %.1f\n%.1f jitter %.1f\n%.1f loss %.2f\n", t, up, t, down, t, delay, t, jitter, t, loss}
            function phase(t, name) {printf "%.1f phase %s\n", t, name}
            BEGIN {state = 20; '"$3"'}'
    } >"$1.lab"
}

# The signal is a bounded walk; at two places the cell changes, with half a second of nothing; there is a tunnel.
trace lte-drive "a car on LTE: fading, two handovers, a tunnel of 4 s" '
    x = 0.7
    for (t = 0; t < 60; t += 0.5) {
        if (t == 0) phase(t, "town"); if (t == 18) phase(t, "handover-1"); if (t == 20) phase(t, "road")
        if (t == 32) phase(t, "tunnel"); if (t == 36) phase(t, "behind-it"); if (t == 48) phase(t, "handover-2"); if (t == 50) phase(t, "suburb")
        x = clip(x + 0.12 * noise(), 0.05, 1)
        if (t == 18.5 || t == 48.5) x = 0.8
        link(t, 0.5 + 18 * x * x, 2 + 60 * x * x, 22 + 25 * (1 - x), 4 + 12 * (1 - x), 0.1 + 0.8 * (1 - x))
        if (t == 18 || t == 32 || t == 48) printf "%.1f outage on\n", t
        if (t == 18.5 || t == 36 || t == 48.5) printf "%.1f outage off\n", t
    }'

# Three access points on a corridor: the rate sinks with the distance, packets are retried, each change costs 0.3 s.
trace wifi-roaming "someone walks past three Wi-Fi access points" '
    for (t = 0; t < 45; t += 0.5) {
        if (t % 15 == 0) {phase(t, "access-point-" t / 15 + 1); if (t > 0) printf "%.1f outage on\n%.1f outage off\n", t, t + 0.3}
        if (t % 15 == 0 && t > 0) t0 = t + 0.4; else t0 = t
        d = (t % 15 - 7.5) / 7.5; d = d < 0 ? -d : d
        rate = 120 * (1 - d) * (1 - d) + 2 + 3 * noise()
        link(t0, clip(rate, 0.8, 130), clip(rate * 1.1, 0.8, 130), 1.5 + 6 * d * d, 0.5 + 8 * d * d, 0.05 + 2 * d * d * d)
    }'

# Low orbit: every 15 s another satellite, with a short gap and a step of the delay; twice there is none for a while.
trace satellite-passes "a terminal of a low-orbit constellation with two gaps of cover" '
    for (t = 0; t < 75; t += 1) {
        if (t % 15 == 0) {base = 19 + 8 * noise(); rate = 9 + 5 * noise(); phase(t, "pass-" t / 15 + 1)}
        link(t, clip(rate + noise(), 1, 20), clip(6 * rate + 8 * noise(), 5, 120), base + 2 * (t % 15) / 15, 3, 0.3)
        if (t % 15 == 0 && t > 0) printf "%.1f outage on\n", t
        if (t == 30) gap = 4; else if (t == 60) gap = 7; else if (t % 15 == 0 && t > 0) gap = 0.2
        if (gap > 0 && gap < 1) {printf "%.1f outage off\n", t + gap; gap = 0; t0 = t}
        if (gap >= 1) {gap--; if (gap == 0) printf "%.1f outage off\n", t + 0.9}
    }'
