/* heap.h - one pass over everything that the collector knows. */
#ifndef MP_HEAP_H
#define MP_HEAP_H

#include "objects.h"

/* Every living function whose code is one of `codes` (a list of code objects) or was compiled from
 * one of `filenames` (a list of str): in containers, closures, bound methods, partials and C
 * structures, for functions are always tracked by the collector. Takes back what gc.freeze() put
 * aside. Returns a new list. Runs no Python; needs the GIL or, on free-threaded builds, stops the
 * world for the pass. */
PyObject *mp_heap_find_functions(PyObject *codes, PyObject *filenames);

/* Every object that refers directly to one of `objects` (a list), or is an instance of one; without
 * that list. What a running frame holds is not seen. Otherwise like mp_heap_find_functions(). */
PyObject *mp_heap_find_referrers(PyObject *objects);

/* Asked of each object that the collector knows, while the collector is off and the world stopped: it
 * must neither allocate nor run anything. */
typedef int (*mp_heap_question)(PyObject *object_b, void *arg);

/* Collect every object of which `question` is true; passes until there was room for all, and the first one
 * nearly always is the last. `found` is empty before. On error nothing is held. */
int mp_heap_find(mp_heap_question question, void *arg, mp_objects *found);

/* True if an object refers directly to one of a set, or is an instance of one. The GIL is held or the
 * world is stopped; runs nothing. */
int mp_refers_to(PyObject *object_b, const mp_addresses *addresses);

/* True for a class that holds one of a set in its dictionary, MRO or bases, which are objects of their own.
 * Otherwise the same. */
int mp_class_refers_to(PyObject *object_b, const mp_addresses *addresses);

#endif /* MP_HEAP_H */
