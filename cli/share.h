/* share.h: the state directory of two users: its owner obtains, the members of a group deploy
 * ([pgcert] deploy_group).
 *
 * STATE, STATE/certificates[/NAME[/N]]       0750 OWNER:GROUP
 * key.pem, chain.pem, about.json, state.json 0640
 * STATE/targets                              2770, and NAME.json in it 0660: see proofs.h
 * all else                                   0700, 0600
 *
 * STATE/targets has the set-group-ID bit as well where a sandbox allows it to be set (tmpfiles.d(5)
 * makes it before): a unit that may not fchown(2) can give its files to the group by that alone.
 */
#ifndef PGCERT_CLI_SHARE_H
#define PGCERT_CLI_SHARE_H

#include "cli/config.h"

/* From now on what is stored is for the group that the settings name, or for nobody else.
 * ERR_CONFIG when there is no such group. */
MUST_USE bool share_begin(const struct settings *s, struct err *e);

/* Are we a member of that group? */
bool share_is_member(void);

/* Makes the state directory when it is missing, 0700: as root it is given to the user who has the
 * name of the group, if there is one. ERR_CREATE, ERR_PERMISSION, ERR_SYSTEM. */
MUST_USE bool share_make_state(const struct settings *s, struct err *e);

/*
 * Brings what is stored to the modes above, or back to be private, where it is not so yet. To be
 * called by the owner, alone at work.
 *
 * Errors: ERR_PERMISSION  the owner is no member of the group; ERR_SYSTEM
 */
MUST_USE bool share_settle(const struct settings *s, struct err *e);

/* Is it shared by now, so that a member of the group can work? ERR_BUSY when not. */
MUST_USE bool share_check(const struct settings *s, struct err *e);

/* Locks what deploying remembers; as file_lock(). */
MUST_USE bool share_lock(const struct settings *s, int64_t wait_ms, int *fd, struct err *e);

#endif
