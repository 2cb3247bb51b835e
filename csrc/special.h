/* special.h - special methods: what CPython derives from them when a class is made or its attributes are set,
 * and an exchange of the whole dictionary leaves out.
 */
#ifndef MP_SPECIAL_H
#define MP_SPECIAL_H

#include "compat.h"

/* Append the special names of `left_b` that are not in `right_b` or, if `changed`, have another value
 * there. May fail for want of memory; runs nothing. */
int mp_special_note(PyObject *special_b, PyObject *left_b, PyObject *right_b, int changed);

/* Let CPython look again at what a slot does, in the class and in those derived from it. `found_b` is the
 * dictionary that the class had before. */
void mp_special_renew(PyTypeObject *type, PyObject *name_b, PyObject *found_b);

/* Bring what CPython inherits only when a class is made up to date, in a class and those derived from it. */
void mp_special_inherit(PyTypeObject *type);

#endif /* MP_SPECIAL_H */
