/* own.h - descriptors that a class needs of its own, for what the layout of its instances has anyway. */
#ifndef MP_OWN_H
#define MP_OWN_H

#include "compat.h"

/* A new descriptor for a slot that the layout of instances of `type` has, whatever became of the first one:
 * a slot that is removed and comes back has its old place and values. New reference; None if the layout
 * has no such slot. Runs nothing. */
PyObject *mp_own_member(PyObject *type, PyObject *name);

/* A new `__dict__` or `__weakref__` descriptor of `type`, like that of another class: a class that had
 * it from a base needs its own when the base goes. New reference; TypeError for any other descriptor. */
PyObject *mp_own_getset(PyObject *type, PyObject *descriptor);

#endif /* MP_OWN_H */
