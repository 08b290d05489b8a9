/* lazy.c: dlopen and dlsym, told in one sentence. */
#include "base/lazy.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
lazy_load(void **loaded, const char *soname, const struct lazy_symbol *symbols, struct err *e)
{
    void *library = NULL;

    if (*loaded != NULL)
        return true;
    library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return err_set(e, ERR_INTERNAL, "load '%s': %s; install the package that has it", soname,
                       dlerror());
    for (const struct lazy_symbol *s = symbols; s->name != NULL; s++) {
        void *function = dlsym(library, s->name);

        if (function == NULL) {
            (void)dlclose(library);
            return err_set(e, ERR_INTERNAL, "'%s' has no function '%s'", soname, s->name);
        }
        memcpy(s->pointer, &function, sizeof(function));
    }
    *loaded = library;
    return true;
}

void
lazy_file(char name[static LAZY_FILE_SIZE], void *library)
{
    struct link_map *map = NULL;
    own_mem char *path = NULL;
    const char *last = NULL;

    if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0)
        path = realpath(map->l_name, NULL);
    last = path == NULL ? "" : strrchr(path, '/') + 1;
    (void)snprintf(name, LAZY_FILE_SIZE, "%s", last);
}
