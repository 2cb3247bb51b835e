/* sidetable.h - values that belong to instances and lie outside of them, in one table. */
#ifndef MP_SIDETABLE_H
#define MP_SIDETABLE_H

#include "compat.h"

/* Values that were taken out, linked to each other. */
typedef struct mp_side_entry mp_side_entry;

/* The value that an instance has for a descriptor. New reference, NULL without an error if there is none.
 * Runs nothing. */
PyObject *mp_sidetable_get(PyObject *instance_b, PyObject *descriptor_b);

/* Exchange the value of an instance, if it has one. Returns the old one, which the caller owns then,
 * or NULL; then the caller still owns the new one. Runs nothing. */
PyObject *mp_sidetable_exchange(PyObject *instance_b, PyObject *descriptor_b, PyObject *value);

/* Put in a value where there may be one already (another thread was faster): that one is dropped. The
 * instance is not owned: it takes its entries along when it goes. On error, for want of memory, nothing was
 * changed. Runs finalizers. */
int mp_sidetable_insert(PyObject *instance_b, PyObject *descriptor_b, PyObject *value_b);

/* Take the values of an instance out of the table, only that of a descriptor if one is given. NULL without
 * an error if there is none; the caller owns them. Runs nothing. */
mp_side_entry *mp_sidetable_take(PyObject *instance_b, PyObject *descriptor_b);

/* Drop what was taken out. Runs finalizers. */
void mp_sidetable_drop(mp_side_entry *entries);

/* Show the entries of an instance, for its tp_traverse. */
int mp_sidetable_visit(PyObject *instance, visitproc visit, void *arg);

/* The number of entries of all instances. Runs nothing. */
Py_ssize_t mp_sidetable_count(void);

#endif /* MP_SIDETABLE_H */
