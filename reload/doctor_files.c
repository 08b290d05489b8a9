/* doctor_files.c: look at files as the server's user sees them, and touch nothing. */
#include "base/child.h"
#include "reload/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS 20000
#define TOTAL_MAX (CHILD_ANSWER_MAX - 512 * 1024)
#define ENTRIES_MAX 4000 /* of a directory; more are not looked at */
#define TEXT_MAX ((size_t)DOCTOR_TEXT_MIB * 1024 * 1024)
#define PEEK_SIZE 65536 /* a key stands at the beginning of a file, or soon */
#define KEY_MARK "PRIVATE KEY-----"

static void
list_drop(DIR **d)
{
    if (*d != NULL)
        (void)closedir(*d);
}

#define own_directory __attribute__((cleanup(list_drop)))

/* What a child is told, and in which room it works. */
struct look {
    const struct list *paths, *peeked;
    const char *directory;
    size_t depth;
    size_t entries;
};

/* One file on its way: this, then the path, then the text. */
struct head {
    int trouble;
    bool is_link, has_key;
    mode_t mode;
    uid_t owner;
    int64_t changed_s;
    size_t path_size, text_size;
};

/* ---- looking, as that user ---- */

static bool
has_mark(const char *text, size_t size)
{
    return memmem(text, size, KEY_MARK, strlen(KEY_MARK)) != NULL;
}

/* Up to `most` bytes. */
static int
read_some(int fd, size_t most, struct str *text)
{
    char part[16384];
    ssize_t got = 1;

    while (text->size < most && got > 0) {
        got = read(fd, part, sizeof(part) < most - text->size ? sizeof(part) : most - text->size);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0 && !str_add(text, part, (size_t)got))
            return ENOMEM;
    }
    explicit_bzero(part, sizeof(part));
    return got < 0 ? errno : 0;
}

static void
look_inside(const char *path, bool is_wanted, struct head *head, struct str *text)
{
    own_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat s = {0};

    if (fd < 0 || fstat(fd, &s) < 0) {
        head->trouble = errno;
        return;
    }
    if (!S_ISREG(s.st_mode))
        return;
    head->trouble = read_some(fd, is_wanted ? TEXT_MAX + 1 : PEEK_SIZE, text);
    if (text->size > TEXT_MAX) {
        str_clear(text);
        head->trouble = EFBIG;
    }
    head->has_key = text->size > 0 && has_mark(text->text, text->size);
    if (!is_wanted)
        str_clear(text);
}

/* Appends one file to the answer. What does not fit is said to be too large. */
static bool
look_at(const char *path, bool is_wanted, struct str *answer)
{
    struct head head = {.path_size = strlen(path)};
    own_str struct str text = {0};
    struct stat s = {0};

    head.is_link = lstat(path, &s) == 0 && S_ISLNK(s.st_mode);
    if (stat(path, &s) < 0) {
        head.trouble = errno;
    } else {
        head.mode = s.st_mode;
        head.owner = s.st_uid;
        head.changed_s = s.st_mtim.tv_sec;
        look_inside(path, is_wanted, &head, &text);
    }
    if (answer->size + sizeof(head) + head.path_size + text.size > TOTAL_MAX) {
        str_clear(&text);
        head.trouble = EFBIG;
    }
    head.text_size = text.size;
    if (answer->size + sizeof(head) + head.path_size > CHILD_ANSWER_MAX)
        return true;
    return str_add(answer, &head, sizeof(head)) && str_add(answer, path, head.path_size) &&
           (text.size == 0 || str_add(answer, text.text, text.size));
}

/* As X509_LOOKUP_hash_dir() asks for CRLs: "1d3472b9.r0". */
static bool
is_crl_name(const char *name)
{
    size_t digits = strspn(name, "0123456789abcdef");
    const char *end = name + 10;

    return digits == 8 && strncmp(name + 8, ".r", 2) == 0 && *end != '\0' &&
           end[strspn(end, "0123456789")] == '\0';
}

static bool
look_at_crls(const char *path, struct look *l, struct str *answer)
{
    own_directory DIR *directory = opendir(path);
    const struct dirent *entry = NULL;

    if (directory == NULL)
        return true;
    for (entry = readdir(directory); entry != NULL && l->entries < ENTRIES_MAX;
         entry = readdir(directory)) {
        own_mem char *one = str_format("%s%s", path, entry->d_name);

        if (one == NULL)
            return false;
        l->entries++;
        if (is_crl_name(entry->d_name) && !look_at(one, true, answer))
            return false;
    }
    return true;
}

static bool
task_read(void *argument, struct str *answer, struct err *e)
{
    struct look *l = argument;

    for (size_t i = 0; i < l->paths->count; i++) {
        const char *path = l->paths->items[i];
        bool is_directory = path[strlen(path) - 1] == '/';

        if (!look_at(path, true, answer) || (is_directory && !look_at_crls(path, l, answer)))
            return err_memory(e);
    }
    for (size_t i = 0; i < l->peeked->count; i++)
        if (!look_at(l->peeked->items[i], false, answer))
            return err_memory(e);
    return true;
}

/* Where PostgreSQL keeps what is its own; a file of ours or of an administrator is never there. */
static bool
is_servers_own(const char *name, size_t depth)
{
    static const char *const own[] = {"base", "global", "log", "postmaster.pid", "postmaster.opts"};

    if (depth > 0)
        return false;
    for (size_t i = 0; i < COUNT(own); i++)
        if (strcmp(own[i], name) == 0)
            return true;
    return strncmp(name, "pg_", 3) == 0 && strchr(name, '.') == NULL;
}

/* Nested no deeper than l->depth. */
static bool
walk(const char *path, size_t depth, struct look *l, struct str *answer)
{
    own_directory DIR *directory = opendir(path);
    const struct dirent *entry = NULL;

    if (directory == NULL)
        return true; /* look_at() has told */
    for (entry = readdir(directory); entry != NULL && l->entries < ENTRIES_MAX;
         entry = readdir(directory)) {
        own_mem char *one = str_format("%s/%s", path, entry->d_name);
        struct stat s = {0};

        if (one == NULL)
            return false;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            is_servers_own(entry->d_name, depth))
            continue;
        l->entries++;
        if (!look_at(one, false, answer))
            return false;
        if (depth + 1 < l->depth && lstat(one, &s) == 0 && S_ISDIR(s.st_mode) &&
            !walk(one, depth + 1, l, answer))
            return false;
    }
    return true;
}

static bool
task_walk(void *argument, struct str *answer, struct err *e)
{
    struct look *l = argument;

    return walk(l->directory, 0, l, answer) || err_memory(e);
}

/* ---- what it has said ---- */

static bool
take_one(struct doctor_files *files, const struct head *head, const char *rest)
{
    struct doctor_file *larger = reallocarray(files->items, files->count + 1, sizeof(*larger));
    struct doctor_file *one = NULL;

    if (larger == NULL)
        return false;
    files->items = larger;
    one = &larger[files->count++];
    *one = (struct doctor_file){.path = strndup(rest, head->path_size),
                                .trouble = head->trouble,
                                .is_link = head->is_link,
                                .has_key = head->has_key,
                                .mode = head->mode,
                                .owner = head->owner,
                                .changed_s = head->changed_s};
    return one->path != NULL &&
           (head->text_size == 0 || str_add(&one->text, rest + head->path_size, head->text_size));
}

static bool
take_all(struct doctor_files *files, const struct str *answer, struct err *e)
{
    size_t at = 0;

    while (at < answer->size) {
        struct head head = {0};
        size_t left = answer->size - at;

        if (left < sizeof(head))
            return err_set(e, ERR_INTERNAL, "an answer of %zu bytes breaks off", answer->size);
        memcpy(&head, answer->text + at, sizeof(head));
        left -= sizeof(head);
        if (head.path_size > left || head.text_size > left - head.path_size)
            return err_set(e, ERR_INTERNAL, "an answer of %zu bytes breaks off", answer->size);
        if (!take_one(files, &head, answer->text + at + sizeof(head)))
            return err_memory(e);
        at += sizeof(head) + head.path_size + head.text_size;
    }
    return true;
}

bool
doctor_files_read(uid_t user, const struct list *paths, const struct list *peeked,
                  struct doctor_files *files, struct err *e)
{
    struct look l = {.paths = paths, .peeked = peeked};
    own_str struct str answer = {0};

    return child_run_as(user, task_read, &l, LOOK_MS, &answer, e) && take_all(files, &answer, e);
}

bool
doctor_files_walk(uid_t user, const char *directory, size_t depth, struct doctor_files *files,
                  struct err *e)
{
    struct look l = {.directory = directory, .depth = depth};
    own_str struct str answer = {0};

    return child_run_as(user, task_walk, &l, LOOK_MS, &answer, e) && take_all(files, &answer, e);
}

const struct doctor_file *
doctor_files_find(const struct doctor_files *files, const char *path)
{
    for (size_t i = 0; path != NULL && i < files->count; i++)
        if (strcmp(files->items[i].path, path) == 0)
            return &files->items[i];
    return NULL;
}

bool
doctor_files_have_large(const struct doctor_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->items[i].trouble == EFBIG)
            return true;
    return false;
}

void
doctor_files_done(struct doctor_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].path);
        str_done(&files->items[i].text);
    }
    free(files->items);
    *files = (struct doctor_files){0};
}
