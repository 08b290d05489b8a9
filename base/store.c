/* store.c: generations: made under a temporary name, fsynced, then renamed to their number. */
#include "base/store.h"

#include "base/cert.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD_ORDER "order.json"
#define NEW_PREFIX "new." /* of a generation that is not complete yet */

static gid_t sharers = (gid_t)-1;

void
store_share(gid_t group)
{
    sharers = group;
}

gid_t
store_group(void)
{
    return sharers;
}

struct file_access
store_access(bool is_directory)
{
    bool shared = sharers != (gid_t)-1;

    return (struct file_access){
        (is_directory ? 0700 : 0600) | (shared ? (is_directory ? 0050 : 0040) : 0), sharers};
}

bool
store_make_directory(const char *directory, struct err *e)
{
    own_fd int fd = -1;

    if (!file_make_directory(directory, 0700, e))
        return false;
    if (sharers == (gid_t)-1)
        return true;
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return (fd >= 0 && file_give(fd, store_access(true))) ||
           err_errno(e, "share the directory '%s' with group %u", directory, (unsigned)sharers);
}

char *
store_directory(const char *state, const char *name)
{
    own_mem char *safe = strdup(name);

    if (safe == NULL)
        return NULL;
    /* a name comes from the settings; "*.x" and "a/b" still must be one component */
    for (char *c = safe; *c != '\0'; c++)
        if (*c == '*' || *c == '/' || (*c == '.' && c == safe))
            *c = '_';
    return str_format("%s/certificates/%s", state, safe);
}

/* The number which a directory's name is; 0 when it is none. */
static int64_t
number_of(const char *name)
{
    size_t digits = strspn(name, "0123456789");

    if (digits == 0 || digits > 15 || name[digits] != '\0' || name[0] == '0')
        return 0;
    return strtoll(name, NULL, 10);
}

/* The largest number below `below`. */
static int64_t
largest(const char *directory, int64_t below)
{
    DIR *d = opendir(directory);
    int64_t found = 0;

    if (d == NULL)
        return 0;
    for (const struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
        int64_t number = number_of(entry->d_name);

        if (number < below && number > found)
            found = number;
    }
    (void)closedir(d);
    return found;
}

int64_t
store_before(const char *directory, int64_t below)
{
    return largest(directory, below);
}

static bool
fill(struct generation *g, const struct json_t *about)
{
    const struct json_t *names = json_member(about, "names");
    const char *issuer = json_member_text(about, "issuer");
    const char *sha256 = json_member_text(about, "sha256");
    const char *serial = json_member_text(about, "serial");
    const char *key_type = json_member_text(about, "key_type");

    if (issuer == NULL || sha256 == NULL || serial == NULL || key_type == NULL)
        return false;
    for (size_t i = 0; i < json_count(names); i++)
        if (json_item_text(names, i) == NULL || !list_add(&g->names, json_item_text(names, i)))
            return false;
    g->issuer = strdup(issuer);
    g->sha256 = strdup(sha256);
    g->serial = strdup(serial);
    g->key_type = strdup(key_type);
    g->created_at_s = json_member_int(about, "created_at");
    g->not_before_s = json_member_int(about, "not_before");
    g->not_after_s = json_member_int(about, "not_after");
    return g->issuer != NULL && g->sha256 != NULL && g->serial != NULL && g->key_type != NULL &&
           g->not_after_s > 0;
}

bool
store_read_chain(const char *directory, int64_t number, struct str *chain_pem, struct err *e)
{
    own_mem char *chain = str_format("%s/%lld/chain.pem", directory, (long long)number);

    return chain == NULL ? err_memory(e) : file_read(AT_FDCWD, chain, CERT_PEM_MAX, chain_pem, e);
}

bool
store_read(const char *directory, int64_t number, struct str *key_pem, struct str *chain_pem,
           struct err *e)
{
    own_mem char *key = str_format("%s/%lld/key.pem", directory, (long long)number);

    if (key == NULL)
        return err_memory(e);
    return file_read(AT_FDCWD, key, CERT_PEM_MAX, key_pem, e) &&
           store_read_chain(directory, number, chain_pem, e);
}

/* A crash after the generation was named and before next.key was gone leaves a key that is used. */
static bool
is_used(const char *directory, const struct str *pem)
{
    own_str struct str key = {0};
    own_str struct str chain = {0};
    struct err ignored = {0};
    int64_t newest = largest(directory, INT64_MAX);

    return newest > 0 && store_read(directory, newest, &key, &chain, &ignored) &&
           key.size == pem->size && memcmp(key.text, pem->text, key.size) == 0;
}

/* The key that an interrupted run has left, when it can still be used. */
static EVP_PKEY *
kept_key(const char *directory, const char *path, enum key_type type)
{
    own_str struct str pem = {0};
    own_pkey EVP_PKEY *key = NULL;
    struct err ignored = {0};
    bool found = false;

    if (!file_read_if_there(AT_FDCWD, path, CERT_PEM_MAX, &pem, &found, &ignored) || !found ||
        is_used(directory, &pem))
        return NULL;
    key = key_from_pem(pem.text, pem.size, &ignored);
    return key != NULL && key_is(key, type) ? TAKE(key) : NULL;
}

EVP_PKEY *
store_next_key(const char *directory, enum key_type type, struct err *e)
{
    own_mem char *path = str_format("%s/next.key", directory);
    own_str struct str pem = {0};
    own_pkey EVP_PKEY *key = NULL;

    if (path == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    key = kept_key(directory, path, type);
    if (key != NULL)
        return TAKE(key);
    key = key_generate(type, e);
    if (key == NULL || !key_to_pem(key, &pem, e) ||
        !file_replace(AT_FDCWD, path, pem.text, pem.size, 0600, e))
        return NULL;
    return TAKE(key);
}

static const char *
type_of(const struct str *key_pem)
{
    struct err ignored = {0};
    own_pkey EVP_PKEY *key = key_from_pem(key_pem->text, key_pem->size, &ignored);

    for (size_t i = 0; key != NULL && key_type_words[i] != NULL; i++)
        if (key_is(key, (enum key_type)i))
            return key_type_words[i];
    return "";
}

/* `ordered` NULL: the names are those in the certificate. */
static struct json_t *
describe(const char *issuer, const struct list *ordered, const struct str *key_pem,
         const struct str *chain_pem, int64_t now_s, struct err *e)
{
    own_chain struct chain chain = {0};
    own_list struct list names = {0};
    own_mem char *serial = NULL;
    own_json struct json_t *about = json_new_object();
    char sha256[CERT_SHA256_TEXT];

    if (!chain_from_pem(&chain, chain_pem->text, chain_pem->size, e) ||
        !cert_sha256(chain.certs[0], sha256, e))
        return NULL;
    serial = cert_serial(chain.certs[0]);
    if (about == NULL || serial == NULL || !cert_names(chain.certs[0], &names)) {
        (void)err_memory(e);
        return NULL;
    }
    json_put_text(about, "issuer", issuer);
    json_put_int(about, "created_at", now_s);
    json_put_text(about, "sha256", sha256);
    json_put_text(about, "serial", serial);
    json_put_text(about, "key_type", type_of(key_pem));
    json_put_int(about, "not_before", cert_not_before(chain.certs[0]));
    json_put_int(about, "not_after", cert_not_after(chain.certs[0]));
    /* an issuer may add a name of its own; what was asked for is what is compared later */
    json_put_list(about, "names", ordered != NULL ? ordered : &names);
    return TAKE(about);
}

static bool
load_about(const char *directory, int64_t number, struct generation *g)
{
    own_mem char *path = str_format("%s/%lld/about.json", directory, (long long)number);
    struct err ignored = {0};
    own_json struct json_t *about = path == NULL ? NULL : json_load(path, &ignored);

    if (about != NULL && fill(g, about))
        return true;
    generation_done(g);
    return false;
}

/* What about.json would say, from key and chain; who issued it is not known any more. */
static bool
recover_about(const char *directory, int64_t number, struct generation *g)
{
    own_str struct str key_pem = {0};
    own_str struct str chain_pem = {0};
    own_json struct json_t *about = NULL;
    struct err e = {0};

    if (store_read(directory, number, &key_pem, &chain_pem, &e))
        about = describe("", NULL, &key_pem, &chain_pem, 0, &e);
    if (about != NULL && fill(g, about))
        return true;
    log_debug("generation %lld in '%s' is damaged: %s", (long long)number, directory, e.text);
    generation_done(g);
    return false;
}

void
store_find(const char *directory, int64_t wanted, struct generation *g)
{
    int64_t number = wanted != 0 ? wanted : largest(directory, INT64_MAX);

    while (number != 0 && !load_about(directory, number, g) && !recover_about(directory, number, g))
        number = largest(directory, number);
    g->number = number;
}

/* Writes and fsyncs a new file in a directory that nobody points to yet. */
static bool
write_new(int directory, const char *name, const void *bytes, size_t size, struct err *e)
{
    own_fd int fd =
        openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 || !file_write_all(fd, bytes, size) || !file_give(fd, store_access(false)) ||
        fsync(fd) < 0)
        return err_errno(e, "write '%s' of a new generation", name);
    return true;
}

static bool
write_files(const char *path, const struct str *key_pem, const struct str *chain_pem,
            const char *about, struct err *e)
{
    own_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return err_errno(e, "open '%s'", path);
    if (!write_new(fd, "key.pem", key_pem->text, key_pem->size, e) ||
        !write_new(fd, "chain.pem", chain_pem->text, chain_pem->size, e) ||
        !write_new(fd, "about.json", about, strlen(about), e))
        return false;
    return (file_give(fd, store_access(true)) && fsync(fd) == 0) || err_errno(e, "sync '%s'", path);
}

/* Removes a directory of files, whatever it holds. */
static void
remove_directory(const char *path)
{
    DIR *d = opendir(path);

    if (d == NULL)
        return;
    for (const struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(dirfd(d), entry->d_name, 0);
    (void)closedir(d);
    (void)rmdir(path);
}

/* Gives the finished directory the next number. */
static bool
name_it(const char *directory, const char *path, int64_t *number, struct err *e)
{
    int64_t next = largest(directory, INT64_MAX) + 1;
    own_mem char *final = str_format("%s/%lld", directory, (long long)next);

    if (final == NULL)
        return err_memory(e);
    if (rename(path, final) < 0)
        return err_errno(e, "name the new generation '%s'", final);
    if (!file_sync_parent(AT_FDCWD, final, e))
        return false;
    *number = next;
    return true;
}

bool
store_add(const char *directory, const char *issuer, const struct list *names,
          const struct str *key_pem, const struct str *chain_pem, int64_t now_s, int64_t *number,
          struct err *e)
{
    own_json struct json_t *about = describe(issuer, names, key_pem, chain_pem, now_s, e);
    own_mem char *text = about == NULL ? NULL : json_encode_pretty(about);
    own_mem char *path = str_format("%s/" NEW_PREFIX "XXXXXX", directory);
    own_mem char *next_key = str_format("%s/next.key", directory);

    if (about == NULL)
        return false;
    if (text == NULL || path == NULL || next_key == NULL)
        return err_memory(e);
    if (mkdtemp(path) == NULL) { /* 0700 */
        (void)err_errno(e, "make a new generation in '%s'", directory);
        e->code = e->code == ERR_SYSTEM ? ERR_CREATE : e->code;
        return false;
    }
    if (!write_files(path, key_pem, chain_pem, text, e) || !name_it(directory, path, number, e)) {
        remove_directory(path);
        return false;
    }
    (void)unlink(next_key);
    return true;
}

/* The number below which generations go. */
static int64_t
oldest_kept(const char *directory, int64_t keep)
{
    int64_t number = INT64_MAX;

    for (int64_t i = 0; i < keep && number > 0; i++)
        number = largest(directory, number);
    return number;
}

bool
store_prune(const char *directory, int64_t keep, int64_t protect, struct err *e)
{
    int64_t oldest = oldest_kept(directory, keep < 1 ? 1 : keep);
    DIR *d = opendir(directory);

    if (d == NULL)
        return err_errno(e, "open '%s'", directory);
    for (const struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
        int64_t number = number_of(entry->d_name);
        bool old = number > 0 && number < oldest && number != protect;
        own_mem char *path = str_format("%s/%s", directory, entry->d_name);

        if (old && path != NULL)
            remove_directory(path);
    }
    (void)closedir(d);
    return true;
}

char *
store_order(const char *directory, const char *kind)
{
    const char *name = strrchr(directory, '/') + 1;
    int state = (int)(name - 1 - directory);

    while (state > 0 && directory[state - 1] != '/')
        state--;
    return str_format("%.*sorders/%s%s.json", state, directory, name, kind);
}

void
store_take_order(const char *directory, const char *order)
{
    own_mem char *old = str_format("%s/" OLD_ORDER, directory);

    if (old != NULL && access(order, F_OK) < 0)
        (void)rename(old, order);
}

void
store_tidy(const char *directory, bool is_obtaining)
{
    DIR *d = opendir(directory);

    if (d == NULL)
        return;
    for (const struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
        own_mem char *path = str_format("%s/%s", directory, entry->d_name);

        if (strncmp(entry->d_name, NEW_PREFIX, strlen(NEW_PREFIX)) == 0 && path != NULL)
            remove_directory(path);
    }
    if (!is_obtaining) {
        own_mem char *order = store_order(directory, "");

        (void)unlinkat(dirfd(d), "next.key", 0);
        (void)unlinkat(dirfd(d), OLD_ORDER, 0);
        if (order != NULL)
            (void)unlink(order);
    }
    (void)closedir(d);
    file_remove_temporaries(directory);
}

void
generation_done(struct generation *g)
{
    free(g->issuer);
    free(g->sha256);
    free(g->serial);
    free(g->key_type);
    list_done(&g->names);
    *g = (struct generation){0};
}
