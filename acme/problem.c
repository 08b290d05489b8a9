/* problem.c: the table of ACME errors and what each one means for us. */
#include "acme/problem.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "urn:ietf:params:acme:error:"

#define DETAIL_MAX 300     /* bytes of a detail that are told */
#define SUB_DETAIL_MAX 120 /* of a subproblem's */
#define NAME_MAX_TOLD 80
#define SUBS_TOLD 5
#define URL_TOLD_MAX 300
#define LOOKED_AT 200 /* subproblems */

/* RFC 8555 section 6.7 and the registry at https://www.iana.org/assignments/acme, with what an
 * issuer or two have besides (conflict, invalidProfile). In order of type. */
/* clang-format off */
static const struct kind {
    const char *type;
    enum err_code code;
    const char *advice; /* what to do; NULL: the subproblems say it */
} types[] = {
    {"accountDoesNotExist",     ERR_REFUSED,  "the account is gone there; remove account.json of this issuer to register anew"},
    {"alreadyReplaced",         ERR_REFUSED,  "another order has replaced that certificate; give each machine an account of its own"},
    {"alreadyRevoked",          ERR_REFUSED,  "there is nothing left to revoke"},
    {"autoRenewalCanceled",     ERR_PROTOCOL, "pgcert orders nothing that renews itself; tell the issuer"},
    {"autoRenewalCancellationInvalid", ERR_PROTOCOL, "pgcert orders nothing that renews itself; tell the issuer"},
    {"autoRenewalExpired",      ERR_PROTOCOL, "pgcert orders nothing that renews itself; tell the issuer"},
    {"autoRenewalRevocationNotSupported", ERR_REFUSED, "it ends by itself soon"},
    {"badAttestationStatement", ERR_REFUSED,  "it wants proof of a device, which pgcert has not; another profile may do without"},
    {"badCSR",                  ERR_REFUSED,  "another key_type may be acceptable to this issuer"},
    {"badNonce",                ERR_NETWORK,  "it refused every nonce"},
    {"badPublicKey",            ERR_REFUSED,  "another key_type may be acceptable to this issuer"},
    {"badRevocationReason",     ERR_REFUSED,  "give another --reason"},
    {"badSignatureAlgorithm",   ERR_REFUSED,  "an account of pgcert signs by ES256, and this issuer must take that"},
    {"caa",                     ERR_REFUSED,  "a CAA record of the name forbids this issuer; allow it there"},
    {"compound",                ERR_REFUSED,  NULL},
    {"conflict",                ERR_REFUSED,  "something else has changed it at the same time, or has that key already"},
    {"connection",              ERR_NETWORK,  "it could not reach the name servers; check that they answer the world"},
    {"dns",                     ERR_NETWORK,  "it could not look the record up; check the zone with its name servers"},
    {"externalAccountRequired", ERR_CONFIG,   "set eab_kid and eab_hmac_file to what the issuer gave you"},
    {"incorrectResponse",       ERR_REFUSED,  "it saw another value; check that every name server of the zone has the record"},
    {"invalidContact",          ERR_CONFIG,   "correct the setting contact"},
    {"invalidProfile",          ERR_CONFIG,   "correct the setting profile"},
    {"malformed",               ERR_PROTOCOL, "unless a setting explains it, report it as a mistake of pgcert"},
    {"onionCAARequired",        ERR_REFUSED,  "pgcert cannot prove names in .onion; correct the setting names"},
    {"orderNotReady",           ERR_NETWORK,  "the order will be resumed"},
    {"rateLimited",             ERR_BUSY,     "it has had too many requests of this kind; wait, and order fewer"},
    {"rejectedIdentifier",      ERR_REFUSED,  "this issuer does not sign that name; correct the setting names"},
    {"serverInternal",          ERR_NETWORK,  "the trouble is the issuer's own"},
    {"tls",                     ERR_NETWORK,  "it looked by TLS, which DNS-01 has no need of; tell the issuer"},
    {"unauthorized",            ERR_REFUSED,  "it did not find the record it was told to look for"},
    {"unknownDelegation",       ERR_PROTOCOL, "pgcert orders by no delegation; tell the issuer"},
    {"unsupportedContact",      ERR_CONFIG,   "correct the setting contact"},
    {"unsupportedIdentifier",   ERR_REFUSED,  "this issuer signs no such names; correct the setting names"},
    {"userActionRequired",      ERR_REFUSED,  "do what it asks for, then run again"},
};
/* clang-format on */

bool
problem_is(const struct json_t *problem, const char *type)
{
    const char *given = problem == NULL ? NULL : json_member_text(problem, "type");

    return given != NULL && strncmp(given, PREFIX, strlen(PREFIX)) == 0 &&
           strcmp(given + strlen(PREFIX), type) == 0;
}

/* NULL: a type that we do not know. */
static const struct kind *
find_kind(const struct json_t *problem)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (problem_is(problem, types[i].type))
            return &types[i];
    return NULL;
}

/* Adds at most so many bytes of a text, whole characters of UTF-8, without its final stop. */
static bool
add_text(struct str *to, const char *text, size_t most)
{
    size_t size = text == NULL ? 0 : strnlen(text, most + 1);
    bool cut = size > most;

    if (cut)
        for (size--; size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80;)
            size--;
    while (!cut && size > 0 && text[size - 1] == '.')
        size--;
    return size == 0 || (str_add(to, text, size) && (!cut || str_add(to, "...", 3)));
}

/* ---- subproblems (RFC 8555 section 6.7.1) ---- */

/* "; db.example.org: CAA record forbids (what to do)"; the same advice is given once. */
static bool
add_subproblem(struct str *text, const struct json_t *one, bool *advised)
{
    const char *name = json_member_text(json_member(one, "identifier"), "value");
    const struct kind *kind = find_kind(one);

    if (!str_add(text, "; ", 2) || !add_text(text, name == NULL ? "?" : name, NAME_MAX_TOLD) ||
        !str_add(text, ": ", 2) || !add_text(text, json_member_text(one, "detail"), SUB_DETAIL_MAX))
        return false;
    /* one name of several that is malformed is nobody's mistake but the name's */
    if (kind == NULL || kind->code == ERR_PROTOCOL || kind->advice == NULL ||
        strstr(text->text, kind->advice) != NULL)
        return true;
    *advised = true;
    return str_addf(text, " (%s)", kind->advice);
}

/* *advised: one of them says what to do. */
static bool
add_subproblems(struct str *text, const struct json_t *problem, bool *advised)
{
    const struct json_t *all = json_member(problem, "subproblems");
    size_t count = json_count(all);

    for (size_t i = 0; i < count && i < SUBS_TOLD; i++)
        if (!add_subproblem(text, json_item(all, i), advised))
            return false;
    return count <= SUBS_TOLD || str_addf(text, "; and %zu more", count - SUBS_TOLD);
}

/* What the subproblems of a compound one have in common; ERR_REFUSED when that is nothing. */
static enum err_code
common_code(const struct json_t *problem)
{
    const struct json_t *all = json_member(problem, "subproblems");
    enum err_code code = ERR_NONE;

    for (size_t i = 0; i < json_count(all) && i < LOOKED_AT; i++) {
        const struct kind *kind = find_kind(json_item(all, i));
        enum err_code one = kind == NULL ? ERR_REFUSED : kind->code;

        if (code != ERR_NONE && one != code)
            return ERR_REFUSED;
        code = one;
    }
    return code == ERR_NONE ? ERR_REFUSED : code;
}

/* ---- the sentence ---- */

/* A status without a problem document; 0: of something inside of a resource. */
static bool
tell_status(int status, int64_t retry_at_s, struct err *e)
{
    bool later = status == 429 || status >= 500;

    if (status == 0)
        return err_set(e, ERR_REFUSED, "the issuer refuses and does not say why");
    (void)err_set(e,
                  status == 429 ? ERR_BUSY
                  : later       ? ERR_NETWORK
                                : ERR_PROTOCOL,
                  "the issuer answered with status %d and no explanation", status);
    e->retry_at_s = retry_at_s;
    return false;
}

/* What to do; a request may be unauthorized too, and then it was not about a record (RFC 8555
 * section 6.7). */
static const char *
find_advice(const struct kind *kind, int status)
{
    if (kind != NULL && status != 0 && strcmp(kind->type, "unauthorized") == 0)
        return "the account may not do that; look at it by: pgcert account show";
    return kind == NULL ? NULL : kind->advice;
}

/* A user can be sent there (RFC 8555 section 7.3.3). */
static bool
is_told(const char *url)
{
    return url != NULL && http_is_https(url) && strlen(url) <= URL_TOLD_MAX;
}

bool
problem_tell(const struct json_t *problem, int status, int64_t retry_at_s, struct err *e)
{
    const char *type = problem == NULL ? NULL : json_member_text(problem, "type");
    const char *instance = problem == NULL ? NULL : json_member_text(problem, "instance");
    const struct kind *kind = find_kind(problem);
    enum err_code code = status == 429 ? ERR_BUSY : status >= 500 ? ERR_NETWORK : ERR_REFUSED;
    const char *advice = find_advice(kind, status);
    bool advised = false;
    own_str struct str text = {0};

    if (type == NULL && (problem == NULL || json_member_text(problem, "detail") == NULL))
        return tell_status(status, retry_at_s, e);
    if (type == NULL)
        type = "about:blank"; /* RFC 7807 section 4.2 */
    if (kind != NULL)
        code = kind->code;
    if (problem_is(problem, "compound"))
        code = common_code(problem);
    if (strncmp(type, PREFIX, strlen(PREFIX)) == 0)
        type += strlen(PREFIX);
    if (!str_addf(&text, "the issuer says ") || !add_text(&text, type, NAME_MAX_TOLD) ||
        !str_add(&text, ": ", 2) ||
        !add_text(&text, json_member_text(problem, "detail"), DETAIL_MAX) ||
        !add_subproblems(&text, problem, &advised) ||
        (problem_is(problem, "userActionRequired") && is_told(instance) &&
         !str_addf(&text, "; go to %s", instance)) ||
        (advice != NULL && !advised && !str_addf(&text, "; %s", advice)))
        return err_memory(e);
    (void)err_set(e, code, "%s", text.text);
    e->retry_at_s = retry_at_s;
    return false;
}

void
problem_point(const struct json_t *problem, const struct list *help, const struct list *terms,
              struct err *e)
{
    const struct {
        const char *type, *word;
        const struct list *urls;
    } links[] = {{"userActionRequired", "its terms of service", terms},
                 {"rateLimited", "its rules", help}};

    for (size_t i = 0; i < COUNT(links); i++)
        if (problem_is(problem, links[i].type) && links[i].urls->count > 0 &&
            is_told(links[i].urls->items[0]))
            (void)snprintf(e->text + strlen(e->text), sizeof(e->text) - strlen(e->text), "; %s: %s",
                           links[i].word, links[i].urls->items[0]);
}
