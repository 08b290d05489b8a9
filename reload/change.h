/* change.h: one change of one file, or of several that belong together, in their opened
 * directories.
 *
 * Each new file is written in full under a temporary name first; then they are renamed one after
 * the other, in their order. So the temporary names are the journal: where the first file's is gone
 * and another's is there, a change was interrupted between two renames, and is finished; where the
 * first's is there, nothing was renamed yet, and all of them are removed.
 */
#ifndef PGCERT_RELOAD_CHANGE_H
#define PGCERT_RELOAD_CHANGE_H

#include "reload/install.h"
#include "reload/place.h"

struct change_file {
    const struct install *install; /* borrowed */
    struct place place;            /* found */
    const struct str *bytes;       /* borrowed; NULL: nothing is written */
    struct stat before;            /* of the file that is there, where install->over is not NULL */
    char temp[NAME_MAX + 1];
    bool there;
    bool is_kept; /* under FILE.previous, in this change */
};

struct change {
    struct change_file files[INSTALL_FILES_MAX];
    size_t count;
    bool keep;              /* what is there now as FILE.previous */
    char id[PLACE_ID_SIZE]; /* of its temporary files; its first half is the same for these paths */
    bool is_undone;         /* a rename failed, and those before it were taken back */
};

#define own_change __attribute__((cleanup(change_done)))

/* Opens and locks the directories, and ends what a killed run began. Errors: ERR_BUSY, ERR_SYSTEM,
 * ERR_PERMISSION */
MUST_USE bool change_begin(struct change *c, struct err *e);

/* Writes them all. Errors: as install_write() */
MUST_USE bool change_write(struct change *c, struct err *e);

/* Gives each file that has a FILE.previous its bytes. Errors: as install_restore() */
MUST_USE bool change_restore(struct change *c, struct err *e);

/* Removes them, the last one first. Errors: as install_remove() */
MUST_USE bool change_remove(struct change *c, struct err *e);

/* Closes and frees the places. */
void change_done(struct change *c);

#endif
