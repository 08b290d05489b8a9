/* hook.h: what another ACME client says when it calls `pgcert hook`. */
#ifndef PGCERT_CLI_HOOK_H
#define PGCERT_CLI_HOOK_H

#include "base/err.h"

/* The clients, NULL-ended. */
extern const char *const hook_clients[];

/* What was said. All strings are owned; `{0}`: nothing that concerns us. */
struct hook_call {
    char *name;       /* of its certificate, as that client has it; NULL: not said */
    char *chain_file; /* what it has renewed; NULL: nothing */
    char *key_file;
    char *directory; /* whatever is below may be new; NULL: it is not about a directory */
    bool is_no_news; /* nothing was renewed: that nobody wants it is no failure */
};

#define own_hook_call __attribute__((cleanup(hook_call_done)))

/*
 * Reads a call: the arguments behind the client's word, and the environment.
 *
 * Gives:  call  empty before
 * Errors: ERR_USAGE   no client of that name; it was not called by the client, or something is
 *                     missing in the call
 *         ERR_INPUT   a path is too long or not absolute
 *         ERR_CONFIG  the client asks for what must be done by another program
 * Source: certbot, docs/using.rst, "Renewing certificates"; lego, docs/content/usage/cli, "Hooks";
 * dehydrated, docs/examples/hook.sh; acme.sh, wiki, "deployhooks" and the function _installcert();
 * uacme(1)
 */
MUST_USE bool hook_read(const char *client, int argc, char **argv, struct hook_call *call,
                        struct err *e);

void hook_call_done(struct hook_call *call);

#endif
