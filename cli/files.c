/* files.c: read the pair of another tool, of one renewal. */
#include "cli/files.h"

#include "base/cert.h"
#include "base/key.h"
#include "base/reader.h"

#include <string.h>
#include <unistd.h>

#define TRIES 3 /* a tool that replaces both is between the two for a moment only */

/* clang-format off */
const struct option files_options[] = {
    {.name = "chain_file", .type = OPTION_PATH, .offset = offsetof(struct files, chain_file), .required = true, .help = "the file where the other tool keeps the certificate and its chain, in PEM, leaf first; links are followed"},
    {.name = "key_file",   .type = OPTION_PATH, .offset = offsetof(struct files, key_file),   .required = true, .help = "the file where it keeps the private key, in PEM, not encrypted; it may be the same file"},
    {.name = "trust_file", .type = OPTION_PATH, .offset = offsetof(struct files, trust_file), .help = "roots in which the chain may end, besides the system's"},
    {0},
};
/* clang-format on */

bool
files_check_config(const struct files *f, const char *issuer, struct err *e)
{
    const struct {
        const char *name, *path;
    } paths[] = {{"chain_file", f->chain_file}, {"key_file", f->key_file}};

    for (size_t i = 0; i < COUNT(paths); i++)
        if (paths[i].path == NULL || paths[i].path[0] != '/')
            return err_set(e, ERR_CONFIG, "[issuer %s] %s = %s: it must be an absolute path",
                           issuer, paths[i].name, paths[i].path == NULL ? "" : paths[i].path);
    return true;
}

/* ---- one reading ---- */

/* Both as they are on disk. */
struct reading {
    struct str key, chain;
};

#define own_reading __attribute__((cleanup(reading_done)))

static void
reading_done(struct reading *r)
{
    str_done(&r->key);
    str_done(&r->chain);
}

static bool
is_same(const struct str *a, const struct str *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->text, b->text, a->size) == 0);
}

/* The chain before and after the key: what has not changed meanwhile is of one moment. */
static bool
read_both(const struct files *f, struct reading *r, bool *is_still, struct err *e)
{
    own_str struct str again = {0};

    if (!reader_read(f->told_by, f->chain_file, CERT_PEM_MAX, &r->chain, e) ||
        !reader_read(f->key_told_by, f->key_file, CERT_PEM_MAX, &r->key, e) ||
        !reader_read(f->told_by, f->chain_file, CERT_PEM_MAX, &again, e))
        return false;
    *is_still = is_same(&r->chain, &again);
    return true;
}

/* Whatever text stands around them, and whatever form the key has. */
static bool
parse(const struct files *f, const struct reading *r, struct str *key_pem, struct str *chain_pem,
      struct err *e)
{
    own_chain struct chain chain = {0};
    own_pkey EVP_PKEY *key = NULL;

    if (!chain_from_pem(&chain, r->chain.text, r->chain.size, e))
        return err_wrap(e, "chain_file '%s'", f->chain_file);
    key = key_from_pem(r->key.text, r->key.size, e);
    if (key == NULL)
        return err_wrap(e, "key_file '%s'", f->key_file);
    if (X509_check_private_key(chain.certs[0], key) != 1)
        return err_set(e, ERR_BUSY,
                       "the key in '%s' does not belong to the certificate in '%s': both are being "
                       "replaced, or they are of two certificates",
                       f->key_file, f->chain_file);
    return key_to_pem(key, key_pem, e) && chain_to_pem(&chain, chain_pem, e);
}

static bool
read_once(const struct files *f, struct str *key_pem, struct str *chain_pem, struct err *e)
{
    own_reading struct reading r = {{0}, {0}};
    bool is_still = false;

    if (!read_both(f, &r, &is_still, e))
        return false;
    if (!is_still)
        return err_set(e, ERR_BUSY, "'%s' is being changed", f->chain_file);
    return parse(f, &r, key_pem, chain_pem, e);
}

/* ---- several ---- */

static bool
read_now(const struct files *f, struct str *key_pem, struct str *chain_pem, struct err *e)
{
    for (int i = 0; i < TRIES; i++) {
        own_str struct str key = {0};
        own_str struct str chain = {0};

        if (read_once(f, &key, &chain, e))
            return (str_add(key_pem, key.text, key.size) &&
                    str_add(chain_pem, chain.text, chain.size)) ||
                   err_memory(e);
        if (e->code != ERR_BUSY)
            return false;
    }
    return false;
}

bool
files_read(const struct files *f, struct str *key_pem, struct str *chain_pem, struct err *e)
{
    if (!f->is_ahead)
        return read_now(f, key_pem, chain_pem, e);
    if (f->ahead.code != ERR_NONE) {
        *e = f->ahead;
        return false;
    }
    return (str_add(key_pem, f->key_pem.text, f->key_pem.size) &&
            str_add(chain_pem, f->chain_pem.text, f->chain_pem.size)) ||
           err_memory(e);
}

void
files_read_ahead(struct files *f)
{
    if (!f->is_ahead && !read_now(f, &f->key_pem, &f->chain_pem, &f->ahead))
        str_clear(&f->key_pem);
    f->is_ahead = true;
}

void
files_forget_ahead(struct files *f)
{
    str_done(&f->key_pem);
    str_done(&f->chain_pem);
    f->ahead = (struct err){0};
    f->is_ahead = false;
}

bool
files_are_shut(const struct files *f)
{
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    struct files now = *f; /* what it has is still the caller's */
    struct err e = {0};

    now.is_ahead = false;
    return !read_now(&now, &key_pem, &chain_pem, &e) && files_are_closed(&now, &e);
}

bool
files_are_closed(const struct files *f, const struct err *e)
{
    return e->code == ERR_PERMISSION && !f->is_ahead && geteuid() != 0;
}

void
files_done(struct files *f)
{
    str_done(&f->key_pem);
    str_done(&f->chain_pem);
    option_done(files_options, f);
    *f = (struct files){0};
}
