/* doctor_data.c: what in a data directory breaks a backup, or should not be there. */
#include "reload/doctor.h"
#include "reload/doctor_stray.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITING_S 60 /* a write takes milliseconds */

static bool
is_inside(const struct examination *x, const char *path)
{
    size_t size = x->directory == NULL ? 0 : strlen(x->directory);

    return size > 0 && path != NULL && strncmp(path, x->directory, size) == 0 && path[size] == '/';
}

/* ---- what to do: root is in a directory of the server's user there, who may put a link in the
 * place of what was found ---- */

static void
advise_owner(const struct examination *x, const struct doctor_file *file, struct findings *f)
{
    char user[DOCTOR_USER_SIZE];

    (void)doctor_user(x->view.user, user);
    if (doctor_is_pastable(file))
        finding_remedy(f, "remove it, or: chown -h %s '%s'", user, file->path);
    else
        finding_remedy(f, "remove it, or have it belong to %s", user);
}

static void
advise_removal(const struct examination *x, const struct doctor_file *file, const char *before,
               struct findings *f)
{
    char user[DOCTOR_USER_SIZE];

    (void)doctor_user(x->view.user, user);
    if (doctor_is_pastable(file) && geteuid() == 0)
        finding_remedy(f, "%srunuser -u %s -- rm '%s'", before, user, file->path);
    else if (doctor_is_pastable(file))
        finding_remedy(f, "%srm '%s'", before, file->path);
    else
        finding_remedy(f, "%sremove it as %s", before, user);
}

/* ---- backups ---- */

static const char *const named[] = {"ssl_cert_file", "ssl_key_file", "ssl_ca_file", "ssl_crl_file",
                                    "ssl_dh_params_file"};

static void
find_links(const struct examination *x, struct findings *f)
{
    for (size_t i = 0; i < COUNT(named); i++) {
        own_mem char *path = doctor_path(x, doctor_setting(&x->facts, named[i]).now);
        const struct doctor_file *file = doctor_files_find(&x->files, path);

        if (file == NULL || !file->is_link || !is_inside(x, path))
            continue;
        finding_add(f, FINDING_WARNING, x->target->name,
                    "%s = '%s' is a symbolic link in the data directory: pg_basebackup leaves it "
                    "out, and what is restored from it does not start",
                    named[i], path);
        finding_remedy(f, "have the setting name the file itself; or pgcert setup NAME, which puts "
                          "a file there");
    }
}

static void
find_key(const struct examination *x, struct findings *f)
{
    own_mem char *path = doctor_path(x, doctor_setting(&x->facts, "ssl_key_file").now);
    const struct doctor_file *file = doctor_files_find(&x->files, path);

    if (file == NULL || file->trouble != 0 || !is_inside(x, path) || file->is_link)
        return;
    if (file->owner == 0 && x->view.user != 0) {
        finding_add(f, FINDING_WARNING, x->target->name,
                    "the key '%s' belongs to root: pg_rewind stops when it cannot write over it, "
                    "and a standby made by pg_basebackup does not start with its mode %04o",
                    path, file->mode & 07777);
        doctor_advise_key(x, file, f);
        return;
    }
    finding_add(f, FINDING_NOTE, x->target->name,
                "the key '%s' is in the data directory, so it is in every base backup", path);
    finding_remedy(f,
                   "keep backups as you keep the key; or set `file` in [target %s] to a path in "
                   "a directory of root's elsewhere, then: pgcert setup NAME",
                   x->target->name);
}

static void
find_unreadable(const struct examination *x, struct findings *f)
{
    for (size_t i = 0; i < x->data.count; i++) {
        const struct doctor_file *file = &x->data.items[i];

        if (file->trouble != EACCES || file->is_link || !is_inside(x, file->path))
            continue;
        finding_add(f, FINDING_BAD, x->target->name,
                    "the server cannot read '%s' in its data directory: every pg_basebackup ends "
                    "there with an error",
                    file->path);
        advise_owner(x, file, f);
    }
}

void
reload_find_backup(const struct examination *x, struct findings *f)
{
    if (x->has_files && doctor_is_on(doctor_setting(&x->facts, "ssl").now)) {
        find_links(x, f);
        find_key(x, f);
    }
    if (x->has_data)
        find_unreadable(x, f);
}

/* ---- leftovers ---- */

static void
find_stray(const struct examination *x, const struct doctor_file *file, struct findings *f)
{
    const char *slash = strrchr(file->path, '/');
    const char *our_file = target_view_file(&x->view);
    const char *ours = our_file == NULL ? NULL : strrchr(our_file, '/');

    if (file->changed_s + WRITING_S > x->now_s || slash == NULL)
        return;
    if (ours != NULL && doctor_stray_is_ours(slash + 1, ours + 1)) {
        finding_add(f, FINDING_WARNING, x->target->name,
                    "'%s' was left by a run of pgcert that was killed%s", file->path,
                    file->has_key ? ", and has a private key in it" : "");
        advise_removal(x, file, "the next deployment removes it; or: ", f);
    } else if (file->has_key && doctor_stray_is(slash + 1)) {
        finding_add(f, FINDING_WARNING, x->target->name,
                    "'%s' has a private key in it and looks left over; it is in every base backup",
                    file->path);
        advise_removal(x, file, "if nobody needs it: ", f);
    }
}

void
reload_find_leftovers(const struct examination *x, struct findings *f)
{
    for (size_t i = 0; i < x->data.count; i++)
        if (S_ISREG(x->data.items[i].mode))
            find_stray(x, &x->data.items[i], f);
}
