/* containers.h - a replacement in dictionaries, sets, lists, deques and tuples, each in its own way.
 *
 * All of it by the storage, whatever a derived class makes of it. Keys are hashed and compared, which runs
 * their Python; what that raises is dropped, and what could not be replaced is reported in the end.
 */
#ifndef MP_CONTAINERS_H
#define MP_CONTAINERS_H

#include "replacement.h"

/* The class `collections.deque`. New reference. */
PyTypeObject *mp_deque_type(void);

/* Replace what a container holds; nothing for any other object. */
void mp_replace_in_container(const mp_replacement *all, PyObject *holder_b);
void mp_replace_in_dict(const mp_replacement *all, PyObject *dict_b);

/* The same for a frozenset, which is hashed anew. */
void mp_replace_in_frozenset(const mp_replacement *all, PyObject *frozenset_b);

/* Set and delete an entry of a dictionary. What was replaced is dropped: the caller holds it where that
 * matters. */
int mp_entry_set(PyObject *dict_b, PyObject *key_b, PyObject *value_b);
int mp_entry_delete(PyObject *dict_b, PyObject *key_b);

/* Note the items of a set that are among some, or all if `sought` is NULL. */
void mp_note_items(PyObject *set_b, const mp_addresses *sought, mp_entries *noted);

#endif /* MP_CONTAINERS_H */
