/* bases.h - what a class derives from, and what derives from it. */
#ifndef MP_BASES_H
#define MP_BASES_H

#include "compat.h"

/* Called with a class. Returns 1 if those that derive from it are to be visited, too, 0 if not; MP_ERROR
 * ends the visit. */
typedef int (*mp_bases_visitor)(PyTypeObject *type, void *context);

/* Visit a class, and those derived from it, whatever their metaclasses say; by two ways more than once. On
 * error (memory, or what the visitor raises) the rest is not visited. Runs no Python of its own. */
int mp_bases_visit(PyTypeObject *type, mp_bases_visitor visit, void *context);

/* Assign `__bases__` where the layout fits (layout.h), whatever CPython says of it. On error (TypeError in
 * CPython's words: a conflict in the MRO of the class or of one derived from it; memory) the class is as
 * it was. Runs the `mro` of a metaclass that has one, and audit hooks. */
int mp_bases_set(PyTypeObject *type, PyObject *bases);

/* Take a class that nobody uses out of the `__subclasses__()` of its bases, for good: it derives from
 * `grave` afterwards, a class with no content. Instances that are left can still be freed: where
 * they store what a base in C lays out, the class derives from a grave with that base, which is kept in
 * the dictionary `graves`. */
int mp_bases_bury(PyObject *type, PyObject *grave, PyObject *graves);

#endif /* MP_BASES_H */
