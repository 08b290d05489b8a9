/* version.h: the one place that knows which version this is. */
#ifndef PGCERT_BASE_VERSION_H
#define PGCERT_BASE_VERSION_H

#define PGCERT_VERSION "0.1.0"

#endif
