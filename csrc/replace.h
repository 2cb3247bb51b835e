/* replace.h - an object that must disappear: everything that refers to it gets another one instead.
 *
 * This is no part of a commit and is not undone: it comes after one, when the objects that a reload made
 * anew have given their content to those that stay. Each holder is changed in the way that is right for it
 * (an entry of a dictionary, an item of a list, a field), and never what CPython or a specialised
 * instruction has copied away: classes, running code.
 */
#ifndef MP_REPLACE_H
#define MP_REPLACE_H

#include "compat.h"

/* Make every reference to an object of `donors` one to the object at the same place in `targets`; all three
 * are lists. The lists themselves, the donors, and what `kept` holds are neither changed nor reported; nor
 * is what is part of a donor (its dictionary, its MRO, descriptors that CPython made for it).
 *
 * Instances of a donor are given the target by object's `__class__`, which audit hooks see. Those that the
 * collector does not know (`__slots__ = ()` on such a base) are not found.
 *
 * Returns a new list of (donor, holder): what still refers to a donor. Of a class it is the class that is
 * named, not its dictionary, MRO or bases; of running code it is the frame. Runs no Python but the `__hash__`
 * and `__eq__` of keys; what these raise is dropped, and the holder left and reported. Raises ValueError for
 * lists of different lengths, and MemoryError, mostly before anything is changed. */
PyObject *mp_replace_references(PyObject *donors, PyObject *targets, PyObject *kept);

#endif /* MP_REPLACE_H */
