/* acmedns.c: the provider for acme-dns, which keeps nothing but challenges: each domain has an
 * account of its own there, and a CNAME that leads to it.
 *
 * Source: github.com/joohoi/acme-dns: README ("API"), api.go, db.go (two values, the older one is
 * replaced); the file of accounts: acmedns_accounts.h.
 */
#include "acme/dns/acmedns_accounts.h"
#include "acme/rest.h"
#include "acme/soa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MAX 2 /* that acme-dns keeps of an account */
#define CNAMES_MAX 8
#define TOLD_MAX 4 /* records that a sentence names */
#define KEY_HEADER "X-Api-Key: "

struct acmedns_config {
    char *accounts_file;
    char *endpoint;
    char *ca_file;
    bool may_register;
    struct list allow_from;
};

#define AT(field) offsetof(struct acmedns_config, field)

/* clang-format off */
static const struct option options[] = {
    {"accounts_file", OPTION_PATH, AT(accounts_file), NULL,
     .help = "the accounts, JSON, as lego and acme-dns-client keep them; or credential:NAME", .required = true},
    {"endpoint", OPTION_TEXT, AT(endpoint), NULL,
     .help = "URL of the service, for accounts without a server_url, and to register"},
    {"ca_file", OPTION_PATH, AT(ca_file), NULL,
     .help = "roots to trust for the service's https, besides the system's"},
    {"register", OPTION_YES_NO, AT(may_register), "no",
     .help = "register an account for a domain without one, and tell the CNAME to be made"},
    {"allow_from", OPTION_LIST, AT(allow_from), NULL,
     .help = "networks (CIDR) which alone may use an account that is registered"},
    {0},
};
/* clang-format on */

/* d->session. */
struct session {
    struct rest rest;
    struct acmedns_accounts accounts;
    int64_t updated_s; /* when something was published last */
};

/* ------------------------------------------------------------------ accounts */

static bool
read_accounts(struct session *s, const struct dns *d, struct err *e)
{
    const struct acmedns_config *c = d->provider_config;
    own_json struct json_t *json = acmedns_accounts_load(c->accounts_file, c->may_register, e);

    if (json == NULL)
        return err_wrap(e, "'accounts_file' of [dns %s]", d->name);
    return acmedns_accounts_take(&s->accounts, json, c->endpoint, e);
}

/* Those of other domains, which may be other programs', are not judged. */
static bool
is_usable(const struct acmedns_account *a, const struct dns *d, struct err *e)
{
    const struct acmedns_config *c = d->provider_config;

    if (a->is_damaged)
        return err_set(e, ERR_CONFIG,
                       "the account of '%s' in '%s' is damaged: it must have fulldomain, "
                       "subdomain, username and password",
                       a->domain, c->accounts_file);
    return acmedns_accounts_is_endpoint(a->endpoint) ||
           err_set(e, ERR_CONFIG,
                   "the account of '%s' in '%s' has the server_url '%s', which must be https (or "
                   "http to an address of this machine); set it, or 'endpoint' of [dns %s]",
                   a->domain, c->accounts_file, a->endpoint, d->name);
}

/* Whose record it is: what follows "_acme-challenge.". */
static const char *
domain_of(const struct dns_txt *record)
{
    return record->domain != NULL ? record->domain : dns_name_parent(record->fqdn);
}

/* Where it was found before. NULL and ERR_INTERNAL. */
static struct acmedns_account *
get_account(const struct session *s, const struct dns_txt *record, struct err *e)
{
    struct acmedns_account *a = acmedns_accounts_find(&s->accounts, domain_of(record));

    if (a == NULL)
        (void)err_set(e, ERR_INTERNAL, "the account for '%s' is forgotten", record->fqdn);
    return a;
}

/* ------------------------------------------------------------------ session */

/* The password is the token, so that no error repeats it; this adds who has it. */
static bool
authorize(struct rest *r, const struct http_request *request, struct list *headers, struct err *e)
{
    const struct acmedns_account *a = r->proof;
    own_mem char *line = a == NULL ? NULL : str_format("X-Api-User: %s", a->username);

    (void)request;
    if (a == NULL)
        return true;
    return (line != NULL && list_add(headers, line)) || err_memory(e);
}

/* What is asked from now on is asked for that account; NULL: for nobody. */
static bool
act_for(struct session *s, struct acmedns_account *a, const char *endpoint, struct err *e)
{
    struct rest *r = &s->rest;

    str_done(&r->header);
    r->token = NULL;
    r->proof = a;
    r->endpoint = endpoint;
    if (a == NULL)
        return true;
    if (!str_addf(&r->header, KEY_HEADER "%s", a->password))
        return err_memory(e);
    r->token = r->header.text + strlen(KEY_HEADER);
    return true;
}

static void
close_session(struct dns *d)
{
    struct session *s = d->session;

    if (s == NULL)
        return;
    acmedns_accounts_done(&s->accounts);
    rest_done(&s->rest);
    free(s);
    d->session = NULL;
}

static bool
start(struct session *s, struct dns *d, struct err *e)
{
    const struct acmedns_config *c = d->provider_config;

    if (c->accounts_file == NULL)
        return err_set(e, ERR_CONFIG, "'accounts_file' of [dns %s] is empty", d->name);
    if (c->may_register && c->accounts_file[0] != '/')
        return err_set(e, ERR_CONFIG,
                       "'accounts_file' of [dns %s] is '%s', into which no account can be "
                       "written; set 'register = no', or the path of a file",
                       d->name, c->accounts_file);
    if (!acmedns_accounts_is_endpoint(c->endpoint) && (c->endpoint != NULL || c->may_register))
        return err_set(e, ERR_CONFIG,
                       "'endpoint' of [dns %s] is '%s', but must be https://HOST..., or "
                       "http://127.0.0.1:PORT on this very machine",
                       d->name, c->endpoint == NULL ? "" : c->endpoint);
    if (c->endpoint != NULL)
        acmedns_accounts_cut(c->endpoint);
    s->rest = (struct rest){.d = d,
                            .token_file = c->accounts_file,
                            .plain_loopback = true,
                            .authorize = authorize,
                            .http = http_new(c->ca_file, d->clock, e)};
    return s->rest.http != NULL && read_accounts(s, d, e);
}

static bool
open_session(struct dns *d, struct err *e)
{
    struct session *s = d->session;

    if (s != NULL)
        return true;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return err_memory(e);
    d->session = s;
    if (start(s, d, e))
        return true;
    close_session(d);
    return false;
}

/* ------------------------------------------------------------------ registering */

/* README, "Register endpoint". The answer is an account as the file has it, but for server_url. */
static bool
ask_for_account(struct session *s, struct dns *d, struct rest_answer *answer, struct err *e)
{
    const struct acmedns_config *c = d->provider_config;
    own_json struct json_t *body = json_new_object();

    if (body == NULL)
        return err_memory(e);
    if (c->allow_from.count > 0)
        json_put_list(body, "allowfrom", &c->allow_from);
    if (!act_for(s, NULL, c->endpoint, e) ||
        !rest_call(&s->rest, "POST", "/register", body, answer, e))
        return false;
    if (answer->status == 401 || answer->status == 403 || answer->status == 404)
        return err_set(e, ERR_PERMISSION,
                       "the service at '%s' registers nobody (%d); ask who runs it for an account, "
                       "and write it into '%s'",
                       c->endpoint, answer->status, c->accounts_file);
    return rest_is_good(answer) || rest_refused(&s->rest, answer, "register an account", e);
}

/* An account is written before it is used: nobody gets to know its password again. */
static bool
register_one(struct session *s, struct dns *d, const char *domain, struct err *e)
{
    const struct acmedns_config *c = d->provider_config;
    own_rest_answer struct rest_answer answer = {0};
    own_json struct json_t *all = acmedns_accounts_load(c->accounts_file, c->may_register, e);
    struct json_t *account = NULL;
    const struct acmedns_account *made = NULL;

    if (all == NULL || !ask_for_account(s, d, &answer, e))
        return false;
    made = acmedns_accounts_add(&s->accounts, answer.json, domain, c->endpoint, e);
    if (made == NULL || made->is_damaged)
        return made != NULL && rest_misunderstood(&s->rest, "register an account", e);
    account = json_keep(answer.json);
    json_put_text(account, "server_url", c->endpoint);
    json_put(all, domain, account);
    return json_save(all, c->accounts_file, e) ||
           err_wrap(e, "write the account of '%s', which is registered", domain);
}

/* The record that leads to the account, to be made by the administrator. */
static bool
add_wanted(struct str *wanted, size_t *count, const char *fqdn, const struct acmedns_account *a,
           struct err *e)
{
    const char *between = *count == 0 ? "" : ", ";

    if ((*count)++ >= TOLD_MAX)
        return true;
    return str_addf(wanted, "%s'%s CNAME %s'", between, fqdn, a->fulldomain) || err_memory(e);
}

/* Finds the account of each record, or makes it. */
static bool
have_accounts(struct session *s, struct dns *d, const struct dns_txt *records, size_t count,
              struct err *e)
{
    const struct acmedns_config *c = d->provider_config;
    own_str struct str wanted = {0};
    size_t made = 0;

    for (size_t i = 0; i < count; i++) {
        const struct acmedns_account *found =
            acmedns_accounts_find(&s->accounts, domain_of(&records[i]));

        if (found != NULL && !is_usable(found, d, e))
            return false;
        if (found != NULL)
            continue;
        if (!c->may_register)
            return err_set(e, ERR_CONFIG,
                           "'%s' has no account of '%s'; set 'register = yes' in [dns %s], or "
                           "register one by hand, as pgcert-providers(7) tells",
                           c->accounts_file, domain_of(&records[i]), d->name);
        if (!register_one(s, d, domain_of(&records[i]), e))
            return false;
        found = get_account(s, &records[i], e);
        if (found == NULL || !add_wanted(&wanted, &made, records[i].fqdn, found, e))
            return false;
    }
    if (made == 0)
        return true;
    return err_set(e, ERR_CONFIG,
                   "%zu account%s registered at '%s' and written into '%s'; now add to the DNS, "
                   "once: %s%s",
                   made, made == 1 ? " is" : "s are", c->endpoint, c->accounts_file, wanted.text,
                   made > TOLD_MAX ? ", and the others in that file" : "");
}

/* ------------------------------------------------------------------ where the CNAME leads */

/* By the servers of the domain itself, so that no resolver remembers that there is none. */
static bool
find_by_servers(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    return soa_find(d, NULL, records, count, e) ||
           err_wrap(e, "find out where '%s' leads", records[0].fqdn);
}

/* One CNAME further. */
static bool
follow(struct dns *d, const struct resolver *resolvers, char name[static DNS_NAME_SIZE],
       bool *leads_on, struct err *e)
{
    struct resolver_question q = {.at = resolvers, .type = DNS_TYPE_CNAME, .recurse = true};
    const struct dns_record *cname = NULL;
    size_t i = 0;
    bool good = false;

    memcpy(q.name, name, DNS_NAME_SIZE);
    good = resolver_ask(&q, 1, d->clock, zone_deadline_ms(d), e);
    if (good && !q.is_answered)
        good = err_set(e, ERR_NETWORK, "find out where '%s' leads: %s", name, q.trouble);
    if (good)
        cname = dns_next(&q.answer, DNS_ANSWER, DNS_TYPE_CNAME, &i);
    *leads_on = cname != NULL && dns_name_copy(name, cname->data);
    resolver_questions_done(&q, 1);
    return good;
}

/* By the resolvers, one link after the other; the end itself is not asked about. */
static bool
find_by_resolvers(struct dns *d, const struct dns_txt *record, const struct acmedns_account *a,
                  char end[static DNS_NAME_SIZE], struct err *e)
{
    const struct resolver *resolvers = zone_resolvers(d, e);
    bool leads_on = true;

    if (resolvers == NULL || !dns_name_copy(end, record->fqdn))
        return resolvers != NULL && err_set(e, ERR_CONFIG, "'%s' is no name", record->fqdn);
    for (int turn = 0; turn < CNAMES_MAX && leads_on && strcmp(end, a->fulldomain) != 0; turn++)
        if (!follow(d, resolvers, end, &leads_on, e))
            return false;
    return true;
}

/* All records that are missing or wrong are told at once; `end` is where the first one leads. */
static bool
tell_wanted(const struct dns *d, const struct dns_txt *first, const char *end,
            const struct str *wanted, size_t count, struct err *e)
{
    const struct acmedns_config *c = d->provider_config;
    const char *more = count > TOLD_MAX ? ", and so on" : "";

    if (strcasecmp(end, first->fqdn) == 0)
        return err_set(e, ERR_CONFIG,
                       "'%s' does not lead to the account of '%s' in '%s'; add to the DNS, once: "
                       "%s%s",
                       first->fqdn, domain_of(first), c->accounts_file, wanted->text, more);
    return err_set(e, ERR_CONFIG,
                   "'%s' leads to '%s', and not to the account of '%s' in '%s'; correct in the "
                   "DNS, once: %s%s",
                   first->fqdn, end, domain_of(first), c->accounts_file, wanted->text, more);
}

/* Where CNAMEs lead from the record. */
static bool
find_end(struct dns *d, const struct dns_txt *record, const struct acmedns_account *a,
         char end[static DNS_NAME_SIZE], struct err *e)
{
    const struct zone_record *place = NULL;

    if (d->config.propagation == DNS_RECURSIVE)
        return find_by_resolvers(d, record, a, end, e);
    place = zone_of(d, record->fqdn);
    if (place == NULL)
        return err_set(e, ERR_INTERNAL, "the zone of '%s' is forgotten", record->fqdn);
    memcpy(end, place->target, DNS_NAME_SIZE);
    return true;
}

/* A name and its wildcard have the same record. */
static bool
was_before(const struct dns_txt *records, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcasecmp(records[k].fqdn, records[i].fqdn) == 0)
            return true;
    return false;
}

static bool
check_cnames(const struct session *s, struct dns *d, const struct dns_txt *records, size_t count,
             struct err *e)
{
    const struct dns_txt *first = NULL;
    char first_end[DNS_NAME_SIZE] = "";
    own_str struct str wanted = {0};
    size_t missing = 0;

    /* then nobody is to be asked */
    if (d->config.propagation == DNS_WAIT || count == 0)
        return true;
    if (d->config.propagation == DNS_AUTHORITATIVE && !find_by_servers(d, records, count, e))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct acmedns_account *a = get_account(s, &records[i], e);
        char end[DNS_NAME_SIZE] = "";

        if (a == NULL)
            return false;
        if (was_before(records, i))
            continue;
        if (!find_end(d, &records[i], a, end, e))
            return false;
        if (strcmp(end, a->fulldomain) == 0)
            continue;
        if (first == NULL) {
            first = &records[i];
            memcpy(first_end, end, sizeof(end));
        }
        if (!add_wanted(&wanted, &missing, records[i].fqdn, a, e))
            return false;
    }
    return first == NULL || tell_wanted(d, first, first_end, &wanted, missing, e);
}

/* ------------------------------------------------------------------ publishing */

/* Two domains may share an account. */
static bool
check_values(struct session *s, const struct dns *d, const struct dns_txt *records, size_t count,
             struct err *e)
{
    for (size_t i = 0; i < s->accounts.count; i++)
        s->accounts.items[i].values = 0;
    for (size_t i = 0; i < count; i++) {
        const struct acmedns_account *a = get_account(s, &records[i], e);

        if (a == NULL)
            return false;
        for (size_t k = 0; k < s->accounts.count; k++)
            if (strcmp(s->accounts.items[k].fulldomain, a->fulldomain) == 0 &&
                s->accounts.items[k].values++ == VALUES_MAX)
                return err_set(e, ERR_CONFIG,
                               "acme-dns keeps %d values of an account, and '%s' would have more; "
                               "register accounts of their own for the domains that share it in "
                               "[dns %s]",
                               VALUES_MAX, a->fulldomain, d->name);
    }
    return true;
}

/* The older of the two values is replaced, and their age is in seconds: what we publish now must
 * not look as old as what we published just before. */
static void
wait_for_next_second(const struct session *s, const struct dns *d)
{
    while (s->updated_s != 0 && d->clock->now_s(d->clock) <= s->updated_s)
        d->clock->sleep_ms(d->clock, 100);
}

static bool
update(struct session *s, struct acmedns_account *a, const char *value, struct err *e)
{
    own_json struct json_t *body = json_new_object();
    own_rest_answer struct rest_answer answer = {0};
    const char *said = NULL;

    if (body == NULL)
        return err_memory(e);
    json_put_text(body, "subdomain", a->subdomain);
    json_put_text(body, "txt", value);
    if (!act_for(s, a, a->endpoint, e) || !rest_call(&s->rest, "POST", "/update", body, &answer, e))
        return false;
    if (answer.status == 401 || answer.status == 403)
        return err_set(e, ERR_PERMISSION,
                       "the service at '%s' does not let the account of '%s' in '%s' set its value "
                       "(%d): its password is wrong, or the account may not be used from here "
                       "(allowfrom)",
                       a->endpoint, a->domain, s->rest.token_file, answer.status);
    if (!rest_is_good(&answer))
        return rest_refused(&s->rest, &answer, "set the value of an account", e);
    said = json_member_text(answer.json, "txt");
    if (said == NULL || strcmp(said, value) != 0)
        return rest_misunderstood(&s->rest, "set the value of an account", e);
    s->updated_s = s->rest.d->clock->now_s(s->rest.d->clock);
    return true;
}

static bool
publish(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    struct session *s = NULL;

    if (!open_session(d, e))
        return false;
    s = d->session;
    rest_begin(&s->rest);
    if (!read_accounts(s, d, e) || !have_accounts(s, d, records, count, e) ||
        !check_values(s, d, records, count, e) || !check_cnames(s, d, records, count, e))
        return false;
    wait_for_next_second(s, d);
    for (size_t i = 0; i < count; i++) {
        struct acmedns_account *a = get_account(s, &records[i], e);

        if (a == NULL || !update(s, a, records[i].value, e))
            return false;
    }
    return true;
}

/* A value cannot be taken away, only replaced by later ones: nothing is to be done. */
static bool
retract(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    (void)d;
    (void)records;
    (void)count;
    (void)e;
    return true;
}

extern const struct dns_provider dns_acmedns;

const struct dns_provider dns_acmedns = {
    .name = "acme-dns",
    .options = options,
    .config_size = sizeof(struct acmedns_config),
    .open = open_session,
    .publish = publish,
    .remove = retract,
    .close = close_session,
};
