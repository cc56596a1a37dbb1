/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PKI_H
#define CLV_PKI_H

/** @file pki.h: a small certificate authority: P-256 keys, X.509 v3 certificates, by mbedTLS.
 *
 *  DIR/ca.crt, DIR/ca.key; for each name DIR/NAME.crt, DIR/NAME.key (PEM; keys mode 0600,
 *  directory 0700). Server certificates have extended key usage serverAuth and the host as
 *  subject alternative name (DNS, and IP where it is an address); device certificates have
 *  clientAuth. The common name is the name. */

#include <cleave/status.h>

#define CLV_PKI_MAX_NAME 63u

typedef enum clv_pki_role { CLV_PKI_SERVER, CLV_PKI_DEVICE } clv_pki_role;

/** Make a CA in @p dir, which is created. Valid for @p days.
 *  @return CLV_OK; CLV_EINVAL when one is there already (it is never overwritten); CLV_EIO. */
CLV_NODISCARD clv_status clv_pki_init(const char *dir, unsigned days, clv_error *err);

/** Issue a certificate for @p name: letters, digits, '.', '-', '_', ':' (IPv6), no '.' or '-'
 *  first; up to CLV_PKI_MAX_NAME; "ca" is taken. Files that exist are not overwritten.
 *  @return CLV_OK; CLV_EINVAL (name, exists), CLV_ENOENT (no CA), CLV_EFORMAT, CLV_EAUTH (others
 *          may read the CA's key), CLV_EIO. */
CLV_NODISCARD clv_status clv_pki_issue(const char *dir, const char *name, clv_pki_role role,
                                       unsigned days, clv_error *err);

#endif
