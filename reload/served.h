/* served.h: what a struct served (reload/reload.h) is made of, for those who fill it. */
#ifndef PGCERT_RELOAD_SERVED_H
#define PGCERT_RELOAD_SERVED_H

#include "reload/reload.h"

/* Frees the endpoints, and what they served is not known any more. */
void served_forget_endpoints(struct served *s);

#endif
