/* make.c: make one CA. */
#include "ca/make.h"

#include "base/file.h"
#include "ca/keyfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ID_SIZE 4 /* random octets that make the names of CAs their own */

bool
make_begin(struct make *m, struct ca *ca, int64_t generation, const char *root_key_file,
           struct err *e)
{
    unsigned char serial[ISSUE_SERIAL_SIZE];
    char id[2 * ID_SIZE + 1];

    if (!issue_serial(serial, e))
        return false;
    *m = (struct make){.ca = ca, .root_key_file = root_key_file};
    str_hex(id, serial + 1, ID_SIZE);
    if (generation > 1)
        (void)snprintf(m->id, sizeof(m->id), "%lld %s", (long long)generation, id);
    else
        (void)snprintf(m->id, sizeof(m->id), "%s", id);
    return true;
}

bool
make_check_key_file(const char *file, const struct str *of_before, struct err *e)
{
    struct stat s = {0};

    if (file == NULL || lstat(file, &s) != 0 ||
        (of_before->size > 0 && strcmp(of_before->text, file) == 0))
        return true;
    return err_set(e, ERR_INPUT, "the root's key is not written to '%s': that file exists", file);
}

static bool
save_key(const struct make *m, const struct authority *a, struct err *e)
{
    own_mem char *path = authority_path(m->ca->config, a->name, ".key");
    own_str struct str pem = {0};
    own_str struct str passphrase = {0};
    const char *where = a->role == CA_ROOT && m->root_key_file != NULL ? m->root_key_file : path;

    if (path == NULL)
        return err_memory(e);
    return authority_passphrase(m->ca->config, &passphrase, e) &&
           keyfile_write(a->key, &passphrase, &pem, e) &&
           file_replace(AT_FDCWD, where, pem.text, pem.size, 0600, e);
}

/* In the directory, or in a token, where it may be already. */
static bool
make_key(const struct make *m, struct authority *a, struct err *e)
{
    bool is_in_token = authority_uri(m->ca->config, a) != NULL;

    a->key = is_in_token ? authority_token_key(m->ca, a, true, e)
                         : key_generate((enum key_type)m->ca->config->key_type, e);
    return a->key != NULL && (is_in_token || save_key(m, a, e));
}

/* A root has no certificate yet whose key id could stand in the index. */
static bool
find_root_id(struct authority *root, struct issue *i, struct err *e)
{
    own_cert X509 *trial = NULL;

    if (!issue_serial(i->serial, e))
        return false;
    trial = issue_sign(i, NULL, root->key, e); /* for its key id alone */
    if (trial == NULL)
        return false;
    issue_key_id(trial, root->id);
    return true;
}

/* The root signs itself; the others never outlive it. */
static bool
set_times(const struct make *m, const struct authority *a, struct issue *i, struct err *e)
{
    const struct ca_config *c = m->ca->config;
    int64_t now_s = m->ca->clock->now_s(m->ca->clock);

    if (a->role != CA_ROOT)
        return authority_set_times(m->ca, authority_root(m->ca, a), c->issuing_lifetime_s, i, e);
    i->not_before_s = now_s - AUTHORITY_BACKDATED_S;
    i->not_after_s = now_s + c->root_lifetime_s;
    return true;
}

/* As when two settings name the same key of a token: nobody could tell by whom something is. */
static bool
check_own_key(const struct ca *ca, const struct authority *a, struct err *e)
{
    for (size_t i = 0; i < ca->count; i++)
        if (ca->all[i] != a && strcmp(ca->all[i]->id, a->id) == 0)
            return err_set(e, ERR_CONFIG,
                           "the CAs '%s' and '%s' would have the same key; [ca] root_key, "
                           "server_key and client_key must name different ones",
                           ca->all[i]->word, a->word);
    return true;
}

bool
make_sign(const struct make *m, struct authority *a, struct err *e)
{
    /* clang-format off */
    static const struct {
        enum kind_id kind;
        const char *word;
    } roles[] = {
        [CA_ROOT]    = {KIND_ROOT,      "root"},
        [CA_SERVERS] = {KIND_SERVER_CA, "server"},
        [CA_CLIENTS] = {KIND_CLIENT_CA, "client"},
        [CA_TENANT]  = {KIND_TENANT_CA, "tenant"},
    };
    /* clang-format on */
    own_mem char *name = str_format("pgcert %s CA %s", roles[a->role].word, m->id);
    const struct index_entry about = {.name = name, .tenant = a->tenant};
    struct issue i = {.kind = roles[a->role].kind,
                      .organization = a->tenant != NULL ? a->tenant : m->ca->config->organization,
                      .common_name = name,
                      .permitted = a->tenant};

    if (name == NULL)
        return err_memory(e);
    if (!set_times(m, a, &i, e) || !make_key(m, a, e))
        return false;
    i.public_key = a->key;
    if (a->role == CA_ROOT && !find_root_id(a, &i, e))
        return false;
    a->cert = authority_sign(m->ca, authority_root(m->ca, a), &i, &about, e);
    if (a->cert == NULL)
        return false;
    issue_key_id(a->cert, a->id);
    return check_own_key(m->ca, a, e);
}

bool
make_save(const struct make *m, const struct authority *a, struct err *e)
{
    own_mem char *path = authority_path(m->ca->config, a->name, ".crt");
    struct chain one = {.certs = {a->cert}, .count = 1};
    own_str struct str pem = {0};

    if (path == NULL)
        return err_memory(e);
    return chain_to_pem(&one, &pem, e) && file_replace(AT_FDCWD, path, pem.text, pem.size, 0644, e);
}
