/* problem.c: the table of ACME errors and what each one means for us. */
#include "acme/problem.h"

#include <string.h>

#define PREFIX "urn:ietf:params:acme:error:"

/* RFC 8555 section 6.7. In order of type. */
/* clang-format off */
static const struct {
    const char *type;
    enum err_code code;
    const char *advice; /* NULL: the detail says it all */
} types[] = {
    {"accountDoesNotExist",     ERR_REFUSED,  "the account is gone there; remove account.json of this issuer to register anew"},
    {"alreadyRevoked",          ERR_REFUSED,  NULL},
    {"badCSR",                  ERR_REFUSED,  "another key_type may be acceptable to this issuer"},
    {"badNonce",                ERR_NETWORK,  "it refused every nonce"},
    {"badPublicKey",            ERR_REFUSED,  NULL},
    {"badRevocationReason",     ERR_REFUSED,  NULL},
    {"badSignatureAlgorithm",   ERR_REFUSED,  NULL},
    {"caa",                     ERR_REFUSED,  "a CAA record of the name forbids this issuer; allow it there"},
    {"compound",                ERR_REFUSED,  NULL},
    {"connection",              ERR_NETWORK,  "it could not reach the name servers; check that they answer the world"},
    {"dns",                     ERR_NETWORK,  "it could not look the record up; check the zone with its name servers"},
    {"externalAccountRequired", ERR_CONFIG,   "set eab_kid and eab_hmac_file to what the issuer gave you"},
    {"incorrectResponse",       ERR_REFUSED,  "it saw another value; check that every name server of the zone has the record"},
    {"invalidContact",          ERR_CONFIG,   "correct the setting contact"},
    {"invalidProfile",          ERR_CONFIG,   "correct the setting profile"},
    {"malformed",               ERR_PROTOCOL, NULL},
    {"orderNotReady",           ERR_NETWORK,  NULL},
    {"rateLimited",             ERR_BUSY,     NULL},
    {"rejectedIdentifier",      ERR_REFUSED,  "this issuer does not sign that name; correct the setting names"},
    {"serverInternal",          ERR_NETWORK,  NULL},
    {"tls",                     ERR_NETWORK,  NULL},
    {"unauthorized",            ERR_REFUSED,  "it did not find the record it was told to look for"},
    {"unsupportedContact",      ERR_CONFIG,   "correct the setting contact"},
    {"unsupportedIdentifier",   ERR_REFUSED,  NULL},
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

static const char *
or_nothing(const char *text)
{
    return text == NULL ? "" : text;
}

/* "; db.example.org: CAA record forbids" for each subproblem (RFC 8555 section 6.7.1). */
static bool
add_subproblems(struct str *text, const struct json_t *problem)
{
    const struct json_t *all = json_member(problem, "subproblems");

    for (size_t i = 0; i < json_count(all) && i < 10; i++) {
        const struct json_t *one = json_item(all, i);
        const char *name = json_member_text(json_member(one, "identifier"), "value");

        if (!str_addf(text, "; %s: %s", name == NULL ? "?" : name,
                      or_nothing(json_member_text(one, "detail"))))
            return false;
    }
    return true;
}

/* A status without a problem document. */
static bool
tell_status(int status, int64_t retry_at_s, struct err *e)
{
    bool later = status == 429 || status >= 500;

    (void)err_set(e,
                  status == 429 ? ERR_BUSY
                  : later       ? ERR_NETWORK
                                : ERR_PROTOCOL,
                  "the issuer answered with status %d and no explanation", status);
    e->retry_at_s = retry_at_s;
    return false;
}

/* A request may be unauthorized too, and then it was not about a record (RFC 8555 section 6.7). */
static bool
is_known_otherwise(const char *type, int status)
{
    return status != 0 && strcmp(type, PREFIX "unauthorized") == 0;
}

bool
problem_tell(const struct json_t *problem, int status, int64_t retry_at_s, struct err *e)
{
    const char *type = problem == NULL ? NULL : json_member_text(problem, "type");
    enum err_code code = status == 429 ? ERR_BUSY : status >= 500 ? ERR_NETWORK : ERR_REFUSED;
    const char *advice = NULL;
    own_str struct str text = {0};

    if (type == NULL && (problem == NULL || json_member_text(problem, "detail") == NULL))
        return tell_status(status, retry_at_s, e);
    if (type == NULL)
        type = "about:blank"; /* RFC 7807 section 4.2 */
    for (size_t i = 0; i < COUNT(types); i++)
        if (problem_is(problem, types[i].type)) {
            code = types[i].code;
            advice = is_known_otherwise(type, status) ? NULL : types[i].advice;
        }
    if (strncmp(type, PREFIX, strlen(PREFIX)) == 0)
        type += strlen(PREFIX);
    if (!str_addf(&text, "the issuer says %s: %s", type,
                  or_nothing(json_member_text(problem, "detail"))) ||
        !add_subproblems(&text, problem))
        return err_memory(e);
    while (text.size > 0 && text.text[text.size - 1] == '.')
        text.text[--text.size] = '\0';
    (void)err_set(e, code, "%s%s%s", text.text, advice != NULL ? "; " : "", or_nothing(advice));
    e->retry_at_s = retry_at_s;
    return false;
}
