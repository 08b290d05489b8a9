/* import_clients.h: the clients that can be taken over, each in a file of its own. */
#ifndef PGCERT_CLI_IMPORT_CLIENTS_H
#define PGCERT_CLI_IMPORT_CLIENTS_H

#include "cli/import.h"

/* Each finds what its client has in im->directory; as import_client.read. */
MUST_USE bool import_acmesh(struct import *im, struct err *e);
MUST_USE bool import_certbot(struct import *im, struct err *e);
MUST_USE bool import_dehydrated(struct import *im, struct err *e);
MUST_USE bool import_lego(struct import *im, struct err *e);
MUST_USE bool import_uacme(struct import *im, struct err *e);

#endif
