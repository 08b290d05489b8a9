/* test_profile.c: profiles as draft-aaron-acme-profiles-00 section 3 has them. */
#include "acme/profile.h"

#include "tests/fake/clock.h"
#include "tests/fake/http.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1795316400)
#define DIRECTORY_WITH(meta)                                                                       \
    "{\"newNonce\":\"https://ca.test/nonce\",\"newAccount\":\"https://ca.test/new\","              \
    "\"newOrder\":\"https://ca.test/order\",\"meta\":" meta "}"
#define TWO                                                                                        \
    "{\"profiles\":{\"classic\":\"https://ca.test/c\",\"shortlived\":\"https://ca.test/s\"}}"
#define URL "https://ca.test/dir"

/* What a check says, with a directory of that meta. */
static bool
check(char *profile, const char *directory, const char *session, const char *asked, struct err *e)
{
    struct scratch scratch = scratch_new();
    struct fake_clock clock = fake_clock_at(NOW);
    const struct reply reply = {.status = 200, .type = "application/json", .body = directory};
    struct fake_http http = fake_http_with(&reply, 1);
    struct client client = {0};
    const struct acme_issuer issuer = {.profile = profile};
    bool good = false;

    if (session != NULL)
        scratch_write(&scratch, "session.json", session);
    assert_true(client_init(&client, &http.base, &clock.base, URL,
                            scratch_path(&scratch, "session.json"), e));
    good = profile_check(&client, &issuer, e);
    assert_string_equal(fake_http_asked(&http), asked);
    client_done(&client);
    fake_http_done(&http);
    scratch_done(&scratch);
    return good;
}

static void
a_profile_must_be_one_that_the_directory_names(void **state)
{
    static char classic[] = "classic", shortlive[] = "shortlive", other[] = "tlsserver";
    static const char get[] = "GET " URL "\n";
    /* clang-format off */
    static const struct {
        char *profile;
        const char *directory, *asked, *text; /* text NULL: it is good */
    } rows[] = {
        {NULL,      DIRECTORY_WITH(TWO),  "",  NULL},
        {classic,   DIRECTORY_WITH(TWO),  get, NULL},
        {shortlive, DIRECTORY_WITH(TWO),  get, "profile = shortlive: this issuer has no such profile; there are: classic shortlived; did you mean 'shortlived'?"},
        {other,     DIRECTORY_WITH(TWO),  get, "profile = tlsserver: this issuer has no such profile; there are: classic shortlived"},
        {classic,   DIRECTORY_WITH("{}"), get, "profile = classic: this issuer has no profiles; remove the setting"},
        {classic,   DIRECTORY_WITH("{\"profiles\":[\"classic\"]}"), get, "profile = classic: this issuer has no profiles; remove the setting"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};

        assert_int_equal(check(rows[i].profile, rows[i].directory, NULL, rows[i].asked, &e),
                         rows[i].text == NULL);
        assert_string_equal(e.text, rows[i].text == NULL ? "" : rows[i].text);
        assert_int_equal(e.code, rows[i].text == NULL ? ERR_NONE : ERR_CONFIG);
    }
}

static void
a_remembered_directory_is_read_again_before_it_is_blamed(void **state)
{
    static char classic[] = "classic";
    static const char get[] = "GET " URL "\n";
    struct err e = {0};
    own_mem char *old = str_format("{\"directory_url\":\"" URL "\",\"directory_at\":%lld,"
                                   "\"directory\":%s}",
                                   (long long)NOW, DIRECTORY_WITH("{}"));
    own_mem char *now = str_format("{\"directory_url\":\"" URL "\",\"directory_at\":%lld,"
                                   "\"directory\":%s}",
                                   (long long)NOW, DIRECTORY_WITH(TWO));

    (void)state;
    assert_true(check(classic, DIRECTORY_WITH(TWO), old, get, &e));
    assert_true(check(classic, DIRECTORY_WITH("{}"), now, "", &e));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_must_be_one_that_the_directory_names),
        cmocka_unit_test(a_remembered_directory_is_read_again_before_it_is_blamed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
