#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cleave eval
. "$(dirname "$0")/lib.sh"

# What the classifier says of each picture, by `cleave run`: the labels that it gets all right.
mkdir photos
cp 0.png 1.png 2.png 3.png photos
cp 1.png 'photos/a, "b".png'
expect 0 run classifier.onnx --preset raw --json --input photos/0.png photos/1.png photos/2.png photos/3.png
for i in 0 1 2 3; do class[i]=$(value runs.$i.outputs.0.top.0.class); done
{
    printf '\357\273\277words,file,class_index\r\n' # a spreadsheet's
    for i in 0 1 2 3; do printf '"x, y",%s.png,%s\r\n' $i "${class[i]}"; done
    printf '\n"","a, ""b"".png",%s' "${class[1]}"
} >labels.csv
eval_all=(eval classifier.onnx --preset raw --data photos --labels labels.csv)

expect 0 "${eval_all[@]}"
says "classifier.onnx: 5 images, top-1 100.00% (5), top-5 100.00% (5)" "images/s"
[ ! -s "$err" ] || bad "$(cat "$err")"
expect 0 "${eval_all[@]}" --json --predictions whole.csv
json model classifier.onnx
json images 5
json top1 1
json top5 1
json top1_count 5
json top5_count 5
json label_offset 0
value images_per_second >/dev/null || bad "no images_per_second"
{
    echo file,predicted
    for i in 0 1 2 3; do echo $i.png,"${class[i]}"; done
    printf '"a, ""b"".png",%s\n' "${class[1]}"
} >wanted.csv
sed 's/,[^,]*$//' whole.csv >got.csv
same wanted.csv got.csv
[ "$(sed -n '2p' whole.csv | grep -cE ',[01]\.[0-9]{6}$')" = 1 ] || bad "$(cat whole.csv)"

# Through every cut, lossless: the same answers to the last digit. uint8 is smaller.
for cut in 0 1 2 3 4; do
    expect 0 "${eval_all[@]}" --cut $cut --predictions cut.csv
    says "cut $cut, codec float: "
    same whole.csv cut.csv
done
expect 0 "${eval_all[@]}" --cut 1 --json
float=$(value bytes_mean)
expect 0 "${eval_all[@]}" --cut 1 --codec uint8 --json
json cut 1
json codec uint8
[ "${float%.*}" -gt $((2 * $(value bytes_mean | cut -d. -f1))) ] || bad "uint8 is not smaller"
expect 2 "${eval_all[@]}" --cut 5
complains "--cut" "0 to 4"
expect 2 "${eval_all[@]}" --cut -1
expect 2 "${eval_all[@]}" --codec zip
complains "--codec" "'zip'" "uint8"

# --limit, --label-offset
expect 0 "${eval_all[@]}" --limit 2 --json --predictions two.csv
json images 2
head -3 whole.csv >wanted.csv
same wanted.csv two.csv
expect 0 "${eval_all[@]}" --limit 100 --json
json images 5
expect 2 "${eval_all[@]}" --limit 0
complains "--limit"
awk -F, -v OFS=, 'NR == 1 || NF < 3 {print; next} {sub("\r", "", $NF); $NF -= 1; print}' labels.csv >shifted.csv
expect 0 eval classifier.onnx --preset raw --data photos --labels shifted.csv --json
json top1 0
expect 0 eval classifier.onnx --preset raw --data photos --labels shifted.csv --label-offset 1 --json \
    --predictions shifted_out.csv
json top1 1
json label_offset 1
[ "$(sed -n 2p shifted_out.csv | cut -d, -f2)" = $((class[0] - 1)) ] || bad "$(cat shifted_out.csv)"

# A bundle; another backend.
expect 0 build classifier.onnx --preset raw -o raw.clv
expect 0 eval raw.clv --data photos --labels labels.csv --backend ref --json
json top1 1

# What can't be.
expect 2 eval classifier.onnx --data photos
complains "--data and --labels are needed"
expect 2 eval classifier.onnx --labels labels.csv
expect 3 eval two_inputs.onnx --data photos --labels labels.csv
complains "two_inputs.onnx" "takes no image"
expect 3 eval clash.onnx --data photos --labels labels.csv
complains "clash.onnx" "no classifier"
expect 3 eval classifier.onnx --preset raw --data nowhere --labels labels.csv
complains "nowhere/0.png"
expect 3 eval classifier.onnx --preset raw --data photos --labels missing.csv
complains "missing.csv"
expect 3 eval classifier.onnx --preset raw --data photos --labels photos
complains "photos"

# Tables: each fault with the file and, where there is one, the line.
table() { # TEXT WORDS...: a table of this content is refused with these words
    printf '%b' "$1" >table.csv
    shift
    expect 3 eval classifier.onnx --preset raw --data photos --labels table.csv
    complains "table.csv" "$@"
}
table '' "empty"
table 'file,class_index\n' "lists no image"
table 'file,class_index\n\n\n' "lists no image"
table 'name,class\n0.png,1\n' "line 1" "file and class_index"
table 'file,class_index\n0.png,1\n1.png\n' "line 3" "column is missing"
table 'file,class_index\n0.png,one\n' "line 2" "no whole number"
table 'file,class_index\n0.png,\n' "line 2" "no whole number"
table 'file,class_index\n0.png,99999999999999999999\n' "line 2" "no whole number"
table 'file,class_index\n"0.png,1\n' "line 2" "quote"
table 'x,file,class_index\n"1\n2\n",0.png,1\n"",1.png,x\n' "line 5"
table "file,class_index\n$(printf '%5000s' '' | tr ' ' a),1\n" "line 2" "longer than"

# One bad image: it is named, the predictions stay what they were.
echo old >predictions.csv
head -c 50 0.png >photos/cut.png
printf 'file,class_index\n0.png,1\ncut.png,1\n' >cut.csv
expect 3 eval classifier.onnx --preset raw --data photos --labels cut.csv --predictions predictions.csv
complains "photos/cut.png"
[ "$(cat predictions.csv)" = old ] || bad "$(cat predictions.csv)"
count 1 predictions.csv*
expect 3 "${eval_all[@]}" --predictions no/folder.csv
complains "no/folder.csv"
mkfifo pipe
expect 3 "${eval_all[@]}" --predictions pipe
complains "no regular file"
cp labels.csv before.csv
expect 2 "${eval_all[@]}" --predictions labels.csv
complains "would be overwritten"
same labels.csv before.csv
