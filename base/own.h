/* own.h: words for ownership; the scope frees what a local owns. */
#ifndef PGCERT_BASE_OWN_H
#define PGCERT_BASE_OWN_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(text, arguments) __attribute__((__format__(__printf__, text, arguments)))

/* Gives the pointer to the caller and leaves NULL behind. */
#define TAKE(p)                                                                                    \
    __extension__({                                                                                \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

/* Items of an array whose size the compiler knows. */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A local `own_mem T *p = NULL;` is freed, an `own_fd int fd = -1;` closed, when its scope ends. */
#define own_mem __attribute__((cleanup(own_mem_drop)))
#define own_fd __attribute__((cleanup(own_fd_drop)))

/* Frees what the pointer at `pointer` (a T **) points to; NULL is nothing to free. */
void own_mem_drop(void *pointer);

/* Closes *fd unless it is negative; errno is kept. */
void own_fd_drop(int *fd);

/* Gives the descriptor to the caller and leaves -1 behind. */
int own_fd_take(int *fd);

#endif
