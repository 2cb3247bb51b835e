/* dict.h - the whole content of a dictionary: prepare other content, exchange it, take it back. */
#ifndef MP_DICT_H
#define MP_DICT_H

#include "compat.h"

typedef struct {
    PyObject *target;  /* Owned. */
    PyObject *content; /* Owned. What it gets; after the exchange, what it had. */
    PyObject *found;   /* Owned. What it has, taken just before the exchange. */
    PyObject *had;     /* Owned. What the content was made from; NULL where that is not known. */
} mp_dict_edit;

/* True if no key can run Python when it is hashed and compared. Runs nothing. */
int mp_dict_has_plain_names(PyObject *dict_b);

/* Fill `edit` so that `target` gets the items of `donor`; all are plain dictionaries, and `had` may be
 * NULL. Takes new references; may allocate, and run what hashes and compares the keys. Raises ValueError.
 * On error nothing is held. */
int mp_dict_prepare(mp_dict_edit *edit, PyObject *target, PyObject *donor, PyObject *had);

/* Note what the dictionary has now. Must come before each exchange; may fail for want of memory. */
int mp_dict_note(mp_dict_edit *edit);

/* True if the dictionary has what it shall get, as it was noted. Runs nothing. */
int mp_dict_is_idle(mp_dict_edit *edit);

/* True if nobody changed the dictionary since it was noted: what was put in meanwhile would be
 * dropped inside the window. Runs nothing. */
int mp_dict_is_current(mp_dict_edit *edit);

/* True if the dictionary has the items of `had`, in the same order, and nobody watches it. Runs nothing. */
int mp_dict_is_as_seen(mp_dict_edit *edit);

/* For an edit that is as seen: let the dictionaries exchange their tables, whatever room these have. Needs
 * the GIL or a stopped world; cannot fail, runs, allocates and drops nothing. Twice, it has done nothing.
 * Afterwards the collector must come to know both. */
void mp_dict_exchange_tables(mp_dict_edit *edit);
void mp_dict_track(mp_dict_edit *edit);

/* Exchange. Needs the GIL or a stopped world; runs and drops nothing. The one exchange that can fail,
 * for want of the memory for one table; so it comes before all others and is taken back. */
int mp_dict_exchange(mp_dict_edit *edit);
void mp_dict_take_back(mp_dict_edit *edit);

/* After the window: what the dictionary had is what the next exchange puts back. */
void mp_dict_turn(mp_dict_edit *edit);

/* Drop everything that the edit holds. Runs finalizers. */
void mp_dict_discard(mp_dict_edit *edit);

#endif /* MP_DICT_H */
