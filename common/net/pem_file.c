/* SPDX-License-Identifier: Apache-2.0 */
#include "net/pem_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

#define MAX_PEM_BYTES ((size_t)256 << 10)

/* The text of a PEM file with its NUL, which mbedTLS counts. Wiped when done: it may be a key. */
typedef struct pem_text {
    char *text;
    size_t bytes;
} pem_text;

static void pem_done(pem_text *pem)
{
    if (pem->text != NULL)
        clv_wipe(pem->text, pem->bytes);
    clv_free(pem->text);
    *pem = (pem_text){NULL, 0};
}

static clv_status check_file(const struct stat *info, const char *path, bool secret, clv_error *err)
{
    if (!S_ISREG(info->st_mode))
        return clv_fail(err, CLV_EIO, path, "not a regular file");
    if ((uint64_t)info->st_size >= MAX_PEM_BYTES)
        return clv_fail(err, CLV_ELIMIT, path, "%lld bytes are too many for a PEM file",
                        (long long)info->st_size);
    if (secret && (info->st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return clv_fail(err, CLV_EAUTH, path,
                        "others than its owner may use this key (mode %03o): chmod 600 it",
                        (unsigned)(info->st_mode & 0777));
    return CLV_OK;
}

static clv_status read_text(pem_text *out, int fd, size_t size, const char *path, clv_error *err)
{
    pem_text pem = {clv_calloc(size + 1, 1), size + 1};
    size_t used = 0;

    if (pem.text == NULL)
        return clv_fail(err, CLV_ENOMEM, path, "out of memory");
    while (used < size) {
        ssize_t n = read(fd, pem.text + used, size - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            pem_done(&pem);
            return clv_fail(err, CLV_EIO, path, "cannot read it: %s",
                            n < 0 ? strerror(errno) : "it shrank");
        }
        used += (size_t)n;
    }
    *out = pem;
    return CLV_OK;
}

static clv_status load_pem(pem_text *out, const char *path, bool secret, clv_error *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return clv_fail(err, errno == ENOENT ? CLV_ENOENT : CLV_EIO, path, "cannot open it: %s",
                        strerror(errno));

    clv_status status = CLV_EIO;
    if (fstat(fd, &info) != 0)
        (void)clv_fail(err, status, path, "cannot look at it: %s", strerror(errno));
    else
        status = check_file(&info, path, secret, err);
    if (status == CLV_OK)
        status = read_text(out, fd, (size_t)info.st_size, path, err);
    (void)close(fd);
    return status;
}

clv_status clv_pem_load_certificates(mbedtls_x509_crt *out, const char *path, clv_error *err)
{
    pem_text pem;
    CLV_TRY(load_pem(&pem, path, false, err));
    int rc = mbedtls_x509_crt_parse(out, (const unsigned char *)pem.text, pem.bytes);
    pem_done(&pem);
    if (rc == 0)
        return CLV_OK;
    if (rc > 0)
        return clv_fail(err, CLV_EFORMAT, path, "%d of its certificates cannot be read", rc);
    char reason[128];
    clv_x509_error_text(reason, sizeof reason, rc);
    return clv_fail(err, CLV_EFORMAT, path, "no PEM certificate: %s", reason);
}

clv_status clv_pem_load_key(mbedtls_pk_context *out, const char *path, clv_error *err)
{
    pem_text pem;
    CLV_TRY(load_pem(&pem, path, true, err));
    int rc = mbedtls_pk_parse_key(out, (const unsigned char *)pem.text, pem.bytes, NULL, 0);
    pem_done(&pem);
    if (rc == MBEDTLS_ERR_PK_PASSWORD_REQUIRED)
        return clv_fail(err, CLV_EFORMAT, path,
                        "the key is encrypted; Cleave needs it plain, in a file of mode 600");
    if (rc != 0) {
        char reason[128];
        clv_x509_error_text(reason, sizeof reason, rc);
        return clv_fail(err, CLV_EFORMAT, path, "no PEM key: %s", reason);
    }
    if (!clv_x509_is_p256(out))
        return clv_fail(err, CLV_EFORMAT, path, "not an ECDSA key on the curve P-256");
    return CLV_OK;
}
