/* iteration.h - who goes through dictionaries and sets, for whom it would be an error if their size changed.
 *
 * One pass over the heap finds all iterators. With the GIL what it found holds until somebody else runs.
 * Without it others go on as soon as the pass ends, for it stops the world itself: so the exchange is made
 * where it begins, and taken back where it comes upon an iterator.
 */
#ifndef MP_ITERATION_H
#define MP_ITERATION_H

#include "objects.h"

typedef struct {
    const char *(*obstacle)(void *arg); /* Why not, or NULL. */
    void (*exchange)(void *arg);        /* Called twice, it has done nothing. */
    void *arg;
} mp_iteration_exchange;

/* Exchange the content of some dictionaries and sets, if nobody goes through one of them. Otherwise, or if
 * there is an obstacle, nothing has been done, and it is a RuntimeError. Both functions are called while the
 * GIL is held or the world is stopped, and the runtime's list of threads locked: they must neither allocate
 * nor run, lock or drop anything. Runs nothing of the program; sorts the addresses. */
int mp_exchange_unless_iterated(mp_addresses *targets, const mp_iteration_exchange *how);

#endif /* MP_ITERATION_H */
