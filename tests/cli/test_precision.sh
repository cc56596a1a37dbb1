#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Bundles with two forms: --precision and --suffix, cleave eval --precisions.
. "$(dirname "$0")/lib.sh"

mkdir photos truth
cp 0.png 1.png 2.png 3.png photos
expect 0 build classifier.onnx --preset raw --calibrate photos --precision both --max-drop 1 -o both.clv
expect 0 build classifier.onnx --preset raw -o float.clv
expect 0 build classifier.onnx --preset raw --calibrate photos --precision int8 --max-drop 1 -o int8.clv

# --- which form runs -------------------------------------------------------------------------
# int8, where it is there; another answer than float's, and the same from a bundle of int8 alone.
logits() { # MODEL FLAGS...: the output as text
    expect 0 run "$1" "${@:2}" --preset raw --json --input 0.png
    "$JSON_GET" runs.0.outputs.0.top.0.score <"$out"
}
float=$(logits float.clv)
int8=$(logits int8.clv)
[ "$float" != "$int8" ] || bad "both forms say $float"
[ "$(logits both.clv)" = "$int8" ] || bad "int8 isn't the default"
[ "$(logits both.clv --precision int8)" = "$int8" ] || bad "not int8's answer"
[ "$(logits both.clv --precision float)" = "$float" ] || bad "not float's answer"
expect 2 run float.clv --precision int8 --input 0.png
complains "--precision" "isn't there in int8" "--precision both"
expect 2 run int8.clv --precision float --input 0.png
complains "--precision" "isn't there in float"
expect 2 run both.clv --precision int4 --input 0.png
complains "--precision" "'int4'" "float or int8"
for precision in float int8; do
    expect 0 verify both.clv --precision $precision
done

# Behind a cut: the form of --suffix, float by default.
printf 'file,class_index\n0.png,0\n1.png,1\n2.png,2\n3.png,3\n' >labels.csv
eval=(eval both.clv --data photos --labels labels.csv)
split() { # NAME FLAGS...: the predictions of a split
    expect 0 "${eval[@]}" --predictions "$1" "${@:2}"
}
split whole_float.csv --precision float
split whole_int8.csv --precision int8
differ whole_float.csv whole_int8.csv
for cut in 0 1 2 3 4; do
    split cut.csv --cut $cut --precision int8 --suffix int8
    same whole_int8.csv cut.csv
    split cut.csv --cut $cut --precision float
    same whole_float.csv cut.csv
done
split default.csv --cut 1 --precision int8
split named.csv --cut 1 --precision int8 --suffix float
same default.csv named.csv
split other.csv --cut 1 --precision int8 --suffix int8
differ default.csv other.csv
expect 2 eval float.clv --data photos --labels labels.csv --cut 1 --suffix int8
complains "--suffix" "isn't there in int8"
expect 2 "${eval[@]}" --cut 1 --suffix half
complains "--suffix" "'half'"

# --- side by side ----------------------------------------------------------------------------
expect 0 "${eval[@]}" --precisions float,int8
says "both.clv: 4 images; compared with float" "precision" "agreement" "weights" "activations"
grep -qE '^float +[0-9.]+% +[0-9.]+% +100.00% +- ' "$out" || bad "$(cat "$out")"
grep -qE '^int8 +[0-9.]+% +[0-9.]+% +[0-9.]+% +[0-9.]+ ' "$out" || bad "$(cat "$out")"
expect 0 "${eval[@]}" --precisions float,int8 --json
json model both.clv
json images 4
json reference float
json forms.0.precision float
json forms.0.agreement 1
json forms.1.precision int8
snr=$(value forms.1.snr_db)
[ "${snr%.*}" -ge 20 ] && [ "${snr%.*}" -lt 100 ] || bad "SNR $snr dB"
agree=$(paste -d, <(cut -d, -f2 whole_float.csv) <(cut -d, -f2 whole_int8.csv) | awk -F, 'NR > 1 && $1 == $2' | wc -l)
[ "$(value forms.1.agreement | awk '{print $1 * 4}')" = "$agree" ] || bad "$agree of 4 agree"
if "$JSON_GET" forms.0.snr_db <"$out" >/dev/null 2>&1; then bad "float is compared with itself"; fi
for form in 0 1; do
    top1[form]=$(value forms.$form.top1)
    weights[form]=$(value forms.$form.weight_bytes)
    [ "$(value forms.$form.activation_bytes)" -gt 0 ] || bad "no memory"
    value forms.$form.run_us_median >/dev/null || bad "no time"
done
[ "${weights[1]}" -lt "${weights[0]}" ] || bad "weights: ${weights[*]}"
# Each is what it is alone.
for form in 0 1; do
    expect 0 "${eval[@]}" --precision "$([ $form = 0 ] && echo float || echo int8)" --json
    json top1 "${top1[form]}"
done
expect 0 "${eval[@]}" --precisions int8,float --limit 2 --json
json images 2
json reference int8
json forms.1.precision float
expect 0 "${eval[@]}" --precisions int8 --json
json forms.0.agreement 1

expect 2 "${eval[@]}" --precisions float,int4
complains "--precisions" "'int4' is neither float nor int8"
expect 2 "${eval[@]}" --precisions float,float
complains "--precisions" "float is there twice"
expect 2 "${eval[@]}" --precisions float,
complains "--precisions" "''"
expect 2 "${eval[@]}" --precisions float,int8 --cut 1
complains "--precisions compares whole networks"
expect 2 "${eval[@]}" --precisions float,int8 --predictions x.csv
complains "--precisions compares whole networks"
expect 2 eval float.clv --data photos --labels labels.csv --precisions float,int8
complains "isn't there in int8"
gone x.csv
rm photos/2.png
expect 3 "${eval[@]}" --precisions float,int8
complains "photos/2.png"
cp 2.png photos

# A detector: boxes against the first form's.
expect 0 build detector.onnx --preset raw --calibrate photos --precision both --max-drop 1 -o boxes.clv
echo "1 0.5 0.5 0.5 0.25" >truth/0.txt
detect=(eval boxes.clv --decode yolo --data photos --precisions float,int8 --boxes)
expect 0 "${detect[@]}" truth --json
json images 4
json forms.0.box_error 0
json forms.0.boxes_added 0
json forms.0.boxes_missing 0
ap50=$(value forms.0.ap50)
[ "$(value forms.1.boxes_matched)" -gt 0 ] || bad "$(cat "$out")"
expect 0 eval boxes.clv --decode yolo --data photos --boxes truth --precision float --json
json ap50 "$ap50"
expect 0 "${detect[@]}" truth
says "AP50" "box px" "missing"
mkdir nothing
expect 3 "${detect[@]}" nothing
complains "nothing" "no IMAGE.txt"

# --- memory ----------------------------------------------------------------------------------
# The demo's network in int8: its weights take at most 0.27 of the float bytes.
expect 0 build "$CLV_SOURCE_DIR/models/demo/teacher.onnx" --preset raw --calibrate photos \
    --precision both --max-drop 1 --calibration minmax -o teacher.clv
expect 0 eval teacher.clv --data photos --labels labels.csv --precisions float,int8 --json
[ $((100 * $(value forms.1.weight_bytes))) -le $((27 * $(value forms.0.weight_bytes))) ] ||
    bad "$(value forms.1.weight_bytes) bytes of $(value forms.0.weight_bytes)"
[ "$(value forms.0.scale_bytes)" = 0 ] || bad "float has scales"
[ $((20 * $(value forms.1.scale_bytes))) -le "$(value forms.0.weight_bytes)" ] ||
    bad "$(value forms.1.scale_bytes) bytes of scales"
expect 0 build "$CLV_SOURCE_DIR/models/demo/teacher.onnx" --preset raw --calibrate photos \
    --precision int8 --max-drop 1 --calibration minmax -o teacher_int8.clv
expect 0 build "$CLV_SOURCE_DIR/models/demo/teacher.onnx" --preset raw -o teacher_float.clv
[ $((100 * $(stat -c %s teacher_int8.clv))) -le $((30 * $(stat -c %s teacher_float.clv))) ] ||
    bad "files: $(stat -c %s teacher_int8.clv) and $(stat -c %s teacher_float.clv) bytes"
