/* porkbun.c: the provider for Porkbun (API v3).
 *
 * All is asked by POST. The two keys go into headers, which the service takes as well as members of
 * the body: so no body is a secret.
 *
 * Source: porkbun.com/api/json/v3/documentation: domain list all, DNS records, errors;
 * porkbun.com/llms/guides/getting-started: headers.
 */
#include "acme/cloud.h"

#include <stdio.h>
#include <string.h>

struct porkbun_config {
    struct cloud_config cloud; /* token_file: the API key */
    char *secret_file;
};

/* clang-format off */
static const struct option options[] = {
    {"token_file", OPTION_PATH, offsetof(struct cloud_config, token_file), NULL,
     .help = "file with the API key (pk1_...); or credential:NAME", .required = true},
    {"secret_file", OPTION_PATH, offsetof(struct porkbun_config, secret_file), NULL,
     .help = "file with the secret API key (sk1_...); or credential:NAME", .required = true},
    CLOUD_PLACE(OPTION_URL, "https://api.porkbun.com/api/json/v3"),
    {0},
};
/* clang-format on */

#define PAGES_MAX 1000

/* ------------------------------------------------------------------ asking */

static bool
authorize(struct rest *r, const struct http_request *request, struct list *headers, struct err *e)
{
    static const char *const names[] = {"X-API-Key", "X-Secret-API-Key"};

    (void)request;
    for (size_t i = 0; i < COUNT(names); i++) {
        own_str struct str line = {0};

        if (!str_addf(&line, "%s: %s", names[i], r->secrets.items[i]) ||
            !list_add(headers, line.text))
            return err_memory(e);
    }
    return true;
}

static bool
start(struct dns *d, struct rest *r, struct err *e)
{
    const struct porkbun_config *c = d->provider_config;

    r->authorize = authorize;
    return rest_read_secret(r, "token_file", c->cloud.token_file, e) &&
           rest_read_secret(r, "secret_file", c->secret_file, e);
}

/* What its errors mean, by a part of their code or message: most of them have status 400. */
/* clang-format off */
static const struct {
    const char *part;
    bool is_passing;    /* to be tried again */
    const char *remedy; /* NULL: the usual one */
} meanings[] = {
    {"INVALID_API_KEY", false, "write a key of porkbun.com/account/api into that file, and its secret into 'secret_file'"},
    {"Invalid API key", false, "write a key of porkbun.com/account/api into that file, and its secret into 'secret_file'"},
    {"IP_NOT_ALLOWED", false, "let the key be used from this machine's address"},
    {"DOMAIN_NOT_ALLOWED", false, "let the key edit the domain"},
    {"OPTED_IN", false, "switch on 'API access' among the domain's settings"},
    {"opted in", false, "switch on 'API access' among the domain's settings"},
    {"INVALID_DOMAIN", false, "switch on 'API access' among the domain's settings"},
    {"We were unable to", true, NULL}, /* it says so when it is asked too fast */
};
/* clang-format on */

static bool
refuse(const struct rest *r, const struct rest_answer *answer, const char *what, struct err *e)
{
    const char *code = json_member_text(answer->json, "code");
    const char *message = json_member_text(answer->json, "message");

    for (size_t i = 0; i < COUNT(meanings) && answer->status < 500; i++) {
        if ((code == NULL || strstr(code, meanings[i].part) == NULL) &&
            (message == NULL || strstr(message, meanings[i].part) == NULL))
            continue;
        if (meanings[i].is_passing)
            return rest_failed(r, answer->json, what, e);
        return rest_denied(r, answer, what, meanings[i].remedy, e);
    }
    return rest_refused(r, answer, what, e);
}

/* Asks, and takes no answer but success. body: NULL: nothing is to be said. */
static bool
call(struct rest *r, const char *path, const struct json_t *body, const char *what,
     struct rest_answer *answer, struct err *e)
{
    own_json struct json_t *empty = json_new_object();
    const char *status = NULL;

    if (empty == NULL)
        return err_memory(e);
    if (!rest_call(r, "POST", path, body == NULL ? empty : body, answer, e))
        return false;
    status = json_member_text(answer->json, "status");
    if (rest_is_good(answer) && status == NULL)
        return rest_misunderstood(r, what, e);
    return (rest_is_good(answer) && strcmp(status, "SUCCESS") == 0) || refuse(r, answer, what, e);
}

/* ------------------------------------------------------------------ zones */

/* A domain cannot be asked for: one that is not ours and one without access look the same. The list
 * comes in chunks, and ends with an empty one. */
static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    size_t start_at = 0;

    for (int page = 0; page < PAGES_MAX; page++) {
        own_json struct json_t *body = json_new_object();
        own_mem char *index = str_format("%zu", start_at);
        own_rest_answer struct rest_answer answer = {0};
        const struct json_t *domains = NULL;

        if (body == NULL || index == NULL)
            return err_memory(e);
        json_put_text(body, "start", index);
        if (!call(r, "/domain/listAll", body, "look for the domain", &answer, e))
            return false;
        domains = json_member(answer.json, "domains");
        if (!cloud_take_domains(r, domains, name, zone, found, e))
            return false;
        if (json_count(domains) == 0 || (*found && strlen(zone->id) == strlen(name)))
            return true;
        start_at += json_count(domains);
    }
    return rest_misunderstood(r, "list the domains", e);
}

/* ------------------------------------------------------------------ records */

static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    static const char what[] = "list the records of the domain";
    own_mem char *path = NULL;
    own_rest_answer struct rest_answer answer = {0};
    const struct json_t *records = NULL;
    char subdomain[DNS_NAME_SIZE] = "";

    if (name != NULL)
        cloud_subname(subdomain, zone, name);
    path = name == NULL ? str_format("/dns/retrieve/%s", zone->id)
                        : str_format("/dns/retrieveByNameType/%s/TXT%s%s", zone->id,
                                     subdomain[0] == '\0' ? "" : "/", subdomain);
    if (path == NULL)
        return err_memory(e);
    if (!call(r, path, NULL, what, &answer, e))
        return false;
    records = json_member(answer.json, "records");
    if (records == NULL)
        return rest_misunderstood(r, what, e);
    for (size_t i = 0; i < json_count(records); i++) {
        const struct json_t *record = json_item(records, i);
        const char *type = json_member_text(record, "type");
        const char *full_name = json_member_text(record, "name");
        const char *value = json_member_text(record, "content");

        if (type == NULL || full_name == NULL)
            return rest_misunderstood(r, what, e);
        if (strcmp(type, "TXT") != 0 || value == NULL)
            continue;
        if (!cloud_records_add(out, full_name, value, false))
            return err_memory(e);
        if (!rest_id(out->items[out->count - 1].id, record, "id"))
            return rest_misunderstood(r, what, e);
    }
    return true;
}

static bool
add(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record, struct err *e)
{
    own_mem char *path = str_format("/dns/create/%s", zone->id);
    own_mem char *ttl = str_format("%lld", (long long)cloud_ttl(r, zone));
    own_json struct json_t *body = json_new_object();
    own_rest_answer struct rest_answer answer = {0};
    char subdomain[DNS_NAME_SIZE];

    if (path == NULL || ttl == NULL || body == NULL)
        return err_memory(e);
    cloud_subname(subdomain, zone, record->name);
    json_put_text(body, "name", subdomain);
    json_put_text(body, "type", "TXT");
    json_put_text(body, "content", record->value);
    json_put_text(body, "ttl", ttl);
    return call(r, path, body, "add a record to the domain", &answer, e);
}

static bool
drop(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record,
     struct err *e)
{
    own_mem char *path = str_format("/dns/delete/%s/%s", zone->id, record->id);
    own_rest_answer struct rest_answer answer = {0};

    return path == NULL ? err_memory(e)
                        : call(r, path, NULL, "delete a record of the domain", &answer, e);
}

static const struct cloud_service service = {
    .least_ttl_s = 600,
    .start = start,
    .find_zone = find_zone,
    .list = list,
    .add = add,
    .drop = drop,
};

extern const struct dns_provider dns_porkbun;

const struct dns_provider dns_porkbun = {
    .name = "porkbun",
    .options = options,
    .config_size = sizeof(struct porkbun_config),
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
