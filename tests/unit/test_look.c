/* test_look.c: listing, exporting, revoking what a CA has issued. */
#include "tests/fake/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

static void
begin(struct fake_ca *f)
{
    struct ca *ca = NULL;
    struct str pem = {0};

    fake_ca_begin(f);
    f->config.organization = strdup("Example");
    fake_ca_init(f);
    ca = fake_ca_open(f);
    fake_ca_client(ca, "alice", &pem);
    fake_ca_client(ca, "bob", &pem);
    str_done(&pem);
    ca_close(&ca);
}

static void
a_list_has_one_kind_or_all_with_their_states(void **state)
{
    struct fake_ca f;
    struct ca_list list = {0};
    struct err e = {0};

    (void)state;
    begin(&f);
    assert_true(ca_list_read(&f.config, NULL, f.clock.at_s, &list, &e));
    assert_int_equal(list.count, 5);
    ca_list_done(&list);
    assert_true(ca_list_read(&f.config, "client", f.clock.at_s + 91 * FAKE_DAY, &list, &e));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[1].name, "bob");
    assert_string_equal(list.items[1].state, "expired");
    ca_list_done(&list);
    fake_ca_end(&f);
}

/* More than a chain may have; each rollover leaves one. */
static void
clients_of_many_cas_that_are_gone_are_listed(void **state)
{
    struct fake_ca f;
    struct ca_list list = {0};
    struct err e = {0};
    struct str pem = {0};

    (void)state;
    begin(&f);
    assert_true(str_addf(&pem, "%s", scratch_read(&f.scratch, "ca/client-ca.crt")));
    assert_int_equal(mkdir(scratch_path(&f.scratch, "ca/old"), 0700), 0);
    for (int i = 1; i <= CERT_CHAIN_MAX + 1; i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "ca/old/%d", i);
        assert_int_equal(mkdir(scratch_path(&f.scratch, name), 0700), 0);
        (void)snprintf(name, sizeof(name), "ca/old/%d/client-ca.crt", i);
        scratch_write(&f.scratch, name, pem.text);
    }
    if (!ca_list_read(&f.config, "client", f.clock.at_s, &list, &e))
        fail_msg("%s", e.text);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].state, "gone");
    ca_list_done(&list);
    str_done(&pem);
    fake_ca_end(&f);
}

static void
revoking_wants_a_serial_and_a_reason_that_exist(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    struct ca *ca = NULL;
    bool revoked = false;

    (void)state;
    begin(&f);
    ca = fake_ca_open(&f);
    assert_false(ca_revoke(ca, "4a01", "keyCompromise", &revoked, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_false(ca_revoke(ca, "4a01", "boredom", &revoked, &e));
    assert_int_equal(e.code, ERR_INPUT);
    ca_close(&ca);
    fake_ca_end(&f);
}

/* Each word that is offered is one that the index knows. */
static void
every_reason_can_be_used(void **state)
{
    (void)state;
    for (size_t i = 0; ca_reasons[i] != NULL; i++) {
        struct fake_ca f;
        struct err e = {0};
        struct ca *ca = NULL;
        struct ca_list list = {0};
        bool revoked = false;

        begin(&f);
        ca = fake_ca_open(&f);
        assert_true(ca_list_read(&f.config, "client", f.clock.at_s, &list, &e));
        assert_true(ca_revoke(ca, list.items[0].serial, ca_reasons[i], &revoked, &e));
        ca_list_done(&list);
        assert_true(ca_list_read(&f.config, "client", f.clock.at_s, &list, &e));
        assert_string_equal(list.items[0].state, "revoked");
        assert_string_equal(list.items[0].reason, ca_reasons[i]);
        ca_list_done(&list);
        ca_close(&ca);
        fake_ca_end(&f);
    }
}

static void
the_index_is_exported_for_one_ca_or_as_csv(void **state)
{
    struct fake_ca f;
    struct err e = {0};
    struct ca *ca = NULL;
    struct str text = {0};

    (void)state;
    begin(&f);
    ca = fake_ca_open(&f);
    assert_true(ca_export_index(ca, "clients", &text, &e));
    assert_non_null(strstr(text.text, "\tunknown\t/CN=alice\n"));
    assert_null(strstr(text.text, "/O=Example"));
    str_done(&text);
    assert_true(ca_export_index(ca, "root", &text, &e));
    assert_non_null(strstr(text.text, "\tunknown\t/CN=pgcert client CA "));
    assert_non_null(strstr(text.text, "/O=Example\n"));
    str_done(&text);
    assert_true(ca_export_index(ca, NULL, &text, &e));
    assert_non_null(strstr(text.text, ",client,\"bob\",valid,"));
    assert_false(ca_export_index(ca, "others", &text, &e));
    assert_int_equal(e.code, ERR_INPUT);
    str_done(&text);
    ca_close(&ca);
    fake_ca_end(&f);
}

static void
certificates_come_out_in_the_order_in_which_they_are_used(void **state)
{
    static const struct {
        enum ca_pem which;
        size_t count;
        const char *first;
    } rows[] = {
        {CA_PEM_ROOT, 1, "root"},
        {CA_PEM_CLIENTS, 2, "client"},
        {CA_PEM_SERVERS, 2, "server"},
        {CA_PEM_ALL, 3, "server"},
    };
    struct fake_ca f;
    struct err e = {0};
    struct ca *ca = NULL;

    (void)state;
    begin(&f);
    ca = fake_ca_open(&f);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str pem = {0};
        struct chain chain = {0};
        char *subject = NULL;

        assert_true(ca_add_pem(ca, rows[i].which, &pem, &e));
        assert_true(chain_from_pem(&chain, pem.text, pem.size, &e));
        assert_int_equal(chain.count, rows[i].count);
        subject = cert_subject(chain.certs[0]);
        assert_non_null(strstr(subject, rows[i].first));
        free(subject);
        chain_done(&chain);
        str_done(&pem);
    }
    ca_close(&ca);
    fake_ca_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_has_one_kind_or_all_with_their_states),
        cmocka_unit_test(clients_of_many_cas_that_are_gone_are_listed),
        cmocka_unit_test(revoking_wants_a_serial_and_a_reason_that_exist),
        cmocka_unit_test(every_reason_can_be_used),
        cmocka_unit_test(the_index_is_exported_for_one_ca_or_as_csv),
        cmocka_unit_test(certificates_come_out_in_the_order_in_which_they_are_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
