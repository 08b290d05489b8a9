/* verify.c: load the file as PostgreSQL does, and shake hands with it in memory. */
#include "reload/verify.h"

#include "base/file.h"
#include "reload/judge.h"
#include "reload/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#define TURNS_MAX 32 /* a handshake takes 4 */
#define PATH_SIZE 32

/* ---- load as be_tls_init() does ---- */

/* The defaults of PostgreSQL 12 and later, where ssl_min_protocol_version is TLSv1.2. */
static SSL_CTX *
server_new(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    char groups[] = "prime256v1"; /* ssl_ecdh_curve */

    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_SINGLE_DH_USE | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set1_groups_list(ctx, groups) == 1 &&
        SSL_CTX_set_cipher_list(ctx, "HIGH:MEDIUM:+3DES:!aNULL") == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static bool
refuse(struct err *e)
{
    int reason = ERR_GET_REASON(ERR_peek_last_error());

    if (reason == SSL_R_EE_KEY_TOO_SMALL || reason == SSL_R_CA_KEY_TOO_SMALL) {
        ERR_clear_error();
        return err_set(e, ERR_INPUT,
                       "a key is too short for this system's OpenSSL security level, so PostgreSQL "
                       "would not load it; use a longer one, such as key_type = ecdsa-p256");
    }
    if (reason == SSL_R_CA_MD_TOO_WEAK) {
        ERR_clear_error();
        return err_set(e, ERR_INPUT,
                       "a signature uses a digest too weak for this system's OpenSSL security "
                       "level, so PostgreSQL would not load it; have it issued with SHA-256");
    }
    return err_set(e, ERR_INPUT, "PostgreSQL would not load this file: %s", tls_reason());
}

/* Loads by name, as PostgreSQL does: OpenSSL reads a file with rules of its own, so only the same
 * call on the same bytes tells. The file is in memory. */
static bool
load(SSL_CTX *ctx, const struct str *file, struct err *e)
{
    own_fd int fd = memfd_create("pgcert", MFD_CLOEXEC);
    char path[PATH_SIZE];

    if (fd < 0 || !file_write_all(fd, file->text, file->size))
        return err_errno(e, "make a file in memory");
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, path) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1)
        return refuse(e);
    return true;
}

bool
verify_loads(const struct str *file, struct err *e)
{
    own_pair struct pair pair = {0};
    own_ssl_ctx SSL_CTX *ctx = server_new();

    if (ctx == NULL)
        return err_crypto(e, "set up TLS as PostgreSQL does");
    return pair_from_pem(&pair, file, file, e) && load(ctx, file, e);
}

/* What OpenSSL took from the bytes is what we judged. */
static bool
same_as_loaded(SSL_CTX *ctx, const struct chain *chain, struct err *e)
{
    STACK_OF(X509) *rest = NULL;
    bool same = X509_cmp(SSL_CTX_get0_certificate(ctx), chain->certs[0]) == 0;

    if (SSL_CTX_get0_chain_certs(ctx, &rest) != 1)
        return err_crypto(e, "read back the chain");
    /* NULL: the leaf stands alone, for a root has signed it */
    same = same && (rest == NULL ? 0 : sk_X509_num(rest)) == (int)chain->count - 1;
    for (size_t i = 1; same && i < chain->count; i++)
        same = X509_cmp(sk_X509_value(rest, (int)i - 1), chain->certs[i]) == 0;
    return same || err_set(e, ERR_INTERNAL, "OpenSSL loads another chain than the one checked");
}

/* ---- handshake in memory ---- */

struct talk {
    SSL *client;
    SSL *server;
};

static SSL_CTX *
client_new(X509_STORE *trust, int64_t now_s)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(ctx), (time_t)now_s);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set1_verify_cert_store(ctx, trust) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static bool
connect_both(struct talk *t, struct err *e)
{
    BIO *client = NULL;
    BIO *server = NULL;

    if (t->client == NULL || t->server == NULL || BIO_new_bio_pair(&client, 0, &server, 0) != 1)
        return err_crypto(e, "prepare a handshake in memory");
    SSL_set_bio(t->client, client, client);
    SSL_set_bio(t->server, server, server);
    SSL_set_connect_state(t->client);
    SSL_set_accept_state(t->server);
    return true;
}

/* True when the turn ended, or waits for the other side. */
static bool
turn(SSL *ssl)
{
    int done = SSL_do_handshake(ssl);
    int why = SSL_get_error(ssl, done);

    return done == 1 || why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

static bool
shake(struct talk *t, const char *name, struct err *e)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        bool going = turn(t->client) && turn(t->server);
        long verdict = SSL_get_verify_result(t->client);

        if (!going && verdict != X509_V_OK) {
            ERR_clear_error();
            return err_set(e, ERR_INPUT,
                           "a client that verifies in full (sslmode=verify-full) would refuse it "
                           "for '%s': %s",
                           name, X509_verify_cert_error_string(verdict));
        }
        if (!going)
            return err_set(e, ERR_INPUT, "a handshake for '%s' fails: %s", name, tls_reason());
        if (SSL_is_init_finished(t->client) && SSL_is_init_finished(t->server))
            return true;
    }
    return err_set(e, ERR_INTERNAL, "a handshake in memory does not end");
}

static bool
shake_for(SSL_CTX *client, SSL_CTX *server, const char *name, struct err *e)
{
    own_ssl SSL *here = SSL_new(client);
    own_ssl SSL *there = SSL_new(server);
    own_mem char *concrete = NULL;
    struct talk talk = {.client = here, .server = there};

    /* a client never asks for the wildcard itself */
    concrete = name[0] == '*' ? str_format("pgcert%s", name + 1) : strdup(name);
    if (concrete == NULL)
        return err_memory(e);
    if (!connect_both(&talk, e))
        return false;
    if (!tls_expect(here, concrete))
        return err_crypto(e, "prepare a handshake in memory");
    return shake(&talk, concrete, e);
}

/* ---- all of it ---- */

static bool
judge(const struct material *m, const struct chain *chain, X509_STORE *trust, int64_t now_s,
      X509 **root, struct err *e)
{
    return judge_purpose(chain, e) && judge_names(chain, m->names, e) &&
           judge_dates(chain, now_s, m->valid_for_s, e) && judge_order(chain, e) &&
           judge_trust(chain, trust, now_s, root, e);
}

static bool
try_out(const struct material *m, const struct chain *chain, SSL_CTX *server, X509_STORE *trust,
        int64_t now_s, struct err *e)
{
    own_ssl_ctx SSL_CTX *client = client_new(trust, now_s);

    if (client == NULL)
        return err_crypto(e, "set up a TLS client");
    if (!same_as_loaded(server, chain, e))
        return false;
    for (size_t i = 0; i < m->names->count; i++)
        if (!shake_for(client, server, m->names->items[i], e))
            return false;
    return true;
}

/* Trusts where the chain ends. */
static bool
trust_top(X509_STORE *trust, const struct chain *chain, struct err *e)
{
    return (X509_STORE_add_cert(trust, chain->certs[chain->count - 1]) == 1 &&
            X509_STORE_set_flags(trust, X509_V_FLAG_PARTIAL_CHAIN) == 1) ||
           err_crypto(e, "trust where the chain ends");
}

bool
verify_material(const struct material *m, struct clock *clock, struct pair *pair, X509 **root,
                struct err *e)
{
    own_pair struct pair read = {0};
    own_str struct str bytes = {0};
    own_trust X509_STORE *trust = NULL;
    own_ssl_ctx SSL_CTX *server = NULL;
    own_x509 X509 *top = NULL;
    int64_t now_s = clock->now_s(clock);

    if (!pair_from_pem(&read, m->key_pem, m->chain_pem, e) || !pair_to_pem(&read, &bytes, e))
        return false;
    server = server_new();
    if (server == NULL)
        return err_crypto(e, "set up TLS as PostgreSQL does");
    if (!load(server, &bytes, e))
        return false;
    trust = cert_trust(m->trust_file, e);
    if (trust == NULL || (m->any_root && !trust_top(trust, &read.chain, e)) ||
        !judge(m, &read.chain, trust, now_s, &top, e) ||
        !try_out(m, &read.chain, server, trust, now_s, e))
        return false;
    *root = TAKE(top);
    *pair = read;
    read = (struct pair){0};
    return true;
}

bool
reload_check(const struct material *m, struct clock *clock, struct err *e)
{
    own_pair struct pair pair = {0};
    own_x509 X509 *root = NULL;

    return verify_material(m, clock, &pair, &root, e);
}
