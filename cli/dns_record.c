/* dns_record.c: the records of dns-persist-01, ready to be pasted into a zone. */
#include "cli/dns_record.h"

#include "acme/acme.h"
#include "base/json.h"
#include "cli/access.h"

#include <stdio.h>

/* What is printed, and for whom. */
struct sheet {
    const struct certificate *certificate;
    const char *challenge; /* its word */
    struct acme_records records;
};

/* The word of the setting, from its table, which acme keeps. */
static const char *
challenge_word(const struct acme_issuer *issuer)
{
    for (const struct option *o = acme_options; o->name != NULL; o++)
        if (o->offset == offsetof(struct acme_issuer, challenge))
            return o->words[issuer->challenge];
    return "";
}

static void
print_json(const struct sheet *s)
{
    own_json struct json_t *object = json_new_object();
    struct json_t *array = json_new_array();

    json_put_text(object, "certificate", s->certificate->name);
    json_put_text(object, "issuer", s->certificate->issuer_name);
    json_put_text(object, "challenge", s->challenge);
    json_put_text(object, "account", s->records.account_url);
    for (size_t i = 0; i < s->records.count; i++) {
        const struct acme_record *r = &s->records.items[i];
        struct json_t *record = json_new_object();

        json_put_text(record, "name", r->fqdn);
        json_put_text(record, "type", "TXT");
        json_put_text(record, "value", r->value);
        json_put_text(record, "line", r->line);
        json_add(array, record);
    }
    json_put(object, "records", array);
    app_print_json(object);
}

/* Comments of a zone file stand behind ";", so that all of it can be pasted. */
static void
print(const struct sheet *s)
{
    for (size_t i = 0; i < s->records.count; i++) {
        const struct acme_record *r = &s->records.items[i];

        if (r->line != NULL)
            (void)printf("%s\n", r->line);
        else
            (void)printf("; %s: nothing to publish by hand; [dns %s] puts a record at %s for each "
                         "order, and removes it\n",
                         s->challenge, s->certificate->issuer->acme.dns, r->fqdn);
    }
}

static bool
find(struct sheet *s, struct app *app, struct err *e)
{
    const struct certificate *c = s->certificate;
    const struct acme_access *access = access_by_name(app, c->issuer_name, e);

    if (access == NULL)
        return false;
    s->challenge = challenge_word(access->issuer);
    if (!acme_records_find(access, &c->names, &s->records, e))
        return err_wrap(e, "[issuer %s]", c->issuer_name);
    if (s->records.count == 0)
        return err_set(e, ERR_INPUT,
                       "[issuer %s]: there is no account yet, and the record depends on it; try: "
                       "pgcert account register %s",
                       c->issuer_name, c->issuer_name);
    return true;
}

bool
dns_record_print(struct app *app, const char *name, struct err *e)
{
    struct sheet s = {.certificate = config_certificate(&app->config, name)};
    bool good = false;

    if (s.certificate == NULL)
        return err_set(e, ERR_USAGE,
                       "there is no certificate '%s' in the settings; try: pgcert status", name);
    good = find(&s, app, e);
    if (good && app->json)
        print_json(&s);
    else if (good)
        print(&s);
    acme_records_done(&s.records);
    return good;
}
