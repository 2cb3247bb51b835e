/* slots.h - slots that a class gains while instances of it are alive.
 *
 * Instances keep the layout that they were made with, so there is no place in them for a slot that is
 * added later. It becomes a descriptor whose values lie in a table outside of the instances (sidetable.h)
 * that a hidden class looks after (hidden.h), and which otherwise behaves as the member descriptor of a slot
 * does.
 *
 * Instances with a `__dict__` may have a value of that name in there, from when it was no slot, and look for
 * it there when it is none any more. So the values of a slot can lie in there, too.
 */
#ifndef MP_SLOTS_H
#define MP_SLOTS_H

#include "compat.h"

/* The type of the descriptors. New reference; runs no Python. */
PyObject *mp_slots_type(void);

/* A descriptor for the slot `name` (mangled already, as in the dictionary of a class) of `owner`, which
 * is not put into `owner`. With `in_dict`, an instance that has a `__dict__` has its value in there.
 * Prepares the class and all that derive from it. Raises TypeError for a class
 * whose instances cannot have entries; then some of them may stay prepared, which nobody notices. New
 * reference; stops the world; runs no Python but for `__del__` of what is not used any more. */
PyObject *mp_slots_new(PyObject *owner, PyObject *name, int in_dict);

#endif /* MP_SLOTS_H */
