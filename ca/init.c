/* init.c: make a CA: root, issuing CAs, index, CRLs. */
#include "base/file.h"
#include "ca/crls.h"
#include "ca/make.h"
#include "ca/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

/* All that a run which was killed may have left, in the order in which it goes. */
static const char *const leftovers[] = {
    "clients.crl",   "servers.crl",   "client-ca.crl", "server-ca.crl", "root.crl",
    "crl.json",      "client-ca.crt", "server-ca.crt", "client-ca.key", "root.crt",
    "server-ca.key", "index",         "root.key",
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
    if (!make_check_key_file(root_key_file, &of_before, e) || !remove_leftovers(ca->config, e))
        return false;
    return file_replace(AT_FDCWD, mark, root_key_file == NULL ? "" : root_key_file,
                        root_key_file == NULL ? 0 : strlen(root_key_file), 0600, e);
}

/* ---- one after the other ---- */

static bool
make_all(struct ca *ca, const char *root_key_file, struct err *e)
{
    static const enum ca_role roles[] = {CA_ROOT, CA_SERVERS, CA_CLIENTS};
    own_mem char *mark = authority_path(ca->config, AUTHORITY_UNFINISHED, "");
    struct make m = {0};
    bool did = false;

    if (mark == NULL)
        return err_memory(e);
    if (!make_begin(&m, ca, 1, root_key_file, e))
        return false;
    for (size_t i = 0; i < COUNT(roles); i++) {
        struct authority *a = authority_add(ca, roles[i], NULL, false, e);

        if (a == NULL || !make_sign(&m, a, e) || !make_save(&m, a, e))
            return false;
    }
    return crls_refresh(ca, CRLS_FORCE | (root_key_file != NULL ? CRLS_LONG_ROOT : 0), &did, e) &&
           file_remove(AT_FDCWD, mark, e);
}

bool
ca_init(const struct ca_config *config, const char *root_key_file, struct clock *clock, bool *made,
        struct err *e)
{
    own_ca struct ca *ca = NULL;
    own_str struct str passphrase = {0}; /* told before anything is made */
    bool is_new = false;

    if (root_key_file != NULL && config->root_key != NULL)
        return err_set(e, ERR_CONFIG,
                       "the root's key does not go to '%s': [ca] root_key says that it is in a "
                       "token",
                       root_key_file);
    if (!ca_check_config(config, e) || !authority_passphrase(config, &passphrase, e) ||
        (config->organization != NULL && !name_check_organization(config->organization, e)) ||
        !file_make_directory(config->directory, 0700, e))
        return false;
    ca = authority_lock(config, clock, e);
    if (ca == NULL || !prepare(ca, root_key_file, &is_new, e))
        return false;
    if (is_new && !make_all(ca, root_key_file, e))
        return err_wrap(e, "make the private CA in '%s'", config->directory);
    *made = is_new;
    return true;
}
