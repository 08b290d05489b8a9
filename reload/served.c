/* served.c: free what is known about a target. */
#include "reload/served.h"

#include <stdlib.h>

void
served_forget_endpoints(struct served *s)
{
    for (size_t i = 0; i < s->endpoint_count; i++) {
        free(s->endpoints[i].address);
        free(s->endpoints[i].error);
    }
    free(s->endpoints);
    s->endpoints = NULL;
    s->endpoint_count = 0;
    s->served_sha256[0] = '\0';
}

void
served_done(struct served *s)
{
    served_forget_endpoints(s);
    free(s->file);
    *s = (struct served){0};
}
