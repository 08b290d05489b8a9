/* program.h: other programs, whose judgement on what we made is asked for. */
#ifndef PGCERT_FAKE_PROGRAM_H
#define PGCERT_FAKE_PROGRAM_H

#define PROGRAM_OUTPUT 16384

/*
 * Runs a program, found by PATH, without a shell; what it writes to both outputs goes to `output`.
 *
 * Takes:  argv    NULL-ended
 * Gives:  output  NUL-ended; what does not fit is lost
 * Returns its exit status; 127: it could not be run
 */
int program_run(const char *const *argv, char output[static PROGRAM_OUTPUT]);

#endif
