/* test_rootkey.c: the root's key leaves the CA and comes back, and no other one does. */
#include "ca/authority.h"

#include "tests/fake/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static const char *
stick(struct fake_ca *f)
{
    return scratch_path(&f->scratch, "stick");
}

/* A CA whose root's key is in "stick". */
static struct ca *
begin(struct fake_ca *f)
{
    struct err e = {0};
    struct ca *ca = NULL;

    fake_ca_begin(f);
    fake_ca_init(f);
    ca = fake_ca_open(f);
    assert_true(ca_export_root_key(ca, stick(f), &e));
    assert_false(scratch_has(&f->scratch, "ca/root.key"));
    return ca;
}

static void
end(struct fake_ca *f, struct ca *ca)
{
    ca_close(&ca);
    fake_ca_end(f);
}

static void
encrypt_by(struct fake_ca *f, const char *passphrase)
{
    scratch_write(&f->scratch, "passphrase", passphrase);
    assert_int_equal(chmod(scratch_path(&f->scratch, "passphrase"), 0600), 0);
    if (f->config.passphrase_file == NULL)
        f->config.passphrase_file = strdup(scratch_path(&f->scratch, "passphrase"));
}

static void
it_comes_back_as_it_was_and_signs_and_goes_again(void **state)
{
    struct fake_ca f;
    struct ca *ca = begin(&f);
    struct err e = {0};
    struct stat s = {0};
    char *before = strdup(scratch_read(&f.scratch, "stick"));
    bool did = false;

    (void)state;
    ca_close(&ca); /* who has the key in memory needs no file */
    ca = fake_ca_open(&f);
    assert_null(authority_key(ca, authority_find(ca, CA_ROOT, NULL), &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_non_null(strstr(e.text, "pgcert ca import --root-key"));
    assert_true(ca_import_root_key(ca, stick(&f), &did, &e));
    assert_true(did);
    assert_string_equal(scratch_read(&f.scratch, "ca/root.key"), before);
    assert_string_equal(scratch_read(&f.scratch, "stick"), before);
    assert_int_equal(stat(scratch_path(&f.scratch, "ca/root.key"), &s), 0);
    assert_int_equal(s.st_mode & 07777, 0600);
    assert_non_null(authority_key(ca, authority_find(ca, CA_ROOT, NULL), &e));
    assert_true(ca_import_root_key(ca, stick(&f), &did, &e));
    assert_false(did);
    assert_true(ca_export_root_key(ca, stick(&f), &e));
    assert_false(scratch_has(&f.scratch, "ca/root.key"));
    free(before);
    end(&f, ca);
}

static void
what_is_not_the_roots_key_is_refused(void **state)
{
    struct fake_ca f;
    struct ca *ca = begin(&f);
    struct err e = {0};
    char *other = strdup(scratch_read(&f.scratch, "ca/client-ca.key"));
    bool did = false;

    (void)state;
    assert_int_equal(chmod(stick(&f), 0644), 0);
    assert_false(ca_import_root_key(ca, stick(&f), &did, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    scratch_write(&f.scratch, "stick", other);
    assert_int_equal(chmod(stick(&f), 0600), 0);
    assert_false(ca_import_root_key(ca, stick(&f), &did, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(strstr(e.text, "not that of the root"));
    scratch_write(&f.scratch, "stick", "hello");
    assert_int_equal(chmod(stick(&f), 0600), 0);
    assert_false(ca_import_root_key(ca, stick(&f), &did, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_false(ca_import_root_key(ca, scratch_path(&f.scratch, "none"), &did, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    assert_false(scratch_has(&f.scratch, "ca/root.key"));
    assert_false(did);
    free(other);
    end(&f, ca);
}

/* What came in plain is encrypted here, and the plain file is so as well when the key goes back. */
static void
it_is_encrypted_when_a_passphrase_is_set(void **state)
{
    struct fake_ca f;
    struct ca *ca = begin(&f);
    struct err e = {0};
    bool did = false;

    (void)state;
    encrypt_by(&f, "correct horse");
    assert_true(ca_import_root_key(ca, stick(&f), &did, &e));
    assert_non_null(strstr(scratch_read(&f.scratch, "ca/root.key"), "BEGIN ENCRYPTED PRIVATE KEY"));
    assert_null(strstr(scratch_read(&f.scratch, "stick"), "ENCRYPTED"));
    assert_true(ca_export_root_key(ca, stick(&f), &e));
    assert_non_null(strstr(scratch_read(&f.scratch, "stick"), "BEGIN ENCRYPTED PRIVATE KEY"));
    ca_close(&ca);

    encrypt_by(&f, "battery staple");
    ca = fake_ca_open(&f);
    assert_false(ca_import_root_key(ca, stick(&f), &did, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    assert_false(scratch_has(&f.scratch, "ca/root.key"));
    end(&f, ca);
}

/* One here that cannot be used is replaced by the one that can. */
static void
a_damaged_key_is_replaced(void **state)
{
    struct fake_ca f;
    struct ca *ca = begin(&f);
    struct err e = {0};
    bool did = false;

    (void)state;
    ca_close(&ca);
    scratch_write(&f.scratch, "ca/root.key", "damaged");
    assert_int_equal(chmod(scratch_path(&f.scratch, "ca/root.key"), 0600), 0);
    ca = fake_ca_open(&f);
    assert_true(ca_import_root_key(ca, stick(&f), &did, &e));
    assert_true(did);
    assert_non_null(authority_key(ca, authority_find(ca, CA_ROOT, NULL), &e));
    end(&f, ca);
}

static void
a_file_with_something_else_is_not_overwritten(void **state)
{
    struct fake_ca f;
    struct ca *ca = begin(&f);
    struct err e = {0};
    bool did = false;

    (void)state;
    assert_true(ca_import_root_key(ca, stick(&f), &did, &e));
    scratch_write(&f.scratch, "stick", scratch_read(&f.scratch, "ca/server-ca.key"));
    assert_false(ca_export_root_key(ca, stick(&f), &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_true(scratch_has(&f.scratch, "ca/root.key"));
    assert_false(ca_export_root_key(ca, scratch_path(&f.scratch, "ca/root.key"), &e));
    assert_int_equal(e.code, ERR_INPUT);
    end(&f, ca);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_back_as_it_was_and_signs_and_goes_again),
        cmocka_unit_test(what_is_not_the_roots_key_is_refused),
        cmocka_unit_test(it_is_encrypted_when_a_passphrase_is_set),
        cmocka_unit_test(a_damaged_key_is_replaced),
        cmocka_unit_test(a_file_with_something_else_is_not_overwritten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
