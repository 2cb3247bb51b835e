/* names.h - which names of which modules hold an object. */
#ifndef MP_NAMES_H
#define MP_NAMES_H

#include "compat.h"

/* Every name that holds one of `objects` (a list, compared by identity) in one of `namespaces` (a list of
 * dictionaries): a list of (position of the namespace, name, object), in the order of the namespaces and
 * of their names. Returns a new list. Runs no Python but what a collection of garbage does. */
PyObject *mp_names_holding(PyObject *namespaces, PyObject *objects);

#endif /* MP_NAMES_H */
