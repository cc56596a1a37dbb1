#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Includes go downwards only (ARCHITECTURE.md), and one outside library is touched in one place.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# folder: the folders of the house that it may include, besides itself
declare -A may=(
    [common/base]=""
    [proto]="base"
    [common/graph]="base"
    [common/onnx]="base graph proto"
    [common/kernel]="base graph"
    [common/codec]="base"
    [common/media]="base"
    [common/decode]="base media"
    [common/runtime]="base graph kernel codec media proto"
    [common/net]="base proto"
    [compress]="base graph kernel codec media runtime"
    [partitioner]="base graph"
    [common/profiler]="base graph kernel codec media runtime partitioner"
    [edge]="base graph kernel codec media decode runtime net partitioner profiler"
    [server]="base graph kernel codec media runtime net partitioner profiler"
    [models/demo]=""
    [tools]="base graph onnx kernel codec media decode runtime net models compress partitioner profiler"
)
# outside header: the folders that may include it
declare -A only=(
    ["nng/"]="common/net"
    ["mbedtls/"]="common/net common/base"
    ["dnnl"]="common/kernel"
    ["ini.h"]="common/base"
    ["jpeglib.h"]="common/media"
    ["png.h"]="common/media"
    ["zstd.h"]="common/codec"
    ["lz4.h"]="common/codec"
    ["protobuf-c/"]="proto common/onnx common/runtime common/net"
    ["jansson.h"]="tools edge"
)
status=0
fault() { printf '%s\n' "$*" >&2; status=1; }

for folder in "${!may[@]}"; do
    own=${folder##*/}
    while IFS=: read -r file include; do
        [ -z "$file" ] && continue
        top=${include%%/*}
        case $top in base | graph | onnx | kernel | codec | media | decode | runtime | net | proto | compress | partitioner | profiler | edge | server | tools | models) ;; *) continue ;; esac
        [ "$top" = "$own" ] && continue
        [ "$folder" = models/demo ] && [ "$top" = models ] && continue
        case " ${may[$folder]} " in *" $top "*) ;; *) fault "$file includes \"$include\": $folder may not use $top" ;; esac
    done < <(grep -rHoE --include='*.[ch]' '^#include "[^"]+"' "$folder" 2>/dev/null | sed -E 's/#include "([^"]+)"/\1/')
done
for header in "${!only[@]}"; do
    while IFS=: read -r file _; do
        [ -z "$file" ] && continue
        good=no
        for folder in ${only[$header]}; do case $file in "$folder"/*) good=yes ;; esac; done
        [ $good = yes ] || fault "$file includes <$header...>: only ${only[$header]} may"
    done < <(grep -rHE --include='*.[ch]' "^#include <([a-z]+/)*$header" common proto compress partitioner edge server tools 2>/dev/null || true)
done
duplicates=$(find common compress partitioner edge server tools include proto -name '*.[ch]' | sed 's|.*/||' | sort | uniq -d)
[ -z "$duplicates" ] || fault "file names that are not unique: $duplicates"
[ $status -eq 0 ] && echo "layers hold"
exit $status
