/* sessions.c: who is connected with which certificate; and ends those. */
#include "reload/sessions.h"

#include "reload/deployment.h"
#include "reload/trust.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>

#include <stdlib.h>
#include <string.h>

#define SESSIONS_END_MS 10000 /* a backend that is well ends in a few */
#define FIRST_PAUSE_MS 2
#define PAUSE_MAX_MS 100

static void
session_done(struct client_session *s)
{
    free(s->role);
    free(s->database);
    free(s->address);
    free(s->serial);
    free(s->issuer);
}

void
client_sessions_done(struct client_sessions *s)
{
    for (size_t i = 0; i < s->count; i++)
        session_done(&s->items[i]);
    free(s->items);
    *s = (struct client_sessions){0};
}

bool
sessions_add(struct client_sessions *all, const struct client_session *one)
{
    struct client_session *more = realloc(all->items, (all->count + 1) * sizeof(*more));
    struct client_session *to = NULL;

    if (more == NULL)
        return false;
    all->items = more;
    to = &more[all->count++];
    *to = (struct client_session){
        .pid = one->pid,
        .role = strdup(one->role),
        .database = strdup(one->database),
        .address = strdup(one->address),
        .serial = strdup(one->serial),
        .issuer = strdup(one->issuer),
    };
    return to->role != NULL && to->database != NULL && to->address != NULL && to->serial != NULL &&
           to->issuer != NULL;
}

/* ---- whose certificate it is ---- */

static bool
write_name(BIO *bio, const X509_NAME *name)
{
    for (int i = 0; i < X509_NAME_entry_count(name); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
        const char *word = nid == NID_undef ? NULL : OBJ_nid2sn(nid);

        if (word == NULL || BIO_printf(bio, "/%s=", word) <= 0 ||
            ASN1_STRING_print_ex(bio, X509_NAME_ENTRY_get_data(entry),
                                 (ASN1_STRFLGS_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) |
                                     ASN1_STRFLGS_UTF8_CONVERT) < 0)
            return false;
    }
    return true;
}

bool
session_name(const X509_NAME *name, char text[static SESSION_NAME_SIZE])
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool good = bio != NULL && write_name(bio, name);
    char *written = NULL;
    long size = good ? BIO_get_mem_data(bio, &written) : 0;

    if (size > SESSION_NAME_SIZE - 1)
        size = SESSION_NAME_SIZE - 1;
    if (size > 0)
        memcpy(text, written, (size_t)size);
    text[size] = '\0';
    BIO_free(bio);
    ERR_clear_error();
    return good;
}

static bool
same_number(const char *decimal, const char *hexadecimal)
{
    BIGNUM *a = NULL, *b = NULL;
    bool same = BN_dec2bn(&a, decimal) > 0 && BN_hex2bn(&b, hexadecimal) > 0 && BN_cmp(a, b) == 0;

    BN_free(a);
    BN_free(b);
    return same;
}

bool
client_session_is_of(const struct client_session *s, const X509 *ca, const char *serial)
{
    char name[SESSION_NAME_SIZE];

    return (ca == NULL ||
            (session_name(X509_get_subject_name(ca), name) && strcmp(name, s->issuer) == 0)) &&
           (serial == NULL || same_number(s->serial, serial));
}

/* ---- asking ---- */

static bool
open_session(struct deployment *d, struct err *e)
{
    const struct target_type *type = d->target->type;

    if (type->sessions == NULL)
        return err_set(e, ERR_CONFIG, "[target %s] has no sessions that could be seen",
                       d->target->name);
    deployment_open(d);
    if (d->session == NULL)
        *e = d->not_opened;
    return d->session != NULL;
}

bool
reload_sessions(struct target *t, struct client_sessions *out, struct err *e)
{
    own_deployment struct deployment d = {.target = t};

    return open_session(&d, e) && t->type->sessions(d.session, out, e);
}

/* ---- ending ---- */

static bool
is_meant(const struct client_session *s, const struct list *serials, const struct trust *cas)
{
    for (int i = 0; i < sk_X509_num(cas->cas); i++) {
        const X509 *ca = sk_X509_value(cas->cas, i);

        if (serials == NULL && client_session_is_of(s, ca, NULL))
            return true;
        for (size_t n = 0; serials != NULL && n < serials->count; n++)
            if (client_session_is_of(s, ca, serials->items[n]))
                return true;
    }
    return false;
}

/* Those of all who are meant. */
static bool
find_meant(struct deployment *d, const struct list *serials, const struct trust *cas,
           struct client_sessions *meant, struct err *e)
{
    own_client_sessions struct client_sessions all = {0};

    if (!d->target->type->sessions(d->session, &all, e))
        return false;
    for (size_t i = 0; i < all.count; i++)
        if (is_meant(&all.items[i], serials, cas) && !sessions_add(meant, &all.items[i]))
            return err_memory(e);
    return true;
}

static bool
has(const struct client_sessions *all, int pid)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].pid == pid)
            return true;
    return false;
}

/* Ends all there are; one that may not be ended protects no other. Another one may have come
 * meanwhile, with a handshake of before. */
static bool
end_once(struct deployment *d, const struct client_sessions *now, struct client_sessions *ended,
         struct err *e)
{
    struct err first = {0};

    for (size_t i = 0; i < now->count; i++) {
        const struct client_sessions one = {.items = &now->items[i], .count = 1};
        struct err why = {0};

        if (d->target->type->end_sessions(d->session, &one, &why)) {
            if (!has(ended, now->items[i].pid) && !sessions_add(ended, &now->items[i]))
                return err_memory(e);
        } else if (first.code == ERR_NONE) {
            first = why;
        }
    }
    *e = first;
    return first.code == ERR_NONE;
}

bool
reload_end_sessions(struct target *t, const struct list *serials, const struct str *cas,
                    struct clock *clock, struct client_sessions *ended, struct err *e)
{
    own_deployment struct deployment d = {.target = t, .clock = clock};
    own_trust_file struct trust trust = {0};
    int64_t until_ms = 0;

    if (!trust_read(&trust, cas, e) || !open_session(&d, e))
        return false;
    until_ms = clock->steady_ms(clock) + SESSIONS_END_MS;
    for (int64_t pause_ms = FIRST_PAUSE_MS;; pause_ms *= 2) {
        own_client_sessions struct client_sessions now = {0};

        if (!find_meant(&d, serials, &trust, &now, e))
            return false;
        if (now.count == 0)
            return true;
        if (clock->steady_ms(clock) >= until_ms)
            return err_set(e, ERR_TIMEOUT,
                           "the session of role %s (process %d) was told to end, and has not",
                           now.items[0].role, now.items[0].pid);
        if (!end_once(&d, &now, ended, e))
            return false;
        clock->sleep_ms(clock, pause_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause_ms);
    }
}
