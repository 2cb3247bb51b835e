/* layout.h - how instances of a class are stored, and whether they could be those of another one. */
#ifndef MP_LAYOUT_H
#define MP_LAYOUT_H

#include "compat.h"

/* Nothing here allocates, runs Python or sets an error; what is returned is borrowed. */

/* True for a class that a class statement made. */
int mp_layout_is_of_python(PyTypeObject *type_b);

/* The nearest class that is none of Python. */
PyTypeObject *mp_layout_in_c(PyTypeObject *type_b);

/* The nearest base that is written in C and stores something: where two classes differ in it, so do
 * their instances. `type_b` is a class of Python. */
PyTypeObject *mp_layout_storage(PyTypeObject *type_b);

/* True if instances of two classes have the same size, and their dictionaries and weak references lie in the
 * same places. */
int mp_layout_has_same_sizes(PyTypeObject *left_b, PyTypeObject *right_b);

/* The one of some bases whose layout a class extends; NULL if no class can extend the layouts of all of
 * them. */
PyTypeObject *mp_layout_best_base(PyObject *bases_b);

/* Why instances of `target` could not live on as those of a class like `donor`, as half a sentence
 * (static memory), or NULL if they can. Own slots of either make no difference, for added ones live in
 * a side table (slots.h) and storage of removed ones stays; nor does a `__dict__` or `__weakref__` that a
 * class like `donor` has not, for instances of `target` go on having theirs. */
const char *mp_layout_difference(PyTypeObject *target, PyTypeObject *donor);

/* The same for another base of `target`. */
const char *mp_layout_base_difference(PyTypeObject *target, PyTypeObject *base_b);

#endif /* MP_LAYOUT_H */
