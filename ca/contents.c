/* contents.c: what each file of a client's bundle holds. */
#include "ca/contents.h"

#include "base/file.h"
#include "base/json.h"
#include "ca/connect.h"
#include "ca/keyfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- one file after the other ---- */

static bool
put_chain(const struct contents *c, struct str *text, struct err *e)
{
    return chain_to_pem(c->chain, text, e);
}

static bool
put_key(const struct contents *c, struct str *text, struct err *e)
{
    return keyfile_pkcs8_pem(c->pkcs8, text, e);
}

static bool
put_pkcs8(const struct contents *c, struct str *text, struct err *e)
{
    return str_add(text, c->pkcs8->text, c->pkcs8->size) || err_memory(e);
}

/* pgJDBC takes the key of that name and no other (PKCS12KeyManager.java). */
#define PKCS12_NAME "user"

static bool
put_pkcs12(const struct contents *c, struct str *text, struct err *e)
{
    const struct keyfile_seal seal = {.password = c->bundle->password,
                                      .is_random = c->bundle->has_random_password,
                                      .is_legacy = c->bundle->is_legacy};

    return keyfile_pkcs12(c->pkcs8, c->chain, PKCS12_NAME, &seal, text, e);
}

static bool
put_password(const struct contents *c, struct str *text, struct err *e)
{
    return str_addf(text, "%s\n", c->bundle->password) || err_memory(e);
}

static bool
put_root(const struct contents *c, struct str *text, struct err *e)
{
    const struct str *pem = c->bundle->trust_pem;

    return pem == NULL || str_add(text, pem->text, pem->size) || err_memory(e);
}

static bool
put_service(const struct contents *c, struct str *text, struct err *e)
{
    return connect_service(c->bundle, text) || err_memory(e);
}

static bool
put_environment(const struct contents *c, struct str *text, struct err *e)
{
    return connect_environment(c->bundle, text) || err_memory(e);
}

static bool
put_urls(const struct contents *c, struct str *text, struct err *e)
{
    return connect_urls(c->bundle, text) || err_memory(e);
}

static bool
put_readme(const struct contents *c, struct str *text, struct err *e)
{
    return connect_readme(c->bundle, cert_not_after(c->chain->certs[0]), text) || err_memory(e);
}

/* What a renewal needs to know again. */
static bool
put_about(const struct contents *c, struct str *text, struct err *e)
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
    json_put_bool(about, "random_password", b->has_random_password);
    json_put_text(about, "serial", c->serial);
    json_put_int(about, "not_before", cert_not_before(c->chain->certs[0]));
    json_put_int(about, "not_after", cert_not_after(c->chain->certs[0]));
    encoded = about == NULL ? NULL : json_encode_pretty(about);
    return (encoded != NULL && str_addf(text, "%s", encoded)) || err_memory(e);
}

static const struct {
    const char *name;
    bool (*put)(const struct contents *c, struct str *text, struct err *e);
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
write_file(int directory, const char *name, const struct str *text, bool sync, struct err *e)
{
    own_fd int fd =
        openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 || !file_write_all(fd, text->text, text->size) || (sync && fsync(fd) < 0))
        return err_errno(e, "write '%s' of a bundle", name);
    return true;
}

bool
contents_write(const char *path, const struct contents *c, bool sync, struct err *e)
{
    own_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return err_errno(e, "open '%s'", path);
    for (size_t i = 0; i < COUNT(files); i++) {
        own_str struct str text = {0};

        if (!files[i].put(c, &text, e) ||
            (text.size > 0 && !write_file(fd, files[i].name, &text, sync, e)))
            return false;
    }
    return !sync || fsync(fd) == 0 || err_errno(e, "sync '%s'", path);
}

static bool
is_ours(const char *name)
{
    for (size_t i = 0; i < COUNT(files); i++)
        if (strcmp(files[i].name, name) == 0)
            return true;
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

void
contents_move_others(const char *from, const char *to)
{
    own_fd int fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int old = fd < 0 ? -1 : open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = old < 0 ? NULL : fdopendir(old);
    bool moved = false;

    if (d == NULL) {
        own_fd_drop(&old);
        return;
    }
    for (const struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d))
        if (!is_ours(entry->d_name))
            moved =
                renameat2(old, entry->d_name, fd, entry->d_name, RENAME_NOREPLACE) == 0 || moved;
    (void)closedir(d);
    if (moved)
        (void)fsync(fd);
}

void
contents_remove(const char *path)
{
    own_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    for (size_t i = 0; fd >= 0 && i < COUNT(files); i++)
        (void)unlinkat(fd, files[i].name, 0);
    (void)rmdir(path);
}
