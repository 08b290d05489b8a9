/* rootkey.c: the root's key goes where no network is, and comes back for a ceremony. */
#include "base/file.h"
#include "base/reader.h"
#include "ca/crls.h"
#include "ca/keyfile.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>

#define KEY_MAX ((size_t)64 * 1024)

static struct authority *
root_of(const struct ca *ca)
{
    return authority_find(ca, CA_ROOT, NULL);
}

/* In files, and not in a token? */
static bool
is_here(const struct ca *ca, struct err *e)
{
    return authority_uri(ca->config, root_of(ca)) == NULL ||
           err_set(e, ERR_CONFIG, "the root's key is in a token, from which no key comes out");
}

static char *
place_of(const struct ca *ca, const struct authority *root)
{
    return authority_path(ca->config, root->name, ".key");
}

/* The present one, or the one that comes next; NULL: none. */
static struct authority *
find_root(const struct ca *ca, const EVP_PKEY *key)
{
    struct authority *found = NULL;

    for (size_t i = 0; found == NULL && i < ca->count; i++)
        if (ca->all[i]->role == CA_ROOT && X509_check_private_key(ca->all[i]->cert, key) == 1)
            found = ca->all[i];
    ERR_clear_error(); /* of those that it is not */
    return found;
}

/* NULL and `e` for what is not the key of a root of ours; the code is ERR_CONFIG where another
 * passphrase has encrypted it. Gives whose it is. */
static EVP_PKEY *
read_key(const struct ca *ca, const char *file, const struct str *pem, struct authority **root,
         struct err *e)
{
    own_str struct str passphrase = {0};
    own_pkey EVP_PKEY *key = NULL;

    if (!authority_passphrase(ca->config, &passphrase, e))
        return NULL;
    key = keyfile_read(pem, &passphrase, e);
    if (key == NULL) {
        (void)err_wrap(e, "'%s'", file);
        return NULL;
    }
    *root = find_root(ca, key);
    if (*root != NULL)
        return TAKE(key);
    (void)err_set(e, ERR_INPUT, "'%s' has a key, but not that of the root in '%s'", file,
                  ca->config->directory);
    return NULL;
}

/* ---- there ---- */

/* Whose key goes: that of the root whose key is in the file already, where both are here; else the
 * present one's, unless only the other one's is here. */
static struct authority *
choose_root(const struct ca *ca, const char *file)
{
    own_str struct str there = {0};
    own_pkey EVP_PKEY *key = NULL;
    struct authority *found = NULL;
    struct err ignored = {0};

    if (file_read(AT_FDCWD, file, KEY_MAX, &there, &ignored))
        key = read_key(ca, file, &there, &found, &ignored);
    if (key != NULL && authority_has_key(ca, found))
        return found;
    for (size_t i = 0; i < ca->count && !authority_has_key(ca, root_of(ca)); i++)
        if (ca->all[i]->role == CA_ROOT && authority_has_key(ca, ca->all[i]))
            return ca->all[i];
    return root_of(ca);
}

/* Nothing is lost when what is there is that very key: a run was killed before it removed the key
 * here, or it was brought back from there. *is_written: it is the same by the byte. */
static bool
check_target(const struct ca *ca, const struct authority *own, const char *file,
             const struct str *key_pem, bool *is_written, struct err *e)
{
    own_mem char *from = place_of(ca, own);
    own_str struct str there = {0};
    own_pkey EVP_PKEY *key = NULL;
    struct stat a = {0}, b = {0};
    struct authority *root = NULL;
    struct err ignored = {0};
    bool is_there = false;

    if (from == NULL)
        return err_memory(e);
    if (stat(file, &a) == 0 && stat(from, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return err_set(e, ERR_INPUT, "'%s' is where the root's key is already", file);
    if (!file_read_if_there(AT_FDCWD, file, KEY_MAX, &there, &is_there, e))
        return false;
    *is_written = is_there && there.size == key_pem->size &&
                  memcmp(there.text, key_pem->text, there.size) == 0;
    if (!is_there || *is_written)
        return true;
    key = read_key(ca, file, &there, &root, &ignored);
    return (key != NULL && root == own) ||
           err_set(e, ERR_INPUT, "the root's key is not written to '%s': that file exists", file);
}

bool
ca_export_root_key(struct ca *ca, const char *file, struct err *e)
{
    struct authority *root = choose_root(ca, file);
    EVP_PKEY *key = is_here(ca, e) ? authority_key(ca, root, e) : NULL;
    own_mem char *path = place_of(ca, root);
    own_str struct str pem = {0};
    bool is_written = false, did = false;

    file_remove_temporaries(ca->config->directory); /* a killed import's has the key */
    if (key == NULL)
        return false;
    if (path == NULL)
        return err_memory(e);
    /* byte by byte, so that it stays encrypted if it is */
    return file_read(AT_FDCWD, path, KEY_MAX, &pem, e) &&
           check_target(ca, root, file, &pem, &is_written, e) &&
           (is_written || file_replace(AT_FDCWD, file, pem.text, pem.size, 0600, e)) &&
           crls_refresh(ca, CRLS_FORCE | CRLS_LONG_ROOT, &did, e) && file_remove(AT_FDCWD, path, e);
}

/* ---- and back ---- */

bool
ca_import_root_key(struct ca *ca, const char *file, bool *did, struct err *e)
{
    own_mem char *path = NULL;
    own_str struct str given = {0};
    own_str struct str pem = {0};
    own_str struct str passphrase = {0};
    own_pkey EVP_PKEY *key = NULL;
    struct authority *root = NULL;
    struct err ignored = {0};

    file_remove_temporaries(ca->config->directory);
    if (!is_here(ca, e) || !reader_read_secret(file, KEY_MAX, &given, e))
        return false;
    key = read_key(ca, file, &given, &root, e);
    if (key == NULL)
        return false;
    path = place_of(ca, root);
    if (path == NULL)
        return err_memory(e);
    /* one here that is damaged, or encrypted by a passphrase of before, is as good as none */
    *did = !authority_has_key(ca, root) || authority_key(ca, root, &ignored) == NULL;
    if (!*did)
        return true;
    root->no_key = (struct err){0}; /* it was looked for in vain */
    return authority_passphrase(ca->config, &passphrase, e) &&
           keyfile_write(key, &passphrase, &pem, e) &&
           file_replace(AT_FDCWD, path, pem.text, pem.size, 0600, e);
}
