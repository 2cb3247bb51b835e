/* objects.h - collections of objects by identity: nothing is hashed or compared. */
#ifndef MP_OBJECTS_H
#define MP_OBJECTS_H

#include "compat.h"

/* A set of objects, by identity. The references are borrowed. */
typedef struct {
    PyObject **items_b; /* sorted by address */
    size_t used;
} mp_addresses;

/* Compares two places that hold a pointer, for qsort(). */
int mp_by_address(const void *left, const void *right);

/* Make a set of what a list holds. On error nothing is held. Runs nothing. */
int mp_addresses_of(mp_addresses *addresses, PyObject *list);

/* Make an empty set with room for `count`. Who fills it puts what it shall hold into `items_b` and sorts it
 * then. On error nothing is held. Run nothing. */
int mp_addresses_make(mp_addresses *addresses, size_t count);
void mp_addresses_sort(mp_addresses *addresses);

void mp_addresses_drop(mp_addresses *addresses);

/* The position in the set, or -1. Runs nothing. */
Py_ssize_t mp_addresses_find(const mp_addresses *addresses, PyObject *object_b);

/* Objects that were found. The references are owned. */
typedef struct {
    PyObject **items;
    size_t used, room; /* while a pass is under way, `used` counts on when `room` is exhausted */
} mp_objects;

/* Drops the references. May run finalizers. */
void mp_objects_drop(mp_objects *objects);

/* An entry of a dictionary or, without a value, an item of a set. The references are owned. */
typedef struct {
    PyObject *holder, *key, *value;
} mp_entry;

typedef struct {
    mp_entry *items;
    size_t used, room;
} mp_entries;

/* May be called with the world stopped or an object locked: the memory is not Python's, and no error is
 * set. */
int mp_entries_add(mp_entries *list, PyObject *holder_b, PyObject *key_b, PyObject *value_b);

/* Drops the references. May run finalizers. */
void mp_entries_drop(mp_entries *list);

#endif /* MP_OBJECTS_H */
