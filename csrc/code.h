/* code.h - code objects: never changed, except for a nested constant that gives way to a newer one;
 * and the question who still owns one. */
#ifndef MP_CODE_H
#define MP_CODE_H

#include "compat.h"

/* One nested code object in the constants of an outer one, so that an outer function that is still
 * running makes new inner functions. Exchanged like a function's content. */
typedef struct {
    PyCodeObject *outer; /* Owned. */
    Py_ssize_t index;    /* in co_consts */
    PyObject *expected;  /* Borrowed from the constants until the exchange, for a last check. */
    PyObject *value;     /* Owned. What the constant becomes; after the exchange, what it was. */
} mp_constant_edit;

/* Fill `edit` so that the constant `old` of `outer` becomes `value`. Raises TypeError where these
 * are no code objects, ValueError where the exchange would not be safe. Runs no Python. */
int mp_constant_prepare(mp_constant_edit *edit, PyObject *outer, PyObject *old, PyObject *value);

/* True if both exchange the same constant: of one code object, or of copies of it, which share their
 * constants. Runs nothing. */
int mp_constant_is_same(mp_constant_edit *left, mp_constant_edit *right);

/* True if the constant is still the one that was prepared for. Runs nothing. */
int mp_constant_is_current(mp_constant_edit *edit);

/* Exchange. Needs the GIL or a stopped world; cannot fail, runs nothing, drops nothing. */
void mp_constant_exchange(mp_constant_edit *edit);

/* Drop everything that the edit holds. Runs finalizers. */
void mp_constant_discard(mp_constant_edit *edit);

/* The refcount gate: 1 if something besides what is named here holds one of the code objects that
 * are reached from `functions` (a list): a function that the caller did not find, a frame, a
 * generator. `roots` and `vouched` are lists of code objects: the constants below a root are known
 * references, and each item of `vouched` says that the caller holds that code object once more
 * besides the list. 0 if nothing does, -1 on error. Always 1 on free-threaded builds, whose counts
 * for code are deferred. Runs no Python. */
int mp_code_is_held_elsewhere(PyObject *functions, PyObject *roots, PyObject *vouched);

#endif /* MP_CODE_H */
