/* hba.c: change who may log in, or leave all as it was. */
#include "reload/hba.h"

#include "reload/hba_block.h"
#include "reload/install.h"
#include "reload/target.h"

#include <stdlib.h>
#include <string.h>

#define LOAD_MS 10000 /* a reload takes milliseconds */
#define PAUSE_FIRST_MS 2
#define PAUSE_MOST_MS 100

void
hba_view_done(struct hba_view *v)
{
    for (size_t i = 0; i < HBA_FILES; i++)
        free(v->files[i]);
    *v = (struct hba_view){0};
}

void
hba_plan_done(struct hba_plan *p)
{
    for (size_t i = 0; i < HBA_FILES; i++) {
        free(p->files[i].path);
        str_done(&p->files[i].lines);
    }
    *p = (struct hba_plan){0};
}

/* One file on its way. */
struct change {
    char *path; /* without the administrator's link */
    struct str old, new;
    int rules, last; /* in the new block: how many, and its last line; 0: none */
    bool is_written;
};

struct work {
    struct target *target;
    struct clock *clock;
    void *session;
    struct hba_view view;
    struct hba_plan *plan;
    struct change changes[HBA_FILES];
};

#define own_work __attribute__((cleanup(work_done)))

static void
work_done(struct work *w)
{
    if (w->session != NULL)
        w->target->type->close(w->session);
    hba_view_done(&w->view);
    for (size_t i = 0; i < HBA_FILES; i++) {
        free(w->changes[i].path);
        str_done(&w->changes[i].old);
        str_done(&w->changes[i].new);
    }
}

/* ---- what is there ---- */

static bool
read_file(struct work *w, enum hba_file which, struct err *e)
{
    struct change *c = &w->changes[which];
    const char *path = w->view.files[which];
    bool there = false;

    w->plan->files[which].path = strdup(path);
    if (w->plan->files[which].path == NULL)
        return err_memory(e);
    return install_follow(path, &c->path, e) && install_read(c->path, "", &c->old, &there, e) &&
           (there ||
            err_set(e, ERR_CONFIG, "there is no '%s', which the server's settings name", path));
}

/* From where clients come when nobody says: as it was said before. */
static bool
find_sources(const struct work *w, struct list *sources, struct err *e)
{
    if (!hba_block_sources(&w->changes[HBA_RULES].old, sources, e))
        return err_wrap(e, "'%s'", w->view.files[HBA_RULES]);
    return sources->count > 0 || list_add(sources, "all") || err_memory(e);
}

/* ---- what is to be there ---- */

static bool
add_from(const struct list *sources, struct str *lines)
{
    bool good = str_addf(lines, "%s", HBA_BLOCK_FROM);

    for (size_t i = 0; good && i < sources->count; i++)
        good = str_addf(lines, " %s", sources->items[i]);
    return good && str_add(lines, "\n", 1);
}

static bool
compose(struct work *w, const struct hba_client *clients, size_t count, struct err *e)
{
    own_list struct list kept = {0};
    own_mem struct hba_client *all = calloc(count + 1, sizeof(*all));
    struct str *rules = &w->plan->files[HBA_RULES].lines;

    if (all == NULL)
        return err_memory(e);
    if (!find_sources(w, &kept, e))
        return false;
    for (size_t i = 0; i < count; i++) {
        all[i] = clients[i];
        if (all[i].sources == NULL)
            all[i].sources = &kept;
    }
    if (count > 0 && !add_from(all[0].sources, rules))
        return err_memory(e);
    return reload_hba_lines(all, count, w->view.by_dn, rules, &w->plan->files[HBA_IDENT].lines, e);
}

/* Lines, or only those that are no comments. */
static int
count_lines(const struct str *text, bool comments)
{
    int count = 0;

    for (size_t i = 0; i < text->size; i++)
        count += (i == 0 || text->text[i - 1] == '\n') && (comments || text->text[i] != '#');
    return count;
}

static bool
compare(struct work *w, enum hba_file which, struct err *e)
{
    struct change *c = &w->changes[which];
    const struct str *lines = &w->plan->files[which].lines;

    if (!hba_block_replace(&c->old, lines, &c->new, e))
        return err_wrap(e, "'%s'", w->view.files[which]);
    c->rules = count_lines(lines, false);
    c->last = lines->size == 0 ? 0 : HBA_BLOCK_FIRST + count_lines(lines, true) - 1;
    w->plan->files[which].is_changed =
        c->old.size != c->new.size ||
        (c->old.size > 0 && memcmp(c->old.text, c->new.text, c->old.size) != 0);
    return true;
}

static bool
prepare(struct work *w, const struct hba_client *clients, size_t count, struct err *e)
{
    const struct target_type *type = w->target->type;

    if (type->hba == NULL)
        return err_set(e, ERR_CONFIG, "a target of type %s has no pg_hba.conf", type->name);
    w->session = type->open(w->target, e);
    return w->session != NULL && type->hba->look(w->session, &w->view, e) &&
           read_file(w, HBA_RULES, e) && read_file(w, HBA_IDENT, e) &&
           compose(w, clients, count, e) && compare(w, HBA_RULES, e) && compare(w, HBA_IDENT, e);
}

/* ---- judging ---- */

/* The server tells what it would load, and only it knows which files it reads. */
static bool
judge_new(struct work *w, enum hba_file which, struct err *e)
{
    const struct change *c = &w->changes[which];
    int rules = 0;

    if (!w->target->type->hba->judge(w->session, &w->view, which, c->last, &rules, e))
        return false;
    return rules < 0 || rules == c->rules ||
           err_set(e, ERR_CONFIG,
                   "'%s': the server sees %d of %d lines that were written; is it another file "
                   "that it reads?",
                   w->view.files[which], rules, c->rules);
}

static bool
judge_old(struct work *w, struct err *e)
{
    struct err found = {0};
    int ignored = 0;

    for (int i = 0; i < HBA_FILES; i++) {
        if (w->target->type->hba->judge(w->session, &w->view, (enum hba_file)i, 0, &ignored,
                                        &found))
            continue;
        *e = found;
        return found.code == ERR_CONFIG &&
               err_set(e, ERR_CONFIG,
                       "%.700s; that was there before, and the server would not load the file: "
                       "correct it first; nothing was changed",
                       found.text);
    }
    return true;
}

/* ---- forth and back ---- */

static bool
put(struct change *c, const struct str *from, const struct str *to, struct err *e)
{
    struct install i = {.path = c->path, .reader = (uid_t)-1, .group = (gid_t)-1, .over = from};

    return install_write(&i, to, false, e);
}

static bool
write_one(struct work *w, enum hba_file which, struct err *e)
{
    struct change *c = &w->changes[which];

    if (!w->plan->files[which].is_changed)
        return true;
    c->is_written = true; /* also when it fails after the rename */
    return put(c, &c->old, &c->new, e);
}

/* Between the two steps, whenever it is killed, nobody may do more than before: a map that no line
 * names is harmless, and a line whose map is missing refuses. */
static bool
write_both(struct work *w, struct err *e)
{
    bool adds = w->changes[HBA_RULES].rules > 0;

    return write_one(w, adds ? HBA_IDENT : HBA_RULES, e) &&
           write_one(w, adds ? HBA_RULES : HBA_IDENT, e) && judge_new(w, HBA_IDENT, e) &&
           judge_new(w, HBA_RULES, e);
}

static bool
holds(const struct change *c, const struct str *bytes, struct err *e)
{
    own_str struct str now = {0};
    bool there = false;

    return install_read(c->path, "", &now, &there, e) && there && now.size == bytes->size &&
           (now.size == 0 || memcmp(now.text, bytes->text, now.size) == 0);
}

static bool
put_back(struct work *w, struct err *e)
{
    bool good = true;

    for (int i = 0; i < HBA_FILES; i++) {
        struct change *c = &w->changes[i];

        if (c->is_written && !holds(c, &c->old, e))
            good = put(c, &c->new, &c->old, e) && good;
    }
    return good;
}

/* ---- the reload ---- */

/* A new session is let in by the rules that are in force, when the server is done with its reload:
 * whoever answers it has read both files. */
static bool
is_loaded(struct work *w, int64_t since_us, bool *loaded, struct err *e)
{
    const struct target_type *type = w->target->type;
    int64_t at_us = 0;
    void *session = type->open(w->target, e);
    bool good = session != NULL && type->hba->loaded(session, &at_us, e);

    if (session != NULL)
        type->close(session);
    *loaded = good && at_us > since_us;
    return good;
}

static bool
load(struct work *w, struct err *e)
{
    const struct target_type *type = w->target->type;
    int64_t until_ms = w->clock->steady_ms(w->clock) + LOAD_MS;
    int64_t pause_ms = PAUSE_FIRST_MS, since_us = 0;
    bool loaded = false;

    if (!type->hba->now(w->session, &since_us, e) || !type->reload(w->session, e))
        return false;
    w->plan->did_reload = true;
    while (!loaded) {
        if (!is_loaded(w, since_us, &loaded, e))
            return false;
        if (!loaded && w->clock->steady_ms(w->clock) >= until_ms)
            return err_set(e, ERR_TIMEOUT, "the server has not reloaded its files within %d s",
                           LOAD_MS / 1000);
        if (!loaded)
            w->clock->sleep_ms(w->clock, pause_ms);
        pause_ms = pause_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : pause_ms * 2;
    }
    return true;
}

/* Why it failed is in `e`. */
static bool
undo(struct work *w, struct err *e)
{
    struct err why = {0};
    bool did_reload = w->plan->did_reload;

    if (put_back(w, &why) && (!did_reload || load(w, &why))) {
        (void)err_wrap(e, "pg_hba.conf and pg_ident.conf were put back as they were, because");
        e->code = did_reload ? ERR_PUT_BACK : e->code;
        return false;
    }
    (void)err_wrap(
        e, "pg_hba.conf and pg_ident.conf could not be put back (%.300s); what failed before",
        why.text);
    e->code = ERR_UNPROVED;
    return false;
}

/* The last run may have been killed before its reload. */
static bool
is_in_force(struct work *w, bool *in_force, struct err *e)
{
    int64_t loaded_us = 0, changed_us = 0;

    *in_force = true;
    if (!w->target->type->hba->loaded(w->session, &loaded_us, e))
        return false;
    for (int i = 0; i < HBA_FILES; i++) {
        if (!install_changed(w->changes[i].path, &changed_us, e))
            return false;
        *in_force = *in_force && changed_us < loaded_us;
    }
    return true;
}

bool
reload_hba(struct target *t, const struct hba_client *clients, size_t count, bool dry,
           struct clock *clock, struct hba_plan *plan, struct err *e)
{
    own_work struct work w = {.target = t, .clock = clock, .plan = plan};
    bool changes = false, in_force = false;

    if (!prepare(&w, clients, count, e))
        return false;
    if (dry)
        return true;
    if (count > 0 && w.view.may_not.code != ERR_NONE) {
        *e = w.view.may_not;
        return false;
    }
    changes = plan->files[HBA_RULES].is_changed || plan->files[HBA_IDENT].is_changed;
    if (!changes && !is_in_force(&w, &in_force, e))
        return false;
    if (!changes && in_force)
        return true;
    return judge_old(&w, e) && ((write_both(&w, e) && load(&w, e)) || undo(&w, e));
}
