/* proofs.h: what deploying remembers, where who deploys is another user than who obtains ([pgcert]
 * deploy_group): STATE/targets/NAME.json, 0660. Else it is the member "targets" of state.json.
 *
 * {"targets": {TARGET: {"file": PATH, "files": [{"path","sha256"}...], "sha256": LEAF,
 *                       "proved_at": TIME or "reloaded_at": TIME, "error": TEXT}}}
 *
 * Two users write there, and neither trusts the other: it is read as what strangers wrote, and
 * leads nobody to write anywhere.
 */
#ifndef PGCERT_CLI_PROOFS_H
#define PGCERT_CLI_PROOFS_H

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

#define PROOFS_DIRECTORY "targets"
#define PROOFS_SIZE_MAX (256 * 1024)
#define PROOFS_TARGETS_MAX 1000 /* of one certificate */
#define PROOFS_FILES_MAX 16     /* of one target */

/* Members beside the targets of what is remembered of clients; no name of a section has a bracket:
 * what was given last to whoever wanted it, as SHA-256; how far we have heard whose sessions are to
 * end. */
#define PROOFS_OFFERED "[offered]"
#define PROOFS_ENDED "[ended]"

/* STATE/targets/NAME.json, for the certificate's directory in the store; free() it. NULL: out of
 * memory. */
MUST_USE char *proofs_path(const char *state_dir, const char *store_directory);

/*
 * Reads one from bytes. What has not the form above is left out: an entry without a sound "file"
 * keeps its "error" alone. No text has control characters.
 *
 * Gives:  the entries by target, to be dropped
 * Errors: ERR_INPUT  it is no such file at all
 */
MUST_USE struct json_t *proofs_parse(const char *text, size_t size, struct err *e);

/*
 * Reads the file.
 *
 * Gives:  targets  the entries; NULL: there is none, or it cannot be used, which was told
 * Errors: ERR_SYSTEM  out of memory
 */
MUST_USE bool proofs_load(const char *path, struct json_t **targets, struct err *e);

/*
 * Reads what is remembered of clients, in the same way:
 * {TARGET: {"file","proved_at","error","ending": [TEXT...],"refused_at"}, "[offered]": TEXT,
 * "[ended]": NUMBER}
 *
 * Gives:  what has that form, to be dropped; an empty object where there is no such file
 * Errors: NULL and ERR_INPUT  it is no such file at all; ERR_SYSTEM
 */
MUST_USE struct json_t *proofs_load_clients(const char *path, struct err *e);

/* Replaces the file, for the group of the store. Errors as file_replace_for(). */
MUST_USE bool proofs_save(const char *path, const struct json_t *targets, struct err *e);

/* Removes the file, and its directory when nothing else is there. Errors as file_remove(). */
MUST_USE bool proofs_remove(const char *path, struct err *e);

#endif
