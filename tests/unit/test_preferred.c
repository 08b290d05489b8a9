/* test_preferred.c: where chains end, with roots that have the same name, and a server that offers
 * several. */
#include "acme/preferred.h"

#include "tests/fake/clock.h"
#include "tests/fake/http.h"
#include "tests/fake/mint.h"
#include "tests/fake/scratch.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW INT64_C(1795316400)
#define DAY (24 * 3600)

/* Three roots, of which two have the same name, and what each one's chain is. */
struct world {
    struct scratch scratch;
    struct minted roots[3];
    struct str chains[3];
    char prints[3][CERT_SHA256_TEXT];
    const char *trust_file;
};

static void
begin(struct world *w)
{
    static const char *const names[] = {"Root One", "Root Two", "Root Two"};
    struct str all = {0};
    struct err e = {0};

    *w = (struct world){.scratch = scratch_new()};
    for (size_t i = 0; i < 3; i++) {
        const struct mint root = {
            .cn = names[i], .ca = true, .from_s = NOW - DAY, .until_s = NOW + DAY};
        const struct mint leaf = {.cn = "db", .from_s = NOW - DAY, .until_s = NOW + DAY};
        struct minted made = {0};

        w->roots[i] = mint(&root, NULL);
        made = mint(&leaf, &w->roots[i]);
        mint_add_cert(&w->chains[i], made.cert);
        mint_add_cert(&all, w->roots[i].cert);
        assert_true(cert_sha256(w->roots[i].cert, w->prints[i], &e));
        minted_done(&made);
    }
    scratch_write(&w->scratch, "roots.pem", all.text);
    w->trust_file = scratch_path(&w->scratch, "roots.pem");
    str_done(&all);
}

static void
end(struct world *w)
{
    for (size_t i = 0; i < 3; i++) {
        minted_done(&w->roots[i]);
        str_done(&w->chains[i]);
    }
    scratch_done(&w->scratch);
}

static bool
is(const struct world *w, const char *wanted, size_t chain)
{
    struct err e = {0};
    own_str struct str top = {0};
    bool yes = false;

    assert_true(preferred_is(wanted, &w->chains[chain], w->trust_file, &yes, &top, &e));
    assert_string_equal(top.text, chain == 0 ? "Root One" : "Root Two");
    return yes;
}

static void
a_chain_is_known_by_the_name_above_it(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    assert_true(is(&w, "Root One", 0));
    assert_false(is(&w, "Root Two", 0));
    assert_true(is(&w, "Root Two", 1));
    assert_false(is(&w, "root one", 0));
    assert_false(is(&w, "Root", 0));
    assert_false(is(&w, "Root One ", 0));
    end(&w);
}

static void
a_fingerprint_is_of_the_root_that_signed_it_not_of_its_namesake(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    for (size_t root = 0; root < 3; root++)
        for (size_t chain = 0; chain < 3; chain++)
            assert_int_equal(is(&w, w.prints[root], chain), root == chain);
    end(&w);
}

static void
a_fingerprint_may_have_colons_and_capitals(void **state)
{
    struct world w;
    own_str struct str text = {0};

    (void)state;
    begin(&w);
    for (size_t i = 0; w.prints[1][i] != '\0'; i++)
        assert_true(str_addf(&text, "%s%c", i > 0 && i % 2 == 0 ? ":" : "",
                             toupper((unsigned char)w.prints[1][i])));
    assert_true(is(&w, text.text, 1));
    assert_false(is(&w, text.text, 2));
    end(&w);
}

static void
a_root_in_the_chain_need_not_be_trusted(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    scratch_write(&w.scratch, "roots.pem", "");
    assert_true(unlink(w.trust_file) == 0);
    w.trust_file = NULL;
    mint_add_cert(&w.chains[1], w.roots[1].cert);
    assert_true(is(&w, w.prints[1], 1));
    assert_false(is(&w, w.prints[2], 1));
    end(&w);
}

/* ---- a server with several ---- */

/* What is chosen of a server that offers first chain 0, then what the replies say. */
static bool
choose(struct world *w, char *wanted, const struct reply *replies, size_t count, struct str *chain,
       const char *asked, struct err *e)
{
    struct fake_clock clock = fake_clock_at(NOW);
    struct fake_http http = fake_http_with(replies, count);
    struct client client = {0};
    own_list struct list alternates = {0};
    const struct acme_issuer issuer = {.preferred_chain = wanted,
                                       .trust_file = strdup(w->trust_file)};
    bool good = false;

    assert_true(client_init(&client, &http.base, &clock.base, "https://ca.test/dir",
                            scratch_path(&w->scratch, "session.json"), e));
    client.key = key_generate(KEY_ECDSA_P256, e);
    client.kid = strdup("ACCT");
    assert_true(list_add(&client.nonces, "n1"));
    assert_true(list_add(&alternates, "https://ca.test/1"));
    assert_true(list_add(&alternates, "https://ca.test/2"));
    assert_true(str_add(chain, w->chains[0].text, w->chains[0].size));
    good = preferred_choose(&client, &issuer, &alternates, chain, e);
    assert_string_equal(fake_http_asked(&http), asked);
    client_done(&client);
    fake_http_done(&http);
    free(issuer.trust_file);
    return good;
}

#define CHAIN "application/pem-certificate-chain"

static void
alternates_are_asked_for_until_one_is_preferred(void **state)
{
    static char two[] = "Root Two", one[] = "Root One";
    struct world w;
    struct err e = {0};
    own_str struct str first = {0}, second = {0}, third = {0};

    (void)state;
    begin(&w);
    const struct reply replies[] = {
        {.status = 200, .type = CHAIN, .body = w.chains[1].text, .nonce = "n2"},
        {.status = 200, .type = CHAIN, .body = w.chains[2].text, .nonce = "n3"},
    };

    assert_true(choose(&w, one, replies, 2, &first, "", &e));
    assert_string_equal(first.text, w.chains[0].text);
    assert_true(choose(&w, two, replies, 2, &second, "POST https://ca.test/1 ACCT n1 \n", &e));
    assert_string_equal(second.text, w.chains[1].text);
    assert_true(choose(&w, w.prints[2], replies, 2, &third,
                       "POST https://ca.test/1 ACCT n1 \nPOST https://ca.test/2 ACCT n2 \n", &e));
    assert_string_equal(third.text, w.chains[2].text);
    end(&w);
}

static void
when_none_is_preferred_the_first_stays_and_that_is_said(void **state)
{
    static char nobody[] = "Nobody";
    struct world w;
    struct err e = {0};
    own_str struct str chain = {0}, again = {0};

    (void)state;
    begin(&w);
    const struct reply replies[] = {
        {.status = 200, .type = CHAIN, .body = w.chains[1].text, .nonce = "n2"},
        {.status = 200, .type = CHAIN, .body = w.chains[0].text, .nonce = "n3"},
    };
    const struct reply broken[] = {
        {.status = 200, .type = CHAIN, .body = "junk", .nonce = "n2"},
        {.status = 0},
    };

    assert_false(choose(&w, nobody, replies, 2, &chain,
                        "POST https://ca.test/1 ACCT n1 \nPOST https://ca.test/2 ACCT n2 \n", &e));
    assert_string_equal(e.text,
                        "no chain with preferred_chain = Nobody was offered, but: Root One, Root "
                        "Two, Root One; the one offered first is used");
    assert_string_equal(chain.text, w.chains[0].text);
    assert_false(choose(&w, nobody, broken, 2, &again,
                        "POST https://ca.test/1 ACCT n1 \nPOST https://ca.test/2 ACCT n2 \n", &e));
    assert_non_null(strstr(e.text, "no connection"));
    assert_string_equal(again.text, w.chains[0].text);
    end(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_is_known_by_the_name_above_it),
        cmocka_unit_test(a_fingerprint_is_of_the_root_that_signed_it_not_of_its_namesake),
        cmocka_unit_test(a_fingerprint_may_have_colons_and_capitals),
        cmocka_unit_test(a_root_in_the_chain_need_not_be_trusted),
        cmocka_unit_test(alternates_are_asked_for_until_one_is_preferred),
        cmocka_unit_test(when_none_is_preferred_the_first_stays_and_that_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
