/* authority.c: the files of a CA, and its signature. */
#include "ca/authority.h"

#include "base/file.h"
#include "ca/index.h"
#include "ca/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_WAIT_MS 30000
#define KEY_MAX (64 * 1024)
#define PASSPHRASE_MAX 1000 /* bytes; OpenSSL's PEM_BUFSIZE is 1024 */

/* clang-format off */
const struct authority_files authority_files[CA_ROLE_COUNT] = {
    [CA_ROOT]    = {"root",    "root",      "root.crl",    KIND_ROOT},
    [CA_SERVERS] = {"servers", "server-ca", "servers.crl", KIND_SERVER_CA},
    [CA_CLIENTS] = {"clients", "client-ca", "clients.crl", KIND_CLIENT_CA},
};
/* clang-format on */

char *
authority_path(const struct ca_config *config, const char *name, const char *end)
{
    return str_format("%s/%s%s", config->directory, name, end);
}

char *
ca_root_path(const struct ca_config *config)
{
    return authority_path(config, authority_files[CA_ROOT].name, ".crt");
}

static bool
is_there(const struct ca_config *config, const char *name, const char *end)
{
    own_mem char *path = authority_path(config, name, end);
    struct stat s = {0};

    return path != NULL && lstat(path, &s) == 0;
}

bool
ca_exists(const struct ca_config *config)
{
    return is_there(config, AUTHORITY_UNFINISHED, "") ||
           is_there(config, authority_files[CA_ROOT].name, ".crt");
}

bool
authority_has_key(const struct ca *ca, enum ca_role role)
{
    return is_there(ca->config, authority_files[role].name, ".key");
}

/* ---- opening ---- */

/* Keys are not left in a directory that somebody else rules. */
static bool
check_owner(const char *directory, struct err *e)
{
    struct stat s = {0};

    if (lstat(directory, &s) < 0)
        return err_errno(e, "open the CA's directory '%s'", directory);
    if (!S_ISDIR(s.st_mode))
        return err_set(e, ERR_CONFIG, "[ca] directory '%s' is not a directory", directory);
    if (s.st_uid != geteuid())
        return err_set(e, ERR_PERMISSION,
                       "the CA's directory '%s' belongs to another user (%u); run pgcert as that "
                       "user",
                       directory, (unsigned)s.st_uid);
    if ((s.st_mode & 022) != 0)
        return err_set(e, ERR_PERMISSION,
                       "others may write to the CA's directory '%s'; try: chmod 0700 %s", directory,
                       directory);
    return true;
}

struct ca *
authority_lock(const struct ca_config *config, struct clock *clock, struct err *e)
{
    own_ca struct ca *ca = calloc(1, sizeof(*ca));
    own_mem char *lock = authority_path(config, "lock", "");

    if (ca != NULL) {
        *ca = (struct ca){.config = config, .clock = clock, .lock = -1};
        ca->index_path = authority_path(config, "index", "");
    }
    if (ca == NULL || lock == NULL || ca->index_path == NULL)
        (void)err_memory(e);
    else if (check_owner(config->directory, e) && file_lock(lock, LOCK_WAIT_MS, &ca->lock, e))
        return TAKE(ca);
    return NULL;
}

static bool
load_cert(struct ca *ca, enum ca_role role, struct err *e)
{
    own_mem char *path = authority_path(ca->config, authority_files[role].name, ".crt");
    own_str struct str pem = {0};
    own_chain struct chain chain = {0};
    struct authority *a = &ca->all[role];

    if (path == NULL)
        return err_memory(e);
    if (!file_read(AT_FDCWD, path, CERT_PEM_MAX, &pem, e))
        return false;
    if (!chain_from_pem(&chain, pem.text, pem.size, e))
        return err_wrap(e, "the CA's certificate '%s'", path);
    a->cert = TAKE(chain.certs[0]);
    issue_key_id(a->cert, a->id);
    return a->id[0] != '\0' ||
           err_set(e, ERR_INPUT, "the CA's certificate '%s' is not one of ours", path);
}

bool
authority_load(struct ca *ca, struct err *e)
{
    for (int role = 0; role < CA_ROLE_COUNT; role++)
        if (!load_cert(ca, (enum ca_role)role, e))
            return false;
    return true;
}

struct ca *
ca_open(const struct ca_config *config, struct clock *clock, struct err *e)
{
    own_ca struct ca *ca = NULL;

    if (!ca_exists(config)) {
        (void)err_set(e, ERR_CONFIG, "there is no private CA in '%s'; try: pgcert ca init",
                      config->directory);
        return NULL;
    }
    ca = authority_lock(config, clock, e);
    if (ca == NULL)
        return NULL;
    if (is_there(config, AUTHORITY_UNFINISHED, "")) {
        (void)err_set(e, ERR_CONFIG,
                      "the private CA in '%s' is not complete: a run was interrupted; try: pgcert "
                      "ca init",
                      config->directory);
        return NULL;
    }
    return authority_load(ca, e) ? TAKE(ca) : NULL;
}

void
ca_close(struct ca **ca)
{
    struct ca *c = *ca;

    if (c == NULL)
        return;
    for (int role = 0; role < CA_ROLE_COUNT; role++) {
        X509_free(c->all[role].cert);
        EVP_PKEY_free(c->all[role].key); /* wipes it */
    }
    own_fd_drop(&c->lock);
    free(c->index_path);
    free(c);
    *ca = NULL;
}

/* ---- keys ---- */

bool
authority_passphrase(const struct ca_config *config, struct str *passphrase, struct err *e)
{
    if (config->passphrase_file == NULL)
        return true;
    if (!file_read_secret(config->passphrase_file, PASSPHRASE_MAX, passphrase, e))
        return err_wrap(e, "[ca] passphrase_file");
    return passphrase->size > 0 ||
           err_set(e, ERR_CONFIG, "[ca] passphrase_file: '%s' is empty", config->passphrase_file);
}

EVP_PKEY *
authority_key(struct ca *ca, enum ca_role role, struct err *e)
{
    struct authority *a = &ca->all[role];
    own_mem char *path = authority_path(ca->config, authority_files[role].name, ".key");
    own_str struct str pem = {0};
    own_str struct str passphrase = {0};
    own_pkey EVP_PKEY *key = NULL;

    if (a->key != NULL)
        return a->key;
    if (path == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    if (role == CA_ROOT && !authority_has_key(ca, role)) {
        (void)err_set(e, ERR_CONFIG, "the root's key is kept elsewhere; put it back as '%s' first",
                      path);
        return NULL;
    }
    if (!file_read_secret(path, KEY_MAX, &pem, e) ||
        !authority_passphrase(ca->config, &passphrase, e))
        return NULL;
    key = keyfile_read(&pem, &passphrase, e);
    if (key == NULL) {
        (void)err_wrap(e, "the CA's key '%s'", path);
        return NULL;
    }
    if (X509_check_private_key(a->cert, key) != 1) {
        (void)err_set(e, ERR_INPUT, "the CA's key '%s' is not that of its certificate", path);
        return NULL;
    }
    a->key = TAKE(key);
    return a->key;
}

/* ---- signing ---- */

/* The root signs itself when there is none yet. */
X509 *
authority_sign(struct ca *ca, struct issue *i, const char *name, struct err *e)
{
    enum ca_role role = kinds[i->kind].issuer;
    const struct authority *a = &ca->all[role];
    EVP_PKEY *key = authority_key(ca, role, e);
    char serial[ISSUE_SERIAL_TEXT];
    struct index_entry line = {.serial = serial,
                               .name = name,
                               .at_s = ca->clock->now_s(ca->clock),
                               .not_after_s = i->not_after_s,
                               .kind = i->kind,
                               .issuer = a->id};

    if (key == NULL || !issue_serial(i->serial, e))
        return NULL;
    str_hex(serial, i->serial, ISSUE_SERIAL_SIZE);
    if (!index_add_issued(ca->index_path, &line, e))
        return NULL;
    return issue_sign(i, a->cert, key, e);
}
