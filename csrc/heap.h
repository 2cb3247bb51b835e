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

#endif /* MP_HEAP_H */
