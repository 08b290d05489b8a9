/* session.c: one order asks for all of them. */
#include "acme/session.h"

#include "acme/account.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

struct client *
acme_open(const struct acme_access *a, struct err *e)
{
    own_mem char *session_path = str_format("%s/session.json", a->account_dir);
    struct client *c = calloc(1, sizeof(*c));

    if (session_path == NULL || c == NULL) {
        (void)err_memory(e);
        free(c);
        return NULL;
    }
    if (client_init(c, a->http, a->clock, a->issuer->directory, session_path, e))
        return c;
    client_done(c);
    free(c);
    return NULL;
}

void
acme_close(struct client *c)
{
    struct err e = {0};

    if (c == NULL)
        return;
    if (c->is_open && !client_save(c, &e))
        log_debug("the session is not remembered: %s", e.text);
    client_done(c);
    free(c);
}

/* What an earlier order was told holds for this one. */
static bool
as_before(const struct client *c, struct err *e)
{
    if (c->refusal.code == ERR_NONE)
        return true;
    *e = c->refusal;
    return false;
}

bool
session_open_account(struct client *c, const struct acme_access *access, struct err *unsaid,
                     struct err *e)
{
    own_lock struct fiber_lock *held = fiber_lock(&c->lock);
    struct err why = {0};

    if (c->is_open)
        return as_before(c, e);
    c->is_open = true;
    /* that the server does not take the contacts must not stop a renewal */
    if (account_open(c, access->issuer, access->account_dir, &c->refusal) &&
        !account_tell_contacts(c, access->issuer, access->account_dir, &why) && !c->account_is_gone)
        *unsaid = why;
    return as_before(c, e);
}

bool
session_register_again(struct client *c, const struct acme_access *access, const char *kid,
                       struct err *e)
{
    own_lock struct fiber_lock *held = fiber_lock(&c->lock);

    if (c->refusal.code == ERR_NONE && strcmp(c->kid, kid) == 0) {
        log_debug("the account %s is gone at the server, registering again", kid);
        (void)!account_register(c, access->issuer, access->account_dir, &c->refusal);
    }
    return as_before(c, e);
}
