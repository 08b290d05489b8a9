/* test_hba.c: pg_hba.conf and pg_ident.conf of a server that is a script: what it objects to, loads
 * and lets in is said by the test. */
#include "reload/hba.h"

#include "reload/hba_block.h"
#include "reload/target.h"
#include "tests/fake/clock.h"
#include "tests/fake/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define RULES "local all all peer\n"
#define IDENT "mymap root postgres"
#define FAR_US ((int64_t)4000000000 * 1000000) /* after every change of a file */

static struct script {
    struct scratch dir;
    const char *objects_to; /* a file with that in it would not be loaded */
    const char *locks_out;  /* once loaded, a file with that in it lets nobody in */
    bool reads_others;      /* it sees nothing of what is written */
    bool never_loads;
    bool may_not;
    bool is_13;
    const char *changed_while_judged; /* somebody writes that into pg_hba.conf then */
    int64_t loaded_us;
    int opened, reloads, judged;
    bool is_locked;
} script;

static struct fake_clock clock_now;

static const char *const names[HBA_FILES] = {"pg_hba.conf", "pg_ident.conf"};

/* ---- the server ---- */

static void *
open_session(const struct target *t, struct err *e)
{
    (void)t;
    if (script.is_locked) {
        (void)err_set(e, ERR_PERMISSION, "rejected");
        return NULL;
    }
    script.opened++;
    return &script;
}

static void
close_session(void *session)
{
    (void)session;
    script.opened--;
}

static bool
holds(const char *name, const char *text)
{
    return text != NULL && strstr(scratch_read(&script.dir, name), text) != NULL;
}

static bool
reload(void *session, struct err *e)
{
    (void)session;
    (void)e;
    script.reloads++;
    script.is_locked = holds(names[HBA_RULES], script.locks_out);
    if (!script.never_loads)
        script.loaded_us += 1000;
    return true;
}

static bool
look(void *session, struct hba_view *view, struct err *e)
{
    (void)session;
    (void)e;
    for (int i = 0; i < HBA_FILES; i++)
        view->files[i] = strdup(scratch_path(&script.dir, names[i]));
    view->by_dn = !script.is_13;
    if (script.may_not)
        (void)err_set(&view->may_not, ERR_CONFIG, "no ssl_ca_file");
    return true;
}

static bool
judge(void *session, const struct hba_view *view, enum hba_file which, int last, int *rules,
      struct err *e)
{
    int number = 1, seen = 0;
    bool begins = true;

    (void)session;
    script.judged++;
    if (holds(names[which], script.objects_to))
        return err_set(e, ERR_CONFIG, "%s:3: no such thing", view->files[which]);
    for (const char *c = scratch_read(&script.dir, names[which]); *c != '\0'; c++) {
        seen += begins && *c != '#' && number <= last;
        begins = *c == '\n';
        number += begins;
    }
    if (which == HBA_RULES && last > 0 && script.changed_while_judged != NULL)
        scratch_write(&script.dir, names[HBA_RULES], script.changed_while_judged);
    *rules = script.reads_others ? 0 : seen;
    return true;
}

static bool
now(void *session, int64_t *now_us, struct err *e)
{
    (void)session;
    (void)e;
    *now_us = script.loaded_us + 1;
    return true;
}

static bool
loaded(void *session, int64_t *at_us, struct err *e)
{
    (void)session;
    (void)e;
    *at_us = script.loaded_us;
    return true;
}

static const struct target_hba hba = {.look = look, .judge = judge, .now = now, .loaded = loaded};
static const struct target_type type = {
    .name = "script", .open = open_session, .close = close_session, .reload = reload, .hba = &hba};

/* ---- the tests ---- */

static int
begin(void **state)
{
    (void)state;
    script = (struct script){.dir = scratch_new(), .loaded_us = FAR_US};
    scratch_write(&script.dir, names[HBA_RULES], RULES);
    scratch_write(&script.dir, names[HBA_IDENT], IDENT);
    clock_now = fake_clock_at(1800000000);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    assert_int_equal(script.opened, 0);
    scratch_done(&script.dir);
    return 0;
}

static enum err_code
set_up(size_t count, bool dry, struct hba_plan *plan, struct err *e)
{
    static const struct hba_client clients[] = {
        {.user = "alice", .database = "app", .dn = "CN=alice"},
        {.user = "bob", .database = "app", .dn = "CN=bob"},
    };
    struct target t = {.name = (char[]){"main"}, .type = &type};

    hba_plan_done(plan);
    *e = (struct err){0};
    if (!reload_hba(&t, clients, count, dry, &clock_now.base, plan, e))
        assert_int_not_equal(e->code, ERR_NONE);
    return e->code;
}

static void
is_as_before(void)
{
    assert_string_equal(scratch_read(&script.dir, names[HBA_RULES]), RULES);
    assert_string_equal(scratch_read(&script.dir, names[HBA_IDENT]), IDENT);
    assert_int_equal(scratch_count(&script.dir, ""), 2);
}

static void
the_block_is_written_loaded_changed_and_taken_out(void **state)
{
    own_hba_plan struct hba_plan p = {0};
    struct err e = {0};

    (void)state;
    assert_int_equal(set_up(1, true, &p, &e), ERR_NONE);
    assert_true(p.files[HBA_RULES].is_changed && p.files[HBA_IDENT].is_changed);
    is_as_before();
    assert_int_equal(set_up(1, false, &p, &e), ERR_NONE);
    assert_true(p.did_reload);
    assert_string_equal(scratch_read(&script.dir, names[HBA_RULES]), HBA_BLOCK_BEGIN
                        "\n" HBA_BLOCK_NOTE "\n# clients come from: all\n"
                        "hostssl app alice all cert clientname=DN map=pgcert\n"
                        "host all,replication alice all reject\n" HBA_BLOCK_END "\n" RULES);
    assert_string_equal(scratch_read(&script.dir, names[HBA_IDENT]),
                        HBA_BLOCK_BEGIN "\n" HBA_BLOCK_NOTE
                                        "\npgcert \"CN=alice\" alice\n" HBA_BLOCK_END "\n" IDENT);
    assert_int_equal(set_up(1, false, &p, &e), ERR_NONE);
    assert_false(p.files[HBA_RULES].is_changed || p.files[HBA_IDENT].is_changed || p.did_reload);
    assert_int_equal(script.reloads, 1);
    assert_int_equal(set_up(2, false, &p, &e), ERR_NONE);
    assert_true(holds(names[HBA_RULES], "hostssl app bob"));
    assert_int_equal(set_up(0, false, &p, &e), ERR_NONE);
    assert_int_equal(script.reloads, 3);
    is_as_before();
}

static void
what_was_written_and_not_loaded_is_loaded(void **state)
{
    own_hba_plan struct hba_plan p = {0};
    struct err e = {0};

    (void)state;
    assert_int_equal(set_up(1, false, &p, &e), ERR_NONE);
    script.loaded_us = 1; /* long before */
    assert_int_equal(set_up(1, false, &p, &e), ERR_NONE);
    assert_false(p.files[HBA_RULES].is_changed);
    assert_true(p.did_reload);
}

static void
postgresql_13_gets_no_map(void **state)
{
    own_hba_plan struct hba_plan p = {0};
    struct err e = {0};

    (void)state;
    script.is_13 = true;
    assert_int_equal(set_up(1, false, &p, &e), ERR_NONE);
    assert_true(holds(names[HBA_RULES], "hostssl app alice all cert\n"));
    assert_string_equal(scratch_read(&script.dir, names[HBA_IDENT]), IDENT);
}

static void
where_clients_come_from_is_kept(void **state)
{
    own_hba_plan struct hba_plan p = {0};
    struct err e = {0};

    (void)state;
    scratch_write(&script.dir, names[HBA_RULES],
                  HBA_BLOCK_BEGIN "\n# clients come from: 192.0.2.0/24\n" HBA_BLOCK_END "\n");
    assert_int_equal(set_up(2, false, &p, &e), ERR_NONE);
    assert_true(holds(names[HBA_RULES], "hostssl app bob 192.0.2.0/24 cert"));
}

static void
errors_that_were_there_are_told_and_nothing_is_touched(void **state)
{
    own_hba_plan struct hba_plan p = {0};
    struct err e = {0};

    (void)state;
    for (int i = 0; i < HBA_FILES; i++) {
        script.objects_to = i == HBA_RULES ? "peer" : "mymap";
        assert_int_equal(set_up(1, false, &p, &e), ERR_CONFIG);
        assert_non_null(strstr(e.text, ":3: no such thing; that was there before"));
        is_as_before();
    }
    assert_int_equal(script.reloads, 0);
}

static void
lines_that_the_server_objects_to_are_put_back_before_a_reload(void **state)
{
    static const char *const objections[] = {"alice all cert", "CN=alice"};
    own_hba_plan struct hba_plan p = {0};
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(objections); i++) {
        script.objects_to = objections[i];
        assert_int_equal(set_up(1, false, &p, &e), ERR_CONFIG);
        assert_non_null(strstr(e.text, "put back as they were, because: "));
        assert_non_null(strstr(e.text, ":3: no such thing"));
        is_as_before();
    }
    assert_int_equal(script.reloads, 0);
}

static void
a_server_that_reads_other_files_is_found_out(void **state)
{
    own_hba_plan struct hba_plan p = {0};
    struct err e = {0};

    (void)state;
    script.reads_others = true;
    assert_int_equal(set_up(1, false, &p, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "the server sees 0 of 1 lines"));
    is_as_before();
}

static void
lines_that_lock_us_out_are_put_back_and_loaded(void **state)
{
    own_hba_plan struct hba_plan p = {0};
    struct err e = {0};

    (void)state;
    script.locks_out = "alice all reject";
    assert_int_equal(set_up(1, false, &p, &e), ERR_PUT_BACK);
    assert_non_null(strstr(e.text, "because: rejected"));
    is_as_before();
    assert_int_equal(script.reloads, 2);
    assert_false(script.is_locked);
}

static void
a_server_that_does_not_reload_is_a_case_for_somebody(void **state)
{
    own_hba_plan struct hba_plan p = {0};
    struct err e = {0};

    (void)state;
    script.never_loads = true;
    assert_int_equal(set_up(1, false, &p, &e), ERR_UNPROVED);
    assert_non_null(strstr(e.text, "has not reloaded its files within 10 s"));
    is_as_before();
}

static void
what_somebody_else_has_written_meanwhile_stays(void **state)
{
    own_hba_plan struct hba_plan p = {0};
    struct err e = {0};

    (void)state;
    script.changed_while_judged = "mine, all anew\n";
    script.reads_others = true;
    assert_int_equal(set_up(1, false, &p, &e), ERR_CONFIG); /* pg_ident.conf is judged first */
    script.reads_others = false;
    script.locks_out = "mine";
    assert_int_equal(set_up(1, false, &p, &e), ERR_UNPROVED);
    assert_non_null(strstr(e.text, "being changed by somebody"));
    assert_string_equal(scratch_read(&script.dir, names[HBA_RULES]), "mine, all anew\n");
}

static void
a_server_that_cannot_check_certificates_gets_no_lines(void **state)
{
    own_hba_plan struct hba_plan p = {0};
    struct err e = {0};

    (void)state;
    script.may_not = true;
    assert_int_equal(set_up(1, false, &p, &e), ERR_CONFIG);
    is_as_before();
    assert_int_equal(set_up(1, true, &p, &e), ERR_NONE); /* but may be shown them */
    assert_int_equal(set_up(0, false, &p, &e), ERR_NONE);
}

static void
files_that_are_damaged_or_missing_are_told(void **state)
{
    own_hba_plan struct hba_plan p = {0};
    struct err e = {0};

    (void)state;
    scratch_write(&script.dir, names[HBA_RULES], HBA_BLOCK_BEGIN "\n");
    assert_int_equal(set_up(1, true, &p, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "pg_hba.conf': line 1: "));
    scratch_write(&script.dir, names[HBA_RULES], RULES);
    assert_int_equal(unlink(scratch_path(&script.dir, names[HBA_IDENT])), 0);
    assert_int_equal(set_up(1, true, &p, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "there is no '"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_block_is_written_loaded_changed_and_taken_out),
        TEST(what_was_written_and_not_loaded_is_loaded),
        TEST(postgresql_13_gets_no_map),
        TEST(where_clients_come_from_is_kept),
        TEST(errors_that_were_there_are_told_and_nothing_is_touched),
        TEST(lines_that_the_server_objects_to_are_put_back_before_a_reload),
        TEST(a_server_that_reads_other_files_is_found_out),
        TEST(lines_that_lock_us_out_are_put_back_and_loaded),
        TEST(a_server_that_does_not_reload_is_a_case_for_somebody),
        TEST(what_somebody_else_has_written_meanwhile_stays),
        TEST(a_server_that_cannot_check_certificates_gets_no_lines),
        TEST(files_that_are_damaged_or_missing_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
