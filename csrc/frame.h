/* frame.h - running frames. */
#ifndef MP_FRAME_H
#define MP_FRAME_H

#include "compat.h"

/* What every thread is executing right now: a new list of tuples (code, globals, line), one for each
 * frame, all at one moment. No frame is kept, so that no name in the caller's can hold itself.
 * Allocates, runs no Python; on free-threaded builds the world is stopped meanwhile, for the frames of
 * a thread may only be followed while it stands still. */
PyObject *mp_frames_running(void);

#endif /* MP_FRAME_H */
