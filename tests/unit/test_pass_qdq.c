/* SPDX-License-Identifier: Apache-2.0 */
/* Quantised models, as exporters write them: what becomes of their nodes, and that they say what
 * the same nodes say one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graph/quant.h"
#include "support/qdq_model.h"

#define IMAGE                                                                                      \
    {                                                                                              \
        1, 3, 8, 8                                                                                 \
    }

static void check_all(const qdq_model *models, size_t n)
{
    for (size_t i = 0; i < n; i++)
        qdq_check(&models[i]);
}

#define CHECK(models) check_all(models, sizeof models / sizeof models[0])

/* Conv, Relu, Conv, sum, pool, Gemm; every other step is that of the activations. */
#define NETWORK(TYPE, W, WZ, B)                                                                    \
    "xq = Q x 0.0231773 " TYPE "113; xf = DQ xq 0.0231773 " TYPE "113;"                            \
    "aw = DQ " W "[4,3,3,3] " WZ " {axis=0}; ab = DQ w32[4] " B " {axis=0};"                       \
    "a = Conv xf aw ab {pads=1,1,1,1}; ar = Relu a;"                                               \
    "aq = Q ar 0.0172391 " TYPE "5; af = DQ aq 0.0172391 " TYPE "5;"                               \
    "bw = DQ " W "[4,4,3,3] " WZ " {axis=0};"                                                      \
    "b = Conv af bw {pads=1,1,1,1 group=1}; bq = Q b 0.0312889 " TYPE                              \
    "101; bf = DQ bq 0.0312889 " TYPE "101;"                                                       \
    "c = Add af bf; cq = Q c 0.0371717 " TYPE "97; cf = DQ cq 0.0371717 " TYPE "97;"               \
    "m = MaxPool cf {kernel_shape=2,2 strides=2,2}; mq = Q m 0.0371717 " TYPE                      \
    "97; mf = DQ mq 0.0371717 " TYPE "97;"                                                         \
    "p = AveragePool mf {kernel_shape=2,2 strides=2,2}; pq = Q p 0.0293131 " TYPE                  \
    "103; pf = DQ pq 0.0293131 " TYPE "103;"                                                       \
    "f = Flatten pf; gw = DQ w8[16,10] 0.011 i0; g = Gemm f gw w[10];"                             \
    "gq = Q g 0.0430219 " TYPE "107; y = DQ gq 0.0430219 " TYPE "107"
#define NETWORK_AFTER "Conv+Relu* Conv* Add* MaxPool* AveragePool* Flatten* Gemm* Identity*"

static void test_qdq__networks_run_in_bytes(void **state)
{
    static const qdq_model models[] = {
        {NETWORK("u", "w8", "s[4] i0[4]", "s[4]"), NETWORK_AFTER, IMAGE, .step = 0.0430219},
        {NETWORK("i", "w8", "s[4] i0[4]", "s[4]"), NETWORK_AFTER, IMAGE, .step = 0.0430219},
        {NETWORK("u", "w8", "0.013 i0", "0.0002"), NETWORK_AFTER, IMAGE, .step = 0.0430219},
        {NETWORK("u", "w8", "0.013 i-3", "0.0002"), NETWORK_AFTER, IMAGE, .step = 0.0430219},
        {NETWORK("u", "W8", "0.013 u128", "0.0002"), NETWORK_AFTER, IMAGE, .step = 0.0430219},
        {NETWORK("i", "W8", "0.013 u131", "0.0002"), NETWORK_AFTER, IMAGE, .step = 0.0430219},
        {NETWORK("u", "W8", "s[4] u128[4]", "s[4]"), NETWORK_AFTER, IMAGE, .step = 0.0430219},
    };
    (void)state;
    CHECK(models);
}

#define IN "xq = Q x 0.0303137 u131; xf = DQ xq 0.0303137 u131;"
#define OUT(from) "yq = Q " from " 0.0203311 i-7; y = DQ yq 0.0203311 i-7"

static void test_qdq__operators(void **state)
{
    static const qdq_model models[] = {
        {IN "t = Mul xf xf;" OUT("t"), "Mul* Identity*", IMAGE, .step = 0.0203311},
        {IN "t = Mul xf w[3,1,1];" OUT("t"), "Mul* Identity*", IMAGE, .step = 0.0203311},
        {IN "c = DQ w8[3,1,1] 0.01 i2; t = Add xf c;" OUT("t"), "Add* Identity*", IMAGE,
         .step = 0.0203311},
        {IN "t = HardSwish xf;" OUT("t"), "HardSwish* Identity*", IMAGE, .step = 0.0203311},
        {IN "t = LeakyRelu xf {alpha=0.1};" OUT("t"), "LeakyRelu* Identity*", IMAGE,
         .step = 0.0203311},
        {IN "t = Clip xf 0.0 1.5;" OUT("t"), "Clip* Identity*", IMAGE, .step = 0.0203311},
        {IN "t = Sigmoid xf;" OUT("t"), "Sigmoid* Identity*", IMAGE, .step = 0.0203311},
        {IN "t = Softmax xf {axis=1};" OUT("t"), "Softmax* Identity*", IMAGE, .step = 0.0203311},
        {IN "t = GlobalAveragePool xf;" OUT("t"), "GlobalAveragePool* Identity*", IMAGE,
         .step = 0.0203311},
        {IN "t = ReduceMean xf I2x3 {keepdims=0};" OUT("t"), "ReduceMean* Identity*", IMAGE,
         .step = 0.0203311},
        {IN "t = Concat xf xf {axis=1};" OUT("t"), "Concat* Identity*", IMAGE, .step = 0.0203311},
        {IN "t = Resize xf - - I1x3x13x11 {mode=linear};" OUT("t"), "Resize* Identity*", IMAGE,
         .step = 0.0203311},
        {IN "t = Transpose xf {perm=0,2,3,1};" OUT("t"), "Transpose* Identity*", IMAGE,
         .step = 0.0203311},
        {IN "w = DQ w8[3,2,2,2] s[2] i0[2] {axis=1};"
            "t = ConvTranspose xf w {strides=2,2};" OUT("t"),
         "ConvTranspose* Identity*", IMAGE, .step = 0.0203311},
        {IN "w = DQ w8[8,5] s[5] i0[5] {axis=-1}; t = MatMul xf w;" OUT("t"), "MatMul* Identity*",
         IMAGE, .step = 0.0203311},
        {IN "z = DQ w8[5,8] s[5] i0[5] {axis=0}; w = Transpose z;"
            "t = MatMul xf w;" OUT("t"),
         "MatMul* Identity*", IMAGE, .step = 0.0203311},
        {IN "h = Transpose xf {perm=0,1,3,2}; hq = Q h 0.0303137 u131; hf = DQ hq 0.0303137 u131;"
            "t = MatMul xf hf;" OUT("t"),
         "Transpose* MatMul* Identity*", IMAGE, .step = 0.0203311},
    };
    (void)state;
    CHECK(models);
}

/* Where fewer bytes than one would think stand for the same numbers everywhere. */
static void test_qdq__what_it_cannot_have_stays_right(void **state)
{
    static const qdq_model models[] = {
        /* other numbers than were meant: plain integers to both */
        {"q = Q x 0.0303137 u131; y = DQ q 0.0203311 u120", "QuantizeLinear DequantizeLinear",
         IMAGE, .step = 0},
        {"q = Q x 0.0303137 u131; f = DQ q 0.0303137 u131; g = DQ q 0.01 u131; y = Add f g",
         "QuantizeLinear DequantizeLinear DequantizeLinear Add", IMAGE, .step = 1e-6},
        /* somebody counts with the integers */
        {"q = Q x 0.0303137 u131; f = DQ q 0.0303137 u131; c = Cast q {to=1}; y = Add f c",
         "QuantizeLinear DequantizeLinear Cast Add", IMAGE, .step = 1e-6},
        /* the scale is computed */
        {"m = ReduceMax x {keepdims=0}; s = Div m 127.0; q = Q x s i0; y = DQ q s i0",
         "ReduceMax Div QuantizeLinear DequantizeLinear", IMAGE, .step = 1e-6},
        /* weights that have no such form: real numbers, between bytes */
        {IN "w = DQ w8[4,3,3,3] s[4] w8[4] {axis=0}; t = Conv xf w;" OUT("t"),
         "Identity* Conv Identity* Identity*", IMAGE, .step = 0.0203311},
        {IN "w = DQ w8[4,3,3,3] s[3] i0[3] {axis=1}; t = Conv xf w;" OUT("t"),
         "Identity* Conv Identity* Identity*", IMAGE, .step = 0.0203311},
        {IN "t = Conv xf w[4,3,3,3];" OUT("t"), "Identity* Conv Identity* Identity*", IMAGE,
         .step = 0.0203311},
        /* only weights are quantised: folded, with what follows them */
        {"w = DQ w8[4,3,3,3] s[4] i0[4] {axis=0}; t = Conv x w; y = Mul t 3.0", "Conv", IMAGE,
         .step = 1e-3},
        {IN "w = DQ w8[4,3,3,3] s[4] i3[4] {axis=0}; t = Conv xf w;" OUT("t"),
         "Identity* Conv Identity* Identity*", IMAGE, .step = 0.0203311},
        {IN "w = DQ w8[4,3,3,3] s[4] n[4] {axis=0}; t = Conv xf w;" OUT("t"),
         "Identity* Conv Identity* Identity*", IMAGE, .step = 0.0203311},
        {"q = Q x 0.0303137 u131; t = Transpose q; y = DQ t 0.0203311 u131",
         "QuantizeLinear Transpose DequantizeLinear", IMAGE, .step = 0},
        {IN "y = Transpose xf {perm=0,2,3,1}", "Identity* Transpose", IMAGE, .step = 0},
        {IN "r = Relu xf; q = Q r 0.0112347 u0; f = DQ q 0.0112347 u0; t = Concat xf f {axis=1};"
            "y = Exp t",
         "Identity* Relu* Concat Exp", IMAGE, .step = 1e-4},
        /* 16 bits */
        {"m = ReduceMax x {keepdims=0}; q = Q x 0.001 {output_dtype=5}; y = Sub x m",
         "ReduceMax Sub", IMAGE, .step = 1e-6},
    };
    (void)state;
    CHECK(models);
}

static void test_qdq__other_quants_are_rounded_to_once_each(void **state)
{
    static const qdq_model models[] = {
        {IN "q = Q xf 0.1122337 i4; f = DQ q 0.1122337 i4;" OUT("f"),
         "Identity* Identity* Identity*", IMAGE, .step = 0},
        /* a mover whose result is rounded to something else, and then again */
        {IN "t = Transpose xf; q = Q t 0.1122337 i4; f = DQ q 0.1122337 i4;" OUT("f"),
         "Transpose* Identity* Identity*", IMAGE, .step = 0},
        /* sums of numbers with two meanings, of which one is another's input too */
        {IN "q = Q xf 0.1122337 i4; f = DQ q 0.1122337 i4; t = Concat xf f xf;" OUT("t"),
         "Identity* Concat* Identity*", IMAGE, .step = 0},
        /* the same rounding twice is once */
        {IN "q = Q xf 0.0303137 u131; f = DQ q 0.0303137 u131; t = Relu f;" OUT("t"),
         "Relu* Identity*", IMAGE, .step = 0},
    };
    (void)state;
    CHECK(models);
}

static void test_qdq__real_numbers_beside_bytes(void **state)
{
    static const qdq_model models[] = {
        /* a reader of the real numbers keeps them */
        {IN "t = Relu xf; u = Add t x;" OUT("u"), "Identity* Relu Add Identity* Identity*", IMAGE,
         .step = 0.0203311},
        {IN "t = Relu xf; q = Q t 0.0123457 u7; f = DQ q 0.0123457 u7; u = Add f x;" OUT("u"),
         "Identity* Relu* Add* Identity*", IMAGE, .step = 0.0203311},
        {IN "t = Relu xf; q = Q t 0.0123457 u7; f = DQ q 0.0123457 u7; y = Add f x", "Relu* Add",
         IMAGE, .step = 1e-6},
        /* a residual and an activation in real numbers, rounded once */
        {IN "w = DQ w8[3,3,3,3] s[3] i0[3] {axis=0}; c = Conv xf w w[3] {pads=1,1,1,1};"
            "s = Add c xf; r = Relu s;" OUT("r"),
         "Conv+Add+Relu* Identity*", IMAGE, .step = 0.0203311},
        {IN "w = DQ w8[3,3,3,3] s[3] i0[3] {axis=0}; c = Conv xf w w[3] {pads=1,1,1,1};"
            "y = Softmax c {axis=1}",
         "Conv* Softmax", IMAGE, .step = 1e-5},
        /* some parts of a split are rounded, some are not */
        {IN
         "w = DQ w8[4,3,1,1] 0.01 i0; c = Conv xf w; q = Q c 0.0203311 u9; f = DQ q 0.0203311 u9;"
         "s, t = Split f {axis=1 num_outputs=2}; z = Sigmoid t; zq = Q z 0.0041173 u0;"
         "zf = DQ zq 0.0041173 u0; m = Mul s zf;" OUT("m"),
         "Conv* Split* Sigmoid* Mul* Identity*", IMAGE, .step = 0.0203311},
        /* weights that two products share, one of them transposed */
        {IN "w = DQ w8[8,8] 0.01 i0; h = Transpose w; a = MatMul xf w; b = MatMul xf h;"
            "t = Add a b;" OUT("t"),
         "MatMul* MatMul* Add Identity* Identity*", IMAGE, .step = 0.0203311},
    };
    (void)state;
    CHECK(models);
}

static void test_qdq__bytes_from_and_to_the_caller(void **state)
{
    static const qdq_model models[] = {
        {"f = DQ x 0.0203311 u120; t = Sigmoid f; y = Q t 0.0041173 u3", "Sigmoid*", IMAGE,
         ONNX_UINT8, ONNX_UINT8, 0, NULL},
        {"c = Transpose x {perm=0,3,1,2}; f = DQ c 0.0203311 i20; t = Relu f; y = Q t 0.0417773 "
         "i-3",
         "Transpose* Relu*",
         {1, 8, 8, 3},
         ONNX_INT8,
         ONNX_INT8,
         0,
         NULL},
        {"m = MaxPool x {kernel_shape=2,2}; f = DQ m 0.0203311 u120; y = Exp f", "MaxPool* Exp",
         IMAGE, ONNX_UINT8, .step = 1e-4},
        {"y = Q x 0.0203311 i20", "Identity*", IMAGE, .output_type = ONNX_INT8, .step = 0},
    };
    (void)state;
    CHECK(models);
}

#define QCONV(in, in_s, out, out_s, w)                                                             \
    out " = QLinearConv " in " " in_s " " w " s[4] i0[4] " out_s " w32[4] {pads=1,1,1,1};"

static void test_qdq__linear_operators(void **state)
{
    static const qdq_model models[] = {
        {"xq = Q x 0.0231773 u113;" QCONV("xq", "0.0231773 u113", "a", "0.0172391 u5",
                                          "w8[4,3,3,3]")
             QCONV("a", "0.0172391 u5", "b", "0.0312889 u101",
                   "w8[4,4,3,3]") "m = MaxPool b {kernel_shape=2,2 strides=2,2};"
                                  "f = Reshape m I1x64; g = QLinearMatMul f 0.0312889 u101 "
                                  "w8[64,10] s[10] i0[10] 0.5 u99;"
                                  "y = DQ g 0.5 u99",
         "Conv* Conv* MaxPool* Reshape* MatMul* Identity*", IMAGE, .step = 0.5},
        {"xq = Q x 0.0231773 u113;"
         "a = QLinearConv xq 0.0231773 u113 W8[4,3,3,3] 0.01 u131 0.0172391 u5;"
         "b = QLinearAdd a 0.0172391 u5 a 0.0172391 u5 0.0507319 u7;"
         "c = QLinearMul a 0.0172391 u5 b 0.0507319 u7 0.0611579 u90;"
         "d = QLinearConcat 0.0507319 u7 a 0.0172391 u5 b 0.0507319 u7 c 0.0611579 u90 {axis=1};"
         "e = QLinearLeakyRelu d 0.0507319 u7 0.0507319 u9 {alpha=0.2};"
         "h = QLinearSigmoid e 0.0507319 u9 0.0041173 u0;"
         "i = QLinearAveragePool h 0.0041173 u0 0.0041173 u2 {kernel_shape=2,2};"
         "j = QLinearGlobalAveragePool i 0.0041173 u2 0.0041173 u1;"
         "k = Flatten j; l = QGemm k 0.0041173 u1 w8[12,5] s[5] i0[5] w32[5] 0.01 u100;"
         "y = DQ l 0.01 u100",
         "Conv* Add* Mul* Concat* LeakyRelu* Sigmoid* AveragePool* GlobalAveragePool* Flatten* "
         "Gemm* Identity*",
         IMAGE, .step = 0.01},
        {"xq = Q x 0.0303137 u110; y = QLinearSoftmax xq 0.0303137 u110 0.0041173 u0 {axis=3}",
         "Softmax*", IMAGE, .output_type = ONNX_UINT8, .step = 1},
        {"xq = Q x 0.0303137 u110; h = Reshape xq I24x8;"
         "y = QGemm h 0.0303137 u110 w8[5,8] s[5] i0[5] w32[5] {transB=1 alpha=0.5}",
         "Reshape* Gemm*", IMAGE, .step = 1e-4,
         .means = "xq = Q x 0.0303137 u110; xf = DQ xq 0.0303137 u110; h = Reshape xf I24x8;"
                  "bs = Mul 0.0303137 s[5]; b = DQ w32[5] bs {axis=0};"
                  "w = DQ w8[5,8] s[5] i0[5] {axis=0};"
                  "y = Gemm h w b {transB=1 alpha=0.5 beta=0.5}"},
        {"xq = Q x 0.0303137 u110;"
         "b = QLinearMul xq 0.0303137 u110 xq 0.0303137 u110 0.0507319 u7;"
         "d = QLinearConcat 0.0401 u77 xq 0.0303137 u110 b 0.0507319 u7 {axis=2};"
         "e = QLinearLeakyRelu d 0.0401 u77 0.0507319 u9 {alpha=0.25};"
         "h = QLinearSigmoid e 0.0507319 u9 0.0041173 -; i = QLinearAdd h 0.0041173 - h 0.0041173 "
         "- 0.0081 u2; j = QLinearAveragePool i 0.0081 u2 0.0077 u3 {kernel_shape=2,2};"
         "y = DequantizeLinear j 0.0077 u3",
         "Mul* Concat* LeakyRelu* Sigmoid* Add* AveragePool* Identity*", IMAGE, .step = 0.0077,
         .means = "xq = Q x 0.0303137 u110; xf = DQ xq 0.0303137 u110; b = Mul xf xf;"
                  "bq = Q b 0.0507319 u7; bf = DQ bq 0.0507319 u7; d = Concat xf bf {axis=2};"
                  "dq = Q d 0.0401 u77; df = DQ dq 0.0401 u77; e = LeakyRelu df {alpha=0.25};"
                  "eq = Q e 0.0507319 u9; ef = DQ eq 0.0507319 u9; h = Sigmoid ef;"
                  "hq = Q h 0.0041173; hf = DQ hq 0.0041173; i = Add hf hf; iq = Q i 0.0081 u2;"
                  "if = DQ iq 0.0081 u2; j = AveragePool if {kernel_shape=2,2};"
                  "jq = Q j 0.0077 u3; y = DQ jq 0.0077 u3"},
        /* two operands that nodes make, and zero points of weights that differ */
        {"xq = Q x 0.0303137 i-11; t = Transpose xq {perm=0,1,3,2};"
         "g = QLinearMatMul xq 0.0303137 i-11 t 0.0303137 i-11 0.0507319 i3; y = DQ g 0.0507319 i3",
         "Transpose* MatMul* Identity*", IMAGE, .step = 0.0507319},
        {"xq = Q x 0.0303137 u110;"
         "a = QLinearConv xq 0.0303137 u110 w8[4,3,3,3] s[4] w8[4] 0.0203311 u100; y = DQ a "
         "0.0203311 u100",
         "QuantizeLinear QLinearConv DequantizeLinear", IMAGE, .step = 0.0203311},
        /* it means other numbers than were written */
        {"xq = Q x 0.0303137 u110;"
         "a = QLinearConv xq 0.0203311 u110 w8[4,3,3,3] s[4] i0[4] 0.0203311 u100; y = DQ a "
         "0.0203311 u100",
         "QuantizeLinear QLinearConv DequantizeLinear", IMAGE, .step = 0},
    };
    (void)state;
    CHECK(models);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qdq__networks_run_in_bytes),
        cmocka_unit_test(test_qdq__operators),
        cmocka_unit_test(test_qdq__what_it_cannot_have_stays_right),
        cmocka_unit_test(test_qdq__other_quants_are_rounded_to_once_each),
        cmocka_unit_test(test_qdq__real_numbers_beside_bytes),
        cmocka_unit_test(test_qdq__bytes_from_and_to_the_caller),
        cmocka_unit_test(test_qdq__linear_operators),
    };
    return cmocka_run_group_tests_name("qdq", tests, NULL, NULL);
}
