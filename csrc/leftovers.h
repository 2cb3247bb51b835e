/* leftovers.h - what still refers to a donor when a replacement is done. */
#ifndef MP_LEFTOVERS_H
#define MP_LEFTOVERS_H

#include "replacement.h"

/* A new list of (donor, holder): of those that were found at first, and of the frames that run, each as
 * replace.h says. Runs no Python; MemoryError. */
PyObject *mp_leftovers(const mp_replacement *all);

#endif /* MP_LEFTOVERS_H */
