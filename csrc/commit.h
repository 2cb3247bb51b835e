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
#include "dict.h"
#include "function.h"
#include "list.h"
#include "set.h"
#include "type.h"

typedef struct mp_edit mp_edit;

typedef struct {
    mp_edit *edits;
    Py_ssize_t used, room;
    int applied;    /* the program holds the new values, and the log the old ones */
    int is_as_seen; /* each edit was made from what its target had */
} mp_log;

/* Add an edit; raises TypeError or ValueError and adds nothing if it cannot be made. May allocate,
 * runs no Python except what hashes and compares the keys of a dictionary. Only while the log has not
 * been exchanged yet. A constant that is replaced twice by the same value is one edit. */
int mp_log_add_function(mp_log *log, PyObject *target, PyObject *donor, unsigned fields);
int mp_log_add_code(mp_log *log, PyObject *target, PyObject *code, PyObject *closure, PyObject *doc);
int mp_log_add_constant(mp_log *log, PyObject *outer, PyObject *old, PyObject *value);
int mp_log_add_type(mp_log *log, PyObject *target, PyObject *content, PyObject *bases,
                    PyObject *metaclass, PyObject *donor);

/* Give a dictionary, a list or a set the items of another. With `had`, which is like them and holds what the
 * target had when the donor was made, or NULL: only if it still has that then, and nobody goes through the
 * dictionary or set. A log has no other edits beside such ones. */
int mp_log_add_items(mp_log *log, PyObject *target, PyObject *donor, PyObject *had);

/* Apply the log, or take it back if it is applied. All edits are made, or none on error: for want of
 * memory, when somebody else changed what is exchanged meanwhile, or goes through it (RuntimeError), or when
 * the new bases of a class conflict (TypeError, in CPython's words). The order of the edits does not matter for
 * that. No Python of the program runs between the first change and the last, but where bases change: the
 * `mro` of a metaclass that has one, and audit hooks. Without the GIL, bases, metaclasses and the slots
 * of special methods change just before and after all else. */
int mp_log_exchange(mp_log *log);

/* Drop all that the log holds; it is empty then. Runs finalizers. */
void mp_log_discard(mp_log *log);

#endif /* MP_COMMIT_H */
