/* refill.h - dictionaries, lists and sets of the program get a content that was made from what they had. */
#ifndef MP_REFILL_H
#define MP_REFILL_H

#include "commit.h"

/* Apply a log whose edits are as seen, or take it back; see mp_log_exchange(). Its window is within one pass
 * over the heap, so that nobody begins to go through anything between the look and the exchange. */
int mp_refill_exchange(mp_log *log);

#endif /* MP_REFILL_H */
