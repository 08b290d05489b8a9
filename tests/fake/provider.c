/* provider.c: a DNS provider which publishes nothing and remembers everything. */
#include "tests/fake/provider.h"

#include <assert.h>
#include <unistd.h>

static bool
note(struct dns *d, const char *verb, const struct dns_txt *records, size_t count, struct err *e)
{
    struct fake_provider *f = (struct fake_provider *)d;
    bool journalled = f->journal != NULL && access(f->journal, F_OK) == 0;
    bool noted = str_addf(&f->said, "%s%s", journalled ? "+" : "", verb);

    for (size_t i = 0; i < count; i++)
        noted = noted &&
                str_addf(&f->said, "%s %s %s", i > 0 ? "," : "", records[i].fqdn, records[i].value);
    noted = noted && str_add(&f->said, "\n", 1);
    assert(noted);
    return !f->fails || err_set(e, ERR_PERMISSION, "the name server refuses");
}

static bool
publish(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    return note(d, "publish", records, count, e);
}

static bool
remove_records(struct dns *d, const struct dns_txt *records, size_t count, struct err *e)
{
    return note(d, "remove", records, count, e);
}

static const struct dns_provider remembering = {
    .name = "fake",
    .publish = publish,
    .remove = remove_records,
};

struct fake_provider
fake_provider_named(char *name)
{
    return (struct fake_provider){.dns = {.name = name, .provider = &remembering}};
}

const char *
fake_provider_said(const struct fake_provider *f)
{
    return f->said.text == NULL ? "" : f->said.text;
}

void
fake_provider_done(struct fake_provider *f)
{
    str_done(&f->said);
}
