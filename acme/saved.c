/* saved.c: write an order's place and purpose, and judge what was written. */
#include "acme/saved.h"

#include "acme/client.h"
#include "acme/profile.h"
#include "base/b64url.h"
#include "base/csr.h"
#include "base/json.h"

#include <string.h>

bool
saved_write(const struct acme_job *job, const char *order_url, const struct str *csr_der,
            struct err *e)
{
    own_json struct json_t *object = json_new_object();
    own_str struct str csr = {0};

    if (object == NULL || !b64url_add(&csr, csr_der->text, csr_der->size))
        return err_memory(e);
    json_put_text(object, "directory", job->client->directory_url);
    json_put_text(object, "account", job->client->kid);
    json_put_text(object, "url", order_url);
    json_put_list(object, "names", job->names);
    json_put_text(object, "profile", job->access->issuer->profile);
    json_put_text(object, "csr", csr.text);
    return json_save(object, job->order_path, e);
}

static bool
is_for(const struct acme_job *job, const struct json_t *saved, struct str *csr_der)
{
    const struct json_t *names = json_member(saved, "names");
    const char *account = json_member_text(saved, "account");
    const char *csr = json_member_text(saved, "csr");
    own_list struct list ordered = {0};

    for (size_t n = 0; n < json_count(names); n++)
        if (json_item_text(names, n) == NULL || !list_add(&ordered, json_item_text(names, n)))
            return false;
    return account != NULL && strcmp(account, job->client->kid) == 0 &&
           list_same(&ordered, job->names) && profile_same(job->access->issuer, saved) &&
           csr != NULL && b64url_decode(csr_der, csr) && csr_same_key(csr_der, job->csr_der);
}

char *
saved_find(const struct acme_job *job, struct str *csr_der)
{
    struct err ignored = {0};
    own_json struct json_t *saved = json_load(job->order_path, &ignored);
    const char *url = saved == NULL ? NULL : json_member_text(saved, "url");

    return url != NULL && is_for(job, saved, csr_der) ? strdup(url) : NULL;
}
