/* test_import.c: what is read of other clients, where nobody else has a part in it. */
#include "cli/import_clients.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* What the client of that name has in a scratch directory. */
struct place {
    struct scratch scratch;
    struct import im;
    struct conf conf;
};

static void
begin(struct place *p, const char *client)
{
    *p = (struct place){.scratch = scratch_new()};
    p->im.client = import_find(client);
    p->im.conf = &p->conf;
    p->im.directory = strdup(scratch_path(&p->scratch, "home"));
    assert_non_null(p->im.directory);
    assert_int_equal(mkdir(p->im.directory, 0700), 0);
}

static void
make_directory(struct place *p, const char *name)
{
    assert_int_equal(mkdir(scratch_path(&p->scratch, name), 0700), 0);
}

static void
end(struct place *p)
{
    import_done(&p->im);
    scratch_done(&p->scratch);
}

static void
an_issuer_is_named_by_its_host(void **state)
{
    static const char *const cases[][2] = {
        {import_letsencrypt, "letsencrypt"},
        {"https://ca.example.com:14000/dir", "ca.example.com"},
        {"https://", "imported"},
        {"https://[::1]/", "imported"},
        {"http://ca.example.com/", "http"},
        {"ht", "ht"},
        {"h", "h"},
        {"", "imported"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        own_mem char *server = strdup(cases[i][0]); /* what is read behind it is seen */
        own_mem char *name = import_issuer_name(server);

        assert_string_equal(name, cases[i][1]);
    }
}

static void
too_many_certificates_are_told_as_that(void **state)
{
    struct place p;
    struct err e = {0};

    (void)state;
    begin(&p, "uacme");
    for (int i = 0; i < 1000; i++)
        assert_non_null(import_add_certificate(&p.im, "a", &e));
    assert_null(import_add_certificate(&p.im, "a", &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(strstr(e.text, "has more than 1000 certificates"));
    end(&p);
}

/* One that another user could have made, if he owned the directory. */
static void
a_link_is_followed_to_where_it_leads(void **state)
{
    struct place p;
    struct err e = {0};

    (void)state;
    begin(&p, "dehydrated");
    scratch_write(&p.scratch, "secret", "x");
    scratch_write(&p.scratch, "home/own", "x");
    assert_int_equal(symlink("../secret", scratch_path(&p.scratch, "home/link")), 0);
    assert_int_equal(symlink("home/own", scratch_path(&p.scratch, "back")), 0);
    assert_true(import_follow(&p.im, scratch_path(&p.scratch, "home/own"), &e));
    assert_true(import_follow(&p.im, scratch_path(&p.scratch, "home/none"), &e));
    assert_true(import_follow(&p.im, scratch_path(&p.scratch, "back"), &e));
    assert_int_equal(p.im.elsewhere.count, 0);
    assert_true(import_follow(&p.im, scratch_path(&p.scratch, "home/link"), &e));
    assert_int_equal(p.im.elsewhere.count, 1);
    assert_true(import_follow(&p.im, scratch_path(&p.scratch, "home/../none"), &e));
    assert_int_equal(p.im.elsewhere.count, 2);
    end(&p);
}

static void
dehydrated_takes_of_a_certificate_s_own_config_what_dehydrated_does(void **state)
{
    struct place p;
    struct err e = {0};
    struct import_certificate *c = NULL;

    (void)state;
    begin(&p, "dehydrated");
    make_directory(&p, "home/certs");
    make_directory(&p, "home/certs/a.test");
    make_directory(&p, "else");
    make_directory(&p, "else/a.test");
    scratch_write(&p.scratch, "home/domains.txt", "a.test\nb.test\n");
    scratch_write(&p.scratch, "home/config", "CA=https://ca.test/dir\nD=9\n");
    scratch_write(&p.scratch, "home/certs/a.test/config",
                  "RENEW_DAYS=1$D\nCA=https://other.test/\nCERTDIR=$BASEDIR/../else\n");
    scratch_write(&p.scratch, "home/certs/a.test/privkey.pem", "ours");
    scratch_write(&p.scratch, "home/certs/a.test/fullchain.pem", "ours");
    scratch_write(&p.scratch, "else/a.test/privkey.pem", "theirs");
    scratch_write(&p.scratch, "else/a.test/fullchain.pem", "theirs");
    assert_true(import_dehydrated(&p.im, &e));
    assert_int_equal(p.im.certificate_count, 2);
    c = p.im.certificates[0];
    assert_int_equal(c->e.code, ERR_NONE);
    assert_string_equal(c->renew_before, "19d");
    assert_string_equal(c->server, "https://ca.test/dir");
    assert_string_equal(c->key_pem.text, "ours");
    assert_null(p.im.certificates[1]->renew_before);
    end(&p);
}

static void
dehydrated_s_ca_must_be_one(void **state)
{
    struct place p;
    struct err e = {0};

    (void)state;
    begin(&p, "dehydrated");
    scratch_write(&p.scratch, "home/domains.txt", "a.test\n");
    scratch_write(&p.scratch, "home/config", "CA=h\n");
    assert_true(import_dehydrated(&p.im, &e));
    assert_int_equal(p.im.certificates[0]->e.code, ERR_INPUT);
    assert_non_null(strstr(p.im.certificates[0]->e.text, "it has CA = h, which is no https URL"));
    end(&p);
}

/* Le_Webroot has a word for each name; what is empty is as the one before. */
static void
acme_sh_s_scripts_must_be_one(void **state)
{
    static const struct {
        const char *webroot;
        bool is_one;
    } cases[] = {
        {"dns_cf", true},          {"dns_cf,", true},         {"dns_cf,dns_cf", true},
        {"dns_cf,,dns_cf,", true}, {"dns_cf,dns_aws", false}, {"dns_cf,dns_cfx", false},
        {"dns_cf,,dns_c", false},  {"dns_cf,no", false},      {"/var/www", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct place p;
        struct err e = {0};
        char conf[256];

        begin(&p, "acme.sh");
        make_directory(&p, "home/a.test_ecc");
        scratch_write(&p.scratch, "home/account.conf", "SAVED_CF_Token='t'\n");
        (void)snprintf(conf, sizeof(conf),
                       "Le_Domain='a.test'\nLe_Webroot='%s'\nLe_API='https://ca.test/dir'\n",
                       cases[i].webroot);
        scratch_write(&p.scratch, "home/a.test_ecc/a.test.conf", conf);
        assert_true(import_acmesh(&p.im, &e));
        if ((p.im.certificates[0]->dns.provider != NULL) != cases[i].is_one)
            fail_msg("%s", cases[i].webroot);
        end(&p);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_issuer_is_named_by_its_host),
        cmocka_unit_test(too_many_certificates_are_told_as_that),
        cmocka_unit_test(a_link_is_followed_to_where_it_leads),
        cmocka_unit_test(dehydrated_takes_of_a_certificate_s_own_config_what_dehydrated_does),
        cmocka_unit_test(dehydrated_s_ca_must_be_one),
        cmocka_unit_test(acme_sh_s_scripts_must_be_one),
    };

    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
