/* outfile.c: files that a run leaves for others to read. */
#include "cli/outfile.h"

#include "base/file.h"
#include "reload/reload.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

bool
outfile_write(const char *path, const struct str *text, struct err *e)
{
    struct stat s = {0};
    bool is_there = lstat(path, &s) == 0 && S_ISREG(s.st_mode);
    mode_t mode = is_there ? s.st_mode & 0777 : 0644;

    if (geteuid() == 0)
        return reload_write_public(path, text, mode, e);
    return file_replace(AT_FDCWD, path, text->text, text->size, mode, e) ||
           (e->code == ERR_PERMISSION &&
            err_set(e, ERR_PERMISSION,
                    "the user who runs pgcert (%u) may not write in the directory of '%s'",
                    (unsigned)geteuid(), path));
}
