/* notify.c: sd_notify(3), loaded when there is somebody to hear. */
#include "base/notify.h"

#include "base/clock.h"
#include "base/lazy.h"
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

static struct {
    int (*notify)(int, const char *);
} sd;

static const struct lazy_symbol symbols[] = {
    {"sd_notify", &sd.notify},
    {NULL, NULL},
};

static void *library;

void
notify_say(const char *format, ...)
{
    char lines[2048];
    va_list arguments;
    struct err e = {0};
    int result = 0;

    if (getenv("NOTIFY_SOCKET") == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf(lines, sizeof(lines), format, arguments);
    va_end(arguments);
    if (!lazy_load(&library, "libsystemd.so.0", symbols, &e)) {
        log_debug("%s", e.text);
        return;
    }
    result = sd.notify(0, lines);
    if (result < 0)
        log_debug("systemd was not told: %s", strerror(-result));
}

void
notify_reloading(void)
{
    /* rounded up: a time before the signal was sent would be taken for an earlier reload's */
    int64_t now_ms = clock_system.steady_ms(&clock_system) + 1;

    notify_say("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now_ms * 1000);
}

const char *
notify_library(void)
{
    static char name[LAZY_FILE_SIZE];
    struct err ignored = {0};

    if (!lazy_load(&library, "libsystemd.so.0", symbols, &ignored))
        return NULL;
    lazy_file(name, library);
    return name;
}
