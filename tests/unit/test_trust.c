/* test_trust.c: what a server is to trust of clients, judged before it gets it; and the names of
 * sessions. */
#include "reload/trust.h"

#include "reload/sessions.h"
#include "tests/fake/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY INT64_C(86400)

/* What a CA gives, and what is made of it. */
struct case_of {
    struct fake_ca f;
    struct ca_client_trust given;
};

static void
begin(struct case_of *c)
{
    struct ca *ca = NULL;
    struct err e = {0};

    *c = (struct case_of){0};
    fake_ca_begin(&c->f);
    fake_ca_init(&c->f);
    ca = fake_ca_open(&c->f);
    assert_true(ca_trust_clients(ca, true, &c->given, &e));
    ca_close(&ca);
}

static void
end(struct case_of *c)
{
    ca_client_trust_done(&c->given);
    fake_ca_end(&c->f);
}

/* What is said of that file at that time; "" when it is good. Static memory. */
static const char *
judged(const struct case_of *c, const struct str *pem, bool swapped, int64_t now_s)
{
    static struct err e;
    const struct str *accepted = swapped ? &c->given.refused : &c->given.accepted;
    const struct str *refused = swapped ? &c->given.accepted : &c->given.refused;
    own_trust_file struct trust trust = {0};
    own_pair struct pair good = {0};
    own_pair struct pair bad = {0};

    e = (struct err){0};
    assert_true(pair_from_pem(&good, accepted, accepted, &e));
    assert_true(pair_from_pem(&bad, refused, refused, &e));
    if (trust_read(&trust, pem, &e) && trust_check(&trust, pem, &good, &bad, now_s, &e))
        return "";
    assert_int_equal(e.code, ERR_INPUT);
    return e.text;
}

/* The file without the block of that kind (from the first on) that begins at or after `from`. */
static void
leave_out(const struct str *pem, const char *kind, int which, struct str *out)
{
    char begin_mark[64], end_mark[64];
    const char *at = pem->text, *after = NULL;

    (void)snprintf(begin_mark, sizeof(begin_mark), "-----BEGIN %s-----", kind);
    (void)snprintf(end_mark, sizeof(end_mark), "-----END %s-----\n", kind);
    for (at = strstr(at, begin_mark); which > 0; which--)
        at = strstr(at + 1, begin_mark);
    after = strstr(at, end_mark) + strlen(end_mark);
    assert_true(str_add(out, pem->text, (size_t)(at - pem->text)));
    assert_true(str_add(out, after, strlen(after)));
}

static void
what_the_ca_gives_is_good(void **state)
{
    struct case_of c;

    (void)state;
    begin(&c);
    assert_string_equal(judged(&c, &c.given.pem, false, c.f.clock.at_s), "");
    end(&c);
}

static void
what_would_lock_clients_out_is_told(void **state)
{
    static const struct {
        const char *kind; /* of the block that is left out; NULL: none */
        int which;
        bool swapped;
        int64_t later_s;
        const char *text;
    } rows[] = {
        {"X509 CRL", 0, false, 0, "there is no CRL of "},
        {"X509 CRL", 1, false, 0, "there is no CRL of "},
        {"CERTIFICATE", 1, false, 0, "with these CAs and CRLs a good client would be refused: "},
        {NULL, 0, true, 0,
         "with these CAs and CRLs a good client would be refused: certificate revoked"},
        {NULL, 0, false, 31 * DAY, "does not hold now and for 5 minutes more"},
        {NULL, 0, false, -DAY, " is not valid now"},
        {NULL, 0, false, 4000 * DAY, " is not valid now"},
    };

    struct case_of c;

    (void)state;
    begin(&c);
    for (size_t i = 0; i < COUNT(rows); i++) {
        own_str struct str pem = {0};

        if (rows[i].kind == NULL)
            assert_true(str_add(&pem, c.given.pem.text, c.given.pem.size));
        else
            leave_out(&c.given.pem, rows[i].kind, rows[i].which, &pem);
        assert_non_null(strstr(judged(&c, &pem, rows[i].swapped, c.f.clock.at_s + rows[i].later_s),
                               rows[i].text));
    }
    end(&c);
}

static void
what_cannot_be_read_is_refused(void **state)
{
    static const char *const texts[] = {
        "", "no PEM", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"};
    struct case_of c;

    (void)state;
    begin(&c);
    for (size_t i = 0; i < COUNT(texts); i++) {
        own_str struct str pem = {0};

        assert_true(str_add(&pem, texts[i], strlen(texts[i])));
        assert_string_not_equal(judged(&c, &pem, false, c.f.clock.at_s), "");
    }
    end(&c);
}

/* A leaf is no CA, though it is signed by one. */
static void
a_certificate_that_is_no_ca_is_refused(void **state)
{
    own_str struct str pem = {0};
    struct case_of c;

    (void)state;
    begin(&c);
    assert_true(str_add(&pem, c.given.pem.text, c.given.pem.size));
    assert_true(str_add(&pem, c.given.accepted.text, c.given.accepted.size));
    assert_non_null(
        strstr(judged(&c, &pem, false, c.f.clock.at_s), "is not the certificate of a CA"));
    end(&c);
}

/* ---- sessions ---- */

static X509_NAME *
name_of(const char *const *fields)
{
    X509_NAME *name = X509_NAME_new();

    for (; fields[0] != NULL; fields += 2)
        assert_int_equal(X509_NAME_add_entry_by_txt(name, fields[0], MBSTRING_UTF8,
                                                    (const unsigned char *)fields[1], -1, -1, 0),
                         1);
    return name;
}

/* As PostgreSQL 15 has shown them in pg_stat_ssl. */
static void
a_name_is_written_as_postgresql_does(void **state)
{
    static const struct {
        const char *fields[7];
        const char *text;
    } rows[] = {
        {{"CN", "pgcert client CA a1b9151f", NULL}, "/CN=pgcert client CA a1b9151f"},
        {{"O", "Exa, mple", "CN", "a+b", NULL}, "/O=Exa\\, mple/CN=a\\+b"},
        {{"O", "J\u00e4ger", NULL}, "/O=J\u00e4ger"},
        {{"C", "DE", "O", "12345678901234567890123456789012345678901234567890", "CN", "1234567890",
          NULL},
         "/C=DE/O=12345678901234567890123456789012345678901234567890/CN=1"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        X509_NAME *name = name_of(rows[i].fields);
        char text[SESSION_NAME_SIZE];

        assert_true(session_name(name, text));
        assert_string_equal(text, rows[i].text);
        X509_NAME_free(name);
    }
}

static void
a_session_is_of_the_ca_and_the_number(void **state)
{
    own_trust_file struct trust trust = {0};
    char issuer[SESSION_NAME_SIZE];
    struct client_session s = {.serial = strdup("109696386484233017082142094295654663045")};
    struct case_of c;
    struct err e = {0};
    X509 *ca = NULL;

    (void)state;
    begin(&c);
    assert_true(trust_read(&trust, &c.given.pem, &e));
    ca = sk_X509_value(trust.cas, 0);
    assert_true(session_name(X509_get_subject_name(ca), issuer));
    s.issuer = issuer;
    assert_true(client_session_is_of(&s, ca, NULL));
    assert_true(client_session_is_of(&s, ca, "5286c16bdce188715cf3d15460c30385"));
    assert_false(client_session_is_of(&s, ca, "5286c16bdce188715cf3d15460c30386"));
    assert_false(client_session_is_of(&s, sk_X509_value(trust.cas, 1), NULL));
    free(s.serial);
    end(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_ca_gives_is_good),
        cmocka_unit_test(what_would_lock_clients_out_is_told),
        cmocka_unit_test(what_cannot_be_read_is_refused),
        cmocka_unit_test(a_certificate_that_is_no_ca_is_refused),
        cmocka_unit_test(a_name_is_written_as_postgresql_does),
        cmocka_unit_test(a_session_is_of_the_ca_and_the_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
