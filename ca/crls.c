/* crls.c: the CRL of each CA, NAME.crl beside its certificate, and what is published of them:
 * clients.crl and servers.crl have the CRL of every CA that may be in a chain, the roots' as well,
 * since who checks a chain needs all of them. */
#include "ca/crls.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "ca/canary.h"
#include "ca/crl.h"
#include "ca/share.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NEXT "next " /* how the word of a CA begins that a rollover brings */

/* clang-format off */
static const struct published {
    const char *file;
    enum ca_role purpose;
} published[] = {
    {"servers.crl", CA_SERVERS},
    {"clients.crl", CA_CLIENTS},
};
/* clang-format on */

/* The CRL of one CA. */
struct crl_of {
    struct authority *a; /* borrowed */
    struct crls_state state;
    int64_t revoked; /* events in the index */
    bool has_failed; /* it is due, and cannot be made */
};

/* One run over the CRLs. */
struct refresh {
    struct ca *ca;
    int how;
    struct json_t *json; /* crl.json */
    char *json_path;
    struct crl_of *each; /* in the order of ca->all */
    struct index index;
    int64_t now_s;
};

#define own_refresh __attribute__((cleanup(refresh_done)))

static void
refresh_done(struct refresh *r)
{
    json_drop(&r->json);
    own_mem_drop(&r->json_path);
    free(r->each);
    index_done(&r->index);
}

char *
crls_path(const struct ca *ca, const struct authority *a)
{
    for (size_t i = 0; i < COUNT(published); i++)
        if (a->role != CA_ROOT && authority_is_for(a, published[i].purpose))
            return authority_path(ca->config, published[i].file, "");
    return authority_path(ca->config, a->name, ".crl");
}

/* ---- what is remembered ---- */

/* Damaged is as good as missing: numbers follow the clock then, and nothing is left out. */
static struct json_t *
load_json(const char *path)
{
    struct err e = {0};
    struct json_t *json = json_load(path, &e);

    if (json == NULL)
        log_debug("the CRLs are made anew: %s", e.text);
    return json != NULL ? json : json_new_object();
}

static struct crls_state
read_state(const struct json_t *json, const struct authority *a)
{
    const struct json_t *one = json_member(json, a->word);

    return (struct crls_state){
        .number = json_member_int(one, "number"),
        .this_update_s = json_member_int(one, "this_update"),
        .next_update_s = json_member_int(one, "next_update"),
        .revoked = json_member_int(one, "revoked"),
    };
}

void
crls_look(const struct ca *ca, struct crls_state *states)
{
    own_mem char *path = authority_path(ca->config, "crl.json", "");
    own_json struct json_t *json = path == NULL ? NULL : load_json(path);

    for (size_t i = 0; i < ca->count; i++)
        states[i] = read_state(json, ca->all[i]);
}

/* The words of all CAs, without those of the next ones. */
static bool
list_promoted(const struct json_t *json, struct list *words, struct err *e)
{
    void *cursor = NULL;
    const char *key = NULL;
    const struct json_t *value = NULL;

    while (json_each(json, &cursor, &key, &value))
        if (strncmp(key, NEXT, strlen(NEXT)) == 0 && !list_add(words, key + strlen(NEXT)))
            return err_memory(e);
    return true;
}

bool
crls_promote(const struct ca *ca, struct err *e)
{
    own_mem char *path = authority_path(ca->config, "crl.json", "");
    own_json struct json_t *json = path == NULL ? NULL : load_json(path);
    own_list struct list words = {0};

    if (json == NULL)
        return err_memory(e);
    if (!list_promoted(json, &words, e))
        return false;
    for (size_t i = 0; i < words.count; i++) {
        own_mem char *next = str_format(NEXT "%s", words.items[i]);

        if (next == NULL)
            return err_memory(e);
        json_put(json, words.items[i], json_keep(json_member(json, next)));
        json_delete_member(json, next);
    }
    return words.count == 0 || share_save(json, path, e);
}

static bool
save_state(struct refresh *r, const struct crl_of *c, struct err *e)
{
    struct json_t *one = json_new_object();

    json_put_int(one, "number", c->state.number);
    json_put_int(one, "this_update", c->state.this_update_s);
    json_put_int(one, "next_update", c->state.next_update_s);
    json_put_int(one, "revoked", c->state.revoked);
    json_put(r->json, c->a->word, one);
    return share_save(r->json, r->json_path, e);
}

/* ---- what is due ---- */

static int64_t
size_of(const char *path)
{
    struct stat s = {0};

    return stat(path, &s) == 0 ? (int64_t)s.st_size : -1;
}

/* Also when its time is absurdly far away: the clock was wrong when it was made. */
static bool
is_due(const struct refresh *r, const struct crl_of *c)
{
    const struct crls_state *s = &c->state;
    own_mem char *path = authority_path(r->ca->config, c->a->name, ".crl");
    int64_t lifetime_s = s->next_update_s - s->this_update_s;
    int64_t usual_s = r->ca->config->crl_lifetime_s;

    if (c->a->role == CA_ROOT && c->a->key == NULL && !authority_has_key(r->ca, c->a))
        return false;
    return (r->how & CRLS_FORCE) != 0 || path == NULL || size_of(path) <= 0 ||
           s->revoked != c->revoked || s->this_update_s > r->now_s ||
           s->next_update_s - r->now_s <= (lifetime_s < usual_s ? lifetime_s : usual_s) / 2;
}

static bool
read_index(struct refresh *r, struct err *e)
{
    if (!index_read(r->ca->index_path, &r->index, e))
        return false;
    for (size_t n = 0; n < r->ca->count; n++)
        r->each[n].revoked = 0;
    for (size_t i = 0; i < r->index.count; i++)
        for (size_t n = 0; r->index.entries[i].revoked_at_s != 0 && n < r->ca->count; n++)
            r->each[n].revoked += strcmp(r->index.entries[i].issuer, r->each[n].a->id) == 0;
    return true;
}

/* ---- making ---- */

/* The number is on disk before it is used; the clock keeps it growing where that was lost. */
static bool
reserve_number(struct refresh *r, struct crl_of *c, struct err *e)
{
    struct crls_state *s = &c->state;

    s->number = s->number + 1 > r->now_s ? s->number + 1 : r->now_s;
    return save_state(r, c, e);
}

static int64_t
next_update(const struct refresh *r, const struct authority *a)
{
    if (a->role == CA_ROOT && (r->how & CRLS_LONG_ROOT) != 0)
        return cert_not_after(a->cert);
    return r->now_s + r->ca->config->crl_lifetime_s;
}

static bool
make(struct refresh *r, struct crl_of *c, struct err *e)
{
    EVP_PKEY *key = authority_key(r->ca, c->a, e);
    own_mem char *path = authority_path(r->ca->config, c->a->name, ".crl");
    own_str struct str pem = {0};
    struct crl crl = {.index = &r->index,
                      .before_s = c->state.this_update_s,
                      .this_update_s = r->now_s - AUTHORITY_BACKDATED_S,
                      .next_update_s = next_update(r, c->a)};

    if (path == NULL)
        return err_memory(e);
    if (key == NULL || !reserve_number(r, c, e))
        return false;
    crl.number = c->state.number;
    if (!crl_make(&crl, c->a->cert, key, &pem, e) ||
        !file_replace(AT_FDCWD, path, pem.text, pem.size, 0644, e))
        return false;
    c->state.this_update_s = crl.this_update_s;
    c->state.next_update_s = crl.next_update_s;
    c->state.revoked = c->revoked;
    return save_state(r, c, e);
}

/* One CA that cannot sign does not hold back the others' CRLs: the first failure is told. */
static bool
make_due(struct refresh *r, bool *did, struct err *e)
{
    bool good = true;

    for (size_t i = 0; i < r->ca->count; i++) {
        struct err why = {0};

        if (!is_due(r, &r->each[i]))
            continue;
        r->each[i].has_failed = !make(r, &r->each[i], &why);
        *did = *did || !r->each[i].has_failed;
        if (r->each[i].has_failed && good) {
            *e = why;
            good = err_wrap(e, "make the CRL of the CA '%s'", r->each[i].a->word);
        }
    }
    return good;
}

/* ---- publishing ---- */

/* What a published file is made from: which CAs, and the numbers of their CRLs; free() it. */
static char *
describe(const struct refresh *r, const struct published *p)
{
    own_str struct str parts = {0};

    for (size_t i = 0; i < r->ca->count; i++)
        if (authority_is_for(r->each[i].a, p->purpose) &&
            !str_addf(&parts, "%s:%lld ", r->each[i].a->id, (long long)r->each[i].state.number))
            return NULL;
    return str_take(&parts);
}

static bool
is_published(const struct refresh *r, const struct published *p)
{
    own_mem char *path = authority_path(r->ca->config, p->file, "");
    own_mem char *wanted = describe(r, p);
    const char *there = json_member_text(json_member(r->json, "published"), p->file);

    return path != NULL && size_of(path) > 0 && wanted != NULL && there != NULL &&
           strcmp(there, wanted) == 0;
}

/* Issuing CAs first. Without the first CRL of one that cannot sign: its own clients are refused
 * then, and who was revoked by the others is, too. */
static bool
add_crls(const struct refresh *r, const struct published *p, bool roots, struct str *pem,
         struct err *e)
{
    for (size_t i = 0; i < r->ca->count; i++) {
        const struct authority *a = r->each[i].a;
        own_mem char *path = authority_path(r->ca->config, a->name, ".crl");

        if ((a->role == CA_ROOT) != roots || !authority_is_for(a, p->purpose))
            continue;
        if (path == NULL)
            return err_memory(e);
        if (r->each[i].has_failed && size_of(path) <= 0)
            continue;
        if (!file_read(AT_FDCWD, path, CRLS_FILE_MAX, pem, e))
            return err_wrap(e, "the CRL of the CA '%s'", a->word);
    }
    return true;
}

static bool
publish(struct refresh *r, const struct published *p, struct err *e)
{
    own_mem char *path = authority_path(r->ca->config, p->file, "");
    own_mem char *parts = describe(r, p);
    own_json struct json_t *all = NULL;
    own_str struct str pem = {0};

    if (path == NULL || parts == NULL)
        return err_memory(e);
    if (!add_crls(r, p, false, &pem, e) || !add_crls(r, p, true, &pem, e) ||
        !file_replace(AT_FDCWD, path, pem.text, pem.size, 0644, e))
        return false;
    all = json_keep(json_member(r->json, "published"));
    if (all == NULL)
        all = json_new_object();
    json_put_text(all, p->file, parts);
    json_put(r->json, "published", json_keep(all));
    return share_save(r->json, r->json_path, e);
}

/* Each as far as it goes; the first failure is told. */
static bool
publish_due(struct refresh *r, bool *did, struct err *e)
{
    bool good = true;

    for (size_t i = 0; i < COUNT(published); i++) {
        struct err why = {0};

        if (is_published(r, &published[i]))
            continue;
        if (publish(r, &published[i], &why)) {
            *did = true;
        } else if (good) {
            *e = why;
            good = err_wrap(e, "publish '%s'", published[i].file);
        }
    }
    return good;
}

/* ---- the whole ---- */

/* An index that has not grown since has no revocation that is not in a CRL: a run with nothing to
 * do need not read it. */
static bool
is_same_index(const struct refresh *r, int64_t size)
{
    if (r->how != 0 || json_member_int(r->json, "index_size") != size)
        return false;
    for (size_t i = 0; i < r->ca->count; i++)
        if (is_due(r, &r->each[i]))
            return false;
    return true;
}

static bool
remember_index(struct refresh *r, int64_t size, struct err *e)
{
    json_put_int(r->json, "index_size", size);
    return share_save(r->json, r->json_path, e);
}

static bool
begin(struct refresh *r, struct err *e)
{
    r->json_path = authority_path(r->ca->config, "crl.json", "");
    r->json = r->json_path == NULL ? NULL : load_json(r->json_path);
    r->each = calloc(r->ca->count, sizeof(*r->each));
    if (r->json == NULL || r->each == NULL)
        return err_memory(e);
    for (size_t i = 0; i < r->ca->count; i++) {
        r->each[i] = (struct crl_of){.a = r->ca->all[i]};
        r->each[i].state = read_state(r->json, r->ca->all[i]);
        r->each[i].revoked = r->each[i].state.revoked;
    }
    return true;
}

bool
crls_refresh(struct ca *ca, int how, bool *did, struct err *e)
{
    own_refresh struct refresh r = {.ca = ca, .how = how, .now_s = ca->clock->now_s(ca->clock)};
    int64_t size = size_of(ca->index_path);
    struct err ignored = {0};
    bool made = false, good = true;

    if (!begin(&r, e))
        return false;
    if (!is_same_index(&r, size)) {
        if (!read_index(&r, e))
            return false;
        good = make_due(&r, &made, e) && remember_index(&r, size, e);
    }
    good = publish_due(&r, &made, good ? e : &ignored) && good;
    if (good)
        *did = made;
    return good;
}

bool
crls_are_due(struct ca *ca, int how, bool *due, struct err *e)
{
    own_refresh struct refresh r = {.ca = ca, .how = how, .now_s = ca->clock->now_s(ca->clock)};

    if (!begin(&r, e))
        return false;
    *due = false;
    if (is_same_index(&r, size_of(ca->index_path)))
        return true;
    if (!read_index(&r, e))
        return false;
    for (size_t i = 0; i < ca->count; i++)
        *due = *due || is_due(&r, &r.each[i]);
    return true;
}

/* Who may read only, proves a CRL by a canary that no CRL of before has refused. */
static bool
keep_canaries(struct ca *ca, int how, struct err *e)
{
    bool is_due = false;

    return !share_is_wanted(ca->config) ||
           (crls_are_due(ca, how, &is_due, e) && canary_keep(ca, is_due, e));
}

/* Without a canary a CRL is better than none. */
bool
ca_refresh(struct ca *ca, bool force, bool *did, struct err *e)
{
    int how = force ? CRLS_FORCE : 0;
    struct err ignored = {0};
    bool good = keep_canaries(ca, how, e);

    return crls_refresh(ca, how, did, good ? e : &ignored) && good;
}
