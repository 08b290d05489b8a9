/* doctor_load.c: load files as PostgreSQL does when it starts. */
#include "reload/doctor_load.h"

#include "base/file.h"
#include "reload/tls.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#define PATH_SIZE 32

/* OpenSSL is given files by name, as PostgreSQL gives them; they are in memory. */
struct named {
    int fd;
    char path[PATH_SIZE];
};

#define own_named __attribute__((cleanup(named_done)))

static void
named_done(struct named *n)
{
    own_fd_drop(&n->fd);
}

static bool
name_it(struct named *n, const struct str *bytes, struct err *e)
{
    n->fd = memfd_create("pgcert", MFD_CLOEXEC);
    if (n->fd < 0 || !file_write_all(n->fd, bytes->text, bytes->size))
        return err_errno(e, "make a file in memory");
    (void)snprintf(n->path, sizeof(n->path), "/proc/self/fd/%d", n->fd);
    ERR_clear_error();
    return true;
}

static bool
refuse(const char **setting, const char *which, struct err *e)
{
    *setting = which;
    return err_set(e, ERR_INPUT, "%s", tls_reason());
}

/* Nobody is there to type it. */
static int
no_passphrase(char *buffer, int size, int is_writing, void *asked)
{
    bool *encrypted = asked;

    (void)is_writing;
    if (size > 0)
        buffer[0] = '\0';
    *encrypted = true;
    return 0;
}

static bool
load_pair(SSL_CTX *ctx, const struct doctor_load *l, const char **setting, bool *encrypted,
          struct err *e)
{
    own_named struct named cert = {.fd = -1};
    own_named struct named key = {.fd = -1};

    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, encrypted);
    if (!name_it(&cert, l->cert, e) || !name_it(&key, l->key, e))
        return false;
    if (SSL_CTX_use_certificate_chain_file(ctx, cert.path) != 1)
        return refuse(setting, "ssl_cert_file", e);
    *encrypted = false;
    if (SSL_CTX_use_PrivateKey_file(ctx, key.path, SSL_FILETYPE_PEM) != 1) {
        bool is_mismatch = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;

        if (*encrypted) {
            ERR_clear_error();
            return true;
        }
        (void)refuse(setting, "ssl_key_file", e);
        return !is_mismatch ? false
                            : err_set(e, ERR_INPUT, "the key is not that of the certificate");
    }
    return SSL_CTX_check_private_key(ctx) == 1 || refuse(setting, "ssl_key_file", e);
}

static bool
load_clients(SSL_CTX *ctx, const struct doctor_load *l, const char **setting, struct err *e)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    own_named struct named ca = {.fd = -1};
    own_named struct named crl = {.fd = -1};

    if (l->ca != NULL) {
        if (!name_it(&ca, l->ca, e))
            return false;
        if (SSL_CTX_load_verify_locations(ctx, ca.path, NULL) != 1 || !tls_has_ca(l->ca))
            return refuse(setting, "ssl_ca_file", e);
    }
    if (l->crl == NULL)
        return true;
    return name_it(&crl, l->crl, e) && (X509_STORE_load_locations(store, crl.path, NULL) == 1 ||
                                        refuse(setting, "ssl_crl_file", e));
}

bool
doctor_load_try(const struct doctor_load *l, const char **setting, bool *encrypted, struct err *e)
{
    own_ssl_ctx SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    own_mem char *groups = strdup(l->groups); /* OpenSSL's macro wants a char * */

    *setting = "ssl";
    *encrypted = false;
    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
        return err_crypto(e, "set up TLS as PostgreSQL does");
    if (!load_pair(ctx, l, setting, encrypted, e))
        return false;
    if (groups == NULL)
        return err_memory(e);
    if (groups[0] != '\0' && SSL_CTX_set1_groups_list(ctx, groups) != 1)
        return refuse(setting, "ssl_ecdh_curve", e);
    if (l->ciphers[0] != '\0' && SSL_CTX_set_cipher_list(ctx, l->ciphers) != 1)
        return refuse(setting, "ssl_ciphers", e);
    return load_clients(ctx, l, setting, e);
}
