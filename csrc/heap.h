/* heap.h - one pass over everything that the collector knows. */
#ifndef MP_HEAP_H
#define MP_HEAP_H

#include "compat.h"

/* Every living function whose code is one of `codes` (a list of code objects) or was compiled from
 * one of `filenames` (a list of str): in containers, closures, bound methods, partials and C
 * structures, for functions are always tracked by the collector. Takes back what gc.freeze() put
 * aside. Returns a new list. Runs no Python; needs the GIL or, on free-threaded builds, stops the
 * world for the pass. */
PyObject *mp_heap_find_functions(PyObject *codes, PyObject *filenames);

/* Every object that refers directly to one of `objects` (a list), or is an instance of one; without
 * that list. What a running frame holds is not seen. Otherwise like mp_heap_find_functions(). */
PyObject *mp_heap_find_referrers(PyObject *objects);

/* A set of objects, by identity. The references are borrowed. */
typedef struct {
    PyObject **items_b; /* sorted by address */
    size_t used;
} mp_addresses;

/* Compares two places that hold a pointer, for qsort(). */
int mp_by_address(const void *left, const void *right);

/* Make a set of what a list holds. On error nothing is held. Runs nothing. */
int mp_addresses_of(mp_addresses *addresses, PyObject *list);
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

/* Asked of each object that the collector knows, while the collector is off and the world stopped: it
 * must neither allocate nor run anything. */
typedef int (*mp_heap_question)(PyObject *object_b, void *arg);

/* Collect every object of which `question` is true; passes until there was room for all, and the first one
 * nearly always is the last. `found` is empty before. On error nothing is held. */
int mp_heap_find(mp_heap_question question, void *arg, mp_objects *found);

/* True if an object refers directly to one of a set, or is an instance of one. The GIL is held or the
 * world is stopped; runs nothing. */
int mp_refers_to(PyObject *object_b, const mp_addresses *addresses);

#endif /* MP_HEAP_H */
