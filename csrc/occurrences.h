/* occurrences.h - which lists and deques hold an object, and how often. */
#ifndef MP_OCCURRENCES_H
#define MP_OCCURRENCES_H

#include "compat.h"

/* Which lists and deques hold objects of a list, and how often: a new list of (holder, object, count).
 * Runs no Python. */
PyObject *mp_lists_holding(PyObject *objects);

#endif /* MP_OCCURRENCES_H */
