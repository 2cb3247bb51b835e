/* type.h - the content of a class: its dictionary, bases and metaclass; check, exchange, take back.
 *
 * An edit holds what a class shall get. Applying it exchanges that with what the class has, so that
 * undoing it is the very same exchange. It goes in steps: `note` what there is, `move` to other bases,
 * `close` the caches, `exchange` the content inside the window, `renew` the slots, `leave`. Bases and
 * slots go through CPython's own machinery, which allocates and takes locks, and so stay outside the
 * window; with the GIL nobody can look in between all the same, for none of it runs Python.
 */
#ifndef MP_TYPE_H
#define MP_TYPE_H

#include "dict.h"

typedef struct {
    PyTypeObject *target;    /* Owned. */
    mp_dict_edit content;    /* of tp_dict */
    PyObject *bases;         /* Owned, NULL if they stay. After the exchange, those that it had. */
    PyTypeObject *metaclass; /* Owned, NULL if it stays. After the exchange, the one that it had. */
    PyObject *special;       /* Owned. Names whose value changes and that may belong to slots. */
    PyObject *followers;     /* Owned, may be NULL. Classes that take over the flags of the class. */
    unsigned long flags;     /* those of MP_TYPE_FLAGS that go with the content */
    Py_ssize_t turn;         /* the how manieth class of the commit it was that moved; 0 for none */
    int same;                /* the content is the one that there is, and so is the metaclass */
    int noted;
} mp_type_edit;

/* Fill `edit` so that `target` gets the items of `content` (a plain dict with plain names). `bases` (a
 * tuple), `metaclass` and `donor` may be NULL. A donor is a class that CPython made with these bases; it
 * may have been buried, for only its flags are looked at. Raises TypeError, or ValueError where instances
 * are laid out in another way. Takes new references; may allocate, runs no Python. On error nothing is
 * held. */
int mp_type_prepare(mp_type_edit *edit, PyObject *target, PyObject *content, PyObject *bases,
                    PyObject *metaclass, PyObject *donor);

/* Before the window: note what the class has now. On error nothing has changed. */
int mp_type_note(mp_type_edit *edit);

/* True if bases or metaclass change. */
int mp_type_moves(mp_type_edit *edit);

/* Before the window: exchange bases and metaclass; a second time puts them back. On error (TypeError in
 * CPython's words: a conflict in the MRO of the class or of one derived from it; memory) the class is as
 * it was. Runs the `mro` of a metaclass that has one, and audit hooks, which hear that `__bases__` is
 * set. */
int mp_type_move(mp_type_edit *edit);

/* Before the window. May tell type watchers. */
void mp_type_close(mp_type_edit *edit);

/* Inside the window: false if the caches have to be closed again. Runs nothing. */
int mp_type_is_closed(mp_type_edit *edit);

/* Inside the window: see dict.h. */
int mp_type_is_current(mp_type_edit *edit);
int mp_type_exchange(mp_type_edit *edit);
void mp_type_take_back(mp_type_edit *edit);

/* After the window: bring the slots up to date with the new content. */
void mp_type_renew(mp_type_edit *edit);

/* After that, or wherever a commit ended that noted the class: open the caches. */
void mp_type_leave(mp_type_edit *edit, int done);

/* Drop everything that the edit holds. Runs finalizers. */
void mp_type_discard(mp_type_edit *edit);

#endif /* MP_TYPE_H */
