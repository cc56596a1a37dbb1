/* SPDX-License-Identifier: Apache-2.0 */
/* What comes out of a TLS session: messages one after the other, each checked as both ends do it.
 * Input that doesn't begin with the magic is a type and the header of one message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/gate.h"
#include "net/wire_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* A header that was read can be written, and then means the same. */
static void check_header(clv_wire_type type, const uint8_t *data, size_t bytes)
{
    static uint8_t packed[CLV_WIRE_MAX_HEADER_BYTES], again[CLV_WIRE_MAX_HEADER_BYTES];
    static clv_wire_header header, copy;
    clv_error err = CLV_ERROR_INIT;

    if (clv_wire_unpack(&header, type, data, bytes, &err) != CLV_OK) {
        if (err.message[0] == '\0')
            abort();
        return;
    }
    size_t n = clv_wire_packed_bytes(&header);
    if (n > sizeof packed || clv_wire_pack(packed, &header) != n)
        abort();
    if (clv_wire_unpack(&copy, type, packed, n, NULL) != CLV_OK)
        abort();
    if (clv_wire_packed_bytes(&copy) != n || clv_wire_pack(again, &copy) != n ||
        memcmp(packed, again, n) != 0)
        abort();
}

static size_t check_message(const uint8_t *data, size_t bytes)
{
    clv_wire_prologue prologue;
    uint8_t written[CLV_WIRE_PROLOGUE_BYTES];

    if (clv_wire_parse_prologue(&prologue, data, CLV_WIRE_MAX_MESSAGE_BYTES, NULL) != CLV_OK)
        return 0;
    clv_wire_write_prologue(written, &prologue);
    if (memcmp(written, data, sizeof written) != 0)
        abort();
    for (int phase = CLV_GATE_SHAKING; phase <= CLV_GATE_LEAVING; phase++) {
        bool admitted = clv_gate_admit((clv_gate_phase)phase, &prologue, NULL) == CLV_OK;
        if (admitted && prologue.type == CLV_WIRE_REQUEST && phase != CLV_GATE_UP)
            abort();
    }
    size_t body = clv_wire_body_bytes(&prologue);
    if (body > bytes - CLV_WIRE_PROLOGUE_BYTES)
        return 0;
    check_header(prologue.type, data + CLV_WIRE_PROLOGUE_BYTES, prologue.header_bytes);
    return CLV_WIRE_PROLOGUE_BYTES + body;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes > 0 && data[0] >= CLV_WIRE_HELLO && data[0] <= CLV_WIRE_ECHOED) {
        size_t n = bytes - 1 < CLV_WIRE_MAX_HEADER_BYTES ? bytes - 1 : CLV_WIRE_MAX_HEADER_BYTES;
        check_header((clv_wire_type)data[0], data + 1, n);
        return 0;
    }
    while (bytes >= CLV_WIRE_PROLOGUE_BYTES) {
        size_t n = check_message(data, bytes);
        if (n == 0)
            break;
        data += n;
        bytes -= n;
    }
    return 0;
}
