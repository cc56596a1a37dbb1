/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLEAVE_STATUS_H
#define CLEAVE_STATUS_H

/** @file status.h: what every function that can fail returns. */

#if defined(__GNUC__)
#define CLV_NODISCARD __attribute__((warn_unused_result))
#define CLV_PRINTF(fmt_index, args_index) __attribute__((format(printf, fmt_index, args_index)))
#else
#define CLV_NODISCARD
#define CLV_PRINTF(fmt_index, args_index)
#endif

/** Around the declarations of a public header: C linkage for C++, visible in a shared library. */
#if defined(__cplusplus)
#define CLV_BEGIN_API                                                                              \
    extern "C" {                                                                                   \
    _Pragma("GCC visibility push(default)")
#define CLV_END_API                                                                                \
    _Pragma("GCC visibility pop")                                                                  \
    }
#else
#define CLV_BEGIN_API _Pragma("GCC visibility push(default)")
#define CLV_END_API _Pragma("GCC visibility pop")
#endif

CLV_BEGIN_API

/** Every status: X(name, text). The enum and clv_status_text() are both made from it. */
#define CLV_STATUS_LIST(X)                                                                         \
    X(OK, "success")                                                                               \
    X(EINVAL, "invalid argument")                                                                  \
    X(ENOMEM, "out of memory")                                                                     \
    X(EIO, "input/output error")                                                                   \
    X(ENOENT, "not found")                                                                         \
    X(EFORMAT, "malformed data")                                                                   \
    X(EUNSUPPORTED, "not supported")                                                               \
    X(ESHAPE, "shapes do not fit")                                                                 \
    X(ENOSPC, "buffer too small")                                                                  \
    X(ELIMIT, "over a limit")                                                                      \
    X(EVERSION, "version mismatch")                                                                \
    X(EAUTH, "not authorised")                                                                     \
    X(ECLOSED, "closed")                                                                           \
    X(EAGAIN, "try again later")                                                                   \
    X(ETIMEDOUT, "timed out")                                                                      \
    X(EINTERNAL, "internal error")                                                                 \
    X(EKEYFRAME, "a key frame is needed")

typedef enum clv_status {
#define CLV_STATUS_ENUM(name, text) CLV_##name,
    CLV_STATUS_LIST(CLV_STATUS_ENUM)
#undef CLV_STATUS_ENUM
        CLV_STATUS_COUNT
} clv_status;

/** A failure in words. Parsers and loaders take a trailing, nullable pointer to one.
 *  @c message says what and what to do; @c location says where: a file, an offset, a node. */
typedef struct clv_error {
    clv_status code;
    char location[256];
    char message[1024];
} clv_error;

#define CLV_ERROR_INIT                                                                             \
    {                                                                                              \
        CLV_OK, "", ""                                                                             \
    }

/** The text of @p status, static; "unknown status" for a value that is none. Thread-safe. */
const char *clv_status_text(clv_status status);

CLV_END_API

#endif
