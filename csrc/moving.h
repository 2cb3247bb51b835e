/* moving.h - the classes of a log get their other bases and metaclasses: before all else, and outside the
 * window, for this may fail and run Python.
 */
#ifndef MP_MOVING_H
#define MP_MOVING_H

#include "commit.h"

/* Give all classes their new bases and metaclasses, or if the log is applied their old ones; or none, with
 * an error (TypeError, in CPython's words, where bases conflict). Runs the `mro` of a metaclass that has
 * one, and audit hooks. */
int mp_moves_make(mp_log *log);

/* After mp_moves_make(): take that back. An error that is set stays. */
void mp_moves_take_back(mp_log *log);

#endif /* MP_MOVING_H */
