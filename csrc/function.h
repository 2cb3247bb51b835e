/* function.h - the content of a function: check it, prepare new content, exchange it.
 *
 * An edit holds the values that a function shall get. Applying it exchanges them with those that
 * the function has, so that afterwards the edit holds the old ones: undoing it is the very same
 * exchange, and no reference is dropped by either.
 */
#ifndef MP_FUNCTION_H
#define MP_FUNCTION_H

#include "compat.h"

enum mp_function_field {
    MP_CODE,
    MP_CLOSURE,
    MP_DEFAULTS,
    MP_KWDEFAULTS,
    MP_GLOBALS,
    MP_BUILTINS,
    MP_NAME,
    MP_QUALNAME,
    MP_MODULE,
    MP_DOC,
    MP_ANNOTATIONS,
    MP_ANNOTATE,   /* no field before 3.14 */
    MP_TYPEPARAMS, /* no field before 3.12 */
    MP_DICT,
    MP_FUNCTION_FIELDS
};

#define MP_FIELD(field) (1u << (field))
#define MP_ALL_FIELDS (MP_FIELD(MP_FUNCTION_FIELDS) - 1u)

typedef struct {
    PyFunctionObject *target;             /* Owned. */
    unsigned fields;                      /* which of `values` take part */
    PyObject *values[MP_FUNCTION_FIELDS]; /* Owned, may be NULL. */
    uint32_t version;                     /* the func_version that goes with `values` */
    uint32_t version_noted;               /* that of the target when `version` was noted */
    uint32_t version_before;              /* that of the target when it was touched */
    PyObject *empty_closure;              /* Owned, may be NULL: see closure_with_room. */
} mp_function_edit;

/* Raise TypeError or ValueError unless `function` is a plain function whose closure fits its code.
 * Runs no Python. */
int mp_function_check(PyObject *function);

/* Fill `edit` so that `target` gets the `fields` (MP_FIELD bits) of `donor`. Code brings its closure
 * along: a mask with one of them has both. Takes new references; may allocate, runs no Python.
 * On error nothing is held. */
int mp_function_prepare(mp_function_edit *edit, PyObject *target, PyObject *donor, unsigned fields);

/* Fill `edit` so that `target` gets bare code with a tuple of cells for it and, unless NULL, a
 * docstring. Otherwise as mp_function_prepare. There is no donor: without the GIL a function at the top
 * of a module lives until the next collection, and would be found as one that holds its code. */
int mp_function_prepare_code(mp_function_edit *edit, PyObject *target, PyObject *code,
                             PyObject *closure, PyObject *doc);

/* Note the target's version and, if `announce`, tell the interpreter that its content is about to
 * change, so that it forgets what it has specialised or compiled for it. Must come before each
 * exchange. Runs the callbacks of function watchers. */
void mp_function_touch(mp_function_edit *edit, int announce);

/* Give the target back the version that the touch took from it, where no exchange follows. Needs the
 * GIL or a stopped world; cannot fail, runs nothing. */
void mp_function_untouch(mp_function_edit *edit);

/* Exchange content. Needs the GIL or a stopped world; cannot fail, runs nothing, drops nothing. */
void mp_function_exchange(mp_function_edit *edit);

/* Tell watchers that others registered (torch, CinderX) of the new code. Runs Python. Failures are
 * theirs: they are reported as unraisable. */
void mp_function_tell_watchers(mp_function_edit *edit);

/* True if somebody else watches functions in this interpreter. Runs no Python. */
int mp_function_is_watched(void);

/* Drop everything that the edit holds. Runs finalizers. */
void mp_function_discard(mp_function_edit *edit);

#endif /* MP_FUNCTION_H */
