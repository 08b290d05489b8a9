/* page.c: the page of status, from top to bottom. */
#include "cli/page.h"

#include "base/b64url.h"
#include "base/log.h"
#include "base/version.h"
#include "cli/outfile.h"
#include "cli/page_facts.h"
#include "cli/page_style.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENDING_MOST 100

/* ---- words ---- */

static enum page_tone
worst(const struct page_facts *f)
{
    return f->worry_count == 0 ? TONE_GOOD : f->worries[0].tone;
}

static void
put_headline(struct html *h, const struct page_facts *f)
{
    if (f->worry_count == 0)
        html_put(h, "All is well");
    else
        html_put(h, "%zu thing%s attention", f->worry_count,
                 f->worry_count == 1 ? " needs" : "s need");
}

static void
host_name(char name[static 256])
{
    if (gethostname(name, 256) != 0)
        (void)snprintf(name, 256, "this host");
    name[255] = '\0';
}

/* A cell of a table, whose label a narrow screen shows. */
static void
begin_cell(struct html *h, const char *label)
{
    html_put(h, "<td role=\"cell\" data-label=\"%s\"><div>", label);
}

static void
end_cell(struct html *h)
{
    html_put(h, "</div></td>\n");
}

static void
begin_table(struct html *h, const char *caption, const char *const *columns)
{
    html_put(h,
             "<table role=\"table\"><caption>%s</caption>\n<thead role=\"rowgroup\">"
             "<tr role=\"row\">",
             caption);
    for (size_t i = 0; columns[i] != NULL; i++)
        html_put(h, "<th role=\"columnheader\" scope=\"col\">%s</th>", columns[i]);
    html_put(h, "</tr></thead>\n<tbody role=\"rowgroup\">\n");
}

static void
begin_row(struct html *h, const char *name)
{
    html_put(h, "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\">%s</th>\n", name);
}

static void
end_table(struct html *h)
{
    html_put(h, "</tbody></table></section>\n");
}

/* ---- the head ---- */

/* Nothing may be fetched or run, and of styles this one alone (CSP level 3, section 2.3.1). */
static void
put_policy(struct html *h, const struct str *style)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char text[B64URL_SIZE(EVP_MAX_MD_SIZE)];

    if (EVP_Digest(style->text, style->size, digest, &size, EVP_sha256(), NULL) != 1) {
        h->has_failed = true;
        return;
    }
    b64url_encode(text, digest, size);
    html_put(h,
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
             "style-src 'sha256-%s='; img-src data:; base-uri 'none'; form-action 'none'\">\n",
             text);
}

static void
put_head(struct html *h, const struct page_facts *f, const char *host)
{
    static const char *const colours[] = {"3d9b68", "c98a1b", "cf4439"};

    own_str struct str style = {0};

    if (!page_style_add(&style)) {
        h->has_failed = true;
        return;
    }
    html_put(h, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    put_policy(h, &style);
    html_put(h, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"referrer\" content=\"no-referrer\">\n"
                "<meta name=\"robots\" content=\"noindex\">\n<title>");
    put_headline(h, f);
    html_put(h,
             " – pgcert on %s</title>\n<link rel=\"icon\" href=\"data:image/svg+xml,%%3Csvg "
             "xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%%3E%%3Ccircle cx='8' "
             "cy='8' r='7' fill='%%23%s'/%%3E%%3C/svg%%3E\">\n<style>",
             host, colours[worst(f)]);
    /* not text of others, and its digest is of these bytes */
    if (!str_add(&h->text, style.text, style.size))
        h->has_failed = true;
    html_put(h, "</style>\n</head>\n<body>\n");
}

static void
put_next(struct html *h, const struct page_facts *f)
{
    const struct report *next = NULL;

    for (size_t i = 0; i < f->count; i++) {
        const struct report *r = &f->reports[i];

        if (r->plan.generation.number != 0 && r->plan.renew_at_s > f->now_s &&
            (next == NULL || r->plan.renew_at_s < next->plan.renew_at_s))
            next = r;
    }
    if (next == NULL)
        return;
    html_put(h, "; the next renewal is that of %s, ", next->certificate->name);
    page_time_put(h, next->plan.renew_at_s, f->now_s);
}

static void
put_header(struct html *h, const struct page_facts *f, const char *host)
{
    char at[CLOCK_TEXT_SIZE], exact[CLOCK_TEXT_SIZE];

    clock_minute(at, f->now_s);
    clock_text(exact, f->now_s);
    html_put(h, "<header><p>TLS certificates of %s</p>\n<h1 class=\"%s\">", host,
             page_tones[worst(f)]);
    put_headline(h, f);
    html_put(h, "</h1>\n<p>%zu certificate%s on %zu target%s", f->count, f->count == 1 ? "" : "s",
             f->target_count, f->target_count == 1 ? "" : "s");
    put_next(h, f);
    html_put(h,
             ".</p>\n<p>As it stood on <time datetime=\"%s\">%s UTC</time>; this page does not "
             "change by itself.</p></header>\n<main>\n",
             exact, at);
}

/* ---- what is wrong ---- */

static void
put_worry(struct html *h, const struct page_worry *w, int64_t now_s)
{
    html_put(h,
             "<li class=\"%s\"><h3><span class=\"word %s\">%s</span> <bdi>%s</bdi></h3>\n"
             "<p>%s</p>\n",
             page_tones[w->tone], page_tones[w->tone], w->tone == TONE_BAD ? "wrong" : "soon",
             w->subject, w->text);
    if (w->since_s == 0 && w->remedy == NULL) {
        html_put(h, "</li>\n");
        return;
    }
    html_put(h, "<dl>");
    if (w->since_s != 0) {
        html_put(h, "<dt>%s</dt><dd>", w->since == NULL ? "since" : w->since);
        page_time_put(h, w->since_s, now_s);
        html_put(h, "</dd>");
    }
    if (w->remedy != NULL)
        html_put(h, "<dt>what to do</dt><dd>%s</dd>", w->remedy);
    html_put(h, "</dl></li>\n");
}

static void
put_worries(struct html *h, const struct page_facts *f)
{
    html_put(h, "<section><h2>What needs attention</h2>\n");
    if (f->worry_count == 0)
        html_put(h, "<p class=\"calm\">Nothing. %s</p>\n",
                 f->count == 0 ? "There is no [certificate NAME] in the settings."
                               : "Every certificate is issued, and where it is to be served it "
                                 "is.");
    html_put(h, f->worry_count == 0 ? "</section>\n" : "<ol class=\"worries\">\n");
    for (size_t i = 0; i < f->worry_count; i++)
        put_worry(h, &f->worries[i], f->now_s);
    if (f->worry_count > 0)
        html_put(h, "</ol></section>\n");
}

/* ---- issued, deployed, served ---- */

static void
put_answer(struct html *h, enum page_answer answer)
{
    static const struct {
        const char *class, *word;
    } words[] = {
        [ANSWER_NO] = {"bad", "no"},
        [ANSWER_YES] = {"good", "yes"},
        [ANSWER_UNKNOWN] = {"unknown", "not known"},
    };

    html_put(h, "<span class=\"word %s\">%s</span>", words[answer].class, words[answer].word);
}

static void
put_issued(struct html *h, const struct report *r)
{
    const struct generation *g = &r->plan.generation;
    char start[17] = "";

    if (g->number == 0) {
        put_answer(h, ANSWER_NO);
        return;
    }
    (void)snprintf(start, sizeof(start), "%s", g->sha256 == NULL ? "" : g->sha256);
    html_put(h,
             "<span class=\"word good\">yes</span> <span class=\"span\">generation %lld, "
             "<code>%s…</code></span>",
             (long long)g->number, start);
}

static void
put_addresses(struct html *h, const struct page_target *t)
{
    size_t count = t->served_at == NULL ? 0 : t->served_at->endpoint_count;

    if (count == 0)
        return;
    html_put(h, " <span class=\"kind\">");
    for (size_t i = 0; i < count; i++)
        html_put(h, "%s%s", i == 0 ? "" : ", ", t->served_at->endpoints[i].address);
    html_put(h, "</span>");
}

static void
put_target(struct html *h, const struct page_target *t, int64_t now_s)
{
    begin_row(h, t->report->certificate->name);
    begin_cell(h, "Target");
    html_put(h, "%s", t->name);
    end_cell(h);
    begin_cell(h, "Issued");
    put_issued(h, t->report);
    end_cell(h);
    begin_cell(h, "Deployed");
    put_answer(h, t->deployed);
    end_cell(h);
    begin_cell(h, "Served");
    put_answer(h, t->served);
    put_addresses(h, t);
    end_cell(h);
    begin_cell(h, t->proof.is_unprovable ? "Told" : "Proved");
    page_time_put(h, t->proof.at_s, now_s);
    if (t->proof.is_unprovable)
        html_put(h, " <span class=\"kind\">told only: nothing can prove it</span>");
    end_cell(h);
    html_put(h, "</tr>\n");
}

static void
put_targets(struct html *h, const struct page_facts *f)
{
    static const char *const columns[] = {"Certificate", "Target", "Issued", "Deployed",
                                          "Served",      "Proved", NULL};

    if (f->target_count == 0)
        return;
    html_put(h, "<section><h2>Issued, deployed, served</h2>\n");
    begin_table(h,
                "Three facts, each known by the certificate's SHA-256: it is issued; the "
                "server's file has it; a TLS handshake has proved that it is served.",
                columns);
    for (size_t i = 0; i < f->target_count; i++)
        put_target(h, &f->targets[i], f->now_s);
    end_table(h);
}

/* ---- attempts ---- */

static void
put_attempt(struct html *h, const struct report *r, int64_t now_s)
{
    struct attempt last = state_attempt(&r->state);
    bool is_none = last.at_s == 0;

    begin_row(h, r->certificate->name);
    begin_cell(h, "When");
    page_time_put(h, last.at_s, now_s);
    end_cell(h);
    begin_cell(h, "Result");
    html_put(h, "<span class=\"word %s\">%s</span>",
             is_none              ? "unknown"
             : last.error == NULL ? "good"
                                  : "bad",
             is_none              ? "none yet"
             : last.error == NULL ? "good"
                                  : "failed");
    if (last.error != NULL)
        html_put(h, " %s", last.error);
    end_cell(h);
    begin_cell(h, "Next");
    if (last.error != NULL && last.next_s <= now_s)
        html_put(h, "at the next run");
    else
        page_time_put(h, last.error != NULL ? last.next_s : r->plan.renew_at_s, now_s);
    end_cell(h);
    html_put(h, "</tr>\n");
}

static void
put_attempts(struct html *h, const struct page_facts *f)
{
    static const char *const columns[] = {"Certificate", "When", "Result", "Next", NULL};

    if (f->count == 0)
        return;
    html_put(h, "<section><h2>Last attempts</h2>\n");
    begin_table(h, "When each certificate was last asked for, and what came of it.", columns);
    for (size_t i = 0; i < f->count; i++)
        put_attempt(h, &f->reports[i], f->now_s);
    end_table(h);
}

/* ---- clients ---- */

static void
put_ending(struct html *h, const struct ca_issued *one, int64_t now_s)
{
    begin_row(h, one->name);
    begin_cell(h, "Tenant");
    html_put(h, "%s", one->tenant == NULL ? "–" : one->tenant);
    end_cell(h);
    begin_cell(h, "Ends");
    page_time_put(h, one->not_after_s, now_s);
    end_cell(h);
    begin_cell(h, "Serial");
    html_put(h, "<code>%s</code>", one->serial);
    end_cell(h);
    html_put(h, "</tr>\n");
}

static void
put_clients(struct html *h, const struct page_facts *f)
{
    static const char *const columns[] = {"Client", "Tenant", "Ends", "Serial number", NULL};
    size_t shown = f->ending_count < ENDING_MOST ? f->ending_count : ENDING_MOST;

    if (f->client_count == 0)
        return;
    html_put(h, "<section><h2>Clients' certificates that end soon</h2>\n");
    if (f->ending_count == 0) {
        html_put(h, "<p>None of %zu ends within %lld days.</p></section>\n", f->client_count,
                 (long long)PAGE_SOON_DAYS);
        return;
    }
    begin_table(h, "Clients of the private CA whose last valid certificate ends within 30 days.",
                columns);
    for (size_t i = 0; i < shown; i++)
        put_ending(h, f->ending[i].last, f->now_s);
    end_table(h);
    if (shown < f->ending_count)
        html_put(h, "<p>And %zu more: pgcert client list --sort expiry</p>\n",
                 f->ending_count - shown);
}

/* ---- the whole ---- */

static void
put_page(struct html *h, const struct page_facts *f)
{
    char host[256];

    host_name(host);
    put_head(h, f, host);
    put_header(h, f, host);
    put_worries(h, f);
    if (f->life_count > 0) {
        html_put(h, "<section><h2>Time line</h2>\n");
        page_time_table(h, f->lives, f->life_count, f->now_s);
        html_put(h, "</section>\n");
    }
    put_targets(h, f);
    put_attempts(h, f);
    put_clients(h, f);
    html_put(h,
             "</main>\n<footer>pgcert %s. The same in a terminal: <code>pgcert status</code>; "
             "whatever will go wrong: <code>pgcert doctor</code>.</footer>\n</body>\n</html>\n",
             PGCERT_VERSION);
}

static bool
make(const struct page_wish *w, struct html *h, struct err *e)
{
    own_page_facts struct page_facts f = {.app = w->app};

    if (!page_facts_init(&f, w, e))
        return false;
    put_page(h, &f);
    return !h->has_failed || err_memory(e);
}

bool
page_write(const struct page_wish *wish, const char *path, struct err *e)
{
    own_html struct html h = {0};
    own_mem char *here = path[0] == '/' ? strdup("") : getcwd(NULL, 0);
    own_mem char *whole =
        here == NULL ? NULL : str_format("%s%s%s", here, *here == '\0' ? "" : "/", path);

    if (whole == NULL)
        return err_errno(e, "find out which directory '%s' is in", path);
    if (!make(wish, &h, e))
        return false;
    if (strcmp(path, "-") != 0)
        return outfile_write(whole, &h.text, e);
    return fwrite(h.text.text, 1, h.text.size, stdout) == h.text.size ||
           err_errno(e, "write to standard output");
}

void
page_keep(struct app *app)
{
    const char *path = app->config.settings.status_page;
    own_html struct html h = {0};
    own_mem struct certificate **all = NULL;
    struct page_wish wish = {.app = app, .with_ca = true};
    struct err e = {0};

    if (path == NULL)
        return;
    all = app_select(app, 0, NULL, &wish.count, &e);
    wish.selected = all;
    if (all == NULL || !make(&wish, &h, &e) || !outfile_write(path, &h.text, &e))
        log_say(LOG_LEVEL_WARNING, "[pgcert] status_page: the page is not written: %s", e.text);
}
