/* cmd_version.c: which version this is and what it was built with. */
#include "base/json.h"
#include "base/version.h"
#include "cli/commands.h"

#include <stdio.h>

#include <openssl/crypto.h>

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    (void)argc;
    (void)argv;
    if (app->json) {
        own_json struct json_t *object = json_new_object();
        own_mem char *text = NULL;

        json_put_text(object, "version", PGCERT_VERSION);
        json_put_text(object, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
        text = json_encode_pretty(object);
        if (text == NULL)
            return err_memory(e);
        (void)fputs(text, stdout);
        return true;
    }
    (void)printf("pgcert %s\n%s\n", PGCERT_VERSION, OpenSSL_version(OPENSSL_VERSION));
    return true;
}

const struct command cmd_version = {
    .name = "version",
    .arguments = "",
    .run = run,
    .summary = "say which version this is",
};
