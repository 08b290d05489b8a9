/* crl_report.c: the CRLs of a file, for people and as JSON. */
#include "cli/crl_report.h"

#include "base/clock.h"
#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>

/* RFC 5280 section 5.1.2.5: nextUpdate must be there. */
static char *
problem_of(const struct ca_crl *one, int64_t now_s)
{
    char when[CLOCK_TEXT_SIZE];

    if (one->next_update_s == 0)
        return str_format("the CRL of '%s' does not say until when it holds", one->issuer);
    if (one->next_update_s <= now_s) {
        clock_text(when, one->next_update_s);
        return str_format("the CRL of '%s' has ended at %s: where it is checked everybody is "
                          "refused whom that CA has signed for",
                          one->issuer, when);
    }
    if (one->this_update_s > now_s) {
        clock_text(when, one->this_update_s);
        return str_format("the CRL of '%s' does not hold before %s", one->issuer, when);
    }
    return NULL;
}

static bool
is_good(const struct ca_crl *one, int64_t now_s)
{
    return one->this_update_s <= now_s && one->next_update_s > now_s;
}

bool
crl_report_judge(const struct ca_crls *crls, int64_t now_s, struct list *problems)
{
    for (size_t i = 0; i < crls->count; i++) {
        own_mem char *problem = NULL;

        if (is_good(&crls->items[i], now_s))
            continue;
        problem = problem_of(&crls->items[i], now_s);
        if (problem == NULL || !list_add(problems, problem))
            return false;
    }
    return true;
}

static void
row(const char *label, const char *text)
{
    (void)printf("  %s%-9s%s %.68s\n", term_on(TERM_DIM), label, term_off(), text);
}

static void
print_one(const struct ca_crl *one, int64_t now_s)
{
    char from[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE], span[CLOCK_SPAN_SIZE], text[160];
    int64_t left_s = one->next_update_s - now_s;

    row("CRL of", one->issuer);
    (void)snprintf(text, sizeof(text), "%.40s, %lld revoked",
                   one->number[0] == '\0' ? "none" : one->number, (long long)one->revoked);
    row("number", text);
    clock_minute(from, one->this_update_s);
    clock_minute(until, one->next_update_s);
    clock_span(span, (left_s < 0 ? -left_s : left_s) * 1000);
    if (one->next_update_s == 0)
        (void)snprintf(text, sizeof(text), "from %s UTC", from);
    else
        (void)snprintf(text, sizeof(text), "%s to %s UTC (%s %s)", from, until, span,
                       left_s <= 0 ? "over" : "left");
    row("valid", text);
}

void
crl_report_print(const struct ca_crls *crls, int64_t now_s)
{
    for (size_t i = 0; i < crls->count; i++)
        print_one(&crls->items[i], now_s);
}

struct json_t *
crl_report_json(const struct ca_crls *crls)
{
    struct json_t *array = json_new_array();

    for (size_t i = 0; i < crls->count; i++) {
        const struct ca_crl *one = &crls->items[i];
        struct json_t *object = json_new_object();

        json_put_text(object, "issuer", one->issuer);
        json_put_text(object, "number", one->number[0] == '\0' ? NULL : one->number);
        json_put_time(object, "this_update", one->this_update_s);
        json_put_time(object, "next_update", one->next_update_s);
        json_put_int(object, "revoked", one->revoked);
        json_add(array, object);
    }
    return array;
}
