/* test_rfc2136.c: what goes to the name server, and what each of its answers means (RFC 2136). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acme/zone.h"

#include "tests/fake/nameserver.h"
#include "tests/fake/scratch.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define VALUE                                                                                      \
    "LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo" /* 43 characters, as RFC 8555 has it             \
                                                   */

static const struct dns_txt one[] = {{.fqdn = "_acme-challenge.db.example.test.", .value = VALUE}};

/* ---- the name server ---- */

/* Zones example.test and other.test; "cname.example.test" is a CNAME for "there.other.test", and so
 * is each name below "wild.example.test", by a wildcard, but not what is made there; the server's
 * answer to updates is in update_rcode. */
static unsigned update_rcode;

/* The name that is asked for, with the final dot. */
static const char *
asked_for(char name[static DNS_NAME_SIZE], const unsigned char *query)
{
    size_t used = 0;

    for (const unsigned char *at = query + 12; *at != 0; at += *at + 1) {
        memcpy(name + used, at + 1, *at);
        used += *at;
        name[used++] = '.';
    }
    name[used] = '\0';
    return name;
}

static size_t
serve(unsigned char *answer, const unsigned char *query, size_t size, int turn, bool by_tcp)
{
    const char *label = (const char *)query + 13; /* the first one */
    bool is_cname = memcmp(label, "cname", 5) == 0 ||
                    (const unsigned char *)memmem(query, size, "\4wild\7", 6) > query + 12;
    char name[DNS_NAME_SIZE];
    bool is_other = memmem(query, size, "\5other\4test", 11) != NULL;
    bool is_ours = memmem(query, size, "\7example\4test", 13) != NULL;
    size_t used = nameserver_begin(answer, query, 0);

    (void)turn;
    (void)by_tcp;
    if (nameserver_is_update(query))
        return nameserver_begin(answer, query, update_rcode);
    if (!is_other && !is_ours)
        return nameserver_begin(answer, query, DNS_RCODE_REFUSED);
    if (is_cname)
        return nameserver_add(answer, used, 1, asked_for(name, query), 5, "\5there\5other\4test\0",
                              18);
    return nameserver_add_soa(answer, used, 2, is_other ? "other.test." : "example.test.",
                              "ns1.example.test.");
}

/* ---- the provider ---- */

struct fixture {
    struct fake_nameserver server;
    struct conf conf;
    struct dns *dns;
};

static void
begin(struct fixture *f, unsigned rcode, const char *more)
{
    own_str struct str text = {0};
    struct err e = {0};

    memset(f, 0, sizeof(*f));
    update_rcode = rcode;
    nameserver_start(&f->server, serve);
    assert_true(str_addf(&text,
                         "[dns t]\nprovider = rfc2136\nserver = 127.0.0.1:%d\nresolvers = "
                         "127.0.0.1:%d\n%s\n",
                         f->server.port, f->server.port, more));
    assert_true(conf_read_text(&f->conf, "pgcert.conf", text.text, text.size, &e));
    f->dns = dns_new(conf_find(&f->conf, "dns", "t"), &clock_system, &e);
    if (f->dns == NULL)
        fail_msg("%s", e.text);
}

static void
end(struct fixture *f)
{
    dns_free(f->dns);
    conf_done(&f->conf);
    nameserver_stop(&f->server);
}

/* Publishes or removes; gives the error's code, and whether the sentence has the words. */
static void
play(unsigned rcode, const char *more, enum err_code code, const char *words)
{
    struct fixture f;
    struct err e = {0};

    begin(&f, rcode, more);
    assert_int_equal(f.dns->provider->publish(f.dns, one, 1, &e), code == ERR_NONE);
    assert_int_equal(e.code, code);
    if (strstr(e.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", e.text, words);
    end(&f);
}

static void
a_record_is_one_question_and_one_update(void **state)
{
    struct fixture f;
    struct err e = {0};

    (void)state;
    begin(&f, DNS_RCODE_NOERROR, "ttl = 5min");
    assert_true(f.dns->provider->publish(f.dns, one, 1, &e));
    assert_int_equal(f.server.seen->udp, 2);
    /* class IN, a TTL of 300, then the string: RFC 2136 section 2.5.1 */
    assert_non_null(memmem(f.server.seen->last, f.server.seen->last_size,
                           "\0\20\0\1\0\0\1\54\0\54\53" VALUE, 54));
    assert_string_equal(zone_of(f.dns, one[0].fqdn)->zone->name, "example.test.");
    assert_string_equal(zone_of(f.dns, one[0].fqdn)->zone->primary, "ns1.example.test.");
    end(&f);
}

static void
the_same_value_is_removed_without_another_look_up(void **state)
{
    struct fixture f;
    struct err e = {0};

    (void)state;
    begin(&f, DNS_RCODE_NOERROR, "");
    assert_true(f.dns->provider->publish(f.dns, one, 1, &e));
    assert_true(f.dns->provider->remove(f.dns, one, 1, &e));
    assert_int_equal(f.server.seen->udp, 3);
    /* class NONE, a TTL of 0: section 2.5.4 */
    assert_non_null(memmem(f.server.seen->last, f.server.seen->last_size,
                           "\0\20\0\376\0\0\0\0\0\54\53" VALUE, 54));
    end(&f);
}

static void
records_of_one_zone_share_an_update(void **state)
{
    static const struct dns_txt records[] = {
        {.fqdn = "_acme-challenge.db.example.test.", .value = VALUE},
        {.fqdn = "_acme-challenge.other.test.", .value = VALUE},
        {.fqdn = "_acme-challenge.db.example.test.", .value = "another"},
        {.fqdn = "_acme-challenge.example.test.", .value = VALUE},
        {.fqdn = "cname.example.test.", .value = VALUE},
    };
    struct fixture f;
    struct err e = {0};

    (void)state;
    begin(&f, DNS_RCODE_NOERROR, "");
    assert_true(f.dns->provider->publish(f.dns, records, COUNT(records), &e));
    /* four names, then a name beside the CNAME and where it leads to, then two zones */
    assert_int_equal(f.server.seen->udp, 4 + 2 + 2);
    assert_string_equal(zone_of(f.dns, "cname.example.test.")->target, "there.other.test.");
    assert_string_equal(zone_of(f.dns, "cname.example.test.")->zone->name, "other.test.");
    end(&f);
}

/* Lays the record down, and gives where; so many questions and updates it took. */
static void
placed(const char *more, const char *fqdn, const char *target, const char *zone, int messages)
{
    const struct dns_txt record = {.fqdn = fqdn, .value = VALUE};
    struct fixture f;
    struct err e = {0};

    begin(&f, DNS_RCODE_NOERROR, more);
    if (!f.dns->provider->publish(f.dns, &record, 1, &e))
        fail_msg("%s", e.text);
    assert_string_equal(zone_of(f.dns, fqdn)->target, target);
    assert_string_equal(zone_of(f.dns, fqdn)->zone->name, zone);
    assert_int_equal(f.server.seen->udp, messages);
    end(&f);
}

static void
a_cname_of_a_wildcard_is_not_followed(void **state)
{
    (void)state;
    /* the name, one beside it, the name above; and up to where there is no CNAME any more */
    placed("", "_acme-challenge.wild.example.test.", "_acme-challenge.wild.example.test.",
           "example.test.", 4);
    placed("", "_acme-challenge.a.b.wild.example.test.", "_acme-challenge.a.b.wild.example.test.",
           "example.test.", 6);
    /* one that only looks like it: a name beside it has none */
    placed("", "cname.example.test.", "there.other.test.", "other.test.", 4);
}

static void
an_alias_is_the_place_whatever_stands_there(void **state)
{
    (void)state;
    placed("alias = CNAME.example.test", "cname.example.test.", "cname.example.test.",
           "example.test.", 3);
    placed("alias = cname.example.test.", "_acme-challenge.db.example.test.",
           "_acme-challenge.db.example.test.", "example.test.", 2);
}

static void
with_zone_and_server_set_nothing_is_asked(void **state)
{
    struct fixture f;
    struct err e = {0};

    (void)state;
    begin(&f, DNS_RCODE_NOERROR, "zone = example.test");
    assert_true(f.dns->provider->publish(f.dns, one, 1, &e));
    assert_int_equal(f.server.seen->udp, 1);
    end(&f);
}

static void
no_records_are_no_work(void **state)
{
    struct fixture f;
    struct err e = {0};

    (void)state;
    begin(&f, DNS_RCODE_NOERROR, "");
    assert_true(f.dns->provider->publish(f.dns, one, 0, &e));
    assert_true(f.dns->provider->remove(f.dns, one, 0, &e));
    assert_int_equal(f.server.seen->udp, 0);
    end(&f);
}

static void
each_refusal_says_what_to_do(void **state)
{
    (void)state;
    play(DNS_RCODE_REFUSED, "", ERR_PERMISSION, "set 'tsig_file' of [dns t]");
    play(DNS_RCODE_NOTAUTH, "", ERR_PERMISSION, "set 'server' of [dns t]");
    play(DNS_RCODE_NOTIMP, "", ERR_PERMISSION, "does not take updates at all (NOTIMP)");
    play(DNS_RCODE_NOTZONE, "", ERR_PERMISSION, "is not in the zone 'example.test.' (NOTZONE)");
    play(DNS_RCODE_SERVFAIL, "", ERR_NETWORK, "(SERVFAIL); its log says why");
    play(DNS_RCODE_FORMERR, "", ERR_PROTOCOL, "(FORMERR)");
    play(11, "", ERR_PROTOCOL, "(RCODE 11)");
}

static void
a_zone_that_does_not_hold_the_name_is_a_wrong_setting(void **state)
{
    (void)state;
    play(0, "zone = other.test", ERR_CONFIG, "is not in the zone 'other.test.'");
    play(0, "zone = not!a!name", ERR_CONFIG, "'not!a!name' is not a name");
}

static void
a_server_without_the_zone_is_said(void **state)
{
    static const struct dns_txt records[] = {
        {.fqdn = "_acme-challenge.db.example.org.", .value = VALUE}};
    struct fixture f;
    struct err e = {0};

    (void)state;
    begin(&f, DNS_RCODE_NOERROR, "");
    assert_false(f.dns->provider->publish(f.dns, records, 1, &e));
    assert_int_equal(e.code, ERR_PERMISSION);
    assert_non_null(strstr(e.text, "has no zone for '_acme-challenge.db.example.org.'"));
    /* and later calls do not stumble over it */
    assert_true(f.dns->provider->publish(f.dns, one, 1, &e));
    end(&f);
}

static void
an_unsigned_success_is_no_success_when_there_is_a_key(void **state)
{
    own_scratch struct scratch s = scratch_new();
    char more[600];

    (void)state;
    scratch_write(&s, "k", "key \"k\" { algorithm hmac-sha256; secret \"AAAA\"; };");
    assert_int_equal(chmod(scratch_path(&s, "k"), 0600), 0);
    (void)snprintf(more, sizeof(more), "tsig_file = %s", scratch_path(&s, "k"));
    play(DNS_RCODE_NOERROR, more, ERR_PROTOCOL, "not signed with the TSIG key 'k'");
    play(DNS_RCODE_REFUSED, more, ERR_PERMISSION,
         "update-policy { grant k name _acme-challenge.db.example.test. TXT; };");
}

static void
a_missing_key_file_is_a_wrong_setting(void **state)
{
    (void)state;
    play(0, "tsig_file = /nonexistent/key", ERR_CONFIG, "'tsig_file' of [dns t]");
}

/* ---- the section ---- */

static void
settings_refused(const char *text, const char *words)
{
    struct conf conf = {0};
    struct err e = {0};

    assert_true(conf_read_text(&conf, "pgcert.conf", text, strlen(text), &e));
    assert_null(dns_new(conf_find(&conf, "dns", "t"), &clock_system, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    if (strstr(e.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", e.text, words);
    conf_done(&conf);
}

static void
wrong_settings_are_refused(void **state)
{
    (void)state;
    settings_refused("[dns t]\nttl = 60s\n", "provider");
    settings_refused("[dns t]\nprovider = bind\n", "bind");
    settings_refused("[dns t]\nprovider = rfc2136\nsever = a\n", "server");
    settings_refused("[dns t]\nprovider = rfc2136\npropagation = never\n", "never");
    settings_refused("[dns t]\nprovider = rfc2136\nalias = b\303\274cher.test\n",
                     "'alias' of [dns t]: 'b\303\274cher.test' is not a name");
}

static void
defaults_are_those_of_the_manual(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 0, "alias =");
    assert_null(f.dns->config.alias);
    assert_int_equal(f.dns->config.ttl_s, 60);
    assert_int_equal(f.dns->config.propagation, DNS_AUTHORITATIVE);
    assert_int_equal(f.dns->config.wait_s, 30);
    assert_int_equal(f.dns->config.timeout_s, 120);
    assert_string_equal(dns_provider_get((size_t)f.dns->config.provider)->name, "rfc2136");
    end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_one_question_and_one_update),
        cmocka_unit_test(the_same_value_is_removed_without_another_look_up),
        cmocka_unit_test(records_of_one_zone_share_an_update),
        cmocka_unit_test(a_cname_of_a_wildcard_is_not_followed),
        cmocka_unit_test(an_alias_is_the_place_whatever_stands_there),
        cmocka_unit_test(with_zone_and_server_set_nothing_is_asked),
        cmocka_unit_test(no_records_are_no_work),
        cmocka_unit_test(each_refusal_says_what_to_do),
        cmocka_unit_test(a_zone_that_does_not_hold_the_name_is_a_wrong_setting),
        cmocka_unit_test(a_server_without_the_zone_is_said),
        cmocka_unit_test(an_unsigned_success_is_no_success_when_there_is_a_key),
        cmocka_unit_test(a_missing_key_file_is_a_wrong_setting),
        cmocka_unit_test(wrong_settings_are_refused),
        cmocka_unit_test(defaults_are_those_of_the_manual),
    };

    return cmocka_run_group_tests_name("rfc2136", tests, NULL, NULL);
}
