/* list.h - the content of a list, in place: prepare, exchange.
 *
 * An edit holds the content that a list shall get, in a list of its own. Applying it exchanges the two
 * contents, so that undoing it is the very same exchange. Iterators over the list go on with what it
 * has then.
 */
#ifndef MP_LIST_H
#define MP_LIST_H

#include "compat.h"

typedef struct {
    PyObject *target;  /* Owned. */
    PyObject *content; /* Owned. After the exchange, what the target had. */
    PyObject *had;     /* Owned. What the content was made from; NULL where that is not known. */
} mp_list_edit;

/* Fill `edit` so that `target` gets the items of `donor`; all are plain lists, and `had` may be NULL.
 * Takes new references; may allocate, runs no Python. On error nothing is held. */
int mp_list_prepare(mp_list_edit *edit, PyObject *target, PyObject *donor, PyObject *had);

/* True if the list has the items of `had`. Runs nothing. */
int mp_list_is_as_seen(mp_list_edit *edit);

/* Inside the window: nothing is allocated, dropped or run, and it cannot fail. */
void mp_list_exchange(mp_list_edit *edit);

/* Drop everything that the edit holds. Runs finalizers. */
void mp_list_discard(mp_list_edit *edit);

#endif /* MP_LIST_H */
