/* bundle.c: the directory that a client gets. */
#include "base/file.h"
#include "base/json.h"
#include "ca/authority.h"
#include "ca/connect.h"
#include "ca/keyfile.h"
#include "ca/name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW "~new" /* how the name of a directory ends that is not complete; no user's does */
#define PASSWORD_MAX 1024

/* What the files are made from. */
struct content {
    const struct ca_bundle *bundle;
    EVP_PKEY *key;
    const struct str *chain_pem;
    const struct chain *chain;
    const char *serial;
};

/* ---- one file after the other ---- */

static bool
put_chain(const struct content *c, struct str *text, struct err *e)
{
    return str_add(text, c->chain_pem->text, c->chain_pem->size) || err_memory(e);
}

static bool
put_key(const struct content *c, struct str *text, struct err *e)
{
    return key_to_pem(c->key, text, e);
}

static bool
put_pkcs8(const struct content *c, struct str *text, struct err *e)
{
    return keyfile_pkcs8(c->key, text, e);
}

static bool
put_pkcs12(const struct content *c, struct str *text, struct err *e)
{
    return keyfile_pkcs12(c->key, c->chain, c->bundle->user, c->bundle->password,
                          c->bundle->is_legacy, text, e);
}

static bool
put_password(const struct content *c, struct str *text, struct err *e)
{
    return str_addf(text, "%s\n", c->bundle->password) || err_memory(e);
}

static bool
put_root(const struct content *c, struct str *text, struct err *e)
{
    const struct str *pem = c->bundle->trust_pem;

    return pem == NULL || str_add(text, pem->text, pem->size) || err_memory(e);
}

static bool
put_service(const struct content *c, struct str *text, struct err *e)
{
    return connect_service(c->bundle, text) || err_memory(e);
}

static bool
put_environment(const struct content *c, struct str *text, struct err *e)
{
    return connect_environment(c->bundle, text) || err_memory(e);
}

static bool
put_urls(const struct content *c, struct str *text, struct err *e)
{
    return connect_urls(c->bundle, text) || err_memory(e);
}

static bool
put_readme(const struct content *c, struct str *text, struct err *e)
{
    return connect_readme(c->bundle, cert_not_after(c->chain->certs[0]), text) || err_memory(e);
}

/* What a renewal needs to know again. */
static bool
put_about(const struct content *c, struct str *text, struct err *e)
{
    const struct ca_bundle *b = c->bundle;
    own_json struct json_t *about = json_new_object();
    own_mem char *encoded = NULL;

    json_put_text(about, "user", b->user);
    json_put_text(about, "tenant", b->tenant);
    json_put_text(about, "host", b->host);
    json_put_int(about, "port", b->port);
    json_put_text(about, "database", b->database);
    json_put_text(about, "path", b->path);
    json_put_text(about, "key_type", key_type_words[b->key_type]);
    json_put_int(about, "lifetime", b->lifetime_s);
    json_put_bool(about, "privileged", b->is_privileged);
    json_put_bool(about, "legacy", b->is_legacy);
    json_put_text(about, "serial", c->serial);
    json_put_int(about, "not_before", cert_not_before(c->chain->certs[0]));
    json_put_int(about, "not_after", cert_not_after(c->chain->certs[0]));
    encoded = about == NULL ? NULL : json_encode_pretty(about);
    return (encoded != NULL && str_addf(text, "%s", encoded)) || err_memory(e);
}

static const struct {
    const char *name;
    bool (*put)(const struct content *c, struct str *text, struct err *e);
} files[] = {
    {"postgresql.crt", put_chain},
    {"postgresql.key", put_key},
    {"postgresql.pk8", put_pkcs8},
    {"postgresql.p12", put_pkcs12},
    {"root.crt", put_root},
    {"postgresql.p12.password", put_password},
    {"pg_service.conf", put_service},
    {"environment", put_environment},
    {"urls", put_urls},
    {"README", put_readme},
    {"about.json", put_about},
};

static bool
write_file(int directory, const char *name, const struct str *text, struct err *e)
{
    own_fd int fd =
        openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 || !file_write_all(fd, text->text, text->size) || fsync(fd) < 0)
        return err_errno(e, "write '%s' of a bundle", name);
    return true;
}

static bool
write_files(const char *path, const struct content *c, struct err *e)
{
    own_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return err_errno(e, "open '%s'", path);
    for (size_t i = 0; i < COUNT(files); i++) {
        own_str struct str text = {0};

        if (!files[i].put(c, &text, e) ||
            (text.size > 0 && !write_file(fd, files[i].name, &text, e)))
            return false;
    }
    return fsync(fd) == 0 || err_errno(e, "sync '%s'", path);
}

/* ---- the directory ---- */

/* Our files alone: what else somebody has put there stays. */
static void
remove_bundle(const char *path)
{
    for (size_t i = 0; i < COUNT(files); i++) {
        own_mem char *file = str_format("%s/%s", path, files[i].name);

        if (file != NULL)
            (void)unlink(file);
    }
    (void)rmdir(path);
}

/* A new one takes an empty place; one that is replaced changes places with the old one. */
static bool
put_in_place(const char *from, const char *to, bool replace, struct err *e)
{
    bool is_empty = rename(from, to) == 0;

    if (!is_empty && (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)) {
        if (!replace)
            return err_set(e, ERR_INPUT,
                           "'%s' is there already; a new certificate for it is made by: pgcert "
                           "client renew; a second bundle goes elsewhere by: --out DIRECTORY",
                           to);
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) < 0)
            return err_errno(e, "replace '%s'", to);
    } else if (!is_empty) {
        return err_errno(e, "name the bundle '%s'", to);
    }
    if (!file_sync_parent(AT_FDCWD, to, e))
        return false;
    if (!is_empty)
        remove_bundle(from);
    return true;
}

static bool
write_bundle(const char *directory, bool replace, const struct content *c, struct err *e)
{
    own_mem char *made = str_format("%s" NEW, directory);

    if (made == NULL)
        return err_memory(e);
    remove_bundle(made);
    if (mkdir(made, 0700) < 0) {
        (void)err_errno(e, "make the directory '%s'", made);
        e->code = e->code == ERR_SYSTEM ? ERR_CREATE : e->code;
        return false;
    }
    if (write_files(made, c, e) && put_in_place(made, directory, replace, e))
        return true;
    remove_bundle(made);
    return false;
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
    return empty ||
           err_set(e, ERR_INPUT,
                   "'%s' is there already; a new certificate for it is made by: pgcert client "
                   "renew; a second bundle goes elsewhere by: --out DIRECTORY",
                   directory);
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

bool
ca_bundle_make(struct ca *ca, const struct ca_bundle *b, const char *directory, bool replace,
               char **serial, struct err *e)
{
    own_pkey EVP_PKEY *key = NULL;
    own_str struct str chain_pem = {0};
    own_chain struct chain chain = {0};
    own_mem char *number = NULL;
    struct ca_client client = {.user = b->user,
                               .tenant = b->tenant,
                               .lifetime_s = b->lifetime_s,
                               .is_privileged = b->is_privileged};
    own_str struct str password = {0};
    struct ca_bundle with = *b;
    struct content c = {.bundle = &with, .chain_pem = &chain_pem, .chain = &chain};

    if ((!replace && !is_free(directory, e)) || !make_parent(directory, e) ||
        (b->password == NULL && !keyfile_password(&password, e)))
        return false;
    with.password = b->password == NULL ? password.text : b->password;
    key = key_generate(b->key_type, e);
    client.public_key = key;
    if (key == NULL || !ca_sign_client(ca, &client, &chain_pem, e) ||
        !chain_from_pem(&chain, chain_pem.text, chain_pem.size, e))
        return false;
    number = cert_serial(chain.certs[0]);
    if (number == NULL)
        return err_memory(e);
    c.key = key;
    c.serial = number;
    if (!write_bundle(directory, replace, &c, e))
        return false;
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
read_pair(const char *from, struct str *chain_pem, struct chain *chain, EVP_PKEY **key,
          struct err *e)
{
    own_str struct str key_pem = {0};

    if (!read_part(from, "postgresql.crt", chain_pem, e) ||
        !read_part(from, "postgresql.key", &key_pem, e) ||
        !chain_from_pem(chain, chain_pem->text, chain_pem->size, e))
        return false;
    *key = key_from_pem(key_pem.text, key_pem.size, e);
    if (*key == NULL)
        return false;
    return X509_check_private_key(chain->certs[0], *key) == 1 ||
           err_set(e, ERR_INPUT, "its key is not that of its certificate");
}

bool
ca_bundle_write_again(const struct ca_bundle *b, const char *from, const char *directory,
                      bool replace, struct err *e)
{
    own_pkey EVP_PKEY *key = NULL;
    own_str struct str chain_pem = {0};
    own_chain struct chain chain = {0};
    own_mem char *number = NULL;
    struct content c = {.bundle = b, .chain_pem = &chain_pem, .chain = &chain};

    if (!make_parent(directory, e))
        return false;
    if (!read_pair(from, &chain_pem, &chain, &key, e))
        return err_wrap(e, "the bundle '%s'", from);
    number = cert_serial(chain.certs[0]);
    if (number == NULL)
        return err_memory(e);
    c.key = key;
    c.serial = number;
    return write_bundle(directory, replace, &c, e);
}

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

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
is_bundle_name(const char *name)
{
    size_t size = strlen(name), end = strlen(NEW);

    return name[0] != '.' && (size < end || strcmp(name + size - end, NEW) != 0);
}

bool
ca_bundle_list(const struct ca_config *config, struct list *directories, struct err *e)
{
    own_mem char *path = str_format("%s/clients", config->directory);
    DIR *d = path == NULL ? NULL : opendir(path);
    bool good = true;

    if (path == NULL)
        return err_memory(e);
    if (d == NULL)
        return errno == ENOENT || err_errno(e, "open '%s'", path);
    for (const struct dirent *entry = readdir(d); good && entry != NULL; entry = readdir(d)) {
        own_mem char *one = str_format("%s/%s", path, entry->d_name);

        if (is_bundle_name(entry->d_name))
            good = (one != NULL && list_add(directories, one)) || err_memory(e);
    }
    (void)closedir(d);
    if (good && directories->count > 1)
        qsort(directories->items, directories->count, sizeof(char *), by_name);
    return good;
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
