/* doctor_hooktext.c: lines that restart PostgreSQL, as people write them. */
#include "cli/doctor_hooktext.h"

#include "base/assign.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_SIZE 4096 /* longer ones are cut */

/* ---- words ---- */

static bool
is_of_word(char c)
{
    return isalnum((unsigned char)c) != 0 || c == '_' || c == '-';
}

/* Is it there, as a word or several? */
static bool
has_word(const char *line, const char *word)
{
    size_t size = strlen(word);

    for (const char *at = strstr(line, word); at != NULL; at = strstr(at + 1, word))
        if ((at == line || !is_of_word(at[-1])) && !is_of_word(at[size]))
            return true;
    return false;
}

static bool
has_any(const char *line, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (has_word(line, words[i]))
            return true;
    return false;
}

/* Is only something printed? What follows in the same line may be more. */
static bool
only_prints(const char *line)
{
    static const char *const printing[] = {"echo", "printf", "logger"};

    line += strspn(line, " \t");
    for (size_t i = 0; i < COUNT(printing); i++)
        if (strncmp(line, printing[i], strlen(printing[i])) == 0 &&
            !is_of_word(line[strlen(printing[i])]))
            return strpbrk(line, ";&|") == NULL;
    return false;
}

static enum hooktext_does
judge(const char *line)
{
    static const char *const servers[] = {"pg_ctl", "pg_ctlcluster", "patronictl"};
    static const char *const restarts[] = {"restart", "try-restart", "reload-or-restart",
                                           "condrestart"};
    static const char *const reloads[] = {"reload", "force-reload", "pg_reload_conf"};

    if (only_prints(line) ||
        (strstr(line, "postgres") == NULL && strstr(line, "pgsql") == NULL &&
         !has_any(line, servers, COUNT(servers)) && !has_word(line, "pg_reload_conf")))
        return HOOKTEXT_NOTHING;
    if (has_any(line, restarts, COUNT(restarts)))
        return HOOKTEXT_RESTARTS;
    return has_any(line, reloads, COUNT(reloads)) ? HOOKTEXT_RELOADS : HOOKTEXT_NOTHING;
}

/* ---- lines ---- */

/* Puts what a value in base64 says in the place of the line. */
static void
decode(char line[static LINE_MAX_SIZE])
{
    own_str struct str plain = {0};
    own_mem char *wrapped = NULL;
    const char *begin = strstr(line, ASSIGN_WRAP_BEGIN);
    const char *end = begin == NULL ? NULL : strstr(begin, ASSIGN_WRAP_END);

    if (end == NULL)
        return;
    wrapped = strndup(begin, (size_t)(end - begin) + strlen(ASSIGN_WRAP_END));
    if (wrapped != NULL && assign_unwrap(wrapped, &plain) && plain.size > 0 &&
        plain.size < LINE_MAX_SIZE)
        memcpy(line, plain.text, plain.size + 1);
}

/* Cuts off what a '#' at the beginning of a word starts. */
static void
cut_comment(char *line)
{
    for (char *c = line; *c != '\0'; c++)
        if (*c == '#' && (c == line || isspace((unsigned char)c[-1]) != 0)) {
            *c = '\0';
            return;
        }
}

/* The next line, with those that continue it; *lines is how many these were. */
static const char *
next_line(char line[static LINE_MAX_SIZE], const char *at, const char *end, int *lines)
{
    size_t size = 0;
    bool goes_on = true;

    *lines = 0;
    while (goes_on && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *behind = stop == NULL ? end : stop + 1;

        stop = stop == NULL ? end : stop;
        goes_on = stop > at && stop[-1] == '\\';
        for (; at < stop - (goes_on ? 1 : 0); at++)
            if (size < LINE_MAX_SIZE - 1 && *at != '\0')
                line[size++] = *at;
        at = behind;
        ++*lines;
    }
    line[size] = '\0';
    return at;
}

struct doctor_hooktext
doctor_hooktext_judge(const char *text, size_t size)
{
    static const char *const certificates[] = {
        "certbot",      "letsencrypt", "lego", "acme", "acme.sh", "dehydrated", "certificate",
        "certificates", "cert",        "ssl",  "tls",  "pem",     "fullchain"};
    struct doctor_hooktext seen = {0};
    char line[LINE_MAX_SIZE];
    int number = 1, lines = 0;

    for (const char *at = text, *end = text + size; at < end; number += lines) {
        enum hooktext_does does = HOOKTEXT_NOTHING;

        at = next_line(line, at, end, &lines);
        cut_comment(line);
        decode(line);
        does = judge(line);
        if (does > seen.does) {
            seen.does = does;
            seen.line = number;
        }
        seen.is_of_certificates =
            seen.is_of_certificates || has_any(line, certificates, COUNT(certificates));
        seen.runs_pgcert =
            seen.runs_pgcert || (has_word(line, "pgcert") && has_word(line, "renew"));
    }
    return seen;
}
