/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_NET_PKI_H
#define CLV_NET_PKI_H

/** @file net_pki.h: authorities and certificates for tests, good and odd ones, in a temporary
 *  folder. What goes wrong fails the test. */

#include "net/identity.h"
#include "net/pki.h"

typedef struct net_pki {
    char dir[64];
} net_pki;

/** A path, to be used before the next eight calls. */
const char *net_pki_path(const net_pki *pki, const char *name, const char *suffix);

/** A new folder with an authority in it. */
void net_pki_create(net_pki *pki);
void net_pki_remove(net_pki *pki);

void net_pki_issue(const net_pki *pki, const char *name, clv_pki_role role);

/** What clv_pki_issue() would never make. */
typedef enum net_pki_oddity {
    NET_PKI_EXPIRED,    /**< valid until yesterday */
    NET_PKI_FUTURE,     /**< valid from tomorrow on */
    NET_PKI_SERVER_USE, /**< extended key usage: serverAuth only */
    NET_PKI_BAD_NAME,   /**< common name "../x y" */
    NET_PKI_RSA,        /**< an RSA key */
    NET_PKI_CA_EXPIRED  /**< an authority, signing itself, valid until yesterday: NAME.crt/.key */
} net_pki_oddity;

/** Make NAME.crt and NAME.key, signed by the folder's authority. */
void net_pki_issue_odd(const net_pki *pki, const char *name, net_pki_oddity oddity);

/** Load NAME's identity; @p pki's authority is the trusted one. */
clv_identity *net_pki_load(const net_pki *pki, const char *name);

/** Load with another file of authorities. */
clv_status net_pki_try_load(clv_identity **out, const char *ca, const char *cert, const char *key,
                            clv_error *err);

/** Write the files @p a and @p b one after the other into @p dst. */
void net_pki_concatenate(const char *dst, const char *a, const char *b);

/** Whole text files. */
void net_pki_write(const char *path, const char *text, unsigned mode);

#endif
