/* look.c: what a CA is, what it has issued; revoke; take something out of it. */
#include "base/file.h"
#include "ca/crls.h"
#include "ca/export.h"
#include "ca/gone.h"
#include "ca/index.h"
#include "ca/name.h"
#include "ca/rollover.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/x509v3.h>

/* Those that a CA can say of a certificate of ours, in the order of index_reasons. */
const char *const ca_reasons[] = {
    "unspecified", "keyCompromise",        "affiliationChanged",
    "superseded",  "cessationOfOperation", "privilegeWithdrawn",
    NULL,
};

/* ---- the CAs ---- */

static bool
look_at(const struct ca *ca, const struct authority *a, const struct crls_state *crl,
        const struct index *index, struct ca_look *l, struct err *e)
{
    own_mem char *own_crl = authority_path(ca->config, a->name, ".crl");

    l->word = strdup(a->word);
    l->tenant = a->tenant == NULL ? NULL : strdup(a->tenant);
    l->subject = cert_subject(a->cert);
    l->serial = cert_serial(a->cert);
    l->file = authority_path(ca->config, a->name, ".crt");
    l->crl_file = crls_path(ca, a);
    l->not_before_s = cert_not_before(a->cert);
    l->not_after_s = cert_not_after(a->cert);
    l->has_key = authority_has_key(ca, a);
    l->is_in_token = authority_uri(ca->config, a) != NULL;
    /* what is published may be there without the one that it is made of */
    l->has_crl = l->crl_file != NULL && access(l->crl_file, F_OK) == 0 && own_crl != NULL &&
                 access(own_crl, F_OK) == 0;
    l->crl_number = crl->number;
    l->crl_this_update_s = crl->this_update_s;
    l->crl_next_update_s = crl->next_update_s;
    l->issued = index == NULL ? -1 : 0;
    l->revoked = l->issued;
    for (size_t i = 0; index != NULL && i < index->count; i++)
        if (strcmp(index->entries[i].issuer, a->id) == 0) {
            l->issued++;
            l->revoked += index->entries[i].revoked_at_s != 0;
        }
    if (l->word == NULL || (a->tenant != NULL && l->tenant == NULL) || l->subject == NULL ||
        l->serial == NULL || l->file == NULL || l->crl_file == NULL)
        return err_memory(e);
    return cert_sha256(a->cert, l->sha256, e);
}

bool
ca_show(struct ca *ca, struct ca_looks *looks, struct err *e)
{
    own_mem struct crls_state *states = calloc(ca->count, sizeof(*states));
    own_index struct index index = {0};
    struct err why = {0};
    bool has_index = false;

    looks->items = calloc(ca->count, sizeof(*looks->items));
    if (states == NULL || looks->items == NULL)
        return err_memory(e);
    crls_look(ca, states);
    /* who may read what is public only, sees that */
    has_index = index_read(ca->index_path, &index, &why);
    if (!has_index && (why.code != ERR_PERMISSION || ca->lock >= 0)) {
        *e = why;
        return false;
    }
    for (size_t i = 0; i < ca->count; i++, looks->count++)
        if (!look_at(ca, ca->all[i], &states[i], has_index ? &index : NULL, &looks->items[i], e))
            return false;
    return true;
}

void
ca_looks_done(struct ca_looks *looks)
{
    for (size_t i = 0; i < looks->count; i++) {
        struct ca_look *l = &looks->items[i];

        free(l->word);
        free(l->tenant);
        free(l->subject);
        free(l->serial);
        free(l->file);
        free(l->crl_file);
    }
    free(looks->items);
    *looks = (struct ca_looks){0};
}

/* What a rollover brings is trusted only after its CRLs are there. */
static bool
is_trusted(const struct ca *ca, const struct authority *a)
{
    return !a->is_next || ca->rollover.phase >= CA_ROLLOVER_TRUSTED;
}

static bool
is_living(const struct ca *ca, const struct authority *a)
{
    return cert_not_after(a->cert) > ca->clock->now_s(ca->clock);
}

/* Is there an issuing CA for clients that has not expired, below that root (NULL: any)? */
static bool
has_living(const struct ca *ca, const struct authority *root)
{
    for (size_t i = 0; i < ca->count; i++) {
        const struct authority *a = ca->all[i];

        if (a->role != CA_ROOT && authority_is_for(a, CA_CLIENTS) && is_trusted(ca, a) &&
            is_living(ca, a) && (root == NULL || authority_root(ca, a) == root))
            return true;
    }
    return false;
}

/* A server is given no CA for clients that has expired, unless there is no other. */
static bool
is_given(const struct ca *ca, enum ca_pem which, const struct authority *a)
{
    return is_trusted(ca, a) &&
           (which != CA_PEM_CLIENTS || is_living(ca, a) ||
            (a->role == CA_ROOT && has_living(ca, a)) || !has_living(ca, NULL));
}

static bool
add_certs(const struct ca *ca, enum ca_pem which, enum ca_role role, struct str *pem, struct err *e)
{
    for (size_t i = 0; i < ca->count; i++) {
        struct chain one = {.certs = {ca->all[i]->cert}, .count = 1};

        if (ca->all[i]->role == role && is_given(ca, which, ca->all[i]) &&
            !chain_to_pem(&one, pem, e))
            return false;
    }
    return true;
}

/* Each issuing CA before the roots. */
bool
ca_add_pem(const struct ca *ca, enum ca_pem which, struct str *pem, struct err *e)
{
    bool servers = which == CA_PEM_SERVERS || which == CA_PEM_ALL;
    bool clients = which == CA_PEM_CLIENTS || which == CA_PEM_ALL;

    return (!servers || add_certs(ca, which, CA_SERVERS, pem, e)) &&
           (!clients || (add_certs(ca, which, CA_CLIENTS, pem, e) &&
                         add_certs(ca, which, CA_TENANT, pem, e))) &&
           add_certs(ca, which, CA_ROOT, pem, e);
}

/* ---- the list ---- */

static void
describe(const struct index_entry *one, const struct list *gone, int64_t now_s,
         struct ca_issued *to)
{
    const char *state = export_state(one, now_s);

    *to = (struct ca_issued){
        .serial = one->serial,
        .name = one->name,
        .tenant = one->tenant,
        .issuer = one->issuer,
        .kind = kinds[one->kind].word,
        .state = strcmp(state, "valid") == 0 && list_has(gone, one->issuer) ? "gone" : state,
        .reason = one->revoked_at_s != 0 ? one->reason->word : NULL,
        .at_s = one->at_s,
        .not_after_s = one->not_after_s,
        .revoked_at_s = one->revoked_at_s,
    };
}

bool
ca_list_read(const struct ca_config *config, const char *kind, int64_t now_s, struct ca_list *list,
             struct err *e)
{
    own_mem char *path = authority_path(config, "index", "");
    struct ca_list read = {.index = calloc(1, sizeof(*read.index))};
    own_list struct list gone = {0};
    bool good = path != NULL && read.index != NULL;

    if (!good)
        (void)err_memory(e);
    good = good && gone_ids(config, &gone, e) && index_read(path, read.index, e);
    if (good) {
        read.items = calloc(read.index->count + 1, sizeof(*read.items));
        good = read.items != NULL || err_memory(e);
    }
    for (size_t i = 0; good && read.items != NULL && i < read.index->count; i++)
        if (kind == NULL || kind_find(kind) == read.index->entries[i].kind)
            describe(&read.index->entries[i], &gone, now_s, &read.items[read.count++]);
    if (good)
        *list = read;
    else
        ca_list_done(&read);
    return good;
}

bool
ca_list_has_revoked(const struct ca_list *list, const char *serial)
{
    const struct index_entry *one = index_find(list->index, serial);

    return one != NULL && one->revoked_at_s != 0;
}

void
ca_list_done(struct ca_list *list)
{
    free(list->items);
    if (list->index != NULL)
        index_done(list->index);
    free(list->index);
    *list = (struct ca_list){0};
}

bool
ca_signs_still(const struct ca *ca, const struct ca_list *list, const char *serial)
{
    const struct index_entry *one = index_find(list->index, serial);

    for (size_t i = 0; one != NULL && i < ca->count; i++)
        if (strcmp(ca->all[i]->id, one->issuer) == 0)
            return ca->all[i]->is_next == authority_is_switched(ca);
    return one == NULL;
}

/* By the key that the leaf says it is signed by. */
bool
ca_signs_servers(const struct ca_config *config, const char *chain_pem, size_t size)
{
    struct ca_rollover rollover = {0};
    own_chain struct chain chain = {0};
    own_str struct str pem = {0};
    own_chain struct chain ca = {0};
    struct err ignored = {0};
    own_mem char *path = NULL;

    if (!rollover_read(config, &rollover, &ignored) ||
        !chain_from_pem(&chain, chain_pem, size, &ignored))
        return true;
    path = authority_path(
        config, rollover.phase >= CA_ROLLOVER_SWITCHED ? AUTHORITY_NEXT "/server-ca" : "server-ca",
        ".crt");
    if (path == NULL || !file_read(AT_FDCWD, path, CERT_PEM_MAX, &pem, &ignored) ||
        !chain_from_pem(&ca, pem.text, pem.size, &ignored))
        return true;
    return X509_check_issued(ca.certs[0], chain.certs[0]) == X509_V_OK;
}

/* ---- revoking ---- */

/* Those that are not revoked yet, each once. */
static bool
find_unrevoked(const struct index *index, const struct list *serials, struct list *found,
               struct err *e)
{
    for (size_t i = 0; i < serials->count; i++) {
        struct index_entry *one = index_find(index, serials->items[i]);

        if (one == NULL)
            return err_set(e, ERR_INPUT,
                           "the private CA has issued no certificate with the serial %s",
                           serials->items[i]);
        if (one->revoked_at_s == 0 && !list_add(found, one->serial))
            return err_memory(e);
        one->revoked_at_s = 1; /* of this copy; it may be named again */
    }
    return true;
}

bool
ca_revoke_all(struct ca *ca, const struct list *serials, const char *reason_word, size_t *revoked,
              struct err *e)
{
    const struct index_reason *reason = index_reason_find(reason_word);
    own_index struct index index = {0};
    own_list struct list found = {0};

    if (reason == NULL)
        return err_set(e, ERR_INPUT, "there is no reason '%s'", reason_word);
    if (!index_read(ca->index_path, &index, e) || !find_unrevoked(&index, serials, &found, e) ||
        !index_add_all_revoked(ca->index_path, &found, reason, ca->clock->now_s(ca->clock), e))
        return false;
    *revoked = found.count;
    return true;
}

bool
ca_revoke(struct ca *ca, const char *serial, const char *reason, bool *revoked, struct err *e)
{
    own_list struct list one = {0};
    size_t count = 0;

    if (!list_add(&one, serial))
        return err_memory(e);
    if (!ca_revoke_all(ca, &one, reason, &count, e))
        return false;
    *revoked = count > 0;
    return true;
}

/* ---- taking out ---- */

static bool
unknown_ca(const struct ca *ca, const char *word, struct err *e)
{
    own_str struct str known = {0};

    for (size_t i = 0; i < ca->count; i++)
        if (!str_addf(&known, "%s '%s'", i == 0 ? "" : ",", ca->all[i]->word))
            return err_memory(e);
    return err_set(e, ERR_INPUT, "there is no CA '%s'; there are:%s", word, known.text);
}

bool
ca_export_index(struct ca *ca, const char *word, struct str *text, struct err *e)
{
    int64_t now_s = ca->clock->now_s(ca->clock);
    own_index struct index index = {0};
    own_mem char *organization = name_organization(authority_find(ca, CA_ROOT, NULL)->cert);

    if (!index_read(ca->index_path, &index, e))
        return false;
    if (word == NULL)
        return export_csv(&index, now_s, text, e);
    for (size_t i = 0; i < ca->count; i++)
        if (strcmp(ca->all[i]->word, word) == 0)
            return export_openssl(&index, ca->all[i]->id, organization, now_s, text, e);
    return unknown_ca(ca, word, e);
}
