/* doctor_stray.c: names of files that somebody has left. */
#include "reload/doctor_stray.h"

#include "base/own.h"

#include <string.h>

#define TEMP_MARK ".new-" /* as reload/place.c has it */
#define TEMP_DIGITS 16

bool
doctor_stray_is(const char *name)
{
    static const char *const ends[] = {
        "~",    ".tmp",      ".temp",      ".bak",     ".backup", ".old",
        ".new", ".orig",     ".save",      ".swp",     ".part",   ".dpkg-old",
        ".rej", ".dpkg-new", ".dpkg-dist", ".rpmsave", ".rpmnew", ".ucf-old",
    };
    size_t size = strlen(name);

    for (size_t i = 0; i < COUNT(ends); i++) {
        size_t end = strlen(ends[i]);

        if (size > end && strcmp(name + size - end, ends[i]) == 0)
            return true;
    }
    return false;
}

bool
doctor_stray_is_ours(const char *name, const char *file)
{
    const char *dot = strrchr(file, '.');
    size_t stem = dot == NULL ? strlen(file) : (size_t)(dot - file);
    const char *mark = strstr(name, TEMP_MARK);

    return mark != NULL && strncmp(name, file, stem) == 0 &&
           strspn(mark + strlen(TEMP_MARK), "0123456789abcdef") == TEMP_DIGITS &&
           mark[strlen(TEMP_MARK) + TEMP_DIGITS] == '\0';
}
