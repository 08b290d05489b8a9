/* challenge.c: words and record names of the challenges. */
#include "acme/challenge.h"

#include "acme/dns01.h"
#include "base/dns.h"

#include <string.h>

#include <openssl/evp.h>

#define LABEL_BYTES 10 /* of the digest; 16 letters */

const char *const challenge_words[] = {
    [ACME_DNS] = "dns-01",
    [ACME_DNS_ACCOUNT] = "dns-account-01",
    [ACME_DNS_PERSIST] = "dns-persist-01",
    NULL,
};

/* base32 (RFC 4648 section 6) in small letters, as the draft's example has it. No padding: 10 bytes
 * are 16 letters. */
static void
base32(char text[static LABEL_BYTES * 8 / 5 + 1], const unsigned char bytes[static LABEL_BYTES])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned kept = 0;
    int bits = 0;
    size_t used = 0;

    for (size_t i = 0; i < LABEL_BYTES; i++) {
        kept = (kept << 8 | bytes[i]) & 0xfff; /* at most 4 bits are left over from before */
        for (bits += 8; bits >= 5; bits -= 5)
            text[used++] = alphabet[kept >> (bits - 5) & 31];
    }
    text[used] = '\0';
}

/* draft-ietf-acme-dns-account-label-03: "_" || base32(SHA-256(ACCOUNT_URL)[0:10]) */
static char *
account_fqdn(const char *name, const char *account_url, struct err *e)
{
    char label[LABEL_BYTES * 8 / 5 + 1];
    unsigned char digest[EVP_MAX_MD_SIZE];
    own_mem char *base = dns01_fqdn(name);
    char *fqdn = NULL;

    if (EVP_Digest(account_url, strlen(account_url), digest, NULL, EVP_sha256(), NULL) != 1) {
        (void)err_crypto(e, "hash the account's URL");
        return NULL;
    }
    base32(label, digest);
    fqdn = base == NULL ? NULL : str_format("_%s.%s", label, base);
    if (fqdn == NULL)
        (void)err_memory(e);
    return fqdn;
}

static char *
plain_fqdn(enum acme_challenge type, const char *name, struct err *e)
{
    char *fqdn = type == ACME_DNS ? dns01_fqdn(name)
                                  : str_format("_validation-persist.%s.",
                                               strncmp(name, "*.", 2) == 0 ? name + 2 : name);

    if (fqdn == NULL)
        (void)err_memory(e);
    return fqdn;
}

char *
challenge_fqdn(enum acme_challenge type, const char *name, const char *account_url, struct err *e)
{
    own_mem char *fqdn =
        type == ACME_DNS_ACCOUNT ? account_fqdn(name, account_url, e) : plain_fqdn(type, name, e);

    if (fqdn != NULL && strlen(fqdn) >= DNS_NAME_SIZE) {
        (void)err_set(e, ERR_PROTOCOL, "%s: too long for %s, whose record would be at '%s'", name,
                      challenge_words[type], fqdn);
        return NULL;
    }
    return TAKE(fqdn);
}
