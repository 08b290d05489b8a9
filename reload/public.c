/* public.c: a file that everybody may read, put where another user's directory may be. */
#include "reload/install.h"
#include "reload/reload.h"

bool
reload_write_public(const char *path, const struct str *bytes, mode_t mode, struct err *e)
{
    const struct install place = {
        .path = path, .reader = (uid_t)-1, .group = (gid_t)-1, .mode = mode};

    return install_write(&place, bytes, false, e);
}
