/* setup_ca.c: the private CA as the issuer that `setup` falls back on. */
#include "cli/setup_ca.h"

#include "cli/term.h"

#include <stdio.h>
#include <string.h>

void
setup_ca_announce(const struct app *app, bool dry)
{
    if (!ca_is_ready(&app->config.ca))
        (void)printf("There is no private CA in '%s'; one %s made.\n\n", app->config.ca.directory,
                     dry ? "would be" : "will be");
    (void)fflush(stdout);
}

bool
setup_ca_make(struct app *app, struct err *e)
{
    bool made = false;

    if (ca_is_ready(&app->config.ca))
        return true;
    if (!ca_init(&app->config.ca, NULL, app->clock, &made, e))
        return false;
    if (made && !app->quiet)
        (void)printf("the private CA in %s is made\n", app->config.ca.directory);
    return true;
}

/* A name that stands for one host. */
static const char *
find_host(const struct certificate *c)
{
    for (size_t i = 0; i < c->names.count; i++)
        if (c->names.items[i][0] != '*')
            return c->names.items[i];
    return "HOST";
}

/* ":5432" at the end of the first address that was asked; "" when none was. */
static const char *
find_port(const struct report *r)
{
    const struct served *s = r->target_count == 0 ? NULL : &r->targets[0].served;
    const char *colon =
        s == NULL || s->endpoint_count == 0 ? NULL : strrchr(s->endpoints[0].address, ':');

    return colon == NULL ? "" : colon + 1;
}

void
setup_ca_tell(const struct app *app, const struct report *r)
{
    own_mem char *root = ca_root_path(&app->config.ca);
    const char *port = find_port(r);
    const char *quote = root != NULL && strchr(root, ' ') != NULL ? "'" : "";

    if (root == NULL)
        return;
    (void)printf("\nClients need the root's certificate, %s\n"
                 "(pgcert ca export root prints it), and then connect by:\n"
                 "  %spsql \"host=%s%s%s sslmode=verify-full sslrootcert=%s%s%s\"%s\n",
                 root, term_on(TERM_BOLD), find_host(r->certificate),
                 *port == '\0' ? "" : " port=", port, quote, root, quote, term_off());
}
