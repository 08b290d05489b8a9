/* account_file.c: secrets by file or pipe, never by the command line or a terminal. */
#include "cli/account_file.h"

#include "base/file.h"
#include "base/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SIZE_MAX_READ (64 * 1024)

static bool
read_input(struct str *text, struct err *e)
{
    char bytes[4096];
    bool good = true;

    if (isatty(STDIN_FILENO))
        return err_set(e, ERR_USAGE, "standard input is a terminal; give the account by: <FILE");
    while (good) {
        ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(e, "read standard input");
        if (got == 0)
            break;
        good = text->size + (size_t)got <= SIZE_MAX_READ
                   ? str_add(text, bytes, (size_t)got) || err_memory(e)
                   : err_set(e, ERR_INPUT, "standard input is far too large for an account");
    }
    explicit_bzero(bytes, sizeof(bytes));
    return good;
}

bool
account_file_read(const char *path, struct str *text, struct err *e)
{
    return strcmp(path, "-") == 0 ? read_input(text, e)
                                  : reader_read_secret(path, SIZE_MAX_READ, text, e);
}

bool
account_file_write(const char *path, const struct str *text, bool force, struct err *e)
{
    if (path == NULL && isatty(STDOUT_FILENO))
        return err_set(e, ERR_USAGE,
                       "standard output is a terminal, and a private key is not for the screen; "
                       "name a file, or pipe it on");
    if (path == NULL)
        return file_write_all(STDOUT_FILENO, text->text, text->size) ||
               err_errno(e, "write standard output");
    if (!force && faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return err_set(e, ERR_CREATE, "'%s' is there already; to replace it, add: --force", path);
    return file_replace(AT_FDCWD, path, text->text, text->size, 0600, e);
}
