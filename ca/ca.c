/* ca.c: the settings of the private CA. */
#include "ca/ca.h"

#include "ca/token_uri.h"

#include <string.h>

/* clang-format off */
const struct option ca_options[] = {
    {.name = "directory",        .type = OPTION_PATH, .offset = offsetof(struct ca_config, directory),          .help = "where its keys, certificates, index and CRLs are; default: ca in the state directory"},
    {.name = "socket",           .type = OPTION_PATH, .offset = offsetof(struct ca_config, socket),             .help = "the Unix socket where who is not the owner of that directory asks for a server's certificate (pgcert-ca.socket); default: whoever runs pgcert has the CA's keys"},
    {.name = "organization",     .type = OPTION_TEXT, .offset = offsetof(struct ca_config, organization),       .help = "the organization (O) in the names of its CAs; default: none"},
    {.name = "key_type",         .type = OPTION_WORD, .offset = offsetof(struct ca_config, key_type),           .standard = "ecdsa-p256", .words = key_type_words, .help = "kind of the keys of the CAs; ed25519 is refused here, for PostgreSQL cannot bind logins by SCRAM to what such a key has signed"},
    {.name = "passphrase_file",  .type = OPTION_PATH, .offset = offsetof(struct ca_config, passphrase_file),    .help = "secret file, or credential:NAME, with a passphrase by which the keys of the CAs are encrypted when they are made; default: they are not"},
    {.name = "root_key",         .type = OPTION_TEXT, .offset = offsetof(struct ca_config, root_key),           .help = "PKCS#11 URI (RFC 7512) of the root's key, which is in a token then: pkcs11:token=LABEL;object=LABEL; default: it is in a file"},
    {.name = "server_key",       .type = OPTION_TEXT, .offset = offsetof(struct ca_config, server_key),         .help = "the same for the CA that signs for servers"},
    {.name = "client_key",       .type = OPTION_TEXT, .offset = offsetof(struct ca_config, client_key),         .help = "the same for the CA that signs for clients"},
    {.name = "pkcs11_module",    .type = OPTION_PATH, .offset = offsetof(struct ca_config, pkcs11_module),      .help = "the token's driver, a shared library; default: that of OpenSSL's provider, which is that of p11-kit"},
    {.name = "pin_file",         .type = OPTION_PATH, .offset = offsetof(struct ca_config, pin_file),           .help = "secret file, or credential:NAME, with the token's PIN"},
    {.name = "root_lifetime",    .type = OPTION_SPAN, .offset = offsetof(struct ca_config, root_lifetime_s),    .standard = "10y", .help = "how long the root is valid"},
    {.name = "issuing_lifetime", .type = OPTION_SPAN, .offset = offsetof(struct ca_config, issuing_lifetime_s), .standard = "3y",  .help = "how long the issuing CAs are valid"},
    {.name = "server_lifetime",  .type = OPTION_SPAN, .offset = offsetof(struct ca_config, server_lifetime_s),  .standard = "90d", .help = "how long a server's certificate is valid, but never longer than the CA that signs it"},
    {.name = "client_lifetime",  .type = OPTION_SPAN, .offset = offsetof(struct ca_config, client_lifetime_s),  .standard = "90d", .help = "how long a client's certificate is valid, but never longer than the CA that signs it"},
    {.name = "crl_lifetime",     .type = OPTION_SPAN, .offset = offsetof(struct ca_config, crl_lifetime_s),     .standard = "30d", .help = "how long a CRL holds; a new one is made when half of it is left"},
    {.name = "privileged",       .type = OPTION_LIST, .offset = offsetof(struct ca_config, privileged),         .standard = "postgres replication replicator repl repmgr standby streaming_replica rewind_user barman", .help = "roles of superusers and of replication: a certificate for one of them, or for a name that begins with pg_, is only signed with --privileged"},
    {0},
};
/* clang-format on */

bool
ca_is_key_type(int type)
{
    return type != KEY_ED25519;
}

static bool
check_keys(const struct ca_config *c, struct err *e)
{
    const struct {
        const char *name, *uri;
    } rows[] = {
        {"root_key", c->root_key}, {"server_key", c->server_key}, {"client_key", c->client_key}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].uri != NULL && !token_uri_check(rows[i].name, rows[i].uri, e))
            return false;
        for (size_t n = 0; n < i && rows[i].uri != NULL; n++)
            if (rows[n].uri != NULL && strcmp(rows[n].uri, rows[i].uri) == 0)
                return err_set(e, ERR_CONFIG,
                               "[ca] %s and %s name the same key; each CA has one of its own",
                               rows[n].name, rows[i].name);
    }
    if (ca_is_key_type(c->key_type))
        return true;
    return err_set(
        e, ERR_CONFIG,
        "[ca] key_type = %s: logins by SCRAM would fail, for PostgreSQL can bind them to "
        "no certificate that such a CA has signed; servers and clients may have such "
        "keys",
        key_type_words[c->key_type]);
}

/* Whoever is signed must not be planned to outlive who signs, and nothing ends as it begins. */
bool
ca_check_config(const struct ca_config *c, struct err *e)
{
    const struct {
        const char *name;
        int64_t span_s, least_s;
        const char *within; /* NULL: none */
        int64_t within_s;
    } rows[] = {
        {"root_lifetime", c->root_lifetime_s, 86400, NULL, 0},
        {"issuing_lifetime", c->issuing_lifetime_s, 86400, "root_lifetime", c->root_lifetime_s},
        {"server_lifetime", c->server_lifetime_s, 60, "issuing_lifetime", c->issuing_lifetime_s},
        {"client_lifetime", c->client_lifetime_s, 60, "issuing_lifetime", c->issuing_lifetime_s},
        {"crl_lifetime", c->crl_lifetime_s, 3600, NULL, 0},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].span_s < rows[i].least_s)
            return err_set(e, ERR_CONFIG, "[ca] %s must be at least %s", rows[i].name,
                           rows[i].least_s == 60     ? "1min"
                           : rows[i].least_s == 3600 ? "1h"
                                                     : "1d");
        if (rows[i].within != NULL && rows[i].span_s > rows[i].within_s)
            return err_set(e, ERR_CONFIG, "[ca] %s must not be longer than %s", rows[i].name,
                           rows[i].within);
    }
    return check_keys(c, e);
}
