/* hetzner.c: the provider for Hetzner (DNS of the Cloud API).
 *
 * A set of records is changed by actions that add and remove single values, and that go on after
 * they were answered.
 *
 * Source: docs.hetzner.cloud/reference/cloud: zones, zone RRSets, zone RRSet actions, actions,
 * errors, pagination.
 */
#include "acme/cloud.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct option options[] = {
    CLOUD_OPTIONS("file with an API token of the project (read and write); or credential:NAME", OPTION_URL,
                  "https://api.hetzner.cloud/v1"),
    {0},
};
/* clang-format on */

#define TTL_OF_ZONE (-1) /* of a set that has none of its own */
#define PAGE 100
#define PAGES_MAX 1000
#define VALUES_MAX 50 /* of one action */
#define POLL_FIRST_MS 100
#define POLL_MOST_MS 2000

static bool
find_zone(struct rest *r, const char *name, struct cloud_zone *zone, bool *found, struct err *e)
{
    own_mem char *path = str_format("/zones/%s", name);
    own_rest_answer struct rest_answer answer = {0};

    if (!rest_look(r, path, "look for the zone", &answer, e))
        return false;
    if (answer.status == 404)
        return true;
    *found = true;
    return rest_id(zone->id, json_member(answer.json, "zone"), "id") ||
           rest_misunderstood(r, "show the zone", e);
}

static bool
take_set(struct rest *r, const struct cloud_zone *zone, const struct json_t *set,
         struct cloud_records *out, struct err *e)
{
    const struct json_t *records = json_member(set, "records");
    int64_t ttl_s = json_member_int(set, "ttl");
    char name[DNS_NAME_SIZE];

    cloud_absolute(name, zone, json_member_text(set, "name"));
    for (size_t i = 0; i < json_count(records); i++) {
        const char *value = json_member_text(json_item(records, i), "value");

        if (value == NULL)
            return rest_misunderstood(r, "list the records of the zone", e);
        if (!cloud_records_add(out, name, value, false))
            return err_memory(e);
        out->items[out->count - 1].ttl_s = ttl_s > 0 ? ttl_s : TTL_OF_ZONE;
    }
    return true;
}

static bool
list(struct rest *r, const struct cloud_zone *zone, const char *name, struct cloud_records *out,
     struct err *e)
{
    char relative[DNS_NAME_SIZE] = "";
    bool has_more = true;

    if (name != NULL)
        cloud_relative(relative, zone, name);
    for (int page = 1; has_more && page <= PAGES_MAX; page++) {
        own_mem char *path =
            str_format("/zones/%s/rrsets?type=TXT&per_page=%d&page=%d%s%s", zone->id, PAGE, page,
                       name == NULL ? "" : "&name=", relative);
        own_rest_answer struct rest_answer answer = {0};
        const struct json_t *sets = NULL, *pages = NULL;

        if (!rest_get(r, path, "list the records of the zone", &answer, e))
            return false;
        sets = json_member(answer.json, "rrsets");
        if (sets == NULL)
            return rest_misunderstood(r, "list the records of the zone", e);
        for (size_t i = 0; i < json_count(sets); i++)
            if (!take_set(r, zone, json_item(sets, i), out, e))
                return false;
        pages = json_member(json_member(answer.json, "meta"), "pagination");
        has_more = json_member_int(pages, "next_page") > page;
    }
    return !has_more || rest_misunderstood(r, "list the records of the zone", e);
}

/* ------------------------------------------------------------------ actions */

/* Pauses, each time for longer. False: there is no time left for that. */
static bool
pause_for(const struct rest *r, int tries)
{
    struct clock *clock = r->d->clock;
    int64_t ms = tries > 4 ? POLL_MOST_MS : (int64_t)POLL_FIRST_MS << tries;

    if (ms > POLL_MOST_MS)
        ms = POLL_MOST_MS;
    if (clock->steady_ms(clock) + ms > r->deadline_ms)
        return false;
    clock->sleep_ms(clock, ms);
    return true;
}

/* Waits until the action in the answer is done. */
static bool
await_action(struct rest *r, struct rest_answer *answer, const char *what, struct err *e)
{
    own_mem char *path = NULL;
    char id[REST_ID_SIZE];

    if (!rest_id(id, json_member(answer->json, "action"), "id"))
        return rest_misunderstood(r, what, e);
    path = str_format("/actions/%s", id);
    for (int tries = 0;; tries++) {
        const struct json_t *action = json_member(answer->json, "action");
        const char *status = json_member_text(action, "status");

        if (status != NULL && strcmp(status, "success") == 0)
            return true;
        if (status != NULL && strcmp(status, "error") == 0)
            return rest_failed(r, action, what, e);
        if (status == NULL || strcmp(status, "running") != 0)
            return rest_misunderstood(r, what, e);
        if (!pause_for(r, tries))
            return err_set(e, ERR_TIMEOUT,
                           "the service at '%s' took longer than 'timeout' of [dns %s] to %s",
                           r->endpoint, r->d->name, what);
        if (!rest_get(r, path, what, answer, e))
            return false;
    }
}

/* Does somebody else change the zone at that moment? */
static bool
is_taken(const struct rest_answer *answer)
{
    const char *code = json_member_text(json_member(answer->json, "error"), "code");

    return (answer->status == 409 || answer->status == 423) && code != NULL &&
           (strcmp(code, "conflict") == 0 || strcmp(code, "locked") == 0);
}

/* Starts an action, when nobody else is at it, and waits until it is done. *status is that of the
 * service's answer, good or not, 0: none. */
static bool
act(struct rest *r, const char *path, const struct json_t *body, const char *what, int *status,
    struct err *e)
{
    own_rest_answer struct rest_answer answer = {0};

    *status = 0;
    for (int tries = 0;; tries++) {
        if (!rest_call(r, "POST", path, body, &answer, e))
            return false;
        if (!is_taken(&answer))
            break;
        if (!pause_for(r, tries))
            return err_set(e, ERR_BUSY,
                           "the service at '%s' refuses to %s, for somebody else changes the zone "
                           "all the time (%d)",
                           r->endpoint, what, answer.status);
    }
    *status = answer.status;
    if (!rest_is_good(&answer))
        return rest_refused(r, &answer, what, e);
    return await_action(r, &answer, what, e);
}

/* What an action is asked by: values in quotation marks, as in a zone file. */
static struct json_t *
make_body(const struct cloud_record *const *records, size_t count)
{
    struct json_t *body = json_new_object();
    struct json_t *values = json_new_array();

    for (size_t i = 0; i < count; i++) {
        own_mem char *quoted = str_format("\"%s\"", records[i]->value);
        struct json_t *value = json_new_object();

        json_put_text(value, "value", quoted);
        json_add(values, value);
    }
    json_put(body, "records", values);
    return body;
}

static char *
make_path(const struct cloud_zone *zone, const char *name, const char *action)
{
    char relative[DNS_NAME_SIZE];

    cloud_relative(relative, zone, name);
    return str_format("/zones/%s/rrsets/%s/TXT/actions/%s", zone->id, relative, action);
}

/* ------------------------------------------------------------------ records */

/* Adds values to one set. A lifetime may be given only when there is no set yet: it would have to
 * be the set's own. */
static bool
add_to_set(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *const *records,
           size_t count, struct err *e)
{
    own_mem char *path = make_path(zone, records[0]->name, "add_records");
    own_json struct json_t *body = make_body(records, count);
    struct err why = {0};
    int status = 0;

    if (path == NULL || body == NULL)
        return err_memory(e);
    if (records[0]->ttl_s == 0)
        json_put_int(body, "ttl", cloud_ttl(r, zone));
    if (act(r, path, body, "add a record to the zone", &status, &why))
        return true;
    if (status != 422 || records[0]->ttl_s != 0) {
        *e = why;
        return false;
    }
    /* somebody else may just have made the set, with a lifetime of his own */
    json_delete_member(body, "ttl");
    return act(r, path, body, "add a record to the zone", &status, e);
}

static bool
add_all(struct rest *r, const struct cloud_zone *zone, const struct cloud_records *records,
        struct err *e)
{
    for (size_t i = 0; i < records->count; i++) {
        const struct cloud_record *set[VALUES_MAX];
        bool is_new = true;
        size_t count = 0;

        for (size_t k = 0; k < i; k++)
            is_new = is_new && strcmp(records->items[k].name, records->items[i].name) != 0;
        for (size_t k = i; k < records->count && is_new && count < VALUES_MAX; k++)
            if (strcmp(records->items[k].name, records->items[i].name) == 0)
                set[count++] = &records->items[k];
        if (count > 0 && !add_to_set(r, zone, set, count, e))
            return false;
    }
    return true;
}

static bool
drop(struct rest *r, const struct cloud_zone *zone, const struct cloud_record *record,
     struct err *e)
{
    own_mem char *path = make_path(zone, record->name, "remove_records");
    own_json struct json_t *body = make_body(&record, 1);
    struct err why = {0};
    int status = 0;

    if (path == NULL || body == NULL)
        return err_memory(e);
    if (act(r, path, body, "delete a record of the zone", &status, &why) || status == 404)
        return true;
    *e = why;
    return false;
}

static const struct cloud_service service = {
    .least_ttl_s = 60,
    .header = "Authorization: Bearer ",
    .find_zone = find_zone,
    .list = list,
    .add_all = add_all,
    .drop = drop,
};

extern const struct dns_provider dns_hetzner;

const struct dns_provider dns_hetzner = {
    .name = "hetzner",
    .options = options,
    .config_size = sizeof(struct cloud_config),
    CLOUD_FUNCTIONS,
    .cloud = &service,
};
