/* kept.h: how the directory of a bundle is called while it is made. For the room's own use. */
#ifndef PGCERT_CA_KEPT_H
#define PGCERT_CA_KEPT_H

#define KEPT_NEW "~new" /* its end; no user's name becomes one that ends so */

#endif
