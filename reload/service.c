/* service.c: the files and proofs of servers that are not asked. */
#include "reload/service.h"

#include "base/reader.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORD_MAX 1024
#define PORT_STANDARD 5432

static const char *const mode_words[] = {"auto", "0600", "0640", "0400", "0440", NULL};
static const mode_t modes[] = {0, 0600, 0640, 0400, 0440};
static const char *const how_words[] = {"auto", "postgres", "direct", "tls", NULL};

/* clang-format off */
const struct option service_options[] = {
    {"file",          OPTION_PATH,      offsetof(struct service_config, file),          NULL, "PEM: key, certificate and its issuers in one file", NULL, 0, 0, false},
    {"key_file",      OPTION_PATH,      offsetof(struct service_config, key_file),      NULL, "PEM: the key alone", NULL, 0, 0, false},
    {"cert_file",     OPTION_PATH,      offsetof(struct service_config, cert_file),     NULL, "PEM: the certificate and its issuers", NULL, 0, 0, false},
    {"leaf_file",     OPTION_PATH,      offsetof(struct service_config, leaf_file),     NULL, "PEM: the certificate alone", NULL, 0, 0, false},
    {"chain_file",    OPTION_PATH,      offsetof(struct service_config, chain_file),    NULL, "PEM: its issuers alone, without the root", NULL, 0, 0, false},
    {"ca_file",       OPTION_PATH,      offsetof(struct service_config, ca_file),       NULL, "PEM: the root in which the chain ends", NULL, 0, 0, false},
    {"der_file",      OPTION_PATH,      offsetof(struct service_config, der_file),      NULL, "DER: the certificate alone", NULL, 0, 0, false},
    {"pkcs12_file",   OPTION_PATH,      offsetof(struct service_config, pkcs12_file),   NULL, "PKCS#12: all of them", NULL, 0, 0, false},
    {"pkcs12_password_file", OPTION_PATH, offsetof(struct service_config, pkcs12_password_file), NULL, "a file with its password, or credential:NAME; default: the empty one", NULL, 0, 0, false},
    {"mode",          OPTION_WORD,      offsetof(struct service_config, mode),          "auto", "of the files with the key; auto: 0600, and 0640 of run_as' group in a directory of root's", mode_words, 0, 0, false},
    {"run_as",        OPTION_TEXT,      offsetof(struct service_config, run_as),        NULL, "the server's user, who reads the key", NULL, 0, 0, false},
    {"prove",         OPTION_ENDPOINTS, offsetof(struct service_config, prove),         NULL, "where to prove what is served, HOST:PORT; default: as the type says, else nowhere", NULL, 0, 0, false},
    {"prove_as",      OPTION_WORD,      offsetof(struct service_config, prove_as),      "auto", "how TLS begins there: postgres: after PostgreSQL's SSLRequest; direct: at once, with ALPN; tls: at once", how_words, 0, 0, false},
    {"prove_name",    OPTION_TEXT,      offsetof(struct service_config, prove_name),    NULL, "the server name (SNI) which the proof asks for", NULL, 0, 0, false},
    {"prove_timeout", OPTION_SPAN,      offsetof(struct service_config, prove_timeout_s), "10s", "how long a reload may take until it is proved", NULL, 0, 0, false},
    {0},
};
/* clang-format on */

/* In the order in which they are renamed: what has the key in it comes first. */
static const struct {
    const char *name;
    size_t offset;
    enum form form;
} files[] = {
    {"file", offsetof(struct service_config, file), FORM_COMBINED},
    {"key_file", offsetof(struct service_config, key_file), FORM_KEY},
    {"pkcs12_file", offsetof(struct service_config, pkcs12_file), FORM_PKCS12},
    {"cert_file", offsetof(struct service_config, cert_file), FORM_FULLCHAIN},
    {"leaf_file", offsetof(struct service_config, leaf_file), FORM_LEAF},
    {"chain_file", offsetof(struct service_config, chain_file), FORM_CHAIN},
    {"ca_file", offsetof(struct service_config, ca_file), FORM_ROOT},
    {"der_file", offsetof(struct service_config, der_file), FORM_DER},
};

static const char *
path_of(const struct service_config *c, size_t i)
{
    const char *path = NULL;

    memcpy(&path, (const char *)c + files[i].offset, sizeof(const char *));
    return path;
}

static bool
check_paths(const struct service_config *c, struct err *e)
{
    for (size_t i = 0; i < COUNT(files); i++) {
        const char *path = path_of(c, i);

        if (path != NULL && path[0] != '/')
            return err_set(e, ERR_CONFIG, "%s: '%s' is not an absolute path", files[i].name, path);
        for (size_t k = 0; path != NULL && k < i; k++)
            if (path_of(c, k) != NULL && strcmp(path_of(c, k), path) == 0)
                return err_set(e, ERR_CONFIG,
                               "%s and %s are the same file '%s'; for key and "
                               "certificate in one file there is: file",
                               files[k].name, files[i].name, path);
    }
    return true;
}

static bool
has_any(const struct service_config *c)
{
    for (size_t i = 0; i < COUNT(files); i++)
        if (path_of(c, i) != NULL)
            return true;
    return false;
}

bool
service_check(const struct target *t, struct err *e)
{
    const struct service_config *c = t->service;
    bool has_both = c->file != NULL || c->pkcs12_file != NULL ||
                    (c->key_file != NULL && (c->cert_file != NULL || c->leaf_file != NULL));

    if (!check_paths(c, e))
        return false;
    if (!has_both && (has_any(c) || !t->type->finds_files))
        return err_set(e, ERR_CONFIG,
                       "it is not said where its key and certificate go; set file, or key_file and "
                       "cert_file, or pkcs12_file");
    return c->run_as == NULL || getpwnam(c->run_as) != NULL ||
           err_set(e, ERR_CONFIG, "run_as: there is no user '%s' here", c->run_as);
}

static bool
find_files(const struct service_config *c, struct target_view *view, struct err *e)
{
    target_view_forget_files(view);
    for (size_t i = 0; i < COUNT(files); i++) {
        const char *path = path_of(c, i);
        mode_t mode = form_is_secret(files[i].form) ? modes[c->mode] : 0;

        if (path != NULL && !target_view_add(view, strdup(path), files[i].form, mode, e))
            return false;
    }
    return true;
}

static bool
find_password(const struct service_config *c, struct target_view *view, struct err *e)
{
    own_str struct str text = {0};

    if (c->pkcs12_file == NULL || view->password != NULL)
        return true;
    if (c->pkcs12_password_file != NULL &&
        !reader_read_secret(c->pkcs12_password_file, PASSWORD_MAX, &text, e))
        return err_wrap(e, "pkcs12_password_file");
    view->password = strdup(text.size == 0 ? "" : text.text);
    return view->password != NULL || err_memory(e);
}

bool
service_look(const struct target *t, struct target_view *view, struct err *e)
{
    const struct service_config *c = t->service;
    const struct passwd *user = c->run_as == NULL ? NULL : getpwnam(c->run_as);
    int port = t->type->port != 0 ? t->type->port : PORT_STANDARD;

    if (user != NULL) {
        view->user = user->pw_uid;
        view->group = user->pw_gid;
    }
    view->uses_file = true; /* nobody can be asked; the proof tells */
    view->tls_on = true;
    view->prove_timeout_ms = c->prove_timeout_s * 1000;
    view->how = c->prove_as == 0 ? t->type->how : (enum probe_how)(c->prove_as - 1);
    addresses_done(&view->addresses);
    free(view->server_name);
    view->server_name = c->prove_name == NULL ? NULL : strdup(c->prove_name);
    if (!find_files(c, view, e) || !find_password(c, view, e) ||
        !addresses_add_endpoints(&view->addresses, &c->prove, port, e))
        return false;
    view->is_unprovable = view->addresses.count == 0;
    return true;
}
