/* hidden.h - a class that looks after entries of the side table, below the classes of Python.
 *
 * What CPython does to the slots of an instance (show them to the collector, clear them, drop them) is done
 * to its entries by a hidden class, which is put between the Python classes that an instance is laid out by
 * and the C class below them.
 */
#ifndef MP_HIDDEN_H
#define MP_HIDDEN_H

#include "compat.h"

/* True if `type` is a hidden class, or if its layout has one. Run nothing. */
int mp_hidden_is_one(PyTypeObject *type);
int mp_hidden_is_below(PyTypeObject *type);

/* Make sure that entries of instances of `type` are visited, cleared and dropped. Raises TypeError if that
 * cannot be; then nothing was changed. Stops the world if there is something to do; runs no Python. */
int mp_hidden_ensure(PyTypeObject *type);

/* The same for a class and all that derive from it; on error some of them may stay prepared, which nobody
 * notices. */
int mp_hidden_ensure_all(PyTypeObject *type);

#endif /* MP_HIDDEN_H */
