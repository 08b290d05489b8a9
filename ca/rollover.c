/* rollover.c: another root and other issuing CAs beside those that are there, step by step; what is
 * done is in rollover.json, written after it. */
#include "ca/rollover.h"

#include "base/file.h"
#include "base/json.h"
#include "ca/crls.h"
#include "ca/make.h"
#include "ca/share.h"
#include "ca/tenant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096
#define MARK AUTHORITY_NEXT "/unfinished"

const char *const ca_rollover_words[] = {
    "none", "begun", "trusted", "switched", "retiring", "moving", NULL,
};

/* ---- where it stands ---- */

bool
rollover_read(const struct ca_config *config, struct ca_rollover *rollover, struct err *e)
{
    own_mem char *path = authority_path(config, "rollover.json", "");
    own_json struct json_t *json = path == NULL ? NULL : json_load(path, e);
    const char *word = NULL;

    if (path == NULL)
        return err_memory(e);
    if (json == NULL)
        return false;
    *rollover = (struct ca_rollover){.number = json_member_int(json, "number"),
                                     .begun_at_s = json_member_int(json, "begun_at"),
                                     .trusted_at_s = json_member_int(json, "trusted_at"),
                                     .switched_at_s = json_member_int(json, "switched_at")};
    word = json_member_text(json, "phase");
    if (word == NULL && rollover->number == 0)
        return true;
    for (int i = CA_ROLLOVER_BEGUN; word != NULL && ca_rollover_words[i] != NULL; i++)
        if (strcmp(ca_rollover_words[i], word) == 0 && rollover->number > 1) {
            rollover->phase = (enum ca_rollover_phase)i;
            return true;
        }
    return err_set(e, ERR_INPUT, "'%s' is damaged; put it back from a backup", path);
}

bool
rollover_save(const struct ca *ca, struct err *e)
{
    const struct ca_rollover *r = &ca->rollover;
    own_mem char *path = authority_path(ca->config, "rollover.json", "");
    own_json struct json_t *json = json_new_object();

    if (path == NULL || json == NULL)
        return err_memory(e);
    if (r->phase == CA_ROLLOVER_NONE)
        return file_remove(AT_FDCWD, path, e);
    json_put_text(json, "phase", ca_rollover_words[r->phase]);
    json_put_int(json, "number", r->number);
    json_put_int(json, "begun_at", r->begun_at_s);
    json_put_int(json, "trusted_at", r->trusted_at_s);
    json_put_int(json, "switched_at", r->switched_at_s);
    return share_save(json, path, e);
}

struct ca_rollover
ca_rollover_look(const struct ca *ca)
{
    return ca->rollover;
}

bool
ca_rollover_is_crossed(const struct ca *ca)
{
    return ca->cross != NULL;
}

X509 *
ca_rollover_old_issuer(const struct ca *ca, size_t i)
{
    for (size_t n = 0; authority_is_switched(ca) && n < ca->count; n++) {
        const struct authority *a = ca->all[n];

        if (!a->is_next && a->role != CA_ROOT && authority_is_for(a, CA_CLIENTS) && i-- == 0)
            return a->cert;
    }
    return NULL;
}

/* ---- taking away what nobody has used ---- */

static bool
overwrite(int fd, off_t size)
{
    static const char zeros[512];

    for (off_t done = 0; done < size; done += (off_t)sizeof(zeros))
        if (!file_write_all(fd, zeros,
                            size - done < (off_t)sizeof(zeros) ? (size_t)(size - done)
                                                               : sizeof(zeros)))
            return false;
    return fsync(fd) == 0;
}

/* A link of the administrator's is followed: the key is where it points. */
bool
rollover_wipe(const char *path, struct err *e)
{
    own_fd int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat s = {0};

    if (fd < 0 && errno == ENOENT) /* nor where a link points */
        return file_remove(AT_FDCWD, path, e);
    if (fd < 0 || fstat(fd, &s) < 0 || (S_ISREG(s.st_mode) && !overwrite(fd, s.st_size)))
        return err_errno(e, "overwrite the key '%s'", path);
    return file_remove(AT_FDCWD, path, e);
}

static bool
is_key(const char *name)
{
    size_t size = strlen(name);

    return size > 4 && strcmp(name + size - 4, ".key") == 0;
}

/* A directory of ours with its files, the keys among them wiped. */
static bool
discard(const struct ca_config *config, const char *name, struct err *e)
{
    own_mem char *path = authority_path(config, name, "");
    own_list struct list files = {0};
    bool good = true;

    if (path == NULL)
        return err_memory(e);
    if (!file_list(path, NULL, &files, e))
        return false;
    for (size_t i = 0; good && i < files.count; i++) {
        own_mem char *file = str_format("%s/%s", path, files.items[i]);

        good = file == NULL             ? err_memory(e)
               : is_key(files.items[i]) ? rollover_wipe(file, e)
                                        : file_remove(AT_FDCWD, file, e);
    }
    return good && (rmdir(path) == 0 || errno == ENOENT || err_errno(e, "remove '%s'", path));
}

static bool
discard_next(const struct ca_config *config, struct err *e)
{
    return discard(config, AUTHORITY_NEXT "/" AUTHORITY_TENANTS, e) &&
           discard(config, AUTHORITY_NEXT, e);
}

/* ---- begin ---- */

/* Behind those in old/, and the present one. */
static int64_t
next_number(const struct ca_config *config)
{
    own_mem char *path = authority_path(config, "old", "");
    own_list struct list names = {0};
    struct err ignored = {0};
    int64_t largest = 0;

    if (path == NULL || !file_list(path, NULL, &names, &ignored))
        return 2;
    for (size_t i = 0; i < names.count; i++) {
        int64_t number = strtoll(names.items[i], NULL, 10);

        largest = number > largest ? number : largest;
    }
    return largest + 2;
}

/* What a killed run has left goes, but for the file of the root's key, which is written again. */
static bool
prepare(const struct ca *ca, const char *root_key_file, struct err *e)
{
    own_mem char *next = authority_path(ca->config, AUTHORITY_NEXT, "");
    own_mem char *mark = authority_path(ca->config, MARK, "");
    own_str struct str of_before = {0};
    bool is_there = false;

    if (next == NULL || mark == NULL)
        return err_memory(e);
    return file_read_if_there(AT_FDCWD, mark, PATH_SIZE, &of_before, &is_there, e) &&
           make_check_key_file(root_key_file, &of_before, e) && discard_next(ca->config, e) &&
           share_directory(next, e) &&
           file_replace(AT_FDCWD, mark, root_key_file == NULL ? "" : root_key_file,
                        root_key_file == NULL ? 0 : strlen(root_key_file), 0600, e);
}

/* The next root, signed by the present one: who knows that one only accepts what is below both.
 * Where the present root's key is elsewhere, or it has expired, there is none.
 * Source: RFC 4210 section 4.4 (NewWithOld) */
static bool
cross_sign(const struct make *m, const struct authority *next, struct err *e)
{
    struct ca *ca = m->ca;
    struct authority *root = authority_find_of(ca, CA_ROOT, NULL, false);
    own_mem char *name = str_format("pgcert root CA %s", m->id);
    const struct index_entry about = {.name = name};
    struct authority cross = {.name = (char[]){ROLLOVER_CROSS}};
    struct issue i = {.kind = KIND_ROOT,
                      .organization = ca->config->organization,
                      .common_name = name,
                      .public_key = next->key};

    if (name == NULL)
        return err_memory(e);
    if (!authority_has_key(ca, root) || cert_not_after(root->cert) <= ca->clock->now_s(ca->clock))
        return true;
    if (!authority_set_times(ca, root, ca->config->root_lifetime_s, &i, e))
        return false;
    ca->cross = authority_sign(ca, root, &i, &about, e);
    cross.cert = ca->cross;
    return ca->cross != NULL && make_save(m, &cross, e);
}

static bool
make_singles(const struct make *m, struct err *e)
{
    static const enum ca_role roles[] = {CA_ROOT, CA_SERVERS, CA_CLIENTS};

    for (size_t i = 0; i < COUNT(roles); i++) {
        struct authority *a = authority_add(m->ca, roles[i], NULL, true, e);

        if (a == NULL || !make_sign(m, a, e) || !make_save(m, a, e) ||
            (roles[i] == CA_ROOT && !cross_sign(m, a, e)))
            return false;
    }
    return true;
}

/* Each tenant that has a CA now gets a next one. */
static bool
make_tenants(struct ca *ca, struct err *e)
{
    size_t count = ca->count;
    bool made = false;

    for (size_t i = 0; i < count; i++)
        if (ca->all[i]->role == CA_TENANT && !ca->all[i]->is_next &&
            !tenant_make(ca, ca->all[i]->tenant, true, &made, e))
            return false;
    return true;
}

static bool
make_next(struct ca *ca, const char *root_key_file, struct err *e)
{
    own_mem char *mark = authority_path(ca->config, MARK, "");
    struct make m = {0};
    bool did = false;

    if (mark == NULL)
        return err_memory(e);
    return make_begin(&m, ca, ca->rollover.number, root_key_file, e) && make_singles(&m, e) &&
           crls_refresh(ca, root_key_file != NULL ? CRLS_LONG_ROOT : 0, &did, e) &&
           make_tenants(ca, e) && file_remove(AT_FDCWD, mark, e);
}

bool
ca_rollover_begin(struct ca *ca, const char *root_key_file, struct err *e)
{
    own_str struct str passphrase = {0}; /* told before anything is made */

    if (ca->rollover.phase != CA_ROLLOVER_NONE)
        return true;
    if (ca->config->root_key != NULL || ca->config->server_key != NULL ||
        ca->config->client_key != NULL)
        return err_set(
            e, ERR_CONFIG,
            "[ca] has keys in a token, and a rollover makes keys in files only; a new CA "
            "with keys in a token is made in another [ca] directory");
    ca->rollover.number = next_number(ca->config);
    if (!authority_passphrase(ca->config, &passphrase, e) || !prepare(ca, root_key_file, e) ||
        !make_next(ca, root_key_file, e))
        return err_wrap(e, "make the next CAs");
    ca->rollover.phase = CA_ROLLOVER_BEGUN;
    ca->rollover.begun_at_s = ca->clock->now_s(ca->clock);
    return rollover_save(ca, e);
}

/* ---- trust, switch ---- */

/* Clients and this machine trust what is in root.crt. The present root stays the first. */
static bool
write_roots(const struct ca *ca, bool both, struct err *e)
{
    own_mem char *path = ca_root_path(ca->config);
    struct chain roots = {.certs = {authority_find_of(ca, CA_ROOT, NULL, false)->cert,
                                    authority_find_of(ca, CA_ROOT, NULL, true)->cert},
                          .count = both ? 2 : 1};
    own_str struct str pem = {0};

    if (path == NULL)
        return err_memory(e);
    return chain_to_pem(&roots, &pem, e) &&
           file_replace(AT_FDCWD, path, pem.text, pem.size, 0644, e);
}

bool
ca_rollover_trust(struct ca *ca, struct err *e)
{
    bool did = false;

    if (ca->rollover.phase != CA_ROLLOVER_BEGUN)
        return true;
    if (!crls_refresh(ca, 0, &did, e) || !write_roots(ca, true, e))
        return false;
    ca->rollover.phase = CA_ROLLOVER_TRUSTED;
    ca->rollover.trusted_at_s = ca->clock->now_s(ca->clock);
    return rollover_save(ca, e);
}

/* A run that was killed may have made a tenant's present CA and not the next one. */
bool
ca_rollover_switch(struct ca *ca, struct err *e)
{
    if (ca->rollover.phase != CA_ROLLOVER_TRUSTED)
        return true;
    if (!make_tenants(ca, e))
        return false;
    ca->rollover.phase = CA_ROLLOVER_SWITCHED;
    ca->rollover.switched_at_s = ca->clock->now_s(ca->clock);
    return rollover_save(ca, e);
}

/* ---- abort ---- */

/* Before root.crt has one root again: where this is killed, the next rollover adds it once more. */
static bool
trust_no_more(struct ca *ca, struct err *e)
{
    ca->rollover.phase = CA_ROLLOVER_BEGUN;
    ca->rollover.trusted_at_s = 0;
    return rollover_save(ca, e) && write_roots(ca, false, e);
}

bool
ca_rollover_abort(struct ca *ca, bool *did, struct err *e)
{
    bool is_rolling = ca->rollover.phase != CA_ROLLOVER_NONE;
    bool made = false;

    if (authority_is_switched(ca))
        return err_set(e, ERR_REFUSED,
                       "the new CAs sign already, and what they have signed is in use; go on by: "
                       "pgcert ca rollover");
    if (is_rolling && !trust_no_more(ca, e))
        return false;
    ca->rollover = (struct ca_rollover){0};
    if (!rollover_save(ca, e) || !discard_next(ca->config, e) || !authority_reload(ca, e) ||
        !crls_refresh(ca, 0, &made, e))
        return false;
    *did = is_rolling;
    return true;
}
