/* share.h: what others may read of the CA's directory: certificates and CRLs everybody, canaries a
 * group. For the room's own use. */
#ifndef PGCERT_CA_SHARE_H
#define PGCERT_CA_SHARE_H

#include "base/json.h"
#include "ca/ca.h"

/* The files below the CA's directory with a canary and its key each; NULL-ended. */
extern const char *const share_canaries[];

/* Is the directory given to a group, by its setgid bit? What is made in it belongs to that group
 * then, which need not be one of its owner's: the user who signs is in no group of those who do
 * not. */
bool share_is_wanted(const struct ca_config *config);

/* The mode of a canary: that group may read it. */
mode_t share_canary_mode(const struct ca_config *config);

/* Makes a directory whose contents are public, but for those that are 0600. Errors as
 * file_make_directory(). */
MUST_USE bool share_directory(const char *path, struct err *e);

/* Writes an object to a file that everybody may read. Errors as file_replace(). */
MUST_USE bool share_save(const struct json_t *object, const char *path, struct err *e);

/* Gives the directory to the group for which certificates are stored (store_share()), where there
 * is one and it is given to none yet, and brings what is there already to these modes, as far as
 * that goes: a CA that was made when all of it was private, or copied to where it is. To be called
 * by its owner, who has the lock. */
void share_mend(const struct ca_config *config);

#endif
