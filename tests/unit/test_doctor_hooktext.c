/* test_doctor_hooktext.c: what hooks and crontabs do to PostgreSQL; lines as the manuals of
 * certbot, acme.sh and dehydrated, and Debian's pg_ctlcluster(1), have them. */
#include "cli/doctor_hooktext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text;
    enum hooktext_does does;
    int line;
} rows[] = {
    {"systemctl restart postgresql\n", HOOKTEXT_RESTARTS, 1},
    {"#!/bin/sh\nservice postgresql restart", HOOKTEXT_RESTARTS, 2},
    {"/etc/init.d/postgresql restart\n", HOOKTEXT_RESTARTS, 1},
    {"pg_ctlcluster 15 main restart\n", HOOKTEXT_RESTARTS, 1},
    {"su postgres -c 'pg_ctl -D /x restart -m fast'\n", HOOKTEXT_RESTARTS, 1},
    {"patronictl restart main --force\n", HOOKTEXT_RESTARTS, 1},
    {"/usr/pgsql-15/bin/x restart\n", HOOKTEXT_RESTARTS, 1},
    {"systemctl reload-or-restart postgresql@15-main.service\n", HOOKTEXT_RESTARTS, 1},
    {"renew_hook = systemctl restart postgresql\n", HOOKTEXT_RESTARTS, 1},
    {"Le_ReloadCmd='service postgresql restart'\n", HOOKTEXT_RESTARTS, 1},
    {"Le_ReloadCmd='__ACME_BASE64__START_c3lzdGVtY3RsIHJlc3RhcnQgcG9zdGdyZXNxbA==__ACME_BASE64__"
     "END_'",
     HOOKTEXT_RESTARTS, 1},
    {"Le_ReloadCmd='__ACME_BASE64__START_c3lzdGVtY3RsIHJlc3RhcnQgbmdpbng=__ACME_BASE64__END_'",
     HOOKTEXT_NOTHING, 0},
    {"__ACME_BASE64__START_!__ACME_BASE64__END_ postgres restart", HOOKTEXT_RESTARTS, 1},
    {"systemctl \\\n restart \\\n postgresql\nls\n", HOOKTEXT_RESTARTS, 1},
    {"ls \\\n\nsystemctl restart postgresql\n", HOOKTEXT_RESTARTS, 3},
    {"systemctl reload postgresql\nsystemctl restart postgresql\n", HOOKTEXT_RESTARTS, 2},
    {"echo done; systemctl restart postgresql\n", HOOKTEXT_RESTARTS, 1},
    {"systemctl reload postgresql\n", HOOKTEXT_RELOADS, 1},
    {"psql -c 'select pg_reload_conf()'\n", HOOKTEXT_RELOADS, 1},
    /* nothing of the kind */
    {"# systemctl restart postgresql\n", HOOKTEXT_NOTHING, 0},
    {"ls # systemctl restart postgresql\n", HOOKTEXT_NOTHING, 0},
    {"echo restart postgresql by hand\n", HOOKTEXT_NOTHING, 0},
    {"systemctl restart nginx\nchown postgres: x\n", HOOKTEXT_NOTHING, 0},
    {"systemctl restarted postgresql\n", HOOKTEXT_NOTHING, 0},
    {"chown postgres server.key\n", HOOKTEXT_NOTHING, 0},
    {"", HOOKTEXT_NOTHING, 0},
    {"\\", HOOKTEXT_NOTHING, 0},
};

static void
a_line_that_restarts_is_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct doctor_hooktext seen = doctor_hooktext_judge(rows[i].text, strlen(rows[i].text));

        if (seen.does != rows[i].does || seen.line != rows[i].line)
            fail_msg("'%s': %d in line %d", rows[i].text, (int)seen.does, seen.line);
    }
}

static void
what_it_is_about_is_seen(void **state)
{
    static const char cron[] = "17 3 * * * root /usr/bin/pgcert -q renew\n";
    static const char certbot[] = "0 4 * * * root certbot renew\n";
    static const char deploy[] = "0 4 * * * root pgcert deploy\n# pgcert renew\n";

    (void)state;
    assert_true(doctor_hooktext_judge(cron, strlen(cron)).runs_pgcert);
    assert_false(doctor_hooktext_judge(certbot, strlen(certbot)).runs_pgcert);
    assert_true(doctor_hooktext_judge(certbot, strlen(certbot)).is_of_certificates);
    assert_false(doctor_hooktext_judge(cron, strlen(cron)).is_of_certificates);
    assert_false(doctor_hooktext_judge(deploy, strlen(deploy)).runs_pgcert);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_that_restarts_is_seen),
        cmocka_unit_test(what_it_is_about_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
