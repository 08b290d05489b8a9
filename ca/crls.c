/* crls.c: the CRL files: root.crl, and clients.crl and servers.crl, which hold the root's as well,
 * since who checks a chain needs a CRL of every CA in it. */
#include "ca/crls.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "ca/crl.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* One run over the CRLs. */
struct refresh {
    struct ca *ca;
    int how;
    struct json_t *json; /* crl.json */
    char *json_path;
    struct crls_state states[CA_ROLE_COUNT];
    struct index index;
    int64_t revoked[CA_ROLE_COUNT]; /* events in the index */
    int64_t now_s;
};

#define own_refresh __attribute__((cleanup(refresh_done)))

static void
refresh_done(struct refresh *r)
{
    json_drop(&r->json);
    own_mem_drop(&r->json_path);
    index_done(&r->index);
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
read_state(const struct json_t *json, enum ca_role role)
{
    const struct json_t *one = json_member(json, authority_files[role].word);

    return (struct crls_state){
        .number = json_member_int(one, "number"),
        .this_update_s = json_member_int(one, "this_update"),
        .next_update_s = json_member_int(one, "next_update"),
        .revoked = json_member_int(one, "revoked"),
        .root_number = json_member_int(one, "root_number"),
    };
}

void
crls_look(const struct ca *ca, struct crls_state states[static CA_ROLE_COUNT])
{
    own_mem char *path = authority_path(ca->config, "crl.json", "");
    own_json struct json_t *json = path == NULL ? NULL : load_json(path);

    for (int role = 0; role < CA_ROLE_COUNT; role++)
        states[role] = read_state(json, (enum ca_role)role);
}

static bool
save_state(struct refresh *r, enum ca_role role, struct err *e)
{
    const struct crls_state *s = &r->states[role];
    struct json_t *one = json_new_object();

    json_put_int(one, "number", s->number);
    json_put_int(one, "this_update", s->this_update_s);
    json_put_int(one, "next_update", s->next_update_s);
    json_put_int(one, "revoked", s->revoked);
    json_put_int(one, "root_number", s->root_number);
    json_put(r->json, authority_files[role].word, one);
    return json_save(r->json, r->json_path, e);
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
is_due(const struct refresh *r, enum ca_role role)
{
    const struct crls_state *s = &r->states[role];
    own_mem char *path = authority_path(r->ca->config, authority_files[role].crl, "");
    int64_t lifetime_s = s->next_update_s - s->this_update_s;
    int64_t usual_s = r->ca->config->crl_lifetime_s;

    if (role == CA_ROOT && r->ca->all[role].key == NULL && !authority_has_key(r->ca, role))
        return false;
    return (r->how & CRLS_FORCE) != 0 || path == NULL || size_of(path) <= 0 ||
           s->revoked != r->revoked[role] || s->this_update_s > r->now_s ||
           (role != CA_ROOT && s->root_number != r->states[CA_ROOT].number) ||
           s->next_update_s - r->now_s <= (lifetime_s < usual_s ? lifetime_s : usual_s) / 2;
}

static bool
read_index(struct refresh *r, struct err *e)
{
    if (!index_read(r->ca->index_path, &r->index, e))
        return false;
    memset(r->revoked, 0, sizeof(r->revoked));
    for (size_t i = 0; i < r->index.count; i++)
        for (int role = 0; role < CA_ROLE_COUNT; role++)
            r->revoked[role] += r->index.entries[i].revoked_at_s != 0 &&
                                strcmp(r->index.entries[i].issuer, r->ca->all[role].id) == 0;
    return true;
}

/* ---- making ---- */

/* The number is on disk before it is used; the clock keeps it growing where that was lost. */
static bool
reserve_number(struct refresh *r, enum ca_role role, struct err *e)
{
    struct crls_state *s = &r->states[role];

    s->number = s->number + 1 > r->now_s ? s->number + 1 : r->now_s;
    return save_state(r, role, e);
}

static int64_t
next_update(const struct refresh *r, enum ca_role role)
{
    if (role == CA_ROOT && (r->how & CRLS_LONG_ROOT) != 0)
        return cert_not_after(r->ca->all[role].cert);
    return r->now_s + r->ca->config->crl_lifetime_s;
}

static bool
write_crl(struct refresh *r, enum ca_role role, struct str *pem, struct err *e)
{
    own_mem char *path = authority_path(r->ca->config, authority_files[role].crl, "");
    own_mem char *root = authority_path(r->ca->config, authority_files[CA_ROOT].crl, "");

    if (path == NULL || root == NULL)
        return err_memory(e);
    if (role != CA_ROOT && !file_read(AT_FDCWD, root, CRLS_FILE_MAX, pem, e))
        return err_wrap(e, "the root's CRL");
    return file_replace(AT_FDCWD, path, pem->text, pem->size, 0644, e);
}

static bool
make(struct refresh *r, enum ca_role role, struct err *e)
{
    struct crls_state *s = &r->states[role];
    const struct authority *a = &r->ca->all[role];
    EVP_PKEY *key = authority_key(r->ca, role, e);
    own_str struct str pem = {0};
    struct crl crl = {.index = &r->index,
                      .before_s = s->this_update_s,
                      .this_update_s = r->now_s - AUTHORITY_BACKDATED_S,
                      .next_update_s = next_update(r, role)};

    if (key == NULL || !reserve_number(r, role, e))
        return false;
    crl.number = s->number;
    if (!crl_make(&crl, a->cert, key, &pem, e) || !write_crl(r, role, &pem, e))
        return false;
    s->this_update_s = crl.this_update_s;
    s->next_update_s = crl.next_update_s;
    s->revoked = r->revoked[role];
    s->root_number = r->states[CA_ROOT].number;
    return save_state(r, role, e);
}

/* An index that has not grown since has no revocation that is not in a CRL: a run with nothing to
 * do need not read it. */
static bool
is_same_index(const struct refresh *r, int64_t size)
{
    if (r->how != 0 || json_member_int(r->json, "index_size") != size)
        return false;
    for (int role = 0; role < CA_ROLE_COUNT; role++)
        if (is_due(r, (enum ca_role)role))
            return false;
    return true;
}

static bool
remember_index(struct refresh *r, int64_t size, struct err *e)
{
    json_put_int(r->json, "index_size", size);
    return json_save(r->json, r->json_path, e);
}

/* The root's first, for it goes into the others. */
static bool
make_due(struct refresh *r, bool *did, struct err *e)
{
    for (int role = 0; role < CA_ROLE_COUNT; role++) {
        if (!is_due(r, (enum ca_role)role))
            continue;
        if (!make(r, (enum ca_role)role, e))
            return err_wrap(e, "make the CRL '%s'", authority_files[role].crl);
        *did = true;
    }
    return true;
}

bool
crls_refresh(struct ca *ca, int how, bool *did, struct err *e)
{
    own_refresh struct refresh r = {.ca = ca, .how = how, .now_s = ca->clock->now_s(ca->clock)};
    int64_t size = size_of(ca->index_path);
    bool made = false;

    r.json_path = authority_path(ca->config, "crl.json", "");
    r.json = r.json_path == NULL ? NULL : load_json(r.json_path);
    if (r.json == NULL)
        return err_memory(e);
    for (int role = 0; role < CA_ROLE_COUNT; role++) {
        r.states[role] = read_state(r.json, (enum ca_role)role);
        r.revoked[role] = r.states[role].revoked;
    }
    if (!is_same_index(&r, size) &&
        (!read_index(&r, e) || !make_due(&r, &made, e) || !remember_index(&r, size, e)))
        return false;
    *did = made;
    return true;
}

bool
ca_refresh(struct ca *ca, bool force, bool *did, struct err *e)
{
    return crls_refresh(ca, force ? CRLS_FORCE : 0, did, e);
}
