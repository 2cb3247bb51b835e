/* bases.h - what a class derives from, and what derives from it. */
#ifndef MP_BASES_H
#define MP_BASES_H

#include "compat.h"

/* The classes that derive directly from a class, whatever its metaclass says: a new list. Runs no Python. */
PyObject *mp_bases_subclasses(PyTypeObject *type);

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
