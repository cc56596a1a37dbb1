#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cleave eval --codec-sweep
. "$(dirname "$0")/lib.sh"

mkdir photos
cp 0.png 1.png 2.png 3.png photos
sweep=(eval classifier.onnx photos --preset raw --codec-sweep)

# row FIELD CUT CODEC [POINT]: a member of that row of the JSON in $out; empty: no such row.
row() {
    awk -v field="\"$1\"" -v cut="$2" -v codec="\"$3\"" -v point="${4:-null}" '
        $1 == "{" {for (k in v) delete v[k]}
        /:/ {sub(/,$/, "", $2); v[$1] = $2}
        $1 ~ /^}/ && v["\"cut\":"] == cut && v["\"codec\":"] == codec && v["\"point\":"] == point {
            print v[field ":"]}' "$out"
}
is() { # FIELD CUT CODEC POINT WANTED
    local got
    got=$(row "$1" "$2" "$3" "$4")
    [ "${got%.0}" = "$5" ] || bad "$1 of cut $2, $3 $4 is '$got', not '$5'"
}
less() { # FIELD: cut codec point < cut codec point
    local a b
    a=$(row "$1" "$2" "$3" "$4")
    b=$(row "$1" "$5" "$6" "$7")
    awk -v a="$a" -v b="$b" 'BEGIN {exit !(a != "" && b != "" && a < b)}' ||
        bad "$1: $2 $3 $4 has '$a', $5 $6 $7 has '$b'"
}

# Rows and their members. Cuts are those with fewer bytes than any before, but not the last one.
expect 0 "${sweep[@]}" --json
[ ! -s "$err" ] || bad "$(cat "$err")"
json 0 9
for member in cut macs_fraction codec point bits_per_element bytes_mean bytes_p95 agreement top1; do
    [ "$(grep -c "\"$member\"" "$out")" = "$(grep -c '"cut"' "$out")" ] || bad "$member is missing"
done
json 0.cut 0
json 0.codec camera
json 0.point null
json 0.agreement 1
json 0.top1 null
[ "$(grep '"cut"' "$out" | sort -u | tr -d ' \n')" = '"cut":0,"cut":1,"cut":2,' ] || bad "$(grep '"cut"' "$out" | sort -u)"
for cut in 0 1 2; do
    for codec in float zstd lz4; do is agreement $cut $codec null 1; done
done

# Bytes: a message is its prologue, its header (a digest of 32 bytes is in it) and the payload.
elems=$((3 * 8 * 8))
expect 0 "${sweep[@]}" --json --limit 1
bytes=$(row bytes_mean 0 float null)
[ "${bytes%.*}" -gt $((4 * elems + 16 + 34)) ] && [ "${bytes%.*}" -lt $((4 * elems + 100)) ] || bad "float: $bytes"
camera=$(row bytes_mean 0 camera null)
over=$((${camera%.*} - $(stat -c %s photos/0.png)))
[ $over -gt 50 ] && [ $over -lt 80 ] || bad "camera: $camera, $over over the file"
awk -v bits="$(row bits_per_element 0 float null)" -v bytes="$bytes" -v n=$elems \
    'BEGIN {d = bits - 8 * bytes / n; exit !(d < 1e-6 && d > -1e-6)}' || bad "bits"
less bytes_mean 0 uint8 null 0 float null
less bytes_mean 0 jpeg 10 0 jpeg 98
less bytes_mean 0 jpeg-fit 10 0 jpeg-fit 98
less bytes_mean 0 jpeg-fit 98 0 jpeg 98 # 8 x 8 of 12 x 10
less macs_fraction 0 float null 1 float null
is bytes_p95 0 float null "${bytes%.0}"

# Labels, by a table: top-1 of what is labelled. The float network's own answers are all right.
expect 0 run classifier.onnx --preset raw --json --input photos/0.png photos/1.png photos/2.png photos/3.png
{
    echo file,class_index
    for i in 0 1 2 3; do echo $i.png,"$(value runs.$i.outputs.0.top.0.class)"; done
} >labels.csv
expect 0 "${sweep[@]}" --labels labels.csv --json
is top1 0 float null 1
is top1 2 zstd null 1
head -3 labels.csv >two.csv
expect 0 "${sweep[@]}" --labels two.csv --json
is top1 0 float null 1
expect 0 eval classifier.onnx --preset raw --codec-sweep --data photos --labels two.csv
says "classifier.onnx: 2 images, 2 with a label" "camera" "jpeg-fit" "lz4"
expect 0 eval classifier.onnx --preset raw --codec-sweep --data photos photos/0.png
says "5 images, 0 with a label"
expect 0 "${sweep[@]}" --labels labels.csv --label-offset 1 --json
is top1 0 float null 0
is agreement 0 float null 1

# One cut; a bundle of both forms, int8 in front.
expect 0 "${sweep[@]}" --cut 3 --json
[ "$(grep '"cut"' "$out" | sort -u | tr -d ' \n')" = '"cut":0,"cut":3,' ] || bad "$(grep '"cut"' "$out" | sort -u)"
expect 0 build classifier.onnx --preset raw --calibrate photos --precision both --max-drop 1 -o both.clv
expect 0 eval both.clv photos --codec-sweep
says "int8 in front of the cut, float behind it"
expect 0 eval both.clv photos --codec-sweep --precision float --json
is agreement 1 float null 1

# Every rung of a bundle's ladder, the finest first; a cut with a ladder is a candidate.
expect 0 build classifier.onnx --preset raw --calibrate photos --precision float --codec-points 1,3 -o points.clv
expect 0 eval points.clv photos --codec-sweep --json
is agreement 1 rans 0 1
less bytes_mean 1 rans 1 1 rans 0
less bytes_mean 1 rans 0 1 float null
expect 0 eval classifier.onnx photos --preset raw --codec-sweep --json
[ -z "$(row agreement 1 rans 0)" ] || bad "rungs without a ladder"

# A picture of it.
expect 0 "${sweep[@]}" --svg plot.svg
[ "$(head -c 4 plot.svg)" = '<svg' ] && [ "$(tail -n 1 plot.svg)" = '</svg>' ] || bad "$(head -c 100 plot.svg)"
out=plot.svg says "classifier.onnx" "cut 0, 0% of the MACs" "jpeg-fit" "4 images" "prefers-color-scheme:dark"
mkdir 'a<b&'
cp classifier.onnx 'a<b&/c<d&"e.onnx'
expect 0 eval 'a<b&/c<d&"e.onnx' photos --preset raw --codec-sweep --svg plot.svg
out=plot.svg says '>c&#60;d&#38;&#34;e.onnx<'

# A detector: its boxes instead of classes.
mkdir truth
printf '1 0.5 0.5 0.5 0.25\n' >truth/0.txt
expect 0 eval detector.onnx photos/0.png --preset raw --decode yolo --boxes truth --codec-sweep --json
json 0 12
is agreement 0 camera null 1
is top1 0 camera null null
is ap50 0 camera null 1
is box_error 0 float null 0
expect 0 eval detector.onnx photos --preset raw --decode yolo --codec-sweep
says "AP50" "score"

# What can't be.
expect 2 eval classifier.onnx --preset raw --codec-sweep
complains "--codec-sweep" "needs images"
expect 2 eval classifier.onnx photos --preset raw
complains "'photos'" "--codec-sweep"
expect 2 "${sweep[@]}" --predictions x.csv
complains "--predictions"
expect 2 "${sweep[@]}" --boxes truth
complains "--boxes needs --decode"
expect 2 eval classifier.onnx --data photos --labels labels.csv --svg x.svg
complains "--svg" "--codec-sweep"
expect 2 "${sweep[@]}" --cut 9
complains "--cut" "0 to 4"
expect 2 "${sweep[@]}" --svg classifier.onnx
complains "--svg" "would be overwritten"
expect 3 "${sweep[@]}" --svg no/folder.svg
complains "no/folder.svg"
expect 3 eval classifier.onnx nowhere.png --preset raw --codec-sweep
complains "nowhere.png"
head -c 50 0.png >cut.png
expect 3 eval classifier.onnx cut.png --preset raw --codec-sweep
complains "cut.png"
mkdir empty
expect 3 eval classifier.onnx empty --preset raw --codec-sweep
complains "empty" "no images"
expect 3 eval detector.onnx photos --preset raw --codec-sweep
complains "detector.onnx" "--decode"
expect 3 eval two_inputs.onnx photos --codec-sweep
complains "two_inputs.onnx" "takes no image"
