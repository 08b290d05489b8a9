/* authority.c: the files of a CA, and its signature. */
#include "ca/authority.h"

#include "base/file.h"
#include "ca/keyfile.h"
#include "ca/name.h"
#include "ca/retire.h"
#include "ca/rollover.h"
#include "ca/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_WAIT_MS 30000
#define KEY_MAX (64 * 1024)
#define PASSPHRASE_MAX 1000 /* bytes; OpenSSL's PEM_BUFSIZE is 1024 */

/* Those of which there is one; a tenant's files have its name. */
static const struct {
    const char *word; /* for people */
    const char *name; /* of its files */
} singles[] = {
    [CA_ROOT] = {"root", "root"},
    [CA_SERVERS] = {"servers", "server-ca"},
    [CA_CLIENTS] = {"clients", "client-ca"},
};

char *
authority_path(const struct ca_config *config, const char *name, const char *end)
{
    return str_format("%s/%s%s", config->directory, name, end);
}

char *
ca_root_path(const struct ca_config *config)
{
    return authority_path(config, singles[CA_ROOT].name, ".crt");
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
           is_there(config, singles[CA_ROOT].name, ".crt");
}

bool
ca_is_ready(const struct ca_config *config)
{
    return ca_exists(config) && !is_there(config, AUTHORITY_UNFINISHED, "");
}

bool
authority_has_key(const struct ca *ca, const struct authority *a)
{
    return authority_uri(ca->config, a) != NULL || is_there(ca->config, a->name, ".key");
}

/* ---- which ---- */

static char *
name_files(const struct authority *a)
{
    own_str struct str name = {0};

    if (!str_addf(&name, "%s%s", a->is_next ? AUTHORITY_NEXT "/" : "",
                  a->role == CA_TENANT ? AUTHORITY_TENANTS "/" : singles[a->role].name) ||
        (a->role == CA_TENANT && !name_add_file(&name, a->tenant, NAME_TENANT_FILE)))
        return NULL;
    return str_take(&name);
}

static char *
name_word(const struct authority *a)
{
    return str_format("%s%s%s", a->is_next ? "next " : "",
                      a->role == CA_TENANT ? "tenant " : singles[a->role].word,
                      a->role == CA_TENANT ? a->tenant : "");
}

static void
authority_free(struct authority *a)
{
    X509_free(a->cert);
    EVP_PKEY_free(a->key); /* wipes it */
    free(a->tenant);
    free(a->word);
    free(a->name);
    free(a);
}

struct authority *
authority_add(struct ca *ca, enum ca_role role, const char *tenant, bool is_next, struct err *e)
{
    struct authority **all = realloc(ca->all, (ca->count + 1) * sizeof(struct authority *));
    struct authority *a = all == NULL ? NULL : calloc(1, sizeof(*a));

    ca->all = all == NULL ? ca->all : all;
    if (a == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    ca->all[ca->count++] = a;
    a->role = role;
    a->is_next = is_next;
    a->tenant = tenant == NULL ? NULL : strdup(tenant);
    if (a->tenant != NULL || tenant == NULL) {
        a->word = name_word(a);
        a->name = name_files(a);
    }
    if (a->word != NULL && a->name != NULL)
        return a;
    authority_free(a);
    ca->count--;
    (void)err_memory(e);
    return NULL;
}

struct authority *
authority_find_of(const struct ca *ca, enum ca_role role, const char *tenant, bool is_next)
{
    for (size_t i = 0; i < ca->count; i++) {
        struct authority *a = ca->all[i];

        if (a->role == role && a->is_next == is_next &&
            (tenant == NULL || strcmp(a->tenant, tenant) == 0))
            return a;
    }
    return NULL;
}

bool
authority_is_switched(const struct ca *ca)
{
    return ca->rollover.phase >= CA_ROLLOVER_SWITCHED;
}

struct authority *
authority_find(const struct ca *ca, enum ca_role role, const char *tenant)
{
    return authority_find_of(ca, role, tenant, authority_is_switched(ca));
}

struct authority *
authority_root(const struct ca *ca, const struct authority *a)
{
    return authority_find_of(ca, CA_ROOT, NULL, a->is_next);
}

bool
authority_is_for(const struct authority *a, enum ca_role purpose)
{
    return a->role == CA_ROOT || a->role == purpose ||
           (a->role == CA_TENANT && purpose == CA_CLIENTS);
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
                       "user or as root",
                       directory, (unsigned)s.st_uid);
    if ((s.st_mode & 022) != 0)
        return err_set(e, ERR_PERMISSION,
                       "others may write to the CA's directory '%s'; try: chmod go-w %s", directory,
                       directory);
    return true;
}

static struct ca *
new_ca(const struct ca_config *config, struct clock *clock, struct err *e)
{
    own_ca struct ca *ca = calloc(1, sizeof(*ca));

    if (ca != NULL) {
        *ca = (struct ca){.config = config, .clock = clock, .lock = -1};
        ca->index_path = authority_path(config, "index", "");
        if (ca->index_path != NULL)
            return TAKE(ca);
    }
    (void)err_memory(e);
    return NULL;
}

struct ca *
authority_lock(const struct ca_config *config, struct clock *clock, struct err *e)
{
    own_ca struct ca *ca = new_ca(config, clock, e);
    own_mem char *lock = authority_path(config, "lock", "");

    if (ca == NULL)
        return NULL;
    if (lock == NULL)
        (void)err_memory(e);
    else if (check_owner(config->directory, e) && file_lock(lock, LOCK_WAIT_MS, &ca->lock, e)) {
        share_mend(config);
        return TAKE(ca);
    }
    return NULL;
}

static bool
load_cert(const struct ca_config *config, const char *name, X509 **cert, struct err *e)
{
    own_mem char *path = authority_path(config, name, ".crt");
    own_str struct str pem = {0};
    own_chain struct chain chain = {0};
    char id[ISSUE_KEY_ID_TEXT];

    if (path == NULL)
        return err_memory(e);
    if (!file_read(AT_FDCWD, path, CERT_PEM_MAX, &pem, e))
        return false;
    if (!chain_from_pem(&chain, pem.text, pem.size, e))
        return err_wrap(e, "the CA's certificate '%s'", path);
    issue_key_id(chain.certs[0], id);
    if (id[0] == '\0')
        return err_set(e, ERR_INPUT, "the CA's certificate '%s' is not one of ours", path);
    *cert = TAKE(chain.certs[0]);
    return true;
}

static bool
load_single(struct ca *ca, enum ca_role role, bool is_next, struct err *e)
{
    struct authority *a = authority_add(ca, role, NULL, is_next, e);

    if (a == NULL || !load_cert(ca->config, a->name, &a->cert, e))
        return false;
    issue_key_id(a->cert, a->id);
    return true;
}

/* Whose it is stands in the certificate; the name of the file must be made from that. */
static bool
load_tenant(struct ca *ca, const char *name, bool is_next, struct err *e)
{
    own_cert X509 *cert = NULL;
    own_mem char *tenant = NULL;
    struct authority *a = NULL;

    if (!load_cert(ca->config, name, &cert, e))
        return false;
    tenant = name_organization(cert);
    a = tenant == NULL ? NULL : authority_add(ca, CA_TENANT, tenant, is_next, e);
    if (a == NULL || strcmp(a->name, name) != 0)
        return err_set(e, ERR_INPUT, "the CA's certificate '%s/%s.crt' is not that of a tenant",
                       ca->config->directory, name);
    a->cert = TAKE(cert);
    issue_key_id(a->cert, a->id);
    return true;
}

static bool
is_cert_name(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot != NULL && strcmp(dot, ".crt") == 0;
}

/* The names of the tenants' files in a directory of ours, sorted. */
static bool
list_tenants(const struct ca_config *config, const char *directory, struct list *names,
             struct err *e)
{
    own_mem char *path = authority_path(config, directory, "");
    own_list struct list files = {0};

    if (path == NULL)
        return err_memory(e);
    if (!file_list(path, is_cert_name, &files, e))
        return false;
    for (size_t i = 0; i < files.count; i++) {
        const char *file = files.items[i];
        own_mem char *name =
            str_format("%s/%.*s", directory, (int)(strrchr(file, '.') - file), file);

        if (name == NULL || !list_add(names, name))
            return err_memory(e);
    }
    return true;
}

static bool
load_some(struct ca *ca, bool is_next, struct err *e)
{
    own_list struct list tenants = {0};

    if (!load_single(ca, CA_ROOT, is_next, e) || !load_single(ca, CA_SERVERS, is_next, e) ||
        !load_single(ca, CA_CLIENTS, is_next, e) ||
        !list_tenants(ca->config,
                      is_next ? AUTHORITY_NEXT "/" AUTHORITY_TENANTS : AUTHORITY_TENANTS, &tenants,
                      e))
        return false;
    for (size_t i = 0; i < tenants.count; i++)
        if (!load_tenant(ca, tenants.items[i], is_next, e))
            return false;
    return true;
}

static bool
load_all(struct ca *ca, struct err *e)
{
    if (!load_some(ca, false, e))
        return false;
    if (ca->rollover.phase == CA_ROLLOVER_NONE)
        return true;
    return load_some(ca, true, e) && (!is_there(ca->config, ROLLOVER_CROSS, ".crt") ||
                                      load_cert(ca->config, ROLLOVER_CROSS, &ca->cross, e));
}

/* What a killed run has not finished of a rollover's end is finished first. */
bool
authority_load(struct ca *ca, struct err *e)
{
    return rollover_read(ca->config, &ca->rollover, e) && retire_finish(ca, e) && load_all(ca, e);
}

static void
forget(struct ca *ca)
{
    for (size_t i = 0; i < ca->count; i++)
        authority_free(ca->all[i]);
    free(ca->all);
    X509_free(ca->cross);
    ca->all = NULL;
    ca->count = 0;
    ca->cross = NULL;
}

bool
authority_reload(struct ca *ca, struct err *e)
{
    forget(ca);
    return authority_load(ca, e);
}

static bool
check_complete(const struct ca_config *config, struct err *e)
{
    return !is_there(config, AUTHORITY_UNFINISHED, "") ||
           err_set(e, ERR_CONFIG,
                   "the private CA in '%s' is not complete: a run was interrupted; try: pgcert ca "
                   "init",
                   config->directory);
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
    if (ca == NULL || !check_complete(config, e))
        return NULL;
    return authority_load(ca, e) ? TAKE(ca) : NULL;
}

/* In between the certificates are partly here and partly there. */
static bool
check_settled(const struct ca *ca, struct err *e)
{
    return ca->rollover.phase < CA_ROLLOVER_RETIRING ||
           err_set(e, ERR_BUSY, "a rollover is being finished; try: pgcert ca show");
}

struct ca *
ca_peek(const struct ca_config *config, struct clock *clock, struct err *e)
{
    own_ca struct ca *ca = new_ca(config, clock, e);

    if (ca == NULL || !check_complete(config, e))
        return NULL;
    return rollover_read(config, &ca->rollover, e) && check_settled(ca, e) && load_all(ca, e)
               ? TAKE(ca)
               : NULL;
}

void
ca_close(struct ca **ca)
{
    struct ca *c = *ca;

    if (c == NULL)
        return;
    forget(c);
    token_close(&c->token); /* after its keys */
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

const char *
authority_uri(const struct ca_config *config, const struct authority *a)
{
    const char *const all[] = {[CA_ROOT] = config->root_key,
                               [CA_SERVERS] = config->server_key,
                               [CA_CLIENTS] = config->client_key,
                               [CA_TENANT] = NULL};

    return all[a->role];
}

EVP_PKEY *
authority_token_key(struct ca *ca, const struct authority *a, bool make, struct err *e)
{
    const char *uri = authority_uri(ca->config, a);
    EVP_PKEY *key = NULL;

    if (ca->token == NULL)
        ca->token = token_open(ca->config, e);
    if (ca->token != NULL && token_find(ca->token, uri, &key, e) && key == NULL) {
        if (!make)
            (void)err_set(e, ERR_CONFIG, "there is no such key in the token");
        else if (!token_make(ca->token, uri, (enum key_type)ca->config->key_type, &key, e))
            key = NULL;
    }
    if (key == NULL)
        (void)err_wrap(e, "the key of the CA '%s' in its token", a->word);
    return key;
}

/* NULL and `e`. */
static EVP_PKEY *
read_key(const struct ca *ca, const struct authority *a, struct err *e)
{
    own_mem char *path = authority_path(ca->config, a->name, ".key");
    own_str struct str pem = {0};
    own_str struct str passphrase = {0};
    EVP_PKEY *key = NULL;

    if (path == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    if (a->role == CA_ROOT && !authority_has_key(ca, a)) {
        (void)err_set(e, ERR_CONFIG,
                      "the root's key is kept elsewhere; bring it back first: pgcert ca import "
                      "--root-key FILE");
        return NULL;
    }
    if (!file_read_secret(path, KEY_MAX, &pem, e) ||
        !authority_passphrase(ca->config, &passphrase, e))
        return NULL;
    key = keyfile_read(&pem, &passphrase, e);
    if (key == NULL)
        (void)err_wrap(e, "the CA's key '%s'", path);
    return key;
}

/* NULL and `e`. */
static EVP_PKEY *
find_key(struct ca *ca, const struct authority *a, struct err *e)
{
    bool is_in_token = authority_uri(ca->config, a) != NULL;
    own_pkey EVP_PKEY *key =
        is_in_token ? authority_token_key(ca, a, false, e) : read_key(ca, a, e);

    if (key == NULL)
        return NULL;
    if (X509_check_private_key(a->cert, key) == 1)
        return TAKE(key);
    (void)err_set(e, ERR_INPUT, "the CA's key%s is not that of its certificate '%s/%s.crt'",
                  is_in_token ? " in the token" : "", ca->config->directory, a->name);
    return NULL;
}

EVP_PKEY *
authority_key(struct ca *ca, struct authority *a, struct err *e)
{
    if (a->key == NULL && a->no_key.code == ERR_NONE)
        a->key = find_key(ca, a, &a->no_key);
    if (a->key == NULL)
        *e = a->no_key;
    return a->key;
}

/* ---- signing ---- */

bool
authority_set_times(const struct ca *ca, const struct authority *issuer, int64_t lifetime_s,
                    struct issue *i, struct err *e)
{
    int64_t now_s = ca->clock->now_s(ca->clock);
    int64_t last_s = cert_not_after(issuer->cert);
    char when[CLOCK_TEXT_SIZE];

    i->not_before_s = now_s - AUTHORITY_BACKDATED_S;
    i->not_after_s = now_s + lifetime_s < last_s ? now_s + lifetime_s : last_s;
    if (i->not_after_s > now_s)
        return true;
    clock_text(when, last_s);
    return err_set(e, ERR_REFUSED, "the private CA (%s) has expired at %s", issuer->word, when);
}

bool
authority_record(struct ca *ca, const struct authority_order *orders, size_t count, struct err *e)
{
    own_mem struct index_entry *lines = calloc(count + 1, sizeof(*lines));
    own_mem char *serials = calloc(count + 1, ISSUE_SERIAL_TEXT);
    int64_t now_s = ca->clock->now_s(ca->clock);

    if (lines == NULL || serials == NULL)
        return err_memory(e);
    for (size_t i = 0; i < count; i++) {
        const struct authority_order *o = &orders[i];
        char *serial = serials + i * ISSUE_SERIAL_TEXT;

        if (authority_key(ca, o->issuer, e) == NULL)
            return false;
        str_hex(serial, o->issue.serial, ISSUE_SERIAL_SIZE);
        lines[i] = (struct index_entry){.serial = serial,
                                        .issuer = o->issuer->id,
                                        .name = o->name,
                                        .tenant = o->tenant,
                                        .at_s = now_s,
                                        .not_after_s = o->issue.not_after_s,
                                        .kind = o->issue.kind};
    }
    return index_add_all_issued(ca->index_path, lines, count, e);
}

X509 *
authority_sign_recorded(struct ca *ca, const struct authority_order *o, struct err *e)
{
    EVP_PKEY *key = authority_key(ca, o->issuer, e);

    return key == NULL ? NULL : issue_sign(&o->issue, o->issuer->cert, key, e);
}

X509 *
authority_sign(struct ca *ca, struct authority *issuer, const struct issue *i,
               const struct index_entry *about, struct err *e)
{
    struct authority_order o = {
        .issuer = issuer, .issue = *i, .name = about->name, .tenant = about->tenant};

    if (!issue_serial(o.issue.serial, e) || !authority_record(ca, &o, 1, e))
        return NULL;
    return authority_sign_recorded(ca, &o, e);
}
