/* doctor_report.c: findings, for somebody who was woken up by them. */
#include "cli/doctor_report.h"

#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 80
#define INDENT 9

/* clang-format off */
static const struct {
    enum term_style style;
    const char *one, *many;
} kinds[FINDING_KINDS] = {
    [FINDING_BAD]     = {TERM_BAD,  "is bad",                 "are bad"},
    [FINDING_WARNING] = {TERM_WARN, "warning",                "warnings"},
    [FINDING_UNSEEN]  = {TERM_WARN, "could not be looked at", "could not be looked at"},
    [FINDING_NOTE]    = {TERM_DIM,  "note",                   "notes"},
};
/* clang-format on */

/* Words from column INDENT to COLUMNS. */
static void
print_words(const char *text)
{
    size_t column = INDENT;

    while (*text != '\0') {
        size_t size = strcspn(text, " ");

        if (column + 1 + size > COLUMNS && column > INDENT) {
            (void)printf("\n%*s", INDENT, "");
            column = INDENT;
        }
        (void)printf(column > INDENT ? " %.*s" : "%.*s", (int)size, text);
        column += size + (column > INDENT ? 1 : 0);
        text += size;
        text += strspn(text, " ");
    }
    (void)printf("\n");
}

static void
print_one(const struct finding *one)
{
    own_mem char *whole = str_format("%s: %s", one->subject, one->text);

    (void)printf("%s%-*s%s", term_on(kinds[one->kind].style), INDENT, finding_words[one->kind],
                 term_off());
    print_words(whole == NULL ? one->text : whole);
    if (one->remedy == NULL)
        return;
    (void)printf("%s%*s%s", term_on(TERM_DIM), INDENT, "do:  ", term_off());
    print_words(one->remedy);
}

/* Of a server that could not be asked, or of which the files could not be looked at, nothing is
 * fine. */
static bool
is_fine(const struct findings *f, const struct doctor_check *c)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct finding *one = &f->items[i];

        if ((one->kind != FINDING_NOTE && strcmp(one->check, c->name) == 0) ||
            (c->of_server != NULL && strcmp(one->check, DOCTOR_ASKING) == 0))
            return false;
    }
    return true;
}

static void
print_fine(const struct findings *f, const struct list *names)
{
    own_str struct str fine = {0};

    for (const struct doctor_check *c = doctor_checks; c->name != NULL; c++)
        if ((names->count == 0 || list_has(names, c->name)) && is_fine(f, c) &&
            !str_addf(&fine, "%s%s", fine.size > 0 ? ", " : "", c->name))
            return;
    if (fine.size == 0)
        return;
    (void)printf("%s%-*s%s", term_on(TERM_GOOD), INDENT, "fine", term_off());
    print_words(fine.text);
}

static void
print_counts(const struct findings *f, bool with_notes)
{
    const char *between = "";

    for (size_t k = 0; k < FINDING_KINDS; k++) {
        size_t count = finding_count(f, (enum finding_kind)k);

        if (count == 0)
            continue;
        (void)printf("%s%s%zu %s%s%s", between, term_on(kinds[k].style), count,
                     count == 1 ? kinds[k].one : kinds[k].many,
                     k == FINDING_NOTE && !with_notes ? " (shown by --notes)" : "", term_off());
        between = ", ";
    }
    (void)printf("%s\n", f->count == 0 ? "nothing was found that will go wrong" : "");
}

void
doctor_report_print(const struct findings *f, const struct list *names, bool with_notes)
{
    for (size_t k = 0; k < FINDING_KINDS; k++)
        for (size_t i = 0; i < f->count; i++)
            if (f->items[i].kind == (enum finding_kind)k && (k != FINDING_NOTE || with_notes))
                print_one(&f->items[i]);
    print_fine(f, names);
    print_counts(f, with_notes);
}

static struct json_t *
finding_json(const struct finding *one)
{
    struct json_t *object = json_new_object();

    json_put_text(object, "check", one->check);
    json_put_text(object, "subject", one->subject);
    json_put_text(object, "severity", finding_words[one->kind]);
    json_put_text(object, "text", one->text);
    json_put_text(object, "remedy", one->remedy);
    return object;
}

struct json_t *
doctor_report_json(const struct findings *f, const struct list *names)
{
    struct json_t *object = json_new_object();
    struct json_t *all = json_new_array();
    struct json_t *looked_at = json_new_array();

    for (size_t k = 0; k < FINDING_KINDS; k++)
        for (size_t i = 0; i < f->count; i++)
            if (f->items[i].kind == (enum finding_kind)k)
                json_add(all, finding_json(&f->items[i]));
    for (const struct doctor_check *c = doctor_checks; c->name != NULL; c++)
        if (names->count == 0 || list_has(names, c->name))
            json_add_text(looked_at, c->name);
    json_put(object, "findings", all);
    json_put(object, "looked_at", looked_at);
    return object;
}

void
doctor_report_checks(void)
{
    for (const struct doctor_check *c = doctor_checks; c->name != NULL; c++)
        (void)printf("%s%-10s%s%s\n", term_on(TERM_BOLD), c->name, term_off(), c->looks_at);
}
