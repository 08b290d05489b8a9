/* journal.c: sd_journal_sendv(3), loaded when there is a journal. */
#include "base/journal.h"

#include "base/clock.h"
#include "base/lazy.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* else the macros of the header would say which line of which file this is */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define LINGER_MS 100
#define SOCKET "/run/systemd/journal/socket"

static struct {
    int (*sendv)(const struct iovec *, int);
} sd;

static const struct lazy_symbol symbols[] = {
    {"sd_journal_sendv", &sd.sendv},
    {NULL, NULL},
};

static pid_t sender; /* a forked process has sent nothing yet */

bool
journal_has(int descriptor)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char mine[64];
    struct stat s = {0};

    if (stream == NULL || fstat(descriptor, &s) < 0)
        return false;
    (void)snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)s.st_dev, (uintmax_t)s.st_ino);
    return strcmp(stream, mine) == 0;
}

/* Half a character at its end would make the journal take all of it for bytes (RFC 3629). */
static size_t
cut(const char *text, size_t size, size_t most)
{
    if (size <= most)
        return size;
    while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80)
        most--;
    return most;
}

/* "NAME=value" at `to`; what it takes. */
static size_t
put(char *to, size_t room, const struct journal_field *f)
{
    size_t name = strlen(f->name), value = strlen(f->value);

    if (name + 1 > room)
        return 0;
    value = cut(f->value, value, room - name - 1);
    memcpy(to, f->name, name);
    to[name] = '=';
    memcpy(to + name + 1, f->value, value);
    return name + 1 + value;
}

bool
journal_send(const struct journal_field *fields)
{
    static void *library;
    char text[JOURNAL_SIZE];
    struct iovec entry[JOURNAL_FIELDS_MAX];
    struct err ignored = {0};
    size_t used = 0;
    int count = 0;

    /* in a root without it nothing would hear us, and sd_journal_sendv() would call that success */
    if (access(SOCKET, W_OK) < 0 || !lazy_load(&library, "libsystemd.so.0", symbols, &ignored))
        return false;
    for (const struct journal_field *f = fields; f->name != NULL; f++) {
        size_t size = f->value == NULL || count == JOURNAL_FIELDS_MAX
                          ? 0
                          : put(text + used, sizeof(text) - used, f);

        if (size > 0)
            entry[count++] = (struct iovec){text + used, size};
        used += size;
    }
    sender = getpid();
    return sd.sendv(entry, count) >= 0;
}

void
journal_linger(void)
{
    if (sender == getpid())
        clock_system.sleep_ms(&clock_system, LINGER_MS);
}
