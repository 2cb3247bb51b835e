/* set.h - the content of a set, in place: prepare, exchange.
 *
 * An edit holds the content that a set shall get, in a set of its own. Applying it exchanges the two
 * contents, so that undoing it is the very same exchange; nothing is hashed or compared.
 */
#ifndef MP_SET_H
#define MP_SET_H

#include "objects.h"

typedef struct {
    PyObject *target;     /* Owned. */
    PyObject *content;    /* Owned. After the exchange, what the target had. */
    PyObject *had;        /* Owned. What the content was made from; NULL where that is not known. */
    mp_addresses items_b; /* What is in `had`. */
} mp_set_edit;

/* Fill `edit` so that `target` gets the items of `donor`; all are plain sets, and `had`, which nobody may
 * change, can be NULL. Takes new references; may allocate, runs no Python. On error nothing is held. */
int mp_set_prepare(mp_set_edit *edit, PyObject *target, PyObject *donor, PyObject *had);

/* True if the set has the items of `had`. Runs nothing. */
int mp_set_is_as_seen(mp_set_edit *edit);

/* Inside the window: nothing is allocated, dropped or run, and it cannot fail. */
void mp_set_exchange(mp_set_edit *edit);

/* Exchange the content of two sets or frozensets. Needs the GIL or a stopped world; runs nothing. */
void mp_set_exchange_tables(PyObject *left_b, PyObject *right_b);

/* Drop everything that the edit holds. Runs finalizers. */
void mp_set_discard(mp_set_edit *edit);

#endif /* MP_SET_H */
