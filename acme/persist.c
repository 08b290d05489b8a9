/* persist.c: what a dns-persist-01 record must say, and whether one does. */
#include "acme/persist.h"

#include "acme/challenge.h"
#include "acme/jws.h"
#include "acme/propagate.h"
#include "base/b64url.h"
#include "base/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STRING_MAX 255 /* bytes of one string of a TXT record (RFC 1035 section 3.3) */
#define RECORD_TTL_S 3600
#define UNTIL_DIGITS_MAX 15

/* ---- what is wanted ---- */

/* What may stand in a parameter's value (RFC 8659 section 4.2). */
static bool
is_parameter_value(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p < 0x21 || *p > 0x7e || *p == ';')
            return false;
    return *text != '\0';
}

/* A domain name in small letters, without the final dot. */
static bool
is_issuer(const char *text)
{
    char name[DNS_NAME_SIZE];
    size_t size = strlen(text);

    return size > 0 && text[size - 1] != '.' && dns_name_copy(name, text) &&
           strncmp(name, text, size) == 0;
}

static bool
add_issuers(struct persist *p, const struct json_t *names, struct err *e)
{
    size_t count = json_count(names);

    if (count == 0 || count > PERSIST_ISSUERS_MAX)
        return err_set(e, ERR_PROTOCOL,
                       "%s: the issuer names %zu names of itself, and 1 to %d can be", p->fqdn,
                       count, PERSIST_ISSUERS_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_item_text(names, i);

        if (name == NULL || !is_issuer(name))
            return err_set(e, ERR_PROTOCOL, "%s: the issuer calls itself '%s', which is no name",
                           p->fqdn, name == NULL ? "?" : name);
        if (!list_add(&p->issuers, name))
            return err_memory(e);
    }
    return true;
}

/* draft-ietf-acme-dns-persist-02 section 4.1:
 * PREFIX "sha-256/" base64url(SHA-256(length of DOMAIN || DOMAIN || thumbprint || account URL)) */
static bool
add_hashed(struct persist *p, struct client *c, const char *prefix, const char *domain,
           struct err *e)
{
    unsigned char thumbprint[THUMBPRINT_SIZE];
    unsigned char digest[32];
    char print[B64URL_SIZE(THUMBPRINT_SIZE)];
    char hash[B64URL_SIZE(sizeof(digest))];
    const unsigned char size = (unsigned char)strlen(domain);
    own_str struct str input = {0};
    own_mem char *account = NULL;

    if (!jws_thumbprint(c->key, thumbprint, e))
        return false;
    b64url_encode(print, thumbprint, sizeof(thumbprint));
    if (!str_add(&input, &size, 1) || !str_addf(&input, "%s%s%s", domain, print, c->kid))
        return err_memory(e);
    if (EVP_Digest(input.text, input.size, digest, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto(e, "hash the account");
    b64url_encode(hash, digest, sizeof(digest));
    account = str_format("%ssha-256/%s", prefix, hash);
    return (account != NULL && list_add(&p->accounts, account)) || err_memory(e);
}

/* Revision -02: the directory says what the hash stands behind. A record for "*" is good at every
 * domain. */
static bool
want_hash(struct persist *p, struct client *c, const char *domain, struct err *e)
{
    const struct json_t *meta = client_meta(c, e);
    const char *prefix = NULL;

    if (meta == NULL)
        return false;
    prefix = json_member_text(meta, "accountHashPrefix");
    if (prefix == NULL && !c->directory_is_fresh) { /* it may be newer than what we remember */
        if (!client_refresh(c, e))
            return false;
        meta = client_meta(c, e);
        prefix = meta == NULL ? NULL : json_member_text(meta, "accountHashPrefix");
    }
    if (prefix == NULL || !is_parameter_value(prefix))
        return err_set(
            e, ERR_PROTOCOL,
            "%s: the issuer's directory has no accountHashPrefix that can be in a record", p->fqdn);
    return add_hashed(p, c, prefix, domain, e) && add_hashed(p, c, prefix, "*", e);
}

/* Up to revision -01: the URL itself. A record for another account would give the name away. */
static bool
want_url(struct persist *p, const struct client *c, const char *said, struct err *e)
{
    if (said != NULL && strcmp(said, c->kid) != 0)
        return err_set(e, ERR_PROTOCOL,
                       "%s: the issuer wants a record for the account '%s', and ours is '%s'",
                       p->fqdn, said, c->kid);
    if (!is_parameter_value(c->kid))
        return err_set(e, ERR_PROTOCOL, "%s: the account's URL '%s' cannot be in a record", p->fqdn,
                       c->kid);
    return list_add(&p->accounts, c->kid) || err_memory(e);
}

static bool
begin(struct persist *p, const char *name, struct err *e)
{
    p->fqdn = challenge_fqdn(ACME_DNS_PERSIST, name, "", e);
    return p->fqdn != NULL;
}

bool
persist_from_challenge(struct persist *p, struct client *c, const struct authz *of, struct err *e)
{
    const struct json_t *names = json_member(of->object, "issuerDomainNames");
    const struct json_t *older = json_member(of->object, "issuer-domain-names");

    p->wildcard = of->is_wildcard;
    if (!begin(p, of->name, e))
        return false;
    if (names != NULL)
        return add_issuers(p, names, e) && want_hash(p, c, of->name, e);
    return add_issuers(p, older, e) &&
           want_url(p, c, json_member_text(of->object, "accounturi"), e);
}

/* What a directory has to say of it; NULL: nothing. */
static const struct json_t *
own_names(const struct json_t *meta, bool *is_hashed)
{
    const struct json_t *names = json_member(meta, "issuerDomainNames");

    *is_hashed = names != NULL;
    /* -01 section 2: what the server wants to be called in CAA records is what a challenge offers
     */
    return names != NULL ? names : json_member(meta, "caaIdentities");
}

bool
persist_from_directory(struct persist *p, struct client *c, const char *name, struct err *e)
{
    const struct json_t *meta = client_meta(c, e);
    const struct json_t *names = NULL;
    bool is_hashed = false;

    if (meta == NULL || !begin(p, name, e))
        return false;
    p->wildcard = strncmp(name, "*.", 2) == 0;
    names = own_names(meta, &is_hashed);
    if (names == NULL) {
        if (!client_refresh(c, e))
            return false;
        meta = client_meta(c, e);
        names = meta == NULL ? NULL : own_names(meta, &is_hashed);
    }
    if (names == NULL)
        return err_set(e, ERR_PROTOCOL,
                       "the issuer's directory does not say which name a record must have; a "
                       "renewal that fails for want of the record tells it");
    return add_issuers(p, names, e) &&
           (is_hashed ? want_hash(p, c, p->wildcard ? name + 2 : name, e)
                      : want_url(p, c, NULL, e));
}

/* ---- the record ---- */

char *
persist_value(const struct persist *p)
{
    return str_format("%s; accounturi=%s%s", p->issuers.items[0], p->accounts.items[0],
                      p->wildcard ? "; policy=wildcard" : "");
}

char *
persist_line(const char *fqdn, const char *value)
{
    own_str struct str line = {0};
    size_t size = strlen(value);
    bool good = str_addf(&line, "%s %d IN TXT", fqdn, RECORD_TTL_S);

    for (size_t at = 0; good && at < size; at += STRING_MAX) {
        good = str_addf(&line, " \"");
        for (size_t i = at; good && i < size && i < at + STRING_MAX; i++)
            good =
                str_addf(&line, "%s%c", value[i] == '"' || value[i] == '\\' ? "\\" : "", value[i]);
        good = good && str_addf(&line, "\"");
    }
    return good ? str_take(&line) : NULL;
}

/* ---- a record that is there ---- */

/* A part of the record's text. */
struct span {
    const char *text;
    size_t size;
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span
trim(struct span s)
{
    while (s.size > 0 && is_blank(s.text[0])) {
        s.text++;
        s.size--;
    }
    while (s.size > 0 && is_blank(s.text[s.size - 1]))
        s.size--;
    return s;
}

/* Takes what is before the separator; *rest is what is behind it, its text NULL when there is none.
 */
static struct span
cut(struct span *rest, char separator)
{
    const char *end = rest->size == 0 ? NULL : memchr(rest->text, separator, rest->size);
    struct span first = *rest;

    if (end == NULL) {
        *rest = (struct span){NULL, 0};
        return trim(first);
    }
    first.size = (size_t)(end - first.text);
    *rest = (struct span){end + 1, rest->size - first.size - 1};
    return trim(first);
}

static bool
span_is(struct span s, const char *text)
{
    return s.size == strlen(text) && memcmp(s.text, text, s.size) == 0;
}

/* Tags, and the word wildcard, count without case. */
static bool
span_is_word(struct span s, const char *word)
{
    return s.size == strlen(word) && strncasecmp(s.text, word, s.size) == 0;
}

static bool
span_is_one_of(struct span s, const struct list *all)
{
    for (size_t i = 0; i < all->count; i++)
        if (span_is(s, all->items[i]))
            return true;
    return false;
}

/* The parameters that have a meaning; text NULL: not there. */
struct parameters {
    struct span account, policy, until;
};

static bool
wrong(char why[static PERSIST_WHY_SIZE], const char *what, struct span part)
{
    (void)snprintf(why, PERSIST_WHY_SIZE, "%s '%.*s'", what,
                   (int)(part.size < 100 ? part.size : 100), part.text == NULL ? "" : part.text);
    err_tame(why);
    return false;
}

/* One "tag=value". Those that we do not know are left to the issuer. */
static bool
take_parameter(struct parameters *all, struct span part, char why[static PERSIST_WHY_SIZE])
{
    struct span rest = part;
    struct span tag = cut(&rest, '=');
    struct span value = rest.text == NULL ? rest : trim(rest);
    struct span *field = span_is_word(tag, "accounturi")     ? &all->account
                         : span_is_word(tag, "policy")       ? &all->policy
                         : span_is_word(tag, "persistUntil") ? &all->until
                                                             : NULL;

    if (tag.size == 0 || value.text == NULL)
        return wrong(why, "has a part that is not tag=value:", part);
    for (size_t i = 0; i < value.size; i++)
        if (value.text[i] < 0x21 || value.text[i] > 0x7e)
            return wrong(why, "has a blank or worse in", part);
    if (field == NULL)
        return true;
    if (field->text != NULL)
        return wrong(why, "says it twice:", tag);
    *field = value;
    return true;
}

/* Seconds since 1970, decimal. */
static bool
read_until(int64_t *at_s, struct span s)
{
    char digits[UNTIL_DIGITS_MAX + 1];

    if (s.size == 0 || s.size > UNTIL_DIGITS_MAX)
        return false;
    memcpy(digits, s.text, s.size);
    digits[s.size] = '\0';
    if (strspn(digits, "0123456789") != s.size)
        return false;
    *at_s = strtoll(digits, NULL, 10);
    return true;
}

static bool
judge_until(struct span s, int64_t now_s, char why[static PERSIST_WHY_SIZE])
{
    char when[CLOCK_TEXT_SIZE];
    int64_t at_s = 0;

    if (s.text == NULL)
        return true;
    if (!read_until(&at_s, s))
        return wrong(why, "has a persistUntil that is no time:", s);
    if (at_s >= now_s)
        return true;
    clock_text(when, at_s);
    (void)snprintf(why, PERSIST_WHY_SIZE, "has one that was good until %s", when);
    return false;
}

bool
persist_judge(const struct persist *p, const void *value, size_t size, int64_t now_s,
              char why[static PERSIST_WHY_SIZE])
{
    struct span rest = {value, size};
    struct parameters all = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    struct span issuer = cut(&rest, ';');

    why[0] = '\0';
    if (!span_is_one_of(issuer, &p->issuers))
        return false;
    while (rest.text != NULL)
        if (!take_parameter(&all, cut(&rest, ';'), why))
            return false;
    if (all.account.text == NULL)
        return wrong(why, "has one without accounturi for", issuer);
    if (!span_is_one_of(all.account, &p->accounts))
        return wrong(why, "has one for the account", all.account);
    if (p->wildcard && (all.policy.text == NULL || !span_is_word(all.policy, "wildcard")))
        return wrong(why, "has one without policy=wildcard for", issuer);
    return judge_until(all.until, now_s, why);
}

/* ---- all of an order ---- */

/* Records that are looked for, one for each name. */
struct search {
    struct persist *wanted;
    struct dns_txt *records; /* of the same number; they borrow */
    size_t count;
    int64_t now_s;
    char why[PERSIST_WHY_SIZE];
};

static void
search_done(struct search *s)
{
    for (size_t i = 0; i < s->count; i++)
        persist_done(&s->wanted[i]);
    free(s->wanted);
    free(s->records);
}

/* A name and its wildcard want the same record. */
static bool
add_wanted(struct search *s, struct client *c, const struct authz *of, struct err *e)
{
    own_persist struct persist p = {0};

    if (!persist_from_challenge(&p, c, of, e))
        return false;
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->wanted[i].fqdn, p.fqdn) == 0) {
            s->wanted[i].wildcard = s->wanted[i].wildcard || p.wildcard;
            return true;
        }
    s->records[s->count] = (struct dns_txt){.fqdn = p.fqdn, .value = ""};
    s->wanted[s->count++] = p;
    p = (struct persist){0};
    return true;
}

static bool
collect(struct search *s, struct client *c, const struct authzs *all, struct err *e)
{
    s->wanted = calloc(all->count, sizeof(*s->wanted));
    s->records = calloc(all->count, sizeof(*s->records));
    if (s->wanted == NULL || s->records == NULL)
        return err_memory(e);
    for (size_t i = 0; i < all->count; i++)
        if (!all->items[i].is_valid && !add_wanted(s, c, &all->items[i], e))
            return false;
    return true;
}

static const char *
judge(void *context, size_t i, const void *value, size_t size)
{
    struct search *s = context;

    return persist_judge(&s->wanted[i], value, size, s->now_s, s->why) ? NULL : s->why;
}

/* Begins the sentence with what is to be done, so that nothing of it is cut off. */
static bool
tell_record(const struct persist *p, struct err *e)
{
    own_mem char *value = persist_value(p);
    own_mem char *line = value == NULL ? NULL : persist_line(p->fqdn, value);
    own_mem char *text = strdup(e->text);

    if (line == NULL || text == NULL)
        return err_memory(e);
    return err_set(e, e->code, "publish this record once, and keep it: %s -- %s", line, text);
}

bool
persist_check(struct client *c, struct dns *d, const struct authzs *all, struct err *e)
{
    __attribute__((cleanup(search_done))) struct search s = {.now_s = c->clock->now_s(c->clock)};
    struct propagate_look look = {.judge = judge, .context = &s};

    if (!collect(&s, c, all, e))
        return false;
    if (propagate_look(d, s.records, s.count, &look, e))
        return true;
    return look.missing < s.count && e->code == ERR_CONFIG ? tell_record(&s.wanted[look.missing], e)
                                                           : false;
}

void
persist_done(struct persist *p)
{
    free(p->fqdn);
    list_done(&p->issuers);
    list_done(&p->accounts);
    *p = (struct persist){0};
}
