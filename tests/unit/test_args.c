/* test_args.c: flags of the command line, as getopt_long(3) would take them. */
#include "cli/args.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool force, dry;
static const char *config;

/* clang-format off */
static const struct flag global[] = {
    {"--config",  "-c", NULL,   &config, "FILE", "settings"},
    {0},
};
static const struct flag own[] = {
    {"--force",   "-f", &force, NULL,    NULL,   "renew though not due"},
    {"--dry-run", NULL, &dry,   NULL,    NULL,   "touch nothing"},
    {0},
};
/* clang-format on */
static const struct flag *const tables[] = {global, own, NULL};

#define MOST 8

/* Takes the words of a line; "" stands for an empty one. Gives what is left, with '|' behind each.
 */
static bool
take(const char *line, bool first_only, struct str *left, struct err *e)
{
    own_list struct list words = {0};
    char *argv[MOST + 1] = {NULL};
    int argc = 0;

    force = dry = false;
    config = NULL;
    assert_true(list_add_words(&words, line) && words.count <= MOST);
    for (size_t i = 0; i < words.count; i++)
        argv[argc++] = words.items[i];
    if (!args_take(tables, first_only, &argc, argv, e))
        return false;
    for (int i = 0; i < argc; i++)
        assert_true(str_addf(left, "%s|", argv[i]));
    if (config != NULL) /* the words are gone soon */
        assert_true(str_addf(left, " config=%s", config));
    return true;
}

static void
flags_are_taken_out_and_the_rest_stays_in_order(void **state)
{
    /* clang-format off */
    static const struct {
        const char *line;
        bool first_only, force, dry;
        const char *left;
    } rows[] = {
        {"",                          false, false, false, ""},
        {"a b",                       false, false, false, "a|b|"},
        {"--force",                   false, true,  false, ""},
        {"a --force b -f --dry-run",  false, true,  true,  "a|b|"},
        {"--config f a",              false, false, false, "a| config=f"},
        {"--config=f a",              false, false, false, "a| config=f"},
        {"--config=",                 false, false, false, " config="},
        {"-c f a",                    false, false, false, "a| config=f"},
        {"--config --force",          false, false, false, " config=--force"},
        {"--config=a --config=b=c",   false, false, false, " config=b=c"},
        {"-",                         false, false, false, "-|"},
        {"a -- --force -x",           false, false, false, "a|--force|-x|"},
        {"-- --",                     false, false, false, "--|"},
        {"-c f renew --force x",      true,  false, false, "renew|--force|x| config=f"},
        {"renew --unknown -- -c",     true,  false, false, "renew|--unknown|--|-c|"},
        {"-- --force --dry-run",      true,  false, false, "--force|--dry-run|"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_str struct str left = {0};
        struct err e = {0};

        assert_true(str_addf(&left, "%s", ""));
        if (!take(rows[i].line, rows[i].first_only, &left, &e))
            fail_msg("'%s': %s", rows[i].line, e.text);
        assert_string_equal(left.text, rows[i].left);
        assert_int_equal(force, rows[i].force);
        assert_int_equal(dry, rows[i].dry);
    }
}

static void
a_wrong_flag_is_told_with_the_nearest(void **state)
{
    /* clang-format off */
    static const struct {
        const char *line, *text;
    } rows[] = {
        {"--forse",      "no option '--forse'; did you mean '--force'?"},
        {"--confg f",    "no option '--confg'; did you mean '--config'?"},
        {"--frobnicate-all", "no option '--frobnicate-all'; try: pgcert help"},
        {"--force=yes",  "the option '--force' takes no value"},
        {"a --config",   "the option '--config' needs a value: FILE"},
        {"-c",           "the option '--config' needs a value: FILE"},
        {"--forceful",   "no option '--forceful'; did you mean '--force'?"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_str struct str left = {0};
        struct err e = {0};

        assert_false(take(rows[i].line, false, &left, &e));
        assert_int_equal(e.code, ERR_USAGE);
        assert_string_equal(e.text, rows[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_are_taken_out_and_the_rest_stays_in_order),
        cmocka_unit_test(a_wrong_flag_is_told_with_the_nearest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
