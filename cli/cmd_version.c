/* cmd_version.c: which version this is, what it was built with and what it runs with. */
#include "base/dns.h"
#include "base/http.h"
#include "base/idn.h"
#include "base/json.h"
#include "base/landlock.h"
#include "base/notify.h"
#include "base/syscalls.h"
#include "base/version.h"
#include "base/xml.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

/* The Makefile asks pkg-config: {"jansson", "2.14"}, ... */
#ifndef PGCERT_BUILT_WITH
#define PGCERT_BUILT_WITH
#endif

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

static const char *
openssl(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

/* clang-format off */
static const struct library {
    const char *name;             /* as pkg-config has it */
    const char *(*running)(void); /* NULL: it cannot tell */
    bool is_late;                 /* it is loaded when it is needed, and may be missing */
} libraries[] = {
    {"openssl",    openssl,        false},
    {"jansson",    json_library,   false},
    {"inih",       NULL,           false},
    {"libidn2",    idn_library,    false},
    {"ldns",       dns_library,    false},
    {"expat",      xml_library,    false},
    {"libcurl",    http_library,   true},
    {"libpq",      reload_library, true},
    {"libsystemd", notify_library, true},
    {"libseccomp", syscalls_library, true},
};
/* clang-format on */

/* "?" where nobody asked pkg-config. */
static const char *
built_with(const char *name)
{
    static const char *const pairs[][2] = {PGCERT_BUILT_WITH{NULL, NULL}};

    for (size_t i = 0; pairs[i][0] != NULL; i++)
        if (strcmp(pairs[i][0], name) == 0)
            return pairs[i][1];
    return "?";
}

static void
print_library(const struct library *l)
{
    const char *running = l->running == NULL ? NULL : l->running();

    if (running != NULL)
        (void)printf("%-11s %s, built with %s\n", l->name, running, built_with(l->name));
    else
        (void)printf("%-11s %sbuilt with %s\n", l->name, l->is_late ? "cannot be loaded; " : "",
                     built_with(l->name));
}

static struct json_t *
library_json(const struct library *l)
{
    struct json_t *one = json_new_object();

    json_put_text(one, "name", l->name);
    json_put_text(one, "built", built_with(l->name));
    json_put_text(one, "running", l->running == NULL ? NULL : l->running());
    return one;
}

static void
print_json(void)
{
    own_json struct json_t *object = json_new_object();
    struct json_t *array = json_new_array();

    for (size_t i = 0; i < COUNT(libraries); i++)
        json_add(array, library_json(&libraries[i]));
    json_put_text(object, "version", PGCERT_VERSION);
    json_put_text(object, "openssl", openssl());
    json_put_text(object, "compiler", COMPILER);
    json_put(object, "libraries", array);
    json_put_int(object, "landlock", landlock_abi());
    json_put_bool(object, "seccomp", syscalls_kernel_can());
    app_print_json(object);
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    (void)argc;
    (void)argv;
    (void)e;
    if (app->json) {
        print_json();
        return true;
    }
    (void)printf("pgcert %s\n", PGCERT_VERSION);
    if (app->quiet)
        return true;
    (void)printf("%-11s %s\n", "compiler", COMPILER);
    for (size_t i = 0; i < COUNT(libraries); i++)
        print_library(&libraries[i]);
    (void)printf("%-11s Landlock ABI %d, seccomp %s\n", "kernel", landlock_abi(),
                 syscalls_kernel_can() ? "yes" : "no");
    return true;
}

const struct command cmd_version = {
    .name = "version",
    .arguments = "",
    .run = run,
    .summary = "which version this is, and of which libraries",
};
