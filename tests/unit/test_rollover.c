/* test_rollover.c: all CAs are replaced, and at each step who should be accepted is. */
#include "ca/rollover.h"

#include "ca/crls.h"
#include "tests/fake/authority.h"
#include "tests/fake/program.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int link_fails_by; /* an errno; 0: it does not */

/* In place of libc's: file systems without hard links are not at hand. */
int
link(const char *from, const char *to)
{
    errno = link_fails_by;
    return link_fails_by != 0 ? -1 : linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* A CA with the tenant "acme"; alice and, of acme, bob have certificates, in alice.pem, bob.pem. */
static void
begin(struct fake_ca *f)
{
    struct ca *ca = NULL;
    struct str pem = {0};
    struct err e = {0};
    EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);
    struct ca_client bob = {.user = "bob", .tenant = "acme", .public_key = key};
    bool made = false;

    fake_ca_begin(f);
    fake_ca_init(f);
    ca = fake_ca_open(f);
    assert_true(ca_tenant(ca, "acme", &made, &e));
    fake_ca_client(ca, "alice", &pem);
    scratch_write(&f->scratch, "alice.pem", pem.text);
    str_clear(&pem);
    assert_true(ca_sign_client(ca, &bob, &pem, &e));
    scratch_write(&f->scratch, "bob.pem", pem.text);
    str_done(&pem);
    EVP_PKEY_free(key);
    ca_close(&ca);
}

/* Until that phase. */
static void
roll(struct fake_ca *f, enum ca_rollover_phase phase)
{
    struct ca *ca = fake_ca_open(f);
    struct err e = {0};

    assert_true(ca_rollover_begin(ca, NULL, &e));
    if (phase >= CA_ROLLOVER_TRUSTED)
        assert_true(ca_rollover_trust(ca, &e));
    if (phase >= CA_ROLLOVER_SWITCHED)
        assert_true(ca_rollover_switch(ca, &e));
    assert_int_equal(ca_rollover_look(ca).phase, phase);
    ca_close(&ca);
}

/* By what is published for clients. */
static bool
is_accepted(struct fake_ca *f, const char *leaf)
{
    struct ca *ca = fake_ca_open(f);
    struct str pem = {0};
    struct err e = {0};
    char output[PROGRAM_OUTPUT];
    const char *argv[] = {"openssl", "verify", "-x509_strict", "-crl_check_all",
                          "-CAfile", NULL,     "-CRLfile",     NULL,
                          NULL,      NULL};

    argv[5] = scratch_path(&f->scratch, "trusted.pem");
    argv[7] = scratch_path(&f->scratch, "ca/clients.crl");
    argv[8] = scratch_path(&f->scratch, leaf);
    assert_true(ca_add_pem(ca, CA_PEM_CLIENTS, &pem, &e));
    scratch_write(&f->scratch, "trusted.pem", pem.text);
    str_done(&pem);
    ca_close(&ca);
    return program_run(argv, output) == 0;
}

static void
sign_alice(struct fake_ca *f, const char *name)
{
    struct ca *ca = fake_ca_open(f);
    struct str pem = {0};

    fake_ca_client(ca, "alice", &pem);
    scratch_write(&f->scratch, name, pem.text);
    str_done(&pem);
    ca_close(&ca);
}

static void
old_and_new_are_accepted_when_they_should_be(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct err e = {0};

    (void)state;
    begin(&f);
    roll(&f, CA_ROLLOVER_BEGUN);
    assert_true(is_accepted(&f, "alice.pem"));
    roll(&f, CA_ROLLOVER_TRUSTED);
    assert_true(is_accepted(&f, "alice.pem"));
    sign_alice(&f, "before.pem");
    roll(&f, CA_ROLLOVER_SWITCHED);
    sign_alice(&f, "after.pem");
    assert_true(is_accepted(&f, "bob.pem"));
    assert_true(is_accepted(&f, "before.pem"));
    assert_true(is_accepted(&f, "after.pem"));
    ca = fake_ca_open(&f);
    assert_true(ca_rollover_retire(ca, true, &e));
    ca_close(&ca);
    assert_false(is_accepted(&f, "bob.pem"));
    assert_false(is_accepted(&f, "before.pem"));
    assert_true(is_accepted(&f, "after.pem"));
    fake_ca_end(&f);
}

/* Whatever is published at a moment, a CA in it has its CRL there. */
static void
nobody_is_trusted_before_the_crl_is_there(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct str pem = {0};
    struct err e = {0};
    int crls = 0;

    (void)state;
    begin(&f);
    roll(&f, CA_ROLLOVER_BEGUN);
    ca = fake_ca_open(&f);
    assert_true(ca_add_pem(ca, CA_PEM_CLIENTS, &pem, &e));
    ca_close(&ca);
    for (const char *c = pem.text; (c = strstr(c, "BEGIN")) != NULL; c++)
        crls--;
    for (const char *c = scratch_read(&f.scratch, "ca/clients.crl");
         (c = strstr(c, "BEGIN")) != NULL; c++)
        crls++;
    assert_int_equal(crls, 3); /* 3 are trusted, and there are 6 CRLs */
    str_done(&pem);
    fake_ca_end(&f);
}

/* A client that knows the old root alone; RFC 4210 section 4.4. */
static void
a_server_is_accepted_by_who_knows_the_old_root_only(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct list names = {0};
    struct str pem = {0};
    struct err e = {0};
    EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);
    char *old = NULL;
    char output[PROGRAM_OUTPUT];
    const char *argv[] = {"openssl", "verify", "-x509_strict", "-purpose", "sslserver",
                          "-CAfile", NULL,     "-untrusted",   NULL,       NULL,
                          NULL};

    (void)state;
    begin(&f);
    old = strdup(scratch_read(&f.scratch, "ca/root.crt"));
    scratch_write(&f.scratch, "old.pem", old);
    roll(&f, CA_ROLLOVER_SWITCHED);
    ca = fake_ca_open(&f);
    assert_true(list_add(&names, "db.example.org"));
    assert_true(ca_sign_server(ca, &names, key, &pem, &e));
    scratch_write(&f.scratch, "server.pem", pem.text);
    assert_true(ca_signs_servers(&f.config, pem.text, pem.size));
    argv[8] = argv[9] = scratch_path(&f.scratch, "server.pem");
    argv[6] = scratch_path(&f.scratch, "old.pem");
    assert_int_equal(program_run(argv, output), 0);
    argv[6] = scratch_path(&f.scratch, "ca/next/root.crt");
    assert_int_equal(program_run(argv, output), 0);
    ca_close(&ca);
    list_done(&names);
    str_done(&pem);
    EVP_PKEY_free(key);
    free(old);
    fake_ca_end(&f);
}

static void
what_a_replaced_ca_has_signed_for_a_server_is_told(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct list names = {0};
    struct str pem = {0};
    struct err e = {0};
    EVP_PKEY *key = key_generate(KEY_ECDSA_P256, &e);

    (void)state;
    begin(&f);
    ca = fake_ca_open(&f);
    assert_true(list_add(&names, "db.example.org"));
    assert_true(ca_sign_server(ca, &names, key, &pem, &e));
    ca_close(&ca);
    roll(&f, CA_ROLLOVER_TRUSTED);
    assert_true(ca_signs_servers(&f.config, pem.text, pem.size));
    roll(&f, CA_ROLLOVER_SWITCHED);
    assert_false(ca_signs_servers(&f.config, pem.text, pem.size));
    ca = fake_ca_open(&f);
    assert_true(ca_rollover_retire(ca, true, &e));
    ca_close(&ca);
    assert_false(ca_signs_servers(&f.config, pem.text, pem.size));
    assert_true(ca_signs_servers(&f.config, "damaged", 7));
    list_done(&names);
    str_done(&pem);
    EVP_PKEY_free(key);
    fake_ca_end(&f);
}

static void
what_is_left_is_counted_and_stops_the_end(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct ca_left left = {0};
    struct err e = {0};
    bool did = false;

    (void)state;
    begin(&f);
    ca = fake_ca_open(&f);
    assert_true(ca_rollover_left(ca, &left, &e));
    assert_int_equal(left.list.count, 0);
    assert_null(ca_rollover_old_issuer(ca, 0));
    assert_false(ca_rollover_retire(ca, true, &e));
    assert_int_equal(e.code, ERR_REFUSED);
    ca_close(&ca);
    roll(&f, CA_ROLLOVER_SWITCHED);
    sign_alice(&f, "after.pem");
    ca = fake_ca_open(&f);
    assert_non_null(ca_rollover_old_issuer(ca, 1));
    assert_null(ca_rollover_old_issuer(ca, 2));
    assert_true(ca_rollover_left(ca, &left, &e));
    assert_int_equal(left.list.count, 2);
    assert_int_equal(left.clients, 1); /* acme's bob */
    assert_int_equal(left.replaced, 1);
    assert_int_equal(left.servers, 0);
    assert_int_equal(left.last_s, f.clock.at_s + 90 * FAKE_DAY);
    assert_string_equal(left.list.items[1].tenant, "acme");
    assert_false(ca_rollover_retire(ca, false, &e));
    assert_int_equal(e.code, ERR_REFUSED);
    assert_non_null(strstr(e.text, "2 certificates"));
    assert_true(scratch_has(&f.scratch, "ca/root.key"));
    for (size_t i = 0; i < left.list.count; i++)
        assert_true(ca_revoke(ca, left.list.items[i].serial, "superseded", &did, &e));
    ca_left_done(&left);
    assert_true(ca_rollover_retire(ca, false, &e));
    ca_close(&ca);
    fake_ca_end(&f);
}

/* Or when the last of them has ended. */
static void
expired_ones_are_not_left(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct err e = {0};

    (void)state;
    begin(&f);
    roll(&f, CA_ROLLOVER_SWITCHED);
    f.clock.at_s += 91 * FAKE_DAY;
    ca = fake_ca_open(&f);
    assert_true(ca_rollover_retire(ca, false, &e));
    ca_close(&ca);
    fake_ca_end(&f);
}

static void
old_keys_are_gone_and_certificates_kept(void **state)
{
    static const char *const there[] = {"ca/old/1/root.crt",      "ca/old/1/client-ca.crl",
                                        "ca/old/1/server-ca.crt", "ca/old/1/tenants/acme.crt",
                                        "ca/old/1/cross.crt",     "ca/root.key",
                                        "ca/tenants/acme.key"};
    static const char *const gone[] = {"ca/next", "ca/rollover.json", "ca/old/1/root.key",
                                       "ca/old/1/tenants/acme.key"};
    struct fake_ca f;
    struct ca *ca = NULL;
    struct crls_state before[8], after[8];
    struct err e = {0};
    char *key = NULL;
    bool did = true;

    (void)state;
    begin(&f);
    key = strdup(scratch_read(&f.scratch, "ca/root.key"));
    /* a second name, to see what was left in the file */
    assert_int_equal(link(scratch_path(&f.scratch, "ca/root.key"), scratch_path(&f.scratch, "spy")),
                     0);
    f.clock.at_s += FAKE_DAY; /* by which numbers grow */
    roll(&f, CA_ROLLOVER_SWITCHED);
    ca = fake_ca_open(&f);
    assert_int_equal(ca->count, 8);
    crls_look(ca, before);
    assert_true(ca_rollover_retire(ca, true, &e));
    assert_int_equal(ca->count, 4);
    crls_look(ca, after);
    for (int i = 0; i < 4; i++)
        assert_int_equal(after[i].number, before[i + 4].number);
    assert_true(ca_refresh(ca, false, &did, &e));
    assert_false(did);
    ca_close(&ca);
    for (size_t i = 0; i < COUNT(there); i++)
        assert_true(scratch_has(&f.scratch, there[i]));
    for (size_t i = 0; i < COUNT(gone); i++)
        assert_false(scratch_has(&f.scratch, gone[i]));
    assert_string_equal(scratch_read(&f.scratch, "spy"), ""); /* NUL from the first byte on */
    assert_string_not_equal(scratch_read(&f.scratch, "ca/root.key"), key);
    free(key);
    fake_ca_end(&f);
}

/* As killed runs leave it: keys are wiped, or some files have moved. */
static void
what_was_not_finished_is_finished_when_it_is_opened(void **state)
{
    static const struct {
        enum ca_rollover_phase phase;
        const char *lost, *from, *to; /* NULL: nothing */
    } rows[] = {
        {CA_ROLLOVER_RETIRING, NULL, NULL, NULL},
        {CA_ROLLOVER_RETIRING, "ca/client-ca.key", NULL, NULL},
        {CA_ROLLOVER_MOVING, "ca/client-ca.key", "ca/next/client-ca.key", "ca/client-ca.key"},
        {CA_ROLLOVER_MOVING, "ca/root.crt", "ca/next/root.crt", "ca/root.crt"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fake_ca f;
        struct ca *ca = NULL;
        struct err e = {0};

        begin(&f);
        roll(&f, CA_ROLLOVER_SWITCHED);
        sign_alice(&f, "after.pem");
        ca = fake_ca_open(&f);
        ca->rollover.phase = rows[i].phase;
        assert_true(rollover_save(ca, &e));
        ca_close(&ca);
        if (rows[i].phase == CA_ROLLOVER_MOVING)
            assert_int_equal(mkdir(scratch_path(&f.scratch, "ca/old"), 0700) == 0 &&
                                 mkdir(scratch_path(&f.scratch, "ca/old/1"), 0700) == 0,
                             1);
        if (rows[i].lost != NULL)
            assert_int_equal(unlink(scratch_path(&f.scratch, rows[i].lost)), 0);
        if (rows[i].from != NULL)
            assert_int_equal(rename(scratch_path(&f.scratch, rows[i].from),
                                    scratch_path(&f.scratch, rows[i].to)),
                             0);
        assert_true(is_accepted(&f, "after.pem")); /* and every key is that of its certificate */
        sign_alice(&f, "again.pem");
        assert_true(is_accepted(&f, "again.pem"));
        assert_false(is_accepted(&f, "alice.pem"));
        assert_false(scratch_has(&f.scratch, "ca/rollover.json"));
        fake_ca_end(&f);
    }
}

static void
abort_brings_back_what_was(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct err e = {0};
    char *root = NULL;
    bool did = true;

    (void)state;
    begin(&f);
    root = strdup(scratch_read(&f.scratch, "ca/root.crt"));
    ca = fake_ca_open(&f);
    assert_true(ca_rollover_abort(ca, &did, &e));
    assert_false(did);
    ca_close(&ca);
    for (int phase = CA_ROLLOVER_BEGUN; phase <= CA_ROLLOVER_TRUSTED; phase++) {
        roll(&f, (enum ca_rollover_phase)phase);
        ca = fake_ca_open(&f);
        assert_true(ca_rollover_abort(ca, &did, &e));
        assert_true(did);
        assert_int_equal(ca->count, 4);
        ca_close(&ca);
        assert_false(scratch_has(&f.scratch, "ca/next"));
        assert_string_equal(scratch_read(&f.scratch, "ca/root.crt"), root);
        assert_true(is_accepted(&f, "bob.pem"));
    }
    roll(&f, CA_ROLLOVER_SWITCHED);
    ca = fake_ca_open(&f);
    assert_false(ca_rollover_abort(ca, &did, &e));
    assert_int_equal(e.code, ERR_REFUSED);
    ca_close(&ca);
    free(root);
    fake_ca_end(&f);
}

/* Before the switch both generations need one, then the new one alone. */
static void
a_tenant_is_made_in_the_middle_of_it(void **state)
{
    static const char *const names[] = {"begun", "trusted", "switched"};
    struct fake_ca f;
    struct ca *ca = NULL;
    struct err e = {0};

    (void)state;
    begin(&f);
    for (int phase = CA_ROLLOVER_BEGUN; phase <= CA_ROLLOVER_SWITCHED; phase++) {
        const char *name = names[phase - 1];
        bool made = false;

        roll(&f, (enum ca_rollover_phase)phase);
        ca = fake_ca_open(&f);
        assert_true(ca_tenant(ca, name, &made, &e));
        assert_true(made);
        assert_non_null(authority_find_of(ca, CA_TENANT, name, true));
        assert_int_equal(authority_find_of(ca, CA_TENANT, name, false) != NULL,
                         phase != CA_ROLLOVER_SWITCHED);
        ca_close(&ca);
    }
    ca = fake_ca_open(&f);
    assert_true(ca_rollover_retire(ca, true, &e));
    for (size_t i = 0; i < COUNT(names); i++)
        assert_non_null(authority_find(ca, CA_TENANT, names[i]));
    assert_int_equal(ca->count, 7);
    ca_close(&ca);
    fake_ca_end(&f);
}

/* A short life of the old issuing CAs, or also of their root; the next ones live as usual. */
static void
begin_short(struct fake_ca *f, bool also_root)
{
    fake_ca_begin(f);
    f->clock.at_s -= 91 * FAKE_DAY; /* they end in the real time, in which openssl judges */
    f->config.issuing_lifetime_s = 90 * FAKE_DAY;
    f->config.root_lifetime_s = (also_root ? 90 : 3650) * FAKE_DAY;
    fake_ca_init(f);
    f->config.issuing_lifetime_s = 1095 * FAKE_DAY;
    f->config.root_lifetime_s = 3650 * FAKE_DAY;
}

static size_t
count_certs(const struct str *pem)
{
    size_t count = 0;

    for (const char *c = pem->text; c != NULL && (c = strstr(c, "BEGIN CERT")) != NULL; c++)
        count++;
    return count;
}

static size_t
given_to_servers(struct fake_ca *f)
{
    struct ca *ca = fake_ca_open(f);
    struct str pem = {0};
    struct err e = {0};
    size_t count = 0;

    assert_true(ca_add_pem(ca, CA_PEM_CLIENTS, &pem, &e));
    count = count_certs(&pem);
    str_done(&pem);
    ca_close(&ca);
    return count;
}

/* The canary of before is none of this CA: it would prove nothing. */
static void
it_ends_also_when_the_old_ca_has_expired_or_lost_its_key(void **state)
{
    (void)state;
    for (int is_lost = 0; is_lost < 2; is_lost++) {
        struct fake_ca f;
        struct ca *ca = NULL;
        struct err e = {0};

        begin_short(&f, false);
        roll(&f, CA_ROLLOVER_SWITCHED);
        scratch_write(&f.scratch, "ca/canary-retired.pem", "of an earlier one");
        if (is_lost)
            assert_int_equal(unlink(scratch_path(&f.scratch, "ca/client-ca.key")), 0);
        else
            f.clock.at_s += 91 * FAKE_DAY;
        ca = fake_ca_open(&f);
        assert_true(ca_rollover_retire(ca, true, &e));
        assert_int_equal(ca->count, 3);
        ca_close(&ca);
        assert_false(scratch_has(&f.scratch, "ca/canary-retired.pem"));
        fake_ca_end(&f);
    }
}

static void
an_expired_ca_is_not_given_beside_one_that_has_not(void **state)
{
    struct fake_ca f;

    (void)state;
    begin_short(&f, false);
    roll(&f, CA_ROLLOVER_TRUSTED);
    assert_int_equal(given_to_servers(&f), 4);
    f.clock.at_s += 91 * FAKE_DAY;
    assert_int_equal(given_to_servers(&f), 3); /* the old root has not */
    f.clock.at_s += 3650 * FAKE_DAY;
    assert_int_equal(given_to_servers(&f), 4); /* nothing else is left */
    fake_ca_end(&f);
}

static void
an_expired_root_is_replaced(void **state)
{
    struct fake_ca f;

    (void)state;
    begin_short(&f, true);
    f.clock.at_s += 91 * FAKE_DAY;
    roll(&f, CA_ROLLOVER_TRUSTED);
    assert_false(scratch_has(&f.scratch, "ca/next/cross.crt"));
    assert_int_equal(given_to_servers(&f), 2); /* the new ones alone */
    roll(&f, CA_ROLLOVER_SWITCHED);
    sign_alice(&f, "after.pem");
    assert_true(is_accepted(&f, "after.pem"));
    fake_ca_end(&f);
}

static void
those_that_were_taken_away_are_told(void **state)
{
    struct fake_ca f;
    struct str old = {0};

    (void)state;
    begin(&f);
    for (int generation = 1; generation <= 3; generation++) {
        struct ca *ca = fake_ca_open(&f);
        struct ca_client_trust trust = {0};
        struct err e = {0};

        assert_true(ca_trust_clients(ca, false, &trust, &e));
        assert_int_equal(trust.gone.size, old.size);
        assert_true(old.size == 0 || strcmp(trust.gone.text, old.text) == 0);
        ca_client_trust_done(&trust);
        ca_close(&ca);
        assert_true(str_addf(&old, "%s", scratch_read(&f.scratch, "ca/client-ca.crt")));
        assert_true(str_addf(&old, "%s", scratch_read(&f.scratch, "ca/tenants/acme.crt")));
        roll(&f, CA_ROLLOVER_SWITCHED);
        ca = fake_ca_open(&f);
        assert_true(ca_rollover_retire(ca, true, &e));
        ca_close(&ca);
    }
    str_done(&old);
    fake_ca_end(&f);
}

/* Nothing of that is worth a CA that cannot be opened. */
static void
it_ends_beside_links_and_files_of_somebody_else(void **state)
{
    static const int codes[] = {EPERM, EOPNOTSUPP, EXDEV};

    (void)state;
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct fake_ca f;
        struct ca *ca = NULL;
        struct err e = {0};
        char *crl = NULL;
        int places[2] = {0};

        begin(&f);
        roll(&f, CA_ROLLOVER_SWITCHED);
        scratch_write(&f.scratch, "ca/next/notes", "of somebody else");
        scratch_write(&f.scratch, "ca/next/tenants/notes", "of somebody else");
        assert_int_equal(
            rename(scratch_path(&f.scratch, "ca/root.key"), scratch_path(&f.scratch, "elsewhere")),
            0);
        assert_int_equal(symlink("../elsewhere", scratch_path(&f.scratch, "ca/root.key")), 0);
        assert_int_equal(unlink(scratch_path(&f.scratch, "ca/server-ca.key")), 0);
        assert_int_equal(symlink("nowhere", scratch_path(&f.scratch, "ca/server-ca.key")), 0);
        crl = strdup(scratch_read(&f.scratch, "ca/client-ca.crl"));
        link_fails_by = codes[i];
        ca = fake_ca_open(&f);
        assert_true(ca_rollover_retire(ca, true, &e));
        ca_close(&ca);
        link_fails_by = 0;
        assert_string_equal(scratch_read(&f.scratch, "elsewhere"), ""); /* NUL alone */
        assert_string_equal(scratch_read(&f.scratch, "ca/old/1/client-ca.crl"), crl);
        assert_true(scratch_has(&f.scratch, "ca/old/1/tenants/acme.crt"));
        assert_true(scratch_has(&f.scratch, "ca/old/1/cross.crt"));
        assert_false(scratch_has(&f.scratch, "ca/next/cross.crt"));
        assert_true(scratch_has(&f.scratch, "ca/next/notes"));
        sign_alice(&f, "after.pem");
        assert_true(is_accepted(&f, "after.pem"));
        places[0] = access(scratch_path(&f.scratch, "ca/root.key"), R_OK);
        places[1] = access(scratch_path(&f.scratch, "ca/server-ca.key"), R_OK);
        assert_int_equal(places[0] + places[1], 0);
        roll(&f, CA_ROLLOVER_TRUSTED); /* and there is another one after it */
        free(crl);
        fake_ca_end(&f);
    }
}

/* Where old/ cannot be made nothing has begun. */
static void
it_does_not_begin_to_end_without_a_place_for_the_old(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct err e = {0};

    (void)state;
    begin(&f);
    roll(&f, CA_ROLLOVER_SWITCHED);
    scratch_write(&f.scratch, "ca/old", "in the way");
    ca = fake_ca_open(&f);
    assert_false(ca_rollover_retire(ca, true, &e));
    ca_close(&ca);
    ca = fake_ca_open(&f);
    assert_int_equal(ca_rollover_look(ca).phase, CA_ROLLOVER_SWITCHED);
    ca_close(&ca);
    fake_ca_end(&f);
}

/* As if it was killed where root.crt is written: the phase must say no more than is there. */
static void
an_abort_that_stops_halfway_can_go_either_way(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct err e = {0};
    char *roots = NULL;
    bool did = false;

    (void)state;
    begin(&f);
    roll(&f, CA_ROLLOVER_TRUSTED);
    roots = strdup(scratch_read(&f.scratch, "ca/root.crt"));
    ca = fake_ca_open(&f);
    assert_int_equal(unlink(scratch_path(&f.scratch, "ca/root.crt")), 0);
    assert_int_equal(mkdir(scratch_path(&f.scratch, "ca/root.crt"), 0700), 0);
    assert_false(ca_rollover_abort(ca, &did, &e));
    ca_close(&ca);
    assert_int_equal(rmdir(scratch_path(&f.scratch, "ca/root.crt")), 0);
    scratch_write(&f.scratch, "ca/root.crt", roots);
    roll(&f, CA_ROLLOVER_BEGUN);
    roll(&f, CA_ROLLOVER_TRUSTED);
    assert_string_equal(scratch_read(&f.scratch, "ca/root.crt"), roots);
    free(roots);
    fake_ca_end(&f);
}

/* Nothing is made when only one of the two could be, and the next root's key may be brought. */
static void
a_tenant_is_made_with_the_next_roots_key_from_elsewhere(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    char *stick = NULL;
    struct err e = {0};
    bool did = false;

    (void)state;
    begin(&f);
    ca = fake_ca_open(&f);
    assert_true(ca_rollover_begin(ca, scratch_path(&f.scratch, "stick"), &e));
    ca_close(&ca);
    ca = fake_ca_open(&f);
    assert_false(ca_tenant(ca, "zeta", &did, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    ca_close(&ca);
    ca = fake_ca_open(&f);
    assert_null(authority_find(ca, CA_TENANT, "zeta"));
    assert_true(ca_import_root_key(ca, scratch_path(&f.scratch, "stick"), &did, &e));
    assert_true(did);
    assert_true(scratch_has(&f.scratch, "ca/next/root.key"));
    assert_true(ca_tenant(ca, "zeta", &did, &e));
    assert_true(did);
    /* of the two it is the one that is there already, then the one that is left */
    assert_true(ca_export_root_key(ca, scratch_path(&f.scratch, "stick"), &e));
    assert_false(scratch_has(&f.scratch, "ca/next/root.key"));
    assert_true(scratch_has(&f.scratch, "ca/root.key"));
    assert_false(ca_export_root_key(ca, scratch_path(&f.scratch, "stick"), &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_true(ca_export_root_key(ca, scratch_path(&f.scratch, "stick of the present"), &e));
    assert_false(scratch_has(&f.scratch, "ca/root.key"));
    /* the other one alone is here: to a new file */
    assert_true(ca_import_root_key(ca, scratch_path(&f.scratch, "stick"), &did, &e));
    assert_true(ca_export_root_key(ca, scratch_path(&f.scratch, "another stick"), &e));
    assert_false(scratch_has(&f.scratch, "ca/next/root.key"));
    stick = strdup(scratch_read(&f.scratch, "stick"));
    assert_string_equal(scratch_read(&f.scratch, "another stick"), stick);
    free(stick);
    assert_true(ca_import_root_key(ca, scratch_path(&f.scratch, "stick of the present"), &did, &e));
    assert_true(scratch_has(&f.scratch, "ca/root.key"));
    ca_close(&ca);
    roll(&f, CA_ROLLOVER_TRUSTED);
    roll(&f, CA_ROLLOVER_SWITCHED);
    fake_ca_end(&f);
}

/* Its canaries cannot outlive it; they are not made again and again for that. */
static void
canaries_near_the_end_of_their_ca_are_kept(void **state)
{
    struct fake_ca f;
    char *canary = NULL;

    (void)state;
    begin_short(&f, false);
    f.clock.at_s += 80 * FAKE_DAY;
    for (int i = 0; i < 3; i++) {
        struct ca *ca = fake_ca_open(&f);
        struct ca_client_trust trust = {0};
        struct err e = {0};

        f.clock.at_s += i == 2 ? 10 * FAKE_DAY - 300 : 0;
        assert_true(ca_trust_clients(ca, false, &trust, &e));
        assert_int_equal(canary != NULL && strcmp(trust.accepted.text, canary) == 0, i == 1);
        free(canary);
        canary = strdup(trust.accepted.text);
        ca_client_trust_done(&trust);
        ca_close(&ca);
    }
    free(canary);
    fake_ca_end(&f);
}

static void
each_root_has_the_file_of_its_own_crl(void **state)
{
    struct fake_ca f;
    struct ca *ca = NULL;
    struct ca_looks looks = {0};
    struct err e = {0};
    char *paths[] = {NULL, NULL};

    (void)state;
    begin(&f);
    roll(&f, CA_ROLLOVER_TRUSTED);
    paths[0] = strdup(scratch_path(&f.scratch, "ca/root.crl"));
    paths[1] = strdup(scratch_path(&f.scratch, "ca/next/root.crl"));
    ca = fake_ca_open(&f);
    assert_true(ca_show(ca, &looks, &e));
    assert_string_equal(looks.items[0].crl_file, paths[0]);
    assert_string_equal(looks.items[4].word, "next root");
    assert_string_equal(looks.items[4].crl_file, paths[1]);
    assert_true(looks.items[4].has_crl);
    ca_looks_done(&looks);
    ca_close(&ca);
    free(paths[0]);
    free(paths[1]);
    fake_ca_end(&f);
}

static void
who_only_looks_is_told_that_it_is_being_finished(void **state)
{
    (void)state;
    for (int phase = CA_ROLLOVER_SWITCHED; phase <= CA_ROLLOVER_MOVING; phase++) {
        struct fake_ca f;
        struct ca *ca = NULL;
        struct err e = {0};

        begin(&f);
        roll(&f, CA_ROLLOVER_SWITCHED);
        ca = fake_ca_open(&f);
        ca->rollover.phase = (enum ca_rollover_phase)phase;
        assert_true(rollover_save(ca, &e));
        ca_close(&ca);
        ca = ca_peek(&f.config, &f.clock.base, &e);
        assert_int_equal(ca != NULL, phase == CA_ROLLOVER_SWITCHED);
        assert_int_equal(e.code, ca != NULL ? ERR_NONE : ERR_BUSY);
        ca_close(&ca);
        fake_ca_end(&f);
    }
}

static void
a_damaged_state_is_told(void **state)
{
    static const char *const texts[] = {"{", "{\"phase\": \"asleep\", \"number\": 2}",
                                        "{\"phase\": \"begun\"}", "{\"number\": 2}"};
    struct fake_ca f;

    (void)state;
    begin(&f);
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct err e = {0};

        scratch_write(&f.scratch, "ca/rollover.json", texts[i]);
        assert_null(ca_open(&f.config, &f.clock.base, &e));
        assert_int_equal(e.code, ERR_INPUT);
    }
    fake_ca_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_and_new_are_accepted_when_they_should_be),
        cmocka_unit_test(nobody_is_trusted_before_the_crl_is_there),
        cmocka_unit_test(a_server_is_accepted_by_who_knows_the_old_root_only),
        cmocka_unit_test(what_a_replaced_ca_has_signed_for_a_server_is_told),
        cmocka_unit_test(what_is_left_is_counted_and_stops_the_end),
        cmocka_unit_test(expired_ones_are_not_left),
        cmocka_unit_test(old_keys_are_gone_and_certificates_kept),
        cmocka_unit_test(what_was_not_finished_is_finished_when_it_is_opened),
        cmocka_unit_test(abort_brings_back_what_was),
        cmocka_unit_test(a_tenant_is_made_in_the_middle_of_it),
        cmocka_unit_test(it_ends_also_when_the_old_ca_has_expired_or_lost_its_key),
        cmocka_unit_test(an_expired_ca_is_not_given_beside_one_that_has_not),
        cmocka_unit_test(an_expired_root_is_replaced),
        cmocka_unit_test(those_that_were_taken_away_are_told),
        cmocka_unit_test(it_ends_beside_links_and_files_of_somebody_else),
        cmocka_unit_test(it_does_not_begin_to_end_without_a_place_for_the_old),
        cmocka_unit_test(an_abort_that_stops_halfway_can_go_either_way),
        cmocka_unit_test(a_tenant_is_made_with_the_next_roots_key_from_elsewhere),
        cmocka_unit_test(canaries_near_the_end_of_their_ca_are_kept),
        cmocka_unit_test(each_root_has_the_file_of_its_own_crl),
        cmocka_unit_test(who_only_looks_is_told_that_it_is_being_finished),
        cmocka_unit_test(a_damaged_state_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
