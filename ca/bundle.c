/* bundle.c: make the directories that clients get, one or many. */
#include "base/file.h"
#include "base/workers.h"
#include "ca/contents.h"
#include "ca/kept.h"
#include "ca/keyfile.h"
#include "ca/sign.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYNC_EACH_MAX                                                                              \
    8 /* bundles whose files are synced one by one: others write to that disk, too */

_Static_assert(CA_SERIAL_TEXT >= ISSUE_SERIAL_TEXT, "a serial fits into an order");

/* What is at work at a time. */
struct batch {
    struct ca *ca;                  /* borrowed */
    struct ca_bundle_order *orders; /* borrowed */
    struct err *errors;             /* borrowed; those without one go on */
    size_t count;
    struct authority_order *signing; /* of each order */
    char **made; /* where each is made, and later the one that it replaced; NULL: nowhere */
};

#define own_batch __attribute__((cleanup(batch_done)))

static void
batch_done(struct batch *b)
{
    for (size_t i = 0; b->made != NULL && i < b->count; i++)
        free(b->made[i]);
    free(b->made);
    free(b->signing);
}

static bool
batch_begin(struct batch *b, struct err *e)
{
    b->signing = calloc(b->count + 1, sizeof(*b->signing));
    b->made = calloc(b->count + 1, sizeof(*b->made));
    return (b->signing != NULL && b->made != NULL) || err_memory(e);
}

static bool
is_good(const struct batch *b, size_t i)
{
    return b->errors[i].code == ERR_NONE;
}

/* ---- before anything is signed ---- */

static bool
refuse_taken(const char *directory, struct err *e)
{
    return err_set(e, ERR_INPUT,
                   "'%s' is there already; a new certificate for it is made by: pgcert client "
                   "renew; a second bundle goes elsewhere by: --out DIRECTORY",
                   directory);
}

/* Nothing is signed for a place that is taken. */
static bool
is_free(const char *directory, struct err *e)
{
    DIR *d = opendir(directory);
    const struct dirent *entry = NULL;
    bool empty = true;

    if (d == NULL)
        return errno == ENOENT || err_errno(e, "open '%s'", directory);
    for (entry = readdir(d); entry != NULL; entry = readdir(d))
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    (void)closedir(d);
    return empty || refuse_taken(directory, e);
}

/* What both directories have before their last '/'. */
static bool
has_same_parent(const char *a, const char *b)
{
    const char *slash = strrchr(a, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - a) + 1;

    return strncmp(a, b, size) == 0 && strchr(b + size, '/') == NULL;
}

static bool
make_parent(const char *directory, struct err *e)
{
    const char *slash = strrchr(directory, '/');
    own_mem char *parent =
        slash == NULL ? strdup(".") : strndup(directory, (size_t)(slash - directory));

    if (parent == NULL)
        return err_memory(e);
    return *parent == '\0' || file_make_directory(parent, 0700, e);
}

static bool
is_made_here(const struct batch *b, size_t before, const char *made)
{
    for (size_t i = 0; i < before; i++)
        if (b->made[i] != NULL && strcmp(b->made[i], made) == 0)
            return true;
    return false;
}

/* The directory under its first name. One that a killed run has left is not in the way; one that
 * another order of this batch has made is. */
static bool
claim(struct batch *b, size_t i, struct err *e)
{
    const char *directory = b->orders[i].directory;
    own_mem char *made = str_format("%s" KEPT_NEW, directory);
    bool good = made != NULL && mkdir(made, 0700) == 0;

    if (made == NULL)
        return err_memory(e);
    if (!good && errno == EEXIST) {
        if (is_made_here(b, i, made))
            return err_set(e, ERR_INPUT, "'%s' is asked for twice", directory);
        contents_move_others(made, directory);
        contents_remove(made);
        good = mkdir(made, 0700) == 0;
    }
    if (!good) {
        (void)err_errno(e, "make the directory '%s'", made);
        e->code = e->code == ERR_SYSTEM ? ERR_CREATE : e->code;
        return false;
    }
    b->made[i] = TAKE(made);
    return true;
}

static bool
prepare(struct batch *b, size_t i, const char *previous, struct err *e)
{
    struct ca_bundle_order *o = &b->orders[i];
    struct ca_client client = {.user = o->bundle->user,
                               .tenant = o->bundle->tenant,
                               .lifetime_s = o->bundle->lifetime_s,
                               .is_privileged = o->bundle->is_privileged};

    if ((!o->replace && !is_free(o->directory, e)) ||
        !sign_plan_client(b->ca, &client, &b->signing[i], e))
        return false;
    str_hex(o->serial, b->signing[i].issue.serial, ISSUE_SERIAL_SIZE);
    if ((previous == NULL || !has_same_parent(previous, o->directory)) &&
        !make_parent(o->directory, e))
        return false;
    return claim(b, i, e);
}

static void
prepare_all(struct batch *b)
{
    const char *previous = NULL;

    for (size_t i = 0; i < b->count; i++)
        if (is_good(b, i) && prepare(b, i, previous, &b->errors[i]))
            previous = b->orders[i].directory;
}

static bool
record_all(struct batch *b, struct err *e)
{
    own_mem struct authority_order *planned = calloc(b->count + 1, sizeof(*planned));
    size_t count = 0;

    if (planned == NULL)
        return err_memory(e);
    for (size_t i = 0; i < b->count; i++)
        if (is_good(b, i))
            planned[count++] = b->signing[i];
    return authority_record(b->ca, planned, count, e);
}

/* ---- making: a worker's part ---- */

static bool
write_bundle(struct batch *b, size_t i, EVP_PKEY *key, X509 *cert, struct err *e)
{
    const struct ca_bundle_order *o = &b->orders[i];
    own_str struct str pkcs8 = {0};
    own_str struct str password = {0};
    struct ca_bundle with = *o->bundle;
    const struct chain chain = {.certs = {cert, b->signing[i].issuer->cert}, .count = 2};
    const struct contents c = {
        .bundle = &with, .pkcs8 = &pkcs8, .chain = &chain, .serial = o->serial};

    if (!keyfile_pkcs8(key, &pkcs8, e) ||
        (with.password == NULL && !keyfile_password(&password, e)))
        return false;
    if (with.password == NULL) {
        with.password = password.text;
        with.has_random_password = true;
    }
    return contents_write(b->made[i], &c, b->count <= SYNC_EACH_MAX, e);
}

/* A workers_step. */
static bool
make_one(void *context, size_t i, struct err *e)
{
    struct batch *b = context;
    own_pkey EVP_PKEY *key = key_generate(b->orders[i].bundle->key_type, e);
    own_cert X509 *cert = NULL;

    b->signing[i].issue.public_key = key;
    cert = key == NULL ? NULL : authority_sign_recorded(b->ca, &b->signing[i], e);
    b->signing[i].issue.public_key = NULL;
    return cert != NULL && write_bundle(b, i, key, cert, e);
}

static bool
needs_token(const struct batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (is_good(b, i) && authority_uri(b->ca->config, b->signing[i].issuer) != NULL)
            return true;
    return false;
}

/* A token's driver knows the process that has opened it, and none that was forked from that
 * (PKCS#11, "Applications and processes"): where it is needed all is done here, one after the
 * other. */
static bool
make_each(struct batch *b, struct err *e)
{
    if (!needs_token(b))
        return workers_run(make_one, b, b->errors, b->count, e);
    for (size_t i = 0; i < b->count; i++)
        if (is_good(b, i) && b->signing[i].issuer != NULL) /* as all have that are good */
            (void)make_one(b, i, &b->errors[i]);
    return true;
}

/* ---- in place ---- */

static bool
sync_file_system(const char *directory, struct err *e)
{
    own_fd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return (fd >= 0 && syncfs(fd) == 0) || err_errno(e, "sync the file system of '%s'", directory);
}

/* Before the names: all files, by one call. After them: the names. What was not synced fails. */
static void
sync_parents(struct batch *b, bool names)
{
    const char *previous = NULL;
    struct err failure = {0};
    bool good = true;

    for (size_t i = 0; i < b->count; i++) {
        const char *directory = b->orders[i].directory;

        if (!is_good(b, i))
            continue;
        if (previous == NULL || !has_same_parent(previous, directory))
            good = names ? file_sync_parent(AT_FDCWD, directory, &failure)
                         : sync_file_system(b->made[i], &failure);
        previous = directory;
        if (!good)
            b->errors[i] = failure;
    }
}

/* A new one takes an empty place; one that is replaced changes places with the old one. */
static bool
put_in_place(struct batch *b, size_t i, struct err *e)
{
    const char *from = b->made[i];
    const char *to = b->orders[i].directory;

    if (rename(from, to) == 0) {
        own_mem_drop(&b->made[i]);
        b->made[i] = NULL; /* nothing is there any more */
        return true;
    }
    if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
        return err_errno(e, "name the bundle '%s'", to);
    if (!b->orders[i].replace)
        return refuse_taken(to, e);
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0 ||
           err_errno(e, "replace '%s'", to);
}

static void
put_all_in_place(struct batch *b)
{
    if (b->count > SYNC_EACH_MAX)
        sync_parents(b, false);
    for (size_t i = 0; i < b->count; i++)
        if (is_good(b, i))
            (void)put_in_place(b, i, &b->errors[i]);
    sync_parents(b, true);
}

/* A workers_step: what has failed, and what was replaced; what somebody else has put there stays
 * beside the bundle. */
static bool
clear_one(void *context, size_t i, struct err *e)
{
    const struct batch *b = context;

    (void)e;
    if (b->made[i] == NULL)
        return true;
    contents_move_others(b->made[i], b->orders[i].directory);
    contents_remove(b->made[i]);
    return true;
}

static void
clear_all(struct batch *b)
{
    own_mem struct err *nothing = calloc(b->count + 1, sizeof(*nothing));
    struct err e = {0};
    size_t left = 0;

    for (size_t i = 0; i < b->count; i++)
        left += b->made[i] != NULL ? 1 : 0;
    if (left > 0 && (nothing == NULL || !workers_run(clear_one, b, nothing, b->count, &e)))
        for (size_t i = 0; i < b->count; i++)
            (void)clear_one(b, i, &e);
}

bool
ca_bundle_make_all(struct ca *ca, struct ca_bundle_order *orders, struct err *errors, size_t count,
                   struct err *e)
{
    own_batch struct batch b = {.ca = ca, .orders = orders, .errors = errors, .count = count};
    bool good = batch_begin(&b, e);

    if (!good)
        return false;
    prepare_all(&b);
    good = record_all(&b, e) && make_each(&b, e);
    if (good)
        put_all_in_place(&b);
    clear_all(&b);
    return good;
}

bool
ca_bundle_make(struct ca *ca, const struct ca_bundle *bundle, const char *directory, bool replace,
               char **serial, struct err *e)
{
    struct ca_bundle_order order = {.bundle = bundle, .directory = directory, .replace = replace};
    struct err why = {0};
    own_mem char *number = NULL;

    if (!ca_bundle_make_all(ca, &order, &why, 1, e))
        return false;
    if (why.code != ERR_NONE) {
        *e = why;
        return false;
    }
    number = strdup(order.serial);
    if (number == NULL)
        return err_memory(e);
    *serial = TAKE(number);
    return true;
}

/* ---- again ---- */

static bool
read_part(const char *directory, const char *name, struct str *text, struct err *e)
{
    own_mem char *path = str_format("%s/%s", directory, name);

    if (path == NULL)
        return err_memory(e);
    return file_read(AT_FDCWD, path, CERT_PEM_MAX, text, e);
}

static bool
read_pair(const char *from, struct chain *chain, EVP_PKEY **key, struct err *e)
{
    own_str struct str chain_pem = {0};
    own_str struct str key_pem = {0};

    if (!read_part(from, "postgresql.crt", &chain_pem, e) ||
        !read_part(from, "postgresql.key", &key_pem, e) ||
        !chain_from_pem(chain, chain_pem.text, chain_pem.size, e))
        return false;
    *key = key_from_pem(key_pem.text, key_pem.size, e);
    if (*key == NULL)
        return false;
    return X509_check_private_key(chain->certs[0], *key) == 1 ||
           err_set(e, ERR_INPUT, "its key is not that of its certificate");
}

static bool
write_again(struct batch *b, EVP_PKEY *key, const struct chain *chain, struct err *e)
{
    const struct ca_bundle_order *o = &b->orders[0];
    own_mem char *serial = cert_serial(chain->certs[0]);
    own_str struct str pkcs8 = {0};
    const struct contents c = {
        .bundle = o->bundle, .pkcs8 = &pkcs8, .chain = chain, .serial = serial};

    if (serial == NULL)
        return err_memory(e);
    return (o->replace || is_free(o->directory, e)) && make_parent(o->directory, e) &&
           claim(b, 0, e) && keyfile_pkcs8(key, &pkcs8, e) &&
           contents_write(b->made[0], &c, true, e);
}

bool
ca_bundle_write_again(const struct ca_bundle *bundle, const char *from, const char *directory,
                      bool replace, struct err *e)
{
    struct ca_bundle_order order = {.bundle = bundle, .directory = directory, .replace = replace};
    struct err why = {0};
    own_batch struct batch b = {.orders = &order, .errors = &why, .count = 1};
    own_pkey EVP_PKEY *key = NULL;
    own_chain struct chain chain = {0};

    if (!batch_begin(&b, e))
        return false;
    if (!read_pair(from, &chain, &key, e))
        return err_wrap(e, "the bundle '%s'", from);
    if (write_again(&b, key, &chain, &why))
        put_all_in_place(&b);
    clear_all(&b);
    if (why.code == ERR_NONE)
        return true;
    *e = why;
    return false;
}
