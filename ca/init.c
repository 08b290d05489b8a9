/* init.c: make a CA: root, issuing CAs, index, CRLs. */
#include "base/file.h"
#include "ca/authority.h"
#include "ca/crls.h"
#include "ca/index.h"
#include "ca/keyfile.h"
#include "ca/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096
#define ID_SIZE 4 /* random octets that make the names of these CAs their own */

/* All that a run which was killed may have left, in the order in which it goes. */
static const char *const leftovers[] = {
    "clients.crl",   "servers.crl", "root.crl",      "crl.json", "client-ca.crt", "server-ca.crt",
    "client-ca.key", "root.crt",    "server-ca.key", "index",    "root.key",
};

/* One CA that is being made. */
struct making {
    struct ca *ca;
    const char *root_key_file; /* NULL: in the directory */
    char id[2 * ID_SIZE + 1];
    int64_t now_s;
};

static bool
is_file(const char *path)
{
    struct stat s = {0};

    return lstat(path, &s) == 0;
}

/* ---- before ---- */

/* Without the mark of an interrupted run nobody knows what these are: nothing is overwritten. */
static bool
refuse_parts(const struct ca_config *config, struct err *e)
{
    for (size_t i = 0; i < COUNT(leftovers); i++) {
        own_mem char *path = authority_path(config, leftovers[i], "");

        if (path == NULL)
            return err_memory(e);
        if (is_file(path))
            return err_set(e, ERR_INPUT,
                           "'%s' has parts of a CA (%s), and no root.crt: put it back from a "
                           "backup, or set another [ca] directory",
                           config->directory, leftovers[i]);
    }
    return true;
}

/* What signed nothing but itself is no loss. */
static bool
remove_leftovers(const struct ca_config *config, struct err *e)
{
    for (size_t i = 0; i < COUNT(leftovers); i++) {
        own_mem char *path = authority_path(config, leftovers[i], "");

        if (path == NULL)
            return err_memory(e);
        if (!file_remove(AT_FDCWD, path, e))
            return false;
    }
    file_remove_temporaries(config->directory);
    return true;
}

/* The key's file must be new, or be the one that the interrupted run was about to write. */
static bool
check_key_file(const char *file, const struct str *of_before, struct err *e)
{
    if (file == NULL || !is_file(file) ||
        (of_before->size > 0 && strcmp(of_before->text, file) == 0))
        return true;
    return err_set(e, ERR_INPUT, "the root's key is not written to '%s': that file exists", file);
}

/* *is_new: there is a CA to be made; what an interrupted run has left is gone then. */
static bool
prepare(struct ca *ca, const char *root_key_file, bool *is_new, struct err *e)
{
    own_mem char *mark = authority_path(ca->config, AUTHORITY_UNFINISHED, "");
    own_mem char *root = ca_root_path(ca->config);
    own_str struct str of_before = {0};
    bool is_unfinished = false;

    if (mark == NULL || root == NULL)
        return err_memory(e);
    if (!file_read_if_there(AT_FDCWD, mark, PATH_SIZE, &of_before, &is_unfinished, e))
        return false;
    *is_new = is_unfinished || !is_file(root);
    if (!*is_new)
        return true;
    if (!is_unfinished && !refuse_parts(ca->config, e))
        return false;
    if (!check_key_file(root_key_file, &of_before, e) || !remove_leftovers(ca->config, e))
        return false;
    return file_replace(AT_FDCWD, mark, root_key_file == NULL ? "" : root_key_file,
                        root_key_file == NULL ? 0 : strlen(root_key_file), 0600, e);
}

/* ---- one after the other ---- */

static bool
save_key(const struct making *m, enum ca_role role, EVP_PKEY *key, struct err *e)
{
    own_mem char *path = authority_path(m->ca->config, authority_files[role].name, ".key");
    own_str struct str pem = {0};
    own_str struct str passphrase = {0};
    const char *where = role == CA_ROOT && m->root_key_file != NULL ? m->root_key_file : path;

    if (path == NULL)
        return err_memory(e);
    return authority_passphrase(m->ca->config, &passphrase, e) &&
           keyfile_write(key, &passphrase, &pem, e) &&
           file_replace(AT_FDCWD, where, pem.text, pem.size, 0600, e);
}

static bool
save_cert(const struct making *m, enum ca_role role, X509 *cert, struct err *e)
{
    own_mem char *path = authority_path(m->ca->config, authority_files[role].name, ".crt");
    struct chain one = {.certs = {cert}, .count = 1};
    own_str struct str pem = {0};

    if (path == NULL)
        return err_memory(e);
    return chain_to_pem(&one, &pem, e) && file_replace(AT_FDCWD, path, pem.text, pem.size, 0644, e);
}

/* The root has no certificate yet whose key id could stand in the index. */
static bool
sign_root(const struct making *m, struct issue *i, const char *name, X509 **cert, struct err *e)
{
    struct authority *root = &m->ca->all[CA_ROOT];
    own_cert X509 *trial = NULL;

    if (!issue_serial(i->serial, e))
        return false;
    trial = issue_sign(i, NULL, root->key, e); /* for its key id alone */
    if (trial == NULL)
        return false;
    issue_key_id(trial, root->id);
    *cert = authority_sign(m->ca, i, name, e);
    return *cert != NULL;
}

static bool
make_one(const struct making *m, enum ca_role role, struct err *e)
{
    const struct ca_config *c = m->ca->config;
    struct authority *a = &m->ca->all[role];
    own_mem char *name = str_format("pgcert %s CA %s",
                                    role == CA_ROOT      ? "root"
                                    : role == CA_SERVERS ? "server"
                                                         : "client",
                                    m->id);
    struct issue i = {
        .kind = authority_files[role].kind,
        .organization = c->organization,
        .common_name = name,
        .not_before_s = m->now_s - AUTHORITY_BACKDATED_S,
        .not_after_s = m->now_s + (role == CA_ROOT ? c->root_lifetime_s : c->issuing_lifetime_s)};

    if (name == NULL)
        return err_memory(e);
    a->key = key_generate((enum key_type)c->key_type, e);
    if (a->key == NULL || !save_key(m, role, a->key, e))
        return false;
    i.public_key = a->key;
    if (role == CA_ROOT) {
        if (!sign_root(m, &i, name, &a->cert, e))
            return false;
    } else {
        a->cert = authority_sign(m->ca, &i, name, e);
    }
    if (a->cert == NULL)
        return false;
    issue_key_id(a->cert, a->id);
    return save_cert(m, role, a->cert, e);
}

static bool
make_all(struct making *m, struct err *e)
{
    own_mem char *mark = authority_path(m->ca->config, AUTHORITY_UNFINISHED, "");
    unsigned char serial[ISSUE_SERIAL_SIZE];
    bool did = false;

    if (mark == NULL)
        return err_memory(e);
    if (!issue_serial(serial, e))
        return false;
    str_hex(m->id, serial + 1, ID_SIZE);
    for (int role = 0; role < CA_ROLE_COUNT; role++)
        if (!make_one(m, (enum ca_role)role, e))
            return false;
    return crls_refresh(m->ca, CRLS_FORCE | (m->root_key_file != NULL ? CRLS_LONG_ROOT : 0), &did,
                        e) &&
           file_remove(AT_FDCWD, mark, e);
}

bool
ca_init(const struct ca_config *config, const char *root_key_file, struct clock *clock, bool *made,
        struct err *e)
{
    own_ca struct ca *ca = NULL;
    own_str struct str passphrase = {0}; /* told before anything is made */
    struct making m = {.root_key_file = root_key_file, .now_s = clock->now_s(clock)};
    bool is_new = false;

    if (!ca_check_config(config, e) || !authority_passphrase(config, &passphrase, e) ||
        (config->organization != NULL && !name_check_organization(config->organization, e)) ||
        !file_make_directory(config->directory, 0700, e))
        return false;
    ca = authority_lock(config, clock, e);
    if (ca == NULL || !prepare(ca, root_key_file, &is_new, e))
        return false;
    m.ca = ca;
    if (is_new && !make_all(&m, e))
        return err_wrap(e, "make the private CA in '%s'", config->directory);
    *made = is_new;
    return true;
}
