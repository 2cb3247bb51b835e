/* replacement.h - what one replacement (replace.h) knows: what gives way to what, and who holds it. */
#ifndef MP_REPLACEMENT_H
#define MP_REPLACEMENT_H

#include "objects.h"

/* How deep in tuples and frozensets something may lie whose hash changes, to be found again as a key. */
#define MP_KEY_DEPTH 3

typedef struct {
    PyObject *donor_b; /* first, for mp_by_address() */
    PyObject *target_b;
} mp_pair;

typedef struct {
    mp_pair *pairs;      /* borrowed from the caller's lists, sorted by donor */
    mp_addresses donors; /* the same donors in the same order */
    mp_addresses kept;   /* neither changed nor reported */
    mp_addresses parts;  /* dictionaries, MROs and bases of classes, which stand for them */
    mp_objects holders;
    mp_addresses hashed[MP_KEY_DEPTH]; /* objects whose hash depends on a donor; see keys.h */
    mp_objects keepers[MP_KEY_DEPTH];  /* and what holds those */
    mp_entries taken;                  /* entries that come back when their keys have changed */
    PyTypeObject *deque;               /* Owned. */
} mp_replacement;

/* Note the caller's lists, and find who holds a donor. `all` is zeroed before, and dropped afterwards, on
 * error too. Raises ValueError for lists of different lengths, and MemoryError. Runs no Python. */
int mp_replacement_prepare(mp_replacement *all, PyObject *donors, PyObject *targets, PyObject *kept);

/* Drop everything that is held. Runs finalizers. */
void mp_replacement_drop(mp_replacement *all);

/* What takes the place of an object. Borrowed; NULL if it is no donor. Runs nothing. */
PyObject *mp_target_of(const mp_replacement *all, PyObject *object_b);

/* The target of a donor, anything else itself. Borrowed. Runs nothing. */
PyObject *mp_renewed(const mp_replacement *all, PyObject *object_b);

/* True for what is neither changed nor reported. Runs nothing. */
int mp_is_ours(const mp_replacement *all, PyObject *object_b);

/* True for what CPython or running code has copied something away from. Runs nothing. */
int mp_is_only_reported(PyObject *object_b);

#endif /* MP_REPLACEMENT_H */
