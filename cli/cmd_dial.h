/* cmd_dial.h: how `dial` is called by ourselves. */
#ifndef PGCERT_CLI_CMD_DIAL_H
#define PGCERT_CLI_CMD_DIAL_H

/* In place of a host: none, and the settings are not asked which there are. */
#define CMD_DIAL_NOBODY "-"

#endif
