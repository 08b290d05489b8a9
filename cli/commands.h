/* commands.h: the commands and how one is chosen. To add one: a file cmd_NAME.c, a line in
 * commands.c.
 */
#ifndef PGCERT_CLI_COMMANDS_H
#define PGCERT_CLI_COMMANDS_H

#include "cli/app.h"
#include "cli/args.h"

enum command_needs {
    NEED_NOTHING = 0,
    NEED_CONFIG = 1, /* the settings are read */
    NEED_STATE = 2,  /* and the state directory is entered */
    NEED_LOCK = 4,   /* and locked, by who may obtain */
    NEED_DEPLOY = 8, /* by who may deploy, instead */
    NEED_BOTH = 16,  /* by who may obtain and deploy */
    NEED_SIGHT = 32, /* root keeps its rights, to see files everywhere */
};

/* What may stand in one place of the command line, for `completion`. */
struct place {
    enum { PLACE_ANYTHING, PLACE_FILE, PLACE_DIRECTORY, PLACE_NAME, PLACE_WORD } kind;
    const char *section;           /* PLACE_NAME: a [section NAME] of the settings */
    const char *(*word)(size_t i); /* PLACE_WORD: NULL behind the last */
};

struct command {
    const char *name;
    const char *arguments;    /* "NAME..." */
    int least, most;          /* how many; most -1: any number */
    int needs;                /* enum command_needs */
    bool flags_first;         /* what follows the first argument is taken as it is */
    const struct flag *flags; /* ended by a row without name; NULL: none */
    /* The error's code becomes the exit status; an error without text was told already. */
    bool (*run)(struct app *app, int argc, char **argv, struct err *e);
    const char *(*word)(size_t i); /* what the first argument may be; NULL: it is like the others */
    struct place place;            /* what the other arguments are */
    const char *summary;           /* one line */
    const char *details;           /* for `help NAME`; NULL: the summary says it all */
};

/* In order of name, NULL-ended. */
extern const struct command *const commands[];

/* NULL when there is none of that name. */
const struct command *command_find(const char *name);

/* ERR_USAGE with the nearest known command. Returns false always. */
bool command_unknown(const char *name, struct err *e);

/* The flags which every command has. */
extern const struct flag command_global_flags[];

/* Takes the flags, finds the command, prepares what it needs, runs it. */
MUST_USE bool command_run(struct app *app, int argc, char **argv, struct err *e);

extern const struct command cmd_account, cmd_ca, cmd_check, cmd_client, cmd_completion, cmd_config,
    cmd_deploy, cmd_dial, cmd_doctor, cmd_help, cmd_hook, cmd_import, cmd_renew, cmd_revoke,
    cmd_rollback, cmd_setup, cmd_status, cmd_version, cmd_watch;

#endif
