/* index.c: read the index of what was issued, and add to it. */
#include "ca/index.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER "# pgcert index 1\n"
#define SIZE_MAX_HERE (INT64_C(4) << 30)
#define TAIL_SIZE 4096
#define TAIL_MAX (INT64_C(1) << 20) /* more than any write of ours adds */
#define FIELDS_MAX 8

/* clang-format off */
const struct index_reason index_reasons[] = {
    {0, "unspecified"},
    {1, "keyCompromise"},
    {2, "cACompromise"},
    {3, "affiliationChanged"},
    {4, "superseded"},
    {5, "cessationOfOperation"},
    {9, "privilegeWithdrawn"},
    {0, NULL},
};
/* clang-format on */

const struct index_reason *
index_reason_find(const char *word)
{
    for (const struct index_reason *r = index_reasons; r->word != NULL; r++)
        if (strcmp(r->word, word) == 0)
            return r;
    return NULL;
}

/* ---- by serial ---- */

static bool
is_serial(const char *text)
{
    size_t size = strspn(text, "0123456789abcdef");

    return size > 0 && size % 2 == 0 && size <= INDEX_SERIAL_MAX && text[size] == '\0';
}

/* Serials are random: some of their digits are as good as any hash. FNV-1a, for those that are not
 * ours. */
static size_t
slot_of(const struct index *index, const char *serial)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *serial != '\0'; serial++)
        hash = (hash ^ (unsigned char)*serial) * UINT64_C(1099511628211);
    return (size_t)(hash & (index->slot_count - 1));
}

/* The slot that has the serial, or the free one where it would be. */
static uint32_t *
find_slot(const struct index *index, const char *serial)
{
    size_t i = slot_of(index, serial);

    while (index->slots[i] != 0 && strcmp(index->entries[index->slots[i] - 1].serial, serial) != 0)
        i = (i + 1) & (index->slot_count - 1);
    return &index->slots[i];
}

struct index_entry *
index_find(const struct index *index, const char *serial)
{
    uint32_t number = index->slot_count == 0 ? 0 : *find_slot(index, serial);

    return number == 0 ? NULL : &index->entries[number - 1];
}

static bool
grow(struct index *index)
{
    size_t room = index->room == 0 ? 64 : 2 * index->room;
    struct index_entry *entries = realloc(index->entries, room * sizeof(*entries));
    uint32_t *slots = NULL;

    if (entries == NULL)
        return false;
    index->entries = entries;
    slots = calloc(2 * room, sizeof(*slots));
    if (slots == NULL)
        return false;
    free(index->slots);
    index->slots = slots;
    index->slot_count = 2 * room; /* a power of two, and never more than half full */
    index->room = room;
    for (size_t i = 0; i < index->count; i++)
        *find_slot(index, entries[i].serial) = (uint32_t)(i + 1);
    return true;
}

/* ---- events ---- */

/* A CA of a tenant says whose; of the others only a client may be a tenant's. */
static bool
is_tenant_right(const struct index_entry *one)
{
    if (one->tenant == NULL)
        return one->kind != KIND_TENANT_CA;
    return *one->tenant != '\0' && (one->kind == KIND_TENANT_CA || one->kind == KIND_CLIENT);
}

static bool
take_issued(struct index *index, char *const *field, struct err *e)
{
    struct index_entry one = {
        .serial = field[2], .issuer = field[3], .name = field[6], .tenant = field[7]};
    uint32_t *slot = NULL;

    one.kind = kind_find(field[4]);
    if (!clock_parse(&one.at_s, field[1]) || !is_serial(one.serial) || !is_serial(one.issuer) ||
        one.kind == KIND_COUNT || !clock_parse(&one.not_after_s, field[5]) || *one.name == '\0' ||
        !is_tenant_right(&one))
        return err_set(e, ERR_INPUT, "an event 'issued' is damaged");
    if (index->count == index->room && !grow(index))
        return err_memory(e);
    slot = find_slot(index, one.serial);
    if (*slot != 0)
        return err_set(e, ERR_INPUT, "the serial '%s' is there twice", one.serial);
    index->entries[index->count++] = one;
    *slot = (uint32_t)index->count;
    return true;
}

static bool
take_revoked(struct index *index, char *const *field, struct err *e)
{
    struct index_entry *one = index_find(index, field[2]);
    const struct index_reason *reason = index_reason_find(field[3]);
    int64_t at_s = 0;

    if (!clock_parse(&at_s, field[1]) || reason == NULL || at_s == 0)
        return err_set(e, ERR_INPUT, "an event 'revoked' is damaged");
    if (one == NULL)
        return err_set(e, ERR_INPUT, "the revoked serial '%s' was never issued", field[2]);
    if (one->revoked_at_s != 0)
        return true; /* the first time counts */
    one->revoked_at_s = at_s;
    one->reason = reason;
    index->revoked_count++;
    return true;
}

/* Cuts a line at its tabs. Returns the count of fields; one too many when there are too many. */
static size_t
split(char *line, char *field[static FIELDS_MAX])
{
    size_t count = 0;

    for (char *rest = line; rest != NULL && count <= FIELDS_MAX; count++) {
        char *tab = strchr(rest, '\t');

        if (count < FIELDS_MAX)
            field[count] = rest;
        if (tab != NULL)
            *tab++ = '\0';
        rest = tab;
    }
    return count;
}

static bool
take_line(struct index *index, char *line, struct err *e)
{
    static const struct {
        const char *word;
        size_t fields, more; /* how many, and how many may follow */
        bool (*take)(struct index *index, char *const *field, struct err *e);
    } events[] = {{"issued", 7, 1, take_issued}, {"revoked", 4, 0, take_revoked}};
    char *field[FIELDS_MAX] = {NULL};
    size_t count = split(line, field);

    for (size_t i = 0; i < COUNT(events); i++)
        if (strcmp(events[i].word, field[0]) == 0 && count >= events[i].fields &&
            count <= events[i].fields + events[i].more)
            return events[i].take(index, field, e);
    return err_set(e, ERR_INPUT, "it is no event that this version knows");
}

/* ---- reading ---- */

static bool
parse_lines(struct index *index, struct err *e)
{
    char *line = index->text;
    const char *end = index->text + index->size;

    for (size_t number = 1; line < end; number++) {
        char *stop = memchr(line, '\n', (size_t)(end - line));

        if (stop == NULL)
            return true; /* not finished: it does not count */
        *stop = '\0';
        if (strlen(line) != (size_t)(stop - line))
            return err_set(e, ERR_INPUT, "line %zu: a byte is NUL", number);
        if (number == 1 ? strncmp(line, HEADER, sizeof(HEADER) - 2) != 0 || line[sizeof(HEADER) - 2]
                        : !take_line(index, line, e))
            return number == 1 ? err_set(e, ERR_INPUT, "line 1: it is no index of a CA")
                               : err_wrap(e, "line %zu", number);
        line = stop + 1;
    }
    return true;
}

bool
index_parse(struct index *index, char *text, size_t size, struct err *e)
{
    index->text = text;
    index->size = size;
    text[size] = '\0';
    if (parse_lines(index, e))
        return true;
    index_done(index);
    return false;
}

/* Not by file_read(), which copies and wipes what may be a secret: this may be large, and is none.
 */
static bool
read_text(int fd, const char *path, char **text, size_t *size, struct err *e)
{
    struct stat s = {0};
    size_t have = 0;

    if (fstat(fd, &s) < 0)
        return err_errno(e, "read '%s'", path);
    if (!S_ISREG(s.st_mode) || s.st_size > SIZE_MAX_HERE)
        return err_set(e, ERR_INPUT, "read '%s': it is not a regular file, or too large", path);
    *text = malloc((size_t)s.st_size + 1);
    if (*text == NULL)
        return err_memory(e);
    while (have < (size_t)s.st_size) {
        ssize_t n = read(fd, *text + have, (size_t)s.st_size - have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "read '%s'", path);
        if (n == 0)
            break;
        have += (size_t)n;
    }
    *size = have;
    return true;
}

bool
index_read(const char *path, struct index *index, struct err *e)
{
    own_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    own_mem char *text = NULL;
    size_t size = 0;

    if (fd < 0)
        return errno == ENOENT || err_errno(e, "read '%s'", path);
    if (!read_text(fd, path, &text, &size, e))
        return false;
    return index_parse(index, TAKE(text), size, e) ||
           err_wrap(e, "the CA's index '%s' is damaged; put it back from a backup", path);
}

void
index_done(struct index *index)
{
    free(index->entries);
    free(index->slots);
    free(index->text);
    *index = (struct index){0};
}

/* ---- adding ---- */

/* Where the last whole line ends; 0: there is none. False and errno 0: not near the end. */
static bool
find_end(int fd, off_t size, off_t *end)
{
    char tail[TAIL_SIZE];

    *end = 0;
    for (off_t to = size; to > 0; to = to > TAIL_SIZE ? to - TAIL_SIZE : 0) {
        off_t from = to > TAIL_SIZE ? to - TAIL_SIZE : 0;
        ssize_t n = pread(fd, tail, (size_t)(to - from), from);
        const char *stop = n <= 0 ? NULL : memrchr(tail, '\n', (size_t)n);

        errno = size - to > TAIL_MAX ? 0 : errno;
        if (n != to - from || size - to > TAIL_MAX)
            return false;
        if (stop == NULL)
            continue;
        *end = from + (stop + 1 - tail);
        return true;
    }
    return true;
}

/* Cuts off what a killed run, or a power cut, has left behind the last whole line. *size becomes
 * the file's. */
static bool
mend_tail(int fd, const char *path, off_t *size, struct err *e)
{
    off_t end = 0;

    if (!find_end(fd, *size, &end))
        return errno != 0
                   ? err_errno(e, "read '%s'", path)
                   : err_set(e, ERR_INPUT, "the end of the CA's index '%s' is damaged", path);
    if (end == *size)
        return true;
    *size = end;
    return (ftruncate(fd, end) == 0 && fsync(fd) == 0) || err_errno(e, "mend '%s'", path);
}

/* One write for all, so that a kill leaves whole lines, and at most one behind them that is torn.
 */
static bool
append(int fd, const char *path, off_t size, const struct str *line, struct err *e)
{
    int kept = 0;

    if (file_write_all(fd, line->text, line->size) && fsync(fd) == 0)
        return true;
    kept = errno;
    if (ftruncate(fd, size) < 0) /* a full disk; the next one mends it */
        log_debug("the index keeps a torn line: %s", strerror(errno));
    errno = kept;
    return err_errno(e, "write '%s'", path);
}

static bool
add_lines(const char *path, struct str *lines, struct err *e)
{
    own_fd int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    own_str struct str all = {0};
    struct stat s = {0};
    off_t size = 0;

    if (fd < 0 || fstat(fd, &s) < 0) {
        (void)err_errno(e, "open '%s'", path);
        e->code = e->code == ERR_SYSTEM ? ERR_CREATE : e->code;
        return false;
    }
    size = s.st_size;
    if (!mend_tail(fd, path, &size, e))
        return false;
    if (!str_addf(&all, "%s", size == 0 ? HEADER : "") || !str_add(&all, lines->text, lines->size))
        return err_memory(e);
    return append(fd, path, size, &all, e) && (size > 0 || file_sync_parent(AT_FDCWD, path, e));
}

static bool
add_issued(const struct index_entry *one, struct str *lines)
{
    char at[CLOCK_TEXT_SIZE], not_after[CLOCK_TEXT_SIZE];

    clock_text(at, one->at_s);
    clock_text(not_after, one->not_after_s);
    return str_addf(lines, "issued\t%s\t%s\t%s\t%s\t%s\t%s%s%s\n", at, one->serial, one->issuer,
                    kinds[one->kind].word, not_after, one->name, one->tenant == NULL ? "" : "\t",
                    one->tenant == NULL ? "" : one->tenant);
}

bool
index_add_all_issued(const char *path, const struct index_entry *entries, size_t count,
                     struct err *e)
{
    own_str struct str lines = {0};

    for (size_t i = 0; i < count; i++)
        if (!add_issued(&entries[i], &lines))
            return err_memory(e);
    return count == 0 || add_lines(path, &lines, e);
}

bool
index_add_issued(const char *path, const struct index_entry *one, struct err *e)
{
    return index_add_all_issued(path, one, 1, e);
}

bool
index_add_all_revoked(const char *path, const struct list *serials,
                      const struct index_reason *reason, int64_t at_s, struct err *e)
{
    own_str struct str lines = {0};
    char at[CLOCK_TEXT_SIZE];

    clock_text(at, at_s);
    for (size_t i = 0; i < serials->count; i++)
        if (!str_addf(&lines, "revoked\t%s\t%s\t%s\n", at, serials->items[i], reason->word))
            return err_memory(e);
    return serials->count == 0 || add_lines(path, &lines, e);
}

bool
index_add_revoked(const char *path, const char *serial, const struct index_reason *reason,
                  int64_t at_s, struct err *e)
{
    own_list struct list one = {0};

    return list_add(&one, serial) ? index_add_all_revoked(path, &one, reason, at_s, e)
                                  : err_memory(e);
}
