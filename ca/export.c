/* export.c: the index for other programs. */
#include "ca/export.h"

#include "base/clock.h"
#include "ca/name.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *
export_state(const struct index_entry *one, int64_t now_s)
{
    if (one->revoked_at_s != 0)
        return "revoked";
    return one->not_after_s < now_s ? "expired" : "valid";
}

/* ---- OpenSSL ---- */

/* UTCTime until 2049, then GeneralizedTime (RFC 5280 section 4.1.2.5), as openssl-ca(1) has it. */
static void
time_text(char text[static 24], int64_t at_s)
{
    time_t seconds = (time_t)at_s;
    char whole[24];
    struct tm t = {0};

    (void)gmtime_r(&seconds, &t);
    (void)strftime(whole, sizeof(whole), "%Y%m%d%H%M%SZ", &t);
    (void)snprintf(text, 24, "%s", t.tm_year >= 150 ? whole : whole + 2);
}

/* As openssl-ca(1) makes it from the certificate: what is not ASCII becomes \xHH. */
static char *
subject_line(const struct index_entry *one, const char *organization, struct err *e)
{
    bool is_ca = kinds[one->kind].is_ca;
    bool is_short = strlen(one->name) <= NAME_USER_MAX;
    const char *o = one->tenant != NULL ? one->tenant : is_ca ? organization : NULL;
    const char *cn = is_short ? one->name : NULL;
    own_name X509_NAME *name = is_ca ? name_make_ca(o, cn, e) : name_make(o, cn, e);
    char *line = name == NULL ? NULL : X509_NAME_oneline(name, NULL, 0);

    if (name != NULL && line == NULL)
        (void)err_memory(e);
    return line;
}

static bool
add_openssl(const struct index_entry *one, const char *organization, int64_t now_s,
            struct str *text, struct err *e)
{
    const char *state = export_state(one, now_s);
    char not_after[24], revoked[24] = "", serial[INDEX_SERIAL_MAX + 1];
    bool has_reason = one->revoked_at_s != 0 && one->reason->code != 0;
    char *subject = subject_line(one, organization, e);
    bool good = false;

    if (subject == NULL)
        return false;
    time_text(not_after, one->not_after_s);
    if (one->revoked_at_s != 0)
        time_text(revoked, one->revoked_at_s);
    for (size_t i = 0; i <= strlen(one->serial); i++)
        serial[i] = (char)(one->serial[i] >= 'a' ? one->serial[i] - 'a' + 'A' : one->serial[i]);
    good = str_addf(text, "%c\t%s\t%s%s%s\t%s\tunknown\t%s\n", state[0] - 'a' + 'A', not_after,
                    revoked, has_reason ? "," : "", has_reason ? one->reason->word : "", serial,
                    *subject == '\0' ? "/" : subject) ||
           err_memory(e);
    OPENSSL_free(subject);
    return good;
}

bool
export_openssl(const struct index *index, const char *issuer, const char *organization,
               int64_t now_s, struct str *text, struct err *e)
{
    for (size_t i = 0; i < index->count; i++)
        if (strcmp(index->entries[i].issuer, issuer) == 0 &&
            !add_openssl(&index->entries[i], organization, now_s, text, e))
            return false;
    return true;
}

/* ---- CSV ---- */

/* In quotes, with those inside doubled (RFC 4180 section 2). */
static bool
add_quoted(struct str *text, const char *value)
{
    if (!str_add(text, "\"", 1))
        return false;
    for (; *value != '\0'; value++)
        if (!str_add(text, value, 1) || (*value == '"' && !str_add(text, "\"", 1)))
            return false;
    return str_add(text, "\"", 1);
}

static bool
add_csv(const struct index_entry *one, int64_t now_s, struct str *text)
{
    char at[CLOCK_TEXT_SIZE], not_after[CLOCK_TEXT_SIZE], revoked[CLOCK_TEXT_SIZE] = "";

    clock_text(at, one->at_s);
    clock_text(not_after, one->not_after_s);
    if (one->revoked_at_s != 0)
        clock_text(revoked, one->revoked_at_s);
    return str_addf(text, "%s,%s,", one->serial, kinds[one->kind].word) &&
           add_quoted(text, one->name) &&
           str_addf(text, ",%s,%s,%s,%s,%s,%s,", export_state(one, now_s), at, not_after, revoked,
                    one->revoked_at_s != 0 ? one->reason->word : "", one->issuer) &&
           (one->tenant == NULL || add_quoted(text, one->tenant)) && str_add(text, "\r\n", 2);
}

bool
export_csv(const struct index *index, int64_t now_s, struct str *text, struct err *e)
{
    static const char header[] =
        "serial,kind,name,state,issued_at,not_after,revoked_at,reason,issuer_key_id,tenant\r\n";

    if (!str_add(text, header, sizeof(header) - 1))
        return err_memory(e);
    for (size_t i = 0; i < index->count; i++)
        if (!add_csv(&index->entries[i], now_s, text))
            return err_memory(e);
    return true;
}
