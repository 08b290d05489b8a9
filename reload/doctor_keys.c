/* doctor_keys.c: owners and modes of keys, as PostgreSQL and libpq want them. */
#include "reload/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool
reload_takes_key(uid_t owner, unsigned mode, uid_t reader)
{
    unsigned refused = owner == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;

    return (owner == 0 || owner == reader) && (mode & refused) == 0;
}

static void
find_server_key(const struct examination *x, struct findings *f)
{
    struct doctor_setting s = doctor_setting(&x->facts, "ssl_key_file");
    own_mem char *path = doctor_path(x, s.next);
    const struct doctor_file *file = doctor_files_find(&x->files, path);
    char owner[DOCTOR_USER_SIZE];

    if (file == NULL || (file->trouble != 0 && file->trouble != EACCES) || file->owner == (uid_t)-1)
        return;
    if (file->mode == 0 || reload_takes_key(file->owner, file->mode, x->view.user))
        return;
    finding_add(f, FINDING_BAD, x->target->name,
                "the key '%s' belongs to %s and has mode %04o, which PostgreSQL refuses: no reload "
                "takes it, and the next restart fails",
                path, doctor_user(file->owner, owner), file->mode & 07777);
    doctor_advise_key(x, file, f);
}

/* As a client (a standby, a dump, a subscription) the server's user has a key, too. */
static void
find_home_key(const struct examination *x, struct findings *f)
{
    const struct doctor_file *file = doctor_files_find(&x->files, x->home_key);
    char user[DOCTOR_USER_SIZE];

    if (file == NULL || file->trouble != 0 ||
        reload_takes_key(file->owner, file->mode, x->view.user))
        return;
    finding_add(f, FINDING_BAD, file->path,
                "it has mode %04o, and libpq refuses such a key: whatever connects as %s with a "
                "certificate fails, replication too",
                file->mode & 07777, doctor_user(x->view.user, user));
    doctor_advise_key(x, file, f);
}

void
reload_find_keys(const struct examination *x, struct findings *f)
{
    if (!x->has_files)
        return;
    if (doctor_is_on(doctor_setting(&x->facts, "ssl").next))
        find_server_key(x, f);
    find_home_key(x, f);
}
