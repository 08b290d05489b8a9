/* kept.c: find and read the bundles of clients. */
#include "ca/kept.h"

#include "base/file.h"
#include "base/json.h"
#include "ca/ca.h"
#include "ca/name.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORD_MAX 1024

/* ---- finding ---- */

char *
ca_bundle_directory(const struct ca_config *config, const char *tenant, const char *user)
{
    own_str struct str name = {0};

    if (!name_add_file(&name, user, NAME_USER_FILE) ||
        (tenant != NULL &&
         (!str_addf(&name, "@") || !name_add_file(&name, tenant, NAME_TENANT_FILE))))
        return NULL;
    return str_format("%s/clients/%s", config->directory, name.text == NULL ? "" : name.text);
}

static bool
is_bundle_name(const char *name)
{
    size_t size = strlen(name), end = strlen(KEPT_NEW);

    return name[0] != '.' && (size < end || strcmp(name + size - end, KEPT_NEW) != 0);
}

bool
ca_bundle_list(const struct ca_config *config, struct list *directories, struct err *e)
{
    own_mem char *path = str_format("%s/clients", config->directory);
    own_list struct list names = {0};

    if (path == NULL)
        return err_memory(e);
    if (!file_list(path, is_bundle_name, &names, e))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        own_mem char *one = str_format("%s/%s", path, names.items[i]);

        if (one == NULL || !list_add(directories, one))
            return err_memory(e);
    }
    return true;
}

/* ---- reading ---- */

static char *
copy_text(const struct json_t *about, const char *key)
{
    const char *text = json_member_text(about, key);

    return text == NULL ? NULL : strdup(text);
}

static bool
find_key_type(const char *word, enum key_type *type)
{
    for (int i = 0; word != NULL && key_type_words[i] != NULL; i++)
        if (strcmp(key_type_words[i], word) == 0) {
            *type = (enum key_type)i;
            return true;
        }
    return false;
}

static bool
fill(const struct json_t *about, struct ca_bundle_found *f)
{
    f->user = copy_text(about, "user");
    f->tenant = copy_text(about, "tenant");
    f->host = copy_text(about, "host");
    f->database = copy_text(about, "database");
    f->path = copy_text(about, "path");
    f->serial = copy_text(about, "serial");
    f->port = (int)json_member_int(about, "port");
    f->lifetime_s = json_member_int(about, "lifetime");
    f->not_before_s = json_member_int(about, "not_before");
    f->not_after_s = json_member_int(about, "not_after");
    f->is_privileged = json_member_true(about, "privileged");
    f->is_legacy = json_member_true(about, "legacy");
    f->has_random_password = json_member_true(about, "random_password");
    return f->user != NULL && f->host != NULL && f->database != NULL && f->path != NULL &&
           f->serial != NULL && f->port > 0 && f->not_after_s > f->not_before_s &&
           find_key_type(json_member_text(about, "key_type"), &f->key_type);
}

bool
ca_bundle_read(const char *directory, struct ca_bundle_found *found, struct err *e)
{
    own_mem char *path = str_format("%s/about.json", directory);
    own_mem char *password = str_format("%s/postgresql.p12.password", directory);
    own_json struct json_t *about = NULL;
    own_str struct str secret = {0};
    own_ca_bundle_found struct ca_bundle_found read = {0};

    if (path == NULL || password == NULL)
        return err_memory(e);
    about = json_load(path, e);
    if (about == NULL)
        return false;
    if (!fill(about, &read))
        return err_set(e, ERR_INPUT,
                       "'%s' is no bundle of a client: about.json is missing or "
                       "damaged",
                       directory);
    if (!file_read_secret(password, PASSWORD_MAX, &secret, e))
        return false;
    read.password = str_take(&secret);
    *found = read;
    read = (struct ca_bundle_found){0};
    return true;
}

void
ca_bundle_found_done(struct ca_bundle_found *f)
{
    if (f->password != NULL)
        explicit_bzero(f->password, strlen(f->password));
    free(f->user);
    free(f->tenant);
    free(f->host);
    free(f->database);
    free(f->path);
    free(f->serial);
    free(f->password);
    *f = (struct ca_bundle_found){0};
}
