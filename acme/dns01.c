/* dns01.c: name and value of the record that answers a DNS-01 challenge. */
#include "acme/dns01.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#define TOKEN_MAX 256 /* characters; those of public issuers have 43 */

bool
dns01_txt(char txt[static DNS01_TXT_SIZE], const char *token,
          const unsigned char thumbprint[static THUMBPRINT_SIZE], struct err *e)
{
    char key_authorization[TOKEN_MAX + 1 + B64URL_SIZE(THUMBPRINT_SIZE)];
    char print[B64URL_SIZE(THUMBPRINT_SIZE)];
    unsigned char digest[32];

    if (!b64url_is(token) || strlen(token) > TOKEN_MAX)
        return err_set(e, ERR_PROTOCOL, "the token of the challenge is not base64url");
    b64url_encode(print, thumbprint, THUMBPRINT_SIZE);
    (void)snprintf(key_authorization, sizeof(key_authorization), "%s.%s", token, print);
    if (EVP_Digest(key_authorization, strlen(key_authorization), digest, NULL, EVP_sha256(),
                   NULL) != 1)
        return err_crypto(e, "hash the key authorization");
    b64url_encode(txt, digest, sizeof(digest));
    return true;
}

char *
dns01_fqdn(const char *name)
{
    return str_format("_acme-challenge.%s.", strncmp(name, "*.", 2) == 0 ? name + 2 : name);
}
