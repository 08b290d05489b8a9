/* visit.c: begin and end of what a person does with an account. */
#include "acme/visit.h"

#include "acme/account.h"
#include "base/file.h"
#include "base/log.h"

bool
visit_begin(const struct acme_access *a, struct client *c, int64_t *deactivated_at_s, struct err *e)
{
    own_mem char *session = str_format("%s/session.json", a->account_dir);

    if (session == NULL)
        return err_memory(e);
    if (!file_make_directory(a->account_dir, 0700, e))
        return false;
    file_remove_temporaries(a->account_dir);
    return client_init(c, a->http, a->clock, a->issuer->directory, session, e) &&
           account_load(c, a->account_dir, deactivated_at_s, e);
}

bool
visit_needs_account(struct client *c, int64_t deactivated_at_s, struct err *e)
{
    own_answer struct answer a = {0};

    if (deactivated_at_s != 0)
        return err_set(e, ERR_INPUT, "the account is deactivated already");
    if (c->key == NULL)
        return err_set(e, ERR_INPUT, "there is no account yet");
    return c->kid != NULL || account_find(c, &a, e);
}

bool
visit_end(struct client *c, bool good)
{
    struct err ignored = {0};

    if (c->session_path != NULL && !client_save(c, &ignored))
        log_debug("the session is not remembered: %s", ignored.text);
    client_done(c);
    return good;
}
