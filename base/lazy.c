/* lazy.c: dlopen and dlsym, told in one sentence. */
#include "base/lazy.h"

#include <dlfcn.h>
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
