/* page_time.c: lives on a scale that is stretched around now. */
#include "cli/page_time.h"

#include "base/clock.h"

#include <stdio.h>

#define DAY INT64_C(86400)
#define YEAR (365 * DAY)

/* With more life left than that, the hour does not matter. */
#define DAY_COUNTS_S (10 * DAY)

const char *const page_tones[] = {"good", "warn", "bad"};

/* Between two of them the scale is even. `is_fine`: a narrow screen has no room for its word. */
/* clang-format off */
static const struct {
    int64_t after_s, place;
    const char *word;
    bool is_fine;
} marks[] = {
    { -YEAR,       300, "1 y",    true},
    {-90 * DAY,   1200, "90 d",   true},
    {-30 * DAY,   2000, "30",       false},
    { -7 * DAY,   2700, "7",        true},
    {        0,   3600, "now",      false},
    {  7 * DAY,   4500, "7",        true},
    { 30 * DAY,   5400, "30",       false},
    { 90 * DAY,   6700, "90 d",   true},
    {     YEAR,   7900, "1 y",    false},
    { 3 * YEAR,   8800, "3",        true},
    {10 * YEAR,   9600, "10",       true},
    {25 * YEAR,  10000, NULL,       true},
};
/* clang-format on */

int64_t
page_time_place(int64_t at_s, int64_t now_s)
{
    int64_t after_s = at_s - now_s;

    if (after_s <= marks[0].after_s)
        return 0;
    for (size_t i = 1; i < COUNT(marks); i++) {
        int64_t span_s = marks[i].after_s - marks[i - 1].after_s;
        int64_t width = marks[i].place - marks[i - 1].place;

        if (after_s <= marks[i].after_s)
            return marks[i - 1].place + (after_s - marks[i - 1].after_s) * width / span_s;
    }
    return marks[COUNT(marks) - 1].place;
}

void
page_time_put(struct html *h, int64_t at_s, int64_t now_s)
{
    char at[CLOCK_TEXT_SIZE], exact[CLOCK_TEXT_SIZE], span[CLOCK_SPAN_SIZE];
    int64_t away_s = at_s > now_s ? at_s - now_s : now_s - at_s;

    if (at_s == 0) {
        html_put(h, "<span class=\"none\">–</span>");
        return;
    }
    clock_text(exact, at_s);
    clock_minute(at, at_s);
    if (away_s > DAY_COUNTS_S)
        at[10] = '\0';
    if (away_s >= 3 * YEAR)
        (void)snprintf(span, sizeof(span), "%lld years", (long long)(away_s / YEAR));
    else
        clock_span(span, away_s * 1000);
    html_put(h, "<time datetime=\"%s\">%s</time> <span class=\"span\">", exact, at);
    if (away_s < 10)
        html_put(h, "just now</span>");
    else
        html_put(h, "%s%s%s</span>", at_s > now_s ? "in " : "", span, at_s > now_s ? "" : " ago");
}

/* ---- the picture: for eyes only, since each row says the same in words ---- */

/* "36.25" */
struct percent {
    char text[24];
};

static struct percent
percent_of(int64_t place)
{
    struct percent p;

    (void)snprintf(p.text, sizeof(p.text), "%d.%02d", (int)(place / 100), (int)(place % 100));
    return p;
}

static void
put_bar(struct html *h, const char *class, int64_t from, int64_t until)
{
    if (until > from)
        html_put(h, "<rect class=\"%s\" x=\"%s%%\" width=\"%s%%\" y=\"8\" height=\"8\"/>", class,
                 percent_of(from).text, percent_of(until - from).text);
}

/* What is over is pale; what is left until it renews has its tone; the reserve after that. */
static void
put_life(struct html *h, const struct page_life *l, int64_t now_s)
{
    int64_t now = page_time_place(now_s, now_s);
    int64_t from = l->from_s == 0 ? 0 : page_time_place(l->from_s, now_s);
    int64_t until = page_time_place(l->until_s, now_s);
    int64_t renew = l->renew_s == 0 ? until : page_time_place(l->renew_s, now_s);

    renew = renew > until ? until : renew < from ? from : renew;
    put_bar(h, "past", from, until < now ? until : now);
    put_bar(h, "left", from > now ? from : now, renew);
    put_bar(h, "reserve", renew > now ? renew : now, until);
    if (l->renew_s != 0)
        html_put(h, "<circle class=\"renew\" cx=\"%s%%\" cy=\"12\" r=\"4.5\"/>",
                 percent_of(renew).text);
    html_put(h, "<rect class=\"end\" x=\"%s%%\" width=\"2\" y=\"5\" height=\"14\"/>",
             percent_of(until > 9970 ? 9970 : until).text);
}

static void
put_scale(struct html *h)
{
    html_put(h, "<svg class=\"scale\" aria-hidden=\"true\" width=\"100%%\" height=\"20\">");
    for (size_t i = 0; i < COUNT(marks); i++)
        if (marks[i].word != NULL)
            html_put(h, "<text class=\"%s\" x=\"%s%%\" y=\"14\" text-anchor=\"%s\">%s</text>",
                     marks[i].after_s == 0 ? "now"
                     : marks[i].is_fine    ? "fine"
                                           : "coarse",
                     percent_of(marks[i].place).text, i == 0 ? "start" : "middle", marks[i].word);
    html_put(h, "</svg>");
}

/* The marks are drawn once, and used by each row. */
static void
put_marks(struct html *h)
{
    html_put(h, "<svg class=\"shapes\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs>");
    html_put(h, "<symbol id=\"marks\" width=\"100%%\" height=\"24\">");
    for (size_t i = 0; i < COUNT(marks); i++)
        if (marks[i].word != NULL)
            html_put(h, "<line class=\"%s\" x1=\"%s%%\" x2=\"%s%%\" y1=\"0\" y2=\"24\"/>",
                     marks[i].after_s == 0 ? "now" : "mark", percent_of(marks[i].place).text,
                     percent_of(marks[i].place).text);
    html_put(h, "</symbol></defs></svg>\n");
}

/* ---- the table ---- */

static void
put_time(struct html *h, const char *label, int64_t at_s, int64_t now_s)
{
    html_put(h, "<td role=\"cell\" data-label=\"%s\"><div>", label);
    page_time_put(h, at_s, now_s);
    html_put(h, "</div></td>\n");
}

static void
put_row(struct html *h, const struct page_life *l, int64_t now_s)
{
    html_put(h,
             "<tr role=\"row\" class=\"%s\"><th role=\"rowheader\" scope=\"row\">%s"
             "<span class=\"kind\">%s</span></th>\n",
             page_tones[l->tone], l->name, l->kind);
    html_put(h, "<td role=\"cell\" class=\"line\"><svg aria-hidden=\"true\" width=\"100%%\" "
                "height=\"24\"><use href=\"#marks\"/>");
    if (l->until_s != 0)
        put_life(h, l, now_s);
    html_put(h,
             "</svg></td>\n<td role=\"cell\" data-label=\"State\"><div>"
             "<span class=\"word %s\">%s</span></div></td>\n",
             page_tones[l->tone], l->word);
    put_time(h, "Issued", l->from_s, now_s);
    put_time(h, "Renews", l->renew_s, now_s);
    put_time(h, "Ends", l->until_s, now_s);
    html_put(h, "</tr>\n");
}

void
page_time_table(struct html *h, const struct page_life *lives, size_t count, int64_t now_s)
{
    put_marks(h);
    html_put(h, "<table role=\"table\" class=\"times\"><caption>"
                "From issue to end, in days and years from now: the ring is the renewal, and what "
                "is paler after it the reserve.</caption>\n");
    html_put(h, "<thead role=\"rowgroup\"><tr role=\"row\">"
                "<th role=\"columnheader\" scope=\"col\">Name</th>"
                "<th role=\"columnheader\" scope=\"col\" class=\"line\">"
                "<span class=\"hidden\">Time line</span>");
    put_scale(h);
    html_put(h, "</th><th role=\"columnheader\" scope=\"col\">State</th>"
                "<th role=\"columnheader\" scope=\"col\">Issued</th>"
                "<th role=\"columnheader\" scope=\"col\">Renews</th>"
                "<th role=\"columnheader\" scope=\"col\">Ends</th></tr></thead>\n"
                "<tbody role=\"rowgroup\">\n");
    for (size_t i = 0; i < count; i++)
        put_row(h, &lives[i], now_s);
    html_put(h, "</tbody></table>\n");
}
