/* budget.c: the ledger of failures, in state.json. */
#include "cli/budget.h"

#include "cli/chance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define MINUTE 60
#define DAY (24 * 3600)
/* No step and no advice is longer: the clock was wrong when that was written. */
#define LONGEST_S (8 * DAY)

int64_t
budget_step(int64_t failures)
{
    static const int64_t steps_s[] = {0, MINUTE, 10 * MINUTE, 100 * MINUTE, DAY};
    const int64_t last = COUNT(steps_s) - 1;

    return steps_s[failures < 0 ? 0 : failures > last ? last : failures];
}

int64_t
budget_next(int64_t now_s, int64_t failures, int64_t advice_s, uint64_t random)
{
    int64_t step_s = budget_step(failures);
    int64_t next_s = chance_between(now_s + step_s, now_s + step_s + step_s / 10 + 1, random);

    return advice_s > next_s ? advice_s : next_s;
}

/* ---- which settings it failed with ---- */

static bool
add_section(struct str *text, const struct conf *conf, const char *kind, const char *name)
{
    const struct conf_section *s = conf_find(conf, kind, name);

    for (size_t i = 0; s != NULL && i < s->value_count; i++)
        if (!str_addf(text, "%s.%s=%s\n", kind, s->values[i].name, s->values[i].text))
            return false;
    return true;
}

/* SHA-256 over what is set for the certificate, its issuer and its DNS; "" when it cannot be had.
 */
static void
digest_settings(char hex[static CERT_SHA256_TEXT], const struct config *c,
                const struct certificate *one)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    own_str struct str text = {0};
    unsigned int size = 0;

    hex[0] = '\0';
    if (add_section(&text, &c->conf, "certificate", one->name) &&
        add_section(&text, &c->conf, "issuer", one->issuer_name) &&
        (one->issuer->type != ISSUER_ACME ||
         add_section(&text, &c->conf, "dns", one->issuer->acme.dns)) &&
        text.text != NULL &&
        EVP_Digest(text.text, text.size, digest, &size, EVP_sha256(), NULL) == 1)
        str_hex(hex, digest, size);
}

/* ---- the ledger ---- */

/* Where it is asked for. */
static const char *
directory_of(const struct certificate *one)
{
    /* clang-format off */
    const char *const where[] = {
        [ISSUER_ACME]  = one->issuer->acme.directory,
        [ISSUER_CA]    = one->issuer->root,
        [ISSUER_FILES] = one->issuer->files.chain_file,
    };
    /* clang-format on */

    return where[one->issuer->type];
}

static bool
is_elsewhere(const struct attempt *last, const struct certificate *one)
{
    return last->directory != NULL && strcmp(last->directory, directory_of(one)) != 0;
}

int64_t
budget_failures(const struct state *s, const struct certificate *one)
{
    struct attempt last = state_attempt(s);

    return is_elsewhere(&last, one) ? 0 : last.failures;
}

/* Somebody has mended something, perhaps. */
static bool
is_mended(const struct attempt *last, const struct config *c, const struct certificate *one,
          int64_t now_s)
{
    char settings[CERT_SHA256_TEXT];

    digest_settings(settings, c, one);
    return last->failures <= 1 && last->advice_s <= now_s && last->settings != NULL &&
           strcmp(last->settings, settings) != 0;
}

bool
budget_allows(const struct state *s, const struct config *c, const struct certificate *one,
              int64_t now_s, struct err *e)
{
    struct attempt last = state_attempt(s);
    char since[CLOCK_TEXT_SIZE];

    if (last.next_s <= now_s || last.next_s - now_s > LONGEST_S || is_elsewhere(&last, one) ||
        is_mended(&last, c, one, now_s))
        return true;
    clock_text(since, last.since_s != 0 ? last.since_s : last.at_s);
    (void)err_set(e, ERR_BUSY, "it fails since %s: %s", since,
                  last.error == NULL ? "the reason is not known" : last.error);
    e->retry_at_s = last.next_s;
    return false;
}

/* A temporary failure is told with its time; the others need the words. */
static void
tell_next(struct err *e, int64_t next_s)
{
    char when[CLOCK_TEXT_SIZE];
    own_mem char *text = strdup(e->text);

    if (err_is_temporary(e)) {
        e->retry_at_s = next_s;
        return;
    }
    clock_text(when, next_s);
    if (text != NULL)
        (void)err_set(e, e->code, "%s; not tried again before %s", text, when);
}

void
budget_charge(struct state *s, const struct config *c, const struct certificate *one, int64_t now_s,
              bool is_charged, struct err *e)
{
    struct attempt last = state_attempt(s);
    bool again = last.error != NULL && !is_elsewhere(&last, one);
    struct attempt next = {.at_s = now_s,
                           .error = e->text,
                           .since_s = again && last.since_s != 0 ? last.since_s : now_s,
                           .failures = again && last.failures > 0 ? last.failures : 0,
                           .advice_s = e->retry_at_s,
                           .directory = directory_of(one)};
    char settings[CERT_SHA256_TEXT];

    digest_settings(settings, c, one);
    next.settings = settings;
    if (is_charged && next.failures < INT32_MAX)
        next.failures++;
    if (is_charged)
        next.next_s = budget_next(now_s, next.failures, e->retry_at_s, chance());
    else /* what was owed before is still owed */
        next.next_s = again && last.next_s > now_s ? last.next_s : err_is_temporary(e) ? now_s : 0;
    state_set_attempt(s, &next);
    if (is_charged)
        tell_next(e, next.next_s);
}
