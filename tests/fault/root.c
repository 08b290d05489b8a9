/* root.c: root at work, as often as it can: writes, puts back, reads, follows and changes files of
 * the server's user by the room's own functions, while that user swaps what is there (attacker.c).
 *
 * usage: root DATA_DIRECTORY SECONDS
 *
 * Prints how often it tried, and how often it succeeded.
 */
#include "reload/install.h"

#include "base/clock.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

struct work {
    uid_t server;
    gid_t group;
    unsigned long tried, done;
};

static void
count(struct work *w, bool done)
{
    w->tried++;
    w->done += done;
}

/* A key and its chain, as deploy and rollback do it. */
static void
replace(struct work *w, const char *path)
{
    struct install i = {.path = path, .secret = true, .reader = w->server, .group = w->group};
    own_str struct str bytes = {0};
    own_str struct str read = {0};
    struct err e = {0};
    bool found = false;

    count(w, str_addf(&bytes, "number %lu\n", w->tried) && install_write(&i, &bytes, true, &e));
    count(w, install_restore(&i, &e));
    count(w, install_read(path, "", &read, &found, &e));
}

/* Somebody's file, of which the server says where it is, as setup does it. */
static void
change(struct work *w, const char *path)
{
    struct install i = {.reader = (uid_t)-1, .group = (gid_t)-1};
    own_mem char *real = NULL;
    own_str struct str before = {0};
    own_str struct str after = {0};
    struct err e = {0};
    bool found = false;

    w->tried++;
    if (!install_follow(path, &real, &e) || !install_read(real, "", &before, &found, &e) ||
        !found || !str_add(&after, before.text, before.size) ||
        !str_add(&after, before.size % 2 == 0 ? "\n" : "#", 1))
        return;
    i.path = real;
    i.over = &before;
    w->done += install_write(&i, &after, false, &e);
}

int
main(int argc, char **argv)
{
    const struct passwd *server = getpwnam("postgres");
    struct work w = {0};
    int64_t until_ms = 0;

    if (argc != 3 || server == NULL)
        return 64;
    w.server = server->pw_uid;
    w.group = server->pw_gid;
    until_ms = clock_system.steady_ms(&clock_system) + strtol(argv[2], NULL, 10) * 1000;
    while (clock_system.steady_ms(&clock_system) < until_ms) {
        own_mem char *key = str_format("%s/race.pem", argv[1]);
        own_mem char *rules = str_format("%s/race.conf", argv[1]);

        if (key == NULL || rules == NULL)
            return 70;
        replace(&w, key);
        change(&w, rules);
    }
    (void)printf("%lu %lu\n", w.tried, w.done);
    return w.done > 0 ? 0 : 1;
}
