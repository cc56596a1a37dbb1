#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev bench plan: how long it takes to plan, and to look a plan up.
set -euo pipefail
exec build/release/bin/bench_plan build/bench/plan.json
