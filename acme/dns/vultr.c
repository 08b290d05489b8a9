/* vultr.c: the provider for Vultr (API v2).
 *
 * Source: docs.vultr.com/api, tag "dns": domains, records; "Meta and Pagination", "Response Codes".
 */
#include "acme/cloud.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct option options[] = {
    CLOUD_OPTIONS("file with an API key (access control: DNS); or credential:NAME", OPTION_URL,
                  "https://api.vultr.com/v2"),
    {0},
};
/* clang-format on */

#define TTL_LEAST_S 120 /* no least one is documented; this one is known to be taken */
#define PAGE 500
#define PAGES_MAX 1000

/* Takes what is on a page. */
typedef bool take(struct rest *r, const struct json_t *page, void *into, struct err *e);

/* Reads a list to its end, which is a next cursor that is empty. */
static bool
read_pages(struct rest *r, const char *path, const char *what, take *take_page, void *into,
           struct err *e)
{
    char cursor[REST_ID_SIZE] = "";

    for (int page = 0; page < PAGES_MAX; page++) {
        own_mem char *at = str_format("%s?per_page=%d%s%s", path, PAGE,
                                      cursor[0] == '\0' ? "" : "&cursor=", cursor);
        own_rest_answer struct rest_answer answer = {0};
        const struct json_t *links = NULL;
        const char *next = NULL;

        if (at == NULL)
            return err_memory(e);
        if (!rest_call(r, "GET", at, NULL, &answer, e))
            return false;
        if (!rest_is_good(&answer))
            return rest_refused(r, &answer, what, e);
        if (!take_page(r, answer.json, into, e))
            return false;
        links = json_member(json_member(answer.json, "meta"), "links");
        next = json_member_text(links, "next");
        if (next == NULL || next[0] == '\0')
            return true;
        if (!rest_id(cursor, links, "next"))
            return rest_misunderstood(r, what, e);
    }
    return rest_misunderstood(r, what, e);
}

/* ------------------------------------------------------------------ zones */

struct wanted {
    const char *name;
    struct cloud_zone *zone;
    bool *found;
};

/* The longest of the domains that the name is in. */
static bool
take_domains(struct rest *r, const struct json_t *page, void *into, struct err *e)
{
    const struct json_t *domains = json_member(page, "domains");
    struct wanted *w = into;

    if (domains == NULL)
        return rest_misunderstood(r, "list the domains", e);
    for (size_t i = 0; i < json_count(domains); i++) {
        char id[REST_ID_SIZE];

        if (!rest_id(id, json_item(domains, i), "domain"))
            return rest_misunderstood(r, "list the domains", e);
        if (!cloud_is_within(w->name, id) || (*w->found && strlen(id) < strlen(w->zone->id)))
            continue;
        memcpy(w->zone->id, id, sizeof(id));
        (void)snprintf(w->zone->name, sizeof(w->zone->name), "%s", id);
        *w->found = true;
    }
    return true;
}

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    struct wanted w = {name, zone, found};

    return read_pages(r, "/domains", "look for the domain", take_domains, &w, e);
}

/* ------------------------------------------------------------------ records */

struct listing {
    const struct cloud_zone *zone;
    struct cloud_records *out;
};

static bool
take_records(struct rest *r, const struct json_t *page, void *into, struct err *e)
{
    const struct json_t *records = json_member(page, "records");
    struct listing *l = into;

    if (records == NULL)
        return rest_misunderstood(r, "list the records of the domain", e);
    for (size_t i = 0; i < json_count(records); i++) {
        const struct json_t *record = json_item(records, i);
        const char *type = json_member_text(record, "type");
        const char *value = json_member_text(record, "data");
        struct cloud_record *item = NULL;
        char name[DNS_NAME_SIZE];

        if (type == NULL || value == NULL)
            return rest_misunderstood(r, "list the records of the domain", e);
        if (strcmp(type, "TXT") != 0)
            continue;
        cloud_absolute(name, l->zone, json_member_text(record, "name"));
        if (!cloud_records_add(l->out, name, value, false))
            return err_memory(e);
        item = &l->out->items[l->out->count - 1];
        item->ttl_s = json_member_int(record, "ttl");
        if (!rest_id(item->id, record, "id"))
            return rest_misunderstood(r, "list the records of the domain", e);
    }
    return true;
}

/* There is no asking for one name, or one type. */
static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    own_mem char *path = str_format("/domains/%s/records", zone->id);
    struct listing l = {zone, out};

    (void)name;
    return path == NULL
               ? err_memory(e)
               : read_pages(r, path, "list the records of the domain", take_records, &l, e);
}

/* Another lifetime than that of the records at the same name is refused. */
static bool
add_one(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record,
        struct err *e)
{
    own_mem char *path = str_format("/domains/%s/records", zone->id);
    own_mem char *quoted = str_format("\"%s\"", record->value);
    own_json struct json_t *body = json_new_object();
    own_rest_answer struct rest_answer answer = {0};
    int64_t ttl_s = r->d->config.ttl_s;
    char relative[DNS_NAME_SIZE];

    if (path == NULL || quoted == NULL || body == NULL)
        return err_memory(e);
    if (ttl_s < TTL_LEAST_S)
        ttl_s = TTL_LEAST_S;
    cloud_relative(relative, zone, record->name);
    json_put_text(body, "name", strcmp(relative, "@") == 0 ? "" : relative);
    json_put_text(body, "type", "TXT");
    json_put_text(body, "data", quoted);
    json_put_int(body, "ttl", record->ttl_s > 0 ? record->ttl_s : ttl_s);
    if (!rest_call(r, "POST", path, body, &answer, e))
        return false;
    return rest_is_good(&answer) || rest_refused(r, &answer, "add a record to the domain", e);
}

static bool
add(struct rest *r, const struct cloud_zone *zone, const struct cloud_records *records,
    struct err *e)
{
    for (size_t i = 0; i < records->count; i++)
        if (!add_one(r, zone, &records->items[i], e))
            return false;
    return true;
}

static bool
drop(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record,
     struct err *e)
{
    own_mem char *path = str_format("/domains/%s/records/%s", zone->id, record->id);
    own_rest_answer struct rest_answer answer = {0};

    if (path == NULL)
        return err_memory(e);
    if (!rest_call(r, "DELETE", path, NULL, &answer, e))
        return false;
    return rest_is_good(&answer) || answer.status == 404 ||
           rest_refused(r, &answer, "delete a record of the domain", e);
}

static const struct cloud_service service = {
    .header = "Authorization: Bearer ",
    .find_zone = find_zone,
    .list = list,
    .add = add,
    .drop = drop,
};

extern const struct dns_provider dns_vultr;

const struct dns_provider dns_vultr = {
    .name = "vultr",
    .options = options,
    .config_size = sizeof(struct cloud_config),
    .open = cloud_open,
    .publish = cloud_publish,
    .remove = cloud_remove,
    .close = cloud_close,
    .cloud = &service,
};
