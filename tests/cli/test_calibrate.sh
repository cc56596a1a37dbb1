#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cleave build --calibrate: the folder, the flags, the report, the bundle.
. "$(dirname "$0")/lib.sh"

mkdir photos empty nothing broken folders folders/inside
cp 0.png 1.png 2.png 3.png photos
printf 'a note\n' >nothing/readme.txt
head -c 60 0.png >broken/0.png
cp 0.png folders/inside
build=(build classifier.onnx --preset raw -o m.clv)

# A folder with something to calibrate with.
expect 0 "${build[@]}" --calibrate photos --report report.json
says "int8: " " of the multiplications; weights of the others stored as int8; ranges by " "agreement with float: " ", int8, id "
complains "warning: photos: 4 images are few to calibrate with"
cp report.json "$out"
json images_calibrated 4
json nodes.0.op Conv
json nodes.0.precision int8
json max_drop 0.0025
json float_weights int8
expect 0 verify m.clv
expect 0 run m.clv --preset raw --input photos/0.png
cp m.clv first.clv
expect 0 "${build[@]}" --calibrate photos
same m.clv first.clv # a bundle is a function of its inputs
for method in minmax percentile entropy mse; do
    expect 0 "${build[@]}" --calibrate photos --calibration $method --report report.json
    cp report.json "$out"
    json calibration $method
done

# What isn't an image is left out, counted and named.
cp nothing/readme.txt photos
cp broken/0.png photos/broken.png
mkdir photos/inside
expect 0 "${build[@]}" --calibrate photos
complains "warning: photos: 1 broken images were left out, first broken.png: "
complains "warning: photos: 1 files are neither JPEG nor PNG, first readme.txt"
expect 0 "${build[@]}" --calibrate photos --calibration-images 3 --report report.json
complains "note: photos: 3 more files were not needed"
cp report.json "$out"
json images_calibrated 3

rm m.clv

# Folders that can't be used.
rm report.json
expect 3 "${build[@]}" --calibrate empty --report report.json
complains "empty: it has no image" "sub-folders are not searched"
expect 3 "${build[@]}" --calibrate folders
complains "folders: it has no image"
expect 3 "${build[@]}" --calibrate missing
complains "missing: the folder can't be read: No such file"
expect 3 "${build[@]}" --calibrate 0.png
complains "0.png: the folder can't be read: Not a directory"
expect 3 "${build[@]}" --calibrate nothing
complains "nothing: none of its 1 files is a JPEG or PNG image (readme.txt)"
expect 3 "${build[@]}" --calibrate broken
complains "broken: none of its 1 images can be read (0.png: "

# Models that take no image, or have nothing that int8 is for.
expect 3 build open.onnx --shape x=2,3 --calibrate photos -o m.clv
complains "open.onnx: the model takes no image"
expect 3 build two_inputs.onnx --calibrate photos -o m.clv
complains "two_inputs.onnx: the model takes no image"
expect 3 build clash.onnx --preset raw --calibrate photos -o m.clv
complains "clash.onnx" "no node of it can compute in int8"

# Operating points of the codec: the good cuts, or those of a list; in every form that is kept.
expect 0 "${build[@]}" --calibrate photos --precision both --codec-points auto --report report.json
says "codec: " " cuts' points, designed on " "agree %" ", float and int8, id "
cp report.json "$out"
json ladders.0.prefix float
json ladders.1.prefix int8
json ladders.0.points.0.box_error null
first=$(value ladders.0.cut)
expect 0 inspect m.clv
says "agree %" "box error"
expect 0 inspect m.clv --json
json ladders.0.cut "$first"
value ladders.0.points.0.bytes_mean >/dev/null || bad "no bytes"
expect 0 verify m.clv
expect 0 "${build[@]}" --calibrate photos --precision float --codec-points 0,1
says "codec: 2 cuts' points, designed on " ", id "
expect 0 inspect m.clv --json
json ladders 2
json ladders.1.cut 1
json ladders.1.prefix float
cp m.clv first.clv
expect 0 "${build[@]}" --calibrate photos --precision float --codec-points 0,1
same m.clv first.clv
expect 0 build detector.onnx --preset raw --calibrate photos --precision float --codec-points 0 \
    --decode yolo --report report.json -o d.clv
cp report.json "$out"
value ladders.0.points.0.score_error | grep -q . || bad "no score error"
rm m.clv d.clv report.json
for cuts in 1,0 1,1 , 1, x 99999999999 -1; do
    expect 2 "${build[@]}" --calibrate photos --codec-points="$cuts"
    complains "--codec-points: '$cuts' is neither auto nor a rising list"
done
expect 2 "${build[@]}" --calibrate photos --codec-points 1000
complains "--codec-points: there is no cut 1000 with something behind it"
expect 2 "${build[@]}" --codec-points auto
complains "--codec-points: it needs --calibrate DIR"
expect 2 "${build[@]}" --calibrate photos --decode yolo
complains "--decode: it is for --codec-points"
expect 2 build detector.onnx --preset raw --calibrate photos --precision float --codec-points 0 \
    --decode oracle -o d.clv
complains "--decode"
gone m.clv d.clv

# Flags.
expect 2 "${build[@]}" --calibrate photos --calibration best
complains "--calibration: 'best' is none of auto, minmax, percentile, entropy, mse"
expect 2 "${build[@]}" --calibrate photos --precision int4
complains "--precision: 'int4' is none of float, int8"
expect 2 "${build[@]}" --precision int8
complains "--precision: int8 needs --calibrate DIR"
expect 2 "${build[@]}" --calibrate photos --precision float
complains "--calibrate: float needs no calibration"
expect 2 "${build[@]}" --report report.json
complains "--report: it reports on --calibrate"
for drop in -0.1 1.5 nan; do
    expect 2 "${build[@]}" --calibrate photos --max-drop=$drop
    complains "--max-drop: "
done
expect 2 "${build[@]}" --calibrate photos --report classifier.onnx
complains "--report" "would be overwritten"
gone m.clv report.json
expect 0 "${build[@]}" --precision float
exists m.clv
