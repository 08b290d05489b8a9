/* test_cli_hook.c: what each client says when it calls its hook; the words are from the clients'
 * own documentation, see cli/hook.h. */
#include "cli/hook.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARGUMENTS_MAX 8

static const char *const variables[] = {
    "RENEWED_LINEAGE",     "LEGO_CERT_PATH",           "LEGO_CERT_KEY_PATH",
    "LEGO_CERT_DOMAIN",    "LEGO_HOOK_CERT_PATH",      "LEGO_HOOK_CERT_KEY_PATH",
    "LEGO_HOOK_CERT_NAME", "CERT_FULLCHAIN_PATH",      "CERT_KEY_PATH",
    "Le_Domain",           "LEGO_HOOK_ACCOUNT_SERVER", "UACME_CONFDIR",
};

/* One call and what it means; NULL: nothing. */
struct row {
    const char *client;
    const char *environment[4], *arguments[ARGUMENTS_MAX];
    enum err_code code;
    const char *chain, *key, *name, *directory;
};

static void
set_environment(const struct row *row)
{
    for (size_t i = 0; i < COUNT(variables); i++)
        assert_int_equal(unsetenv(variables[i]), 0);
    for (size_t i = 0; i < COUNT(row->environment) && row->environment[i] != NULL; i++) {
        const char *value = strchr(row->environment[i], '=') + 1;
        char *name = strndup(row->environment[i], (size_t)(value - row->environment[i]) - 1);

        assert_int_equal(setenv(name, value, 1), 0);
        free(name);
    }
}

static bool
is_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
is_read(size_t number, const struct row *row)
{
    own_hook_call struct hook_call call = {0};
    char *argv[ARGUMENTS_MAX + 1] = {NULL};
    struct err e = {0};
    int argc = 0;
    bool good = false;

    set_environment(row);
    for (; argc < ARGUMENTS_MAX && row->arguments[argc] != NULL; argc++)
        argv[argc] = strdup(row->arguments[argc]);
    good = hook_read(row->client, argc, argv, &call, &e);
    if (good != (row->code == ERR_NONE) || (!good && e.code != row->code))
        fail_msg("row %zu: %d: %s", number, (int)e.code, e.text);
    if (good && (!is_equal(call.chain_file, row->chain) || !is_equal(call.key_file, row->key) ||
                 !is_equal(call.name, row->name) || !is_equal(call.directory, row->directory)))
        fail_msg("row %zu: '%s' '%s' '%s' '%s'", number, call.chain_file, call.key_file, call.name,
                 call.directory);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
}

static void
each_client_is_understood(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"certbot", {"RENEWED_LINEAGE=/etc/letsencrypt/live/a.b"}, {NULL}, ERR_NONE,
         "/etc/letsencrypt/live/a.b/fullchain.pem", "/etc/letsencrypt/live/a.b/privkey.pem", "a.b", NULL},
        {"certbot", {"RENEWED_LINEAGE=/x"}, {"/l/a.b//"}, ERR_NONE,
         "/l/a.b/fullchain.pem", "/l/a.b/privkey.pem", "a.b", NULL},
        {"certbot", {NULL}, {NULL}, ERR_USAGE, NULL, NULL, NULL, NULL},
        {"certbot", {"RENEWED_LINEAGE="}, {NULL}, ERR_INPUT, NULL, NULL, NULL, NULL},
        {"certbot", {"RENEWED_LINEAGE=live/a"}, {NULL}, ERR_INPUT, NULL, NULL, NULL, NULL},
        {"lego", {"LEGO_CERT_PATH=/l/a.crt", "LEGO_CERT_KEY_PATH=/l/a.key", "LEGO_CERT_DOMAIN=a\n"}, {NULL}, ERR_NONE,
         "/l/a.crt", "/l/a.key", "a?", NULL},
        {"lego", {"LEGO_HOOK_CERT_PATH=/l/a.crt", "LEGO_HOOK_CERT_KEY_PATH=/l/a.key", "LEGO_HOOK_CERT_NAME=a"}, {NULL},
         ERR_NONE, "/l/a.crt", "/l/a.key", "a", NULL},
        {"lego", {"LEGO_HOOK_ACCOUNT_SERVER=https://x"}, {NULL}, ERR_NONE, NULL, NULL, NULL, NULL},
        {"lego", {"LEGO_CERT_PATH=/l/a.crt"}, {NULL}, ERR_USAGE, NULL, NULL, NULL, NULL},
        {"lego", {"LEGO_CERT_PATH=a.crt", "LEGO_CERT_KEY_PATH=/l/a.key"}, {NULL}, ERR_INPUT, NULL, NULL, NULL, NULL},
        {"dehydrated", {NULL}, {"deploy_cert", "a", "/d/privkey.pem", "/d/cert.pem", "/d/fullchain.pem", "/d/chain.pem", "17"},
         ERR_NONE, "/d/fullchain.pem", "/d/privkey.pem", "a", NULL},
        {"dehydrated", {NULL}, {"unchanged_cert", "a", "/d/privkey.pem", "/d/cert.pem", "/d/fullchain.pem", "/d/chain.pem"},
         ERR_NONE, "/d/fullchain.pem", "/d/privkey.pem", "a", NULL},
        {"dehydrated", {NULL}, {"sync_cert", "/d/k", "/d/c", "/d/f", "/d/ch", "/d/csr"}, ERR_NONE, NULL, NULL, NULL, NULL},
        {"dehydrated", {NULL}, {"exit_hook"}, ERR_NONE, NULL, NULL, NULL, NULL},
        {"dehydrated", {NULL}, {"deploy_cert", "a", "/d/privkey.pem"}, ERR_USAGE, NULL, NULL, NULL, NULL},
        {"dehydrated", {NULL}, {NULL}, ERR_USAGE, NULL, NULL, NULL, NULL},
        {"acme.sh", {"CERT_FULLCHAIN_PATH=/h/fullchain.cer", "CERT_KEY_PATH=/h/a.key", "Le_Domain=a"}, {NULL}, ERR_NONE,
         "/h/fullchain.cer", "/h/a.key", "a", NULL},
        {"acme.sh", {NULL}, {"pgcert_deploy", "a", "/h/a.key", "/h/a.cer", "/h/ca.cer", "/h/fullchain.cer", "/h/a.pfx"}, ERR_NONE,
         "/h/fullchain.cer", "/h/a.key", "a", NULL},
        {"acme.sh", {NULL}, {"a", "/h/a.key", "/h/a.cer", "/h/ca.cer", "/h/fullchain.cer"}, ERR_NONE,
         "/h/fullchain.cer", "/h/a.key", "a", NULL},
        {"acme.sh", {NULL}, {"pgcert_deploy", "a", "/h/a.key"}, ERR_USAGE, NULL, NULL, NULL, NULL},
        {"acme.sh", {"CERT_KEY_PATH=/h/a.key"}, {NULL}, ERR_USAGE, NULL, NULL, NULL, NULL},
        {"uacme", {NULL}, {NULL}, ERR_NONE, NULL, NULL, NULL, "/etc/ssl/uacme"},
        {"uacme", {"UACME_CONFDIR=/u/"}, {NULL}, ERR_NONE, NULL, NULL, NULL, "/u"},
        {"uacme", {"UACME_CONFDIR=/u/"}, {"/v"}, ERR_NONE, NULL, NULL, NULL, "/v"},
        {"uacme", {NULL}, {"begin", "dns-01", "a", "t", "v"}, ERR_CONFIG, NULL, NULL, NULL, NULL},
        {"uacme", {NULL}, {"done", "dns-01", "a", "t", "v"}, ERR_NONE, NULL, NULL, NULL, NULL},
        {"uacme", {NULL}, {"failed", "dns-01", "a", "t", "v"}, ERR_NONE, NULL, NULL, NULL, NULL},
        {"Certbot", {NULL}, {NULL}, ERR_USAGE, NULL, NULL, NULL, NULL},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        is_read(i, &rows[i]);
}

static void
a_path_without_end_is_refused(void **state)
{
    own_hook_call struct hook_call call = {0};
    char *path = malloc(PATH_MAX + 1);
    struct err e = {0};

    (void)state;
    assert_non_null(path);
    memset(path, 'a', PATH_MAX);
    path[0] = '/';
    path[PATH_MAX] = '\0';
    assert_false(hook_read("certbot", 1, &path, &call, &e));
    assert_int_equal(e.code, ERR_INPUT);
    free(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_client_is_understood),
        cmocka_unit_test(a_path_without_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
