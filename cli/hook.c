/* hook.c: one function for the contract of each client. */
#include "cli/hook.h"

#include "base/str.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_HERE 253 /* of a DNS name */
#define CERTBOT_CHAIN "fullchain.pem"
#define CERTBOT_KEY "privkey.pem"
#define UACME_DIRECTORY "/etc/ssl/uacme" /* as uacme(1) has it */

/* ---- what comes from outside ---- */

/* Copies an absolute path, without what stands after its last name. */
static bool
take_path(char **path, const char *what, const char *given, struct err *e)
{
    size_t size = strnlen(given, PATH_MAX);

    if (size == PATH_MAX || given[0] != '/')
        return err_set(e, ERR_INPUT, "%s = '%.60s%s': it must be an absolute path%s", what, given,
                       size > 60 ? "..." : "", size == PATH_MAX ? " of a possible length" : "");
    while (size > 1 && given[size - 1] == '/')
        size--;
    *path = strndup(given, size);
    return *path != NULL || err_memory(e);
}

/* It is only shown. */
static bool
take_name(struct hook_call *c, const char *given, struct err *e)
{
    if (given == NULL)
        return true;
    c->name = strndup(given, NAME_MAX_HERE);
    if (c->name == NULL)
        return err_memory(e);
    err_tame(c->name);
    return true;
}

static bool
take_pair(struct hook_call *c, const char *chain_file, const char *key_file, struct err *e)
{
    return take_path(&c->chain_file, "the certificate", chain_file, e) &&
           take_path(&c->key_file, "the key", key_file, e);
}

/* ---- certbot: RENEWED_LINEAGE=/etc/letsencrypt/live/NAME; or that directory as an argument ----
 */

static bool
certbot(int argc, char **argv, struct hook_call *c, struct err *e)
{
    const char *given = argc > 0 ? argv[0] : getenv("RENEWED_LINEAGE");
    own_mem char *lineage = NULL;

    if (given == NULL)
        return err_set(
            e, ERR_USAGE,
            "there is no RENEWED_LINEAGE, as certbot sets it for a deploy hook; by hand: "
            "pgcert hook certbot /etc/letsencrypt/live/NAME");
    if (!take_path(&lineage, "RENEWED_LINEAGE", given, e))
        return false;
    c->chain_file = str_format("%s/" CERTBOT_CHAIN, lineage);
    c->key_file = str_format("%s/" CERTBOT_KEY, lineage);
    return ((c->chain_file != NULL && c->key_file != NULL) || err_memory(e)) &&
           take_name(c, strrchr(lineage, '/') + 1, e);
}

/* ---- lego: --run-hook and --renew-hook of version 4, --deploy-hook of version 5 ---- */

static bool
lego(int argc, char **argv, struct hook_call *c, struct err *e)
{
    static const struct {
        const char *chain, *key, *name;
    } versions[] = {
        {"LEGO_CERT_PATH", "LEGO_CERT_KEY_PATH", "LEGO_CERT_DOMAIN"},
        {"LEGO_HOOK_CERT_PATH", "LEGO_HOOK_CERT_KEY_PATH", "LEGO_HOOK_CERT_NAME"},
    };

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < COUNT(versions); i++) {
        const char *chain = getenv(versions[i].chain), *key = getenv(versions[i].key);

        if (chain != NULL && key != NULL)
            return take_pair(c, chain, key, e) && take_name(c, getenv(versions[i].name), e);
    }
    /* before it has a certificate (--pre-hook) there is nothing to do */
    return getenv("LEGO_HOOK_ACCOUNT_SERVER") != NULL ||
           err_set(e, ERR_USAGE,
                   "there is no LEGO_CERT_PATH with LEGO_CERT_KEY_PATH, as lego sets them for its "
                   "hooks; try: lego ... renew --renew-hook \"pgcert hook lego\"");
}

/* ---- dehydrated: the event and its arguments; what is not known must succeed ---- */

static bool
dehydrated(int argc, char **argv, struct hook_call *c, struct err *e)
{
    static const struct {
        const char *word;
        bool is_no_news;
    } events[] = {{"deploy_cert", false}, {"unchanged_cert", true}};

    if (argc == 0)
        return err_set(e, ERR_USAGE,
                       "dehydrated calls its HOOK with the event as the first argument; the hook's "
                       "last line: exec pgcert hook dehydrated \"$@\"");
    for (size_t i = 0; i < COUNT(events); i++) {
        if (strcmp(argv[0], events[i].word) != 0)
            continue;
        if (argc < 5)
            return err_set(e, ERR_USAGE,
                           "usage: pgcert hook dehydrated %s DOMAIN KEY CERT FULLCHAIN", argv[0]);
        c->is_no_news = events[i].is_no_news;
        return take_pair(c, argv[4], argv[2], e) && take_name(c, argv[1], e);
    }
    return true;
}

/* ---- acme.sh: --reloadcmd, or NAME_deploy DOMAIN KEY CERT CA FULLCHAIN PFX ---- */

static bool
acme_sh(int argc, char **argv, struct hook_call *c, struct err *e)
{
    const char *chain = getenv("CERT_FULLCHAIN_PATH"), *key = getenv("CERT_KEY_PATH");
    size_t size = argc == 0 ? 0 : strlen(argv[0]);
    int first = size > 7 && strcmp(argv[0] + size - 7, "_deploy") == 0 ? 1 : 0;

    if (argc >= first + 5)
        return take_pair(c, argv[first + 4], argv[first + 1], e) && take_name(c, argv[first], e);
    if (argc == 0 && chain != NULL && key != NULL)
        return take_pair(c, chain, key, e) && take_name(c, getenv("Le_Domain"), e);
    return err_set(e, ERR_USAGE,
                   "there is no CERT_FULLCHAIN_PATH with CERT_KEY_PATH, as acme.sh sets them for a "
                   "--reloadcmd; by a deploy hook: pgcert hook acme.sh NAME_deploy DOMAIN KEY CERT "
                   "CA FULLCHAIN");
}

/* ---- uacme: a hook for challenges only; called after it: pgcert hook uacme [DIRECTORY] ---- */

static bool
uacme(int argc, char **argv, struct hook_call *c, struct err *e)
{
    const char *directory = argc > 0 ? argv[0] : getenv("UACME_CONFDIR");

    if (argc >= 5 && strcmp(argv[0], "begin") == 0) /* a failure declines the challenge */
        return err_set(e, ERR_CONFIG,
                       "pgcert hook uacme answers no challenges: give uacme a hook that does (-h), "
                       "and call this one after it: uacme ... issue NAME && pgcert hook uacme");
    if (argc >= 5 && (strcmp(argv[0], "done") == 0 || strcmp(argv[0], "failed") == 0))
        return true;
    return take_path(&c->directory, "uacme's directory",
                     directory != NULL ? directory : UACME_DIRECTORY, e);
}

/* ---- the table ---- */

const char *const hook_clients[] = {"certbot", "lego", "dehydrated", "acme.sh", "uacme", NULL};

/* In that order. */
static bool (*const contracts[])(int argc, char **argv, struct hook_call *c, struct err *e) = {
    certbot, lego, dehydrated, acme_sh, uacme,
};

static const char *
client_name(const void *table, size_t i)
{
    return ((const char *const *)table)[i];
}

bool
hook_read(const char *client, int argc, char **argv, struct hook_call *call, struct err *e)
{
    const char *near = str_nearest(client, client_name, hook_clients, COUNT(contracts));

    for (size_t i = 0; hook_clients[i] != NULL; i++)
        if (strcmp(hook_clients[i], client) == 0)
            return contracts[i](argc, argv, call, e);
    return err_set(e, ERR_USAGE, "no client '%s' is known; %s%s%s", client,
                   near != NULL ? "did you mean '" : "there are: certbot lego dehydrated acme.sh",
                   near != NULL ? near : " uacme", near != NULL ? "'?" : "");
}

void
hook_call_done(struct hook_call *call)
{
    free(call->name);
    free(call->chain_file);
    free(call->key_file);
    free(call->directory);
    *call = (struct hook_call){0};
}
