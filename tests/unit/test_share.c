/* test_share.c: what others may read of the CA's directory, and what they do with it. */
#include "ca/share.h"

#include "base/store.h"
#include "tests/fake/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned
mode_of(struct fake_ca *f, const char *name)
{
    struct stat s = {0};

    assert_int_equal(lstat(scratch_path(&f->scratch, name), &s), 0);
    return s.st_mode & 07777;
}

/* A directory that is given to a group before there is a CA in it, as by tmpfiles.d(5). */
static void
begin_shared(struct fake_ca *f)
{
    fake_ca_begin(f);
    assert_int_equal(mkdir(f->config.directory, 0755), 0);
    assert_int_equal(chmod(f->config.directory, 02755), 0);
    fake_ca_init(f);
}

static void
refresh(struct fake_ca *f, bool wanted)
{
    struct ca *ca = fake_ca_open(f);
    struct err e = {0};
    bool did = false;

    assert_true(ca_refresh(ca, false, &did, &e));
    assert_int_equal(did, wanted);
    ca_close(&ca);
}

/* Where certificates are stored for a group, the CA's directory is given to it, also a while later.
 */
static void
who_deploys_reads_canaries(void **state)
{
    struct fake_ca f;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    assert_int_equal(mode_of(&f, "ca"), 0755);
    store_share(getegid());
    refresh(&f, true);
    assert_int_equal(mode_of(&f, "ca"), 02755);
    assert_int_equal(mode_of(&f, "ca/canary.pem"), 0640);
    assert_int_equal(mode_of(&f, "ca/client-ca.key"), 0600);
    store_share((gid_t)-1);
    fake_ca_end(&f);
}

/* As it was when all of it was private. */
static void
a_ca_of_before_is_opened_to_others_and_its_keys_are_not(void **state)
{
    static const char *const public[] = {"ca", "ca/tenants"};
    static const char *const private[] = {"ca/root.key", "ca/client-ca.key", "ca/tenants/acme.key",
                                          "ca/index", "ca/canary.pem"};
    struct fake_ca f;
    struct ca_client_trust trust = {0};
    struct ca *ca = NULL;
    struct err e = {0};
    bool made = false;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    ca = fake_ca_open(&f);
    assert_true(ca_tenant(ca, "acme", &made, &e));
    assert_true(ca_trust_clients(ca, false, &trust, &e));
    ca_client_trust_done(&trust);
    ca_close(&ca);
    for (size_t i = 0; i < COUNT(public); i++)
        assert_int_equal(chmod(scratch_path(&f.scratch, public[i]), 0700), 0);
    assert_int_equal(chmod(scratch_path(&f.scratch, "ca/crl.json"), 0600), 0);
    ca = fake_ca_open(&f);
    ca_close(&ca);
    for (size_t i = 0; i < COUNT(public); i++)
        assert_int_equal(mode_of(&f, public[i]), 0755);
    assert_int_equal(mode_of(&f, "ca/crl.json"), 0644);
    for (size_t i = 0; i < COUNT(private); i++)
        assert_int_equal(mode_of(&f, private[i]), 0600);
    fake_ca_end(&f);
}

static void
a_group_gets_new_canaries_with_each_crl(void **state)
{
    struct fake_ca f;
    struct ca_client_trust first = {0}, second = {0};
    struct err e = {0};

    (void)state;
    begin_shared(&f);
    assert_false(ca_trust_read(&f.config, &f.clock.base, &first, &e)); /* there is none yet */
    assert_int_equal(e.code, ERR_SYSTEM);
    ca_client_trust_done(&first);
    refresh(&f, true);
    assert_int_equal(mode_of(&f, "ca/canary.pem"), 0640);
    assert_int_equal(mode_of(&f, "ca/canary-revoked.pem"), 0640);
    assert_int_equal(mode_of(&f, "ca"), 02755);
    assert_true(ca_trust_read(&f.config, &f.clock.base, &first, &e));
    assert_non_null(strstr(first.pem.text, "BEGIN X509 CRL"));
    assert_non_null(strstr(first.pem.text, "BEGIN CERTIFICATE"));
    refresh(&f, false);
    f.clock.at_s += f.config.crl_lifetime_s / 2 + 1;
    refresh(&f, true);
    assert_true(ca_trust_read(&f.config, &f.clock.base, &second, &e));
    assert_string_not_equal(first.accepted.text, second.accepted.text);
    assert_string_not_equal(first.refused.text, second.refused.text);
    ca_client_trust_done(&first);
    ca_client_trust_done(&second);
    fake_ca_end(&f);
}

static void
a_canary_that_is_newer_than_the_crl_proves_nothing_yet(void **state)
{
    struct fake_ca f;
    struct ca_client_trust trust = {0};
    struct timespec then[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    struct err e = {0};

    (void)state;
    begin_shared(&f);
    refresh(&f, true);
    assert_int_equal(utimensat(-1, scratch_path(&f.scratch, "ca/clients.crl"), then, 0), 0);
    assert_false(ca_trust_read(&f.config, &f.clock.base, &trust, &e));
    assert_int_equal(e.code, ERR_BUSY);
    ca_client_trust_done(&trust);
    fake_ca_end(&f);
}

static void
whose_sessions_are_to_end_is_heard_once(void **state)
{
    struct fake_ca f;
    struct list first = {0}, second = {0}, heard = {0};
    struct ca *ca = NULL;
    struct err e = {0};
    int64_t last = 0;

    (void)state;
    fake_ca_begin(&f);
    fake_ca_init(&f);
    assert_true(ca_ending_read(&f.config, 0, &heard, &last, &e));
    assert_int_equal(heard.count + (size_t)last, 0);
    assert_true(list_add(&first, "01ab") && list_add(&second, "02cd"));
    ca = fake_ca_open(&f);
    assert_true(ca_end_sessions(ca, &first, &e) && ca_end_sessions(ca, &second, &e));
    ca_close(&ca);
    assert_int_equal(mode_of(&f, "ca/ending.json"), 0644);
    assert_true(ca_ending_read(&f.config, 1, &heard, &last, &e));
    assert_int_equal(last, 2);
    assert_int_equal(heard.count, 1);
    assert_string_equal(heard.items[0], "02cd");
    assert_true(ca_ending_read(&f.config, last, &heard, &last, &e));
    assert_int_equal(heard.count, 1);
    /* what is no serial number is nobody's */
    scratch_write(&f.scratch, "ca/ending.json",
                  "{\"last\":3,\"sessions\":[{\"number\":3,\"serial\":\"x'y\",\"at\":1}]}");
    assert_true(ca_ending_read(&f.config, 2, &heard, &last, &e));
    assert_int_equal(heard.count, 1);
    scratch_write(&f.scratch, "ca/ending.json", "{");
    assert_false(ca_ending_read(&f.config, 2, &heard, &last, &e));
    assert_int_equal(e.code, ERR_INPUT);
    list_done(&first);
    list_done(&second);
    list_done(&heard);
    fake_ca_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_deploys_reads_canaries),
        cmocka_unit_test(a_ca_of_before_is_opened_to_others_and_its_keys_are_not),
        cmocka_unit_test(a_group_gets_new_canaries_with_each_crl),
        cmocka_unit_test(a_canary_that_is_newer_than_the_crl_proves_nothing_yet),
        cmocka_unit_test(whose_sessions_are_to_end_is_heard_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
