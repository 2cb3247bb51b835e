/* commit.h - a list of edits, applied all or none, and the log that can take them back.
 *
 * validate    mp_log_add_*: everything that can fail or allocate; nothing of the program is changed
 * commit      mp_log_exchange: announce, stop the world, exchange every value, start the world
 * undo        mp_log_exchange again, backwards
 * discard     mp_log_discard: drop the values that the log holds
 *
 * The log owns every value that a commit replaced until it is discarded, so no finalizer runs
 * inside a commit.
 */
#ifndef MP_COMMIT_H
#define MP_COMMIT_H

#include "code.h"
#include "function.h"

/* The whole content of a dictionary. */
typedef struct {
    PyObject *target;  /* Owned. */
    PyObject *content; /* Owned. What it gets; after the exchange, what it had. */
    PyObject *found;   /* Owned. What it has, taken just before the exchange. */
} mp_dict_edit;

typedef struct mp_edit mp_edit;

typedef struct {
    mp_edit *edits;
    Py_ssize_t used, room;
    int applied; /* the program holds the new values, and the log the old ones */
} mp_log;

/* Add an edit; raises TypeError or ValueError and adds nothing if it cannot be made. May allocate,
 * runs no Python except what hashes and compares the keys of a dictionary. Only while the log has not
 * been exchanged yet. A constant that is replaced twice by the same value is one edit. */
int mp_log_add_function(mp_log *log, PyObject *target, PyObject *donor, unsigned fields);
int mp_log_add_code(mp_log *log, PyObject *target, PyObject *code, PyObject *closure, PyObject *doc);
int mp_log_add_constant(mp_log *log, PyObject *outer, PyObject *old, PyObject *value);
int mp_log_add_dict(mp_log *log, PyObject *target, PyObject *donor);

/* Apply the log, or take it back if it is applied. All edits are made, or on error (only for want
 * of memory, or when another thread changed a constant or a dictionary meanwhile) none. No Python of
 * the program runs between the first change and the last. */
int mp_log_exchange(mp_log *log);

/* Drop all that the log holds; it is empty then. Runs finalizers. */
void mp_log_discard(mp_log *log);

#endif /* MP_COMMIT_H */
