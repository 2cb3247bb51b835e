/* keys.h - what is found by a hash that a replacement changes: taken out before it, put back afterwards.
 *
 * A tuple that is changed in place is not found any more as a key, nor is a tuple of such tuples, and so on.
 * And where a property of a class is changed, its class must be told: instructions that are specialised for
 * it call a function that may be gone (LOAD_ATTR_PROPERTY, gh-93911). So whatever holds what will be changed
 * is found before.
 */
#ifndef MP_KEYS_H
#define MP_KEYS_H

#include "replacement.h"

/* Find what holds holders of donors as keys. Runs no Python; MemoryError. */
int mp_keys_find(mp_replacement *all);

/* Before the change, and after it, when the innermost is dealt with first. Run the `__hash__` and `__eq__` of
 * keys. */
void mp_keys_take_out(mp_replacement *all);
void mp_keys_put_back(mp_replacement *all);

#endif /* MP_KEYS_H */
