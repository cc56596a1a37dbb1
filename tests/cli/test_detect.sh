#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Detectors: cleave run --decode, --draw; cleave eval --decode
. "$(dirname "$0")/lib.sh"
run=(run detector.onnx --preset raw --decode yolo)
printf 'hen\ncat and\033[31mdog\n' >names.txt

# A table, best first, in pixels of the picture: 12 x 10, stretched to 8 x 8.
expect 0 "${run[@]}" --input 0.png
[ ! -s "$err" ] || bad "$(cat "$err")"
grep -qE '^0.png \(.* ms\), 12 x 10: 2 boxes$' "$out" || bad "$(cat "$out")"
grep -qE '^ *0.900 +1 +3.0 +3.8 +9.0 +6.2 *$' "$out" || bad "$(cat "$out")"
[ "$(wc -l <"$out")" -eq 4 ] || bad "$(cat "$out")"
expect 0 "${run[@]}" --score 0.95 --input 0.png
says "12 x 10: 0 boxes"
[ "$(wc -l <"$out")" -eq 1 ] || bad "$(cat "$out")"
expect 0 "${run[@]}" --max-boxes 1 --input 0.png 1.png
says "0.png (" "1.png (" ": 1 box"
expect 0 "${run[@]}" --labels names.txt --input 0.png
says 'cat and\u001b[31mdog' "hen"

# JSON.
expect 0 "${run[@]}" --json --score 0.2 --input 0.png
json runs.0.width 12
json runs.0.height 10
json runs.0.boxes 3
json runs.0.boxes.0.box.0 3
json runs.0.boxes.0.box.1 3.75
json runs.0.boxes.0.box.2 9
json runs.0.boxes.0.box.3 6.25
json runs.0.boxes.0.class 1
json runs.0.boxes.0.label null
json runs.0.boxes.1.score 0.5
json runs.0.boxes.1.box.3 2.5
json runs.0.boxes.2.score 0.25
json runs.0.outputs.0.name boxes
expect 0 run detector.onnx --preset raw --json --input 0.png
if "$JSON_GET" runs.0.boxes <"$out" >/dev/null 2>&1; then bad "boxes without --decode"; fi

# The way back follows the fit: letterbox puts 8 x 7 pixels on grey; crop scales 10 x 8 and cuts.
expect 0 "${run[@]}" --fit letterbox --json --input 0.png
json runs.0.boxes.0.box.0 3
[ "$(value runs.0.boxes.0.box.1 | xargs printf %.2f)" = 4.29 ] || bad "letterbox: $(cat "$out")"
expect 0 "${run[@]}" --fit crop --crop-ratio 1 --json --input 0.png
[ "$(value runs.0.boxes.0.box.0 | xargs printf %.2f)" = 3.60 ] || bad "crop: $(cat "$out")"
json runs.0.boxes.0.box.1 3.75

# A bundle's labels; words.
expect 0 build detector.onnx --preset raw --labels names.txt -o detector.clv
expect 0 run detector.clv --decode yolo --json --input 0.png
json runs.0.boxes.1.label hen
expect 0 run detector.clv --decode yolo:no-objectness,normalised --json --input 0.png
json runs.0.boxes 1 # the others lie outside
json runs.0.boxes.0.class 1
json runs.0.boxes.0.box.2 12

# Pictures: of the size that it had, changed, and readable.
cp 0.png before.png
expect 0 "${run[@]}" --draw drawn.png --input 0.png
same 0.png before.png
differ 0.png drawn.png
expect 0 "${run[@]}" --json --input drawn.png
json runs.0.width 12
json runs.0.height 10
expect 0 "${run[@]}" --score 1 --draw none.png --input 0.png # no box: the picture as it was
expect 0 run detector.onnx --preset raw --json --save none --input none.png
expect 0 run detector.onnx --preset raw --json --save zero --input 0.png
same none/boxes.npy zero/boxes.npy
mkdir other
cp 1.png other/0.png
expect 0 "${run[@]}" --draw deep/er --input 0.png 1.png
exists deep/er/0.png.png deep/er/1.png.png
count 2 deep/er/*

# What can't be.
expect 2 run detector.onnx --preset raw --decode yol --input 0.png
complains "--decode" "'yol' is none of yolo, ssd, ultraface, nanodet, fastestdet"
expect 2 run detector.onnx --preset raw --decode yolo:pixels --input 0.png
complains "--decode" "'pixels' is none of the words of yolo"
for name in ssd ultraface nanodet fastestdet; do
    expect 3 run detector.onnx --preset raw --decode $name --input 0.png
    complains "detector.onnx" "the decoder '$name' takes" "1x8x7"
done
expect 3 run classifier.onnx --preset raw --decode yolo --input 0.png
complains "classifier.onnx" "'yolo'" "1x5"
expect 2 run detector.onnx --preset raw --draw x.png --input 0.png
complains "--draw needs --decode"
expect 2 run two_inputs.onnx --decode yolo --tensor a=a.npy a=b=b.npy
complains "--decode needs --input"
expect 2 "${run[@]}" --score 1.5 --input 0.png
complains "--score" "0..1"
expect 2 "${run[@]}" --iou -1 --input 0.png
complains "--iou" "0..1"
expect 2 "${run[@]}" --max-boxes 0 --input 0.png
complains "--max-boxes"
expect 2 "${run[@]}" --draw 0.png --input 0.png
complains "--draw" "0.png would be overwritten"
same 0.png before.png
expect 2 "${run[@]}" --draw detector.onnx --input 0.png
complains "--draw" "detector.onnx would be overwritten"
expect 3 "${run[@]}" --draw other --input 0.png
complains "other" "no regular file"
expect 2 "${run[@]}" --draw twice --input 0.png other/0.png
complains "--draw" "0.png and other/0.png"
gone twice
: >file
for path in no/folder.png file/x.png /proc/nowhere.png; do
    allow_output=yes expect 3 "${run[@]}" --draw $path --input 0.png
    complains "$path"
done
allow_output=yes expect 3 "${run[@]}" --draw file --input 0.png 1.png
complains "file"
[ ! -s file ] || bad "file was written to"

# --- eval -----------------------------------------------------------------------------------
mkdir photos truth
cp 0.png 1.png 2.png photos
echo "1 0.5 0.5 0.5 0.25" >truth/0.txt
printf '1 0.5 0.5 0.5 0.25\n0 0.8 0.8 0.1 0.1\n' >truth/1.txt # the second is nowhere; 2.png has none
eval=(eval detector.onnx --preset raw --decode yolo --data photos --boxes truth)
# Class 1: right in 0.png and 1.png; 2.png's has the same score and comes last. Class 0: none.
expect 0 "${eval[@]}"
says "detector.onnx: 3 images, AP50 50.00% of 2 classes (3 objects, 9 boxes)" "images/s"
expect 0 "${eval[@]}" --json --cut 0
json ap50 0.5
json classes 2
json objects 3
json boxes 9
json images 3
json decode yolo
json cut 0
expect 0 "${eval[@]}" --json --limit 1 --score 0.4
json ap50 1
json boxes 2
expect 2 eval detector.onnx --preset raw --data photos --boxes truth
complains "--boxes needs --decode"
expect 2 eval detector.onnx --preset raw --data photos --decode yolo
complains "--data and --boxes are needed"
expect 2 "${eval[@]}" --labels x.csv
complains "not with --decode"
expect 2 "${eval[@]}" --predictions x.csv
expect 3 eval detector.onnx --preset raw --decode ssd --data photos --boxes truth
complains "detector.onnx" "'ssd' takes"
expect 3 eval detector.onnx --preset raw --decode yolo --data photos --boxes photos
complains "photos" "IMAGE.txt"
expect 3 eval detector.onnx --preset raw --decode yolo --data truth --boxes truth
complains "truth" "no images"
expect 3 eval detector.onnx --preset raw --decode yolo --data nowhere --boxes truth
complains "nowhere"
echo "1 6 5 6 2.5" >truth/0.txt
expect 3 "${eval[@]}"
complains "truth/0.txt" "line 1" "0..1"
