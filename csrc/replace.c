/* replace.c - see replace.h. */
#include "replace.h"

#include "containers.h"
#include "fields.h"
#include "keys.h"
#include "leftovers.h"

PyObject *
mp_replace_references(PyObject *donors, PyObject *targets, PyObject *kept)
{
    int was_enabled = PyGC_Disable(); /* on 3.11 an allocation collects, and finalizers run */
    mp_replacement all = {0};
    /* Owned. */
    PyObject *leftovers = NULL;

    if (mp_replacement_prepare(&all, donors, targets, kept) < 0 || mp_keys_find(&all) < 0) {
        goto done;
    }
    for (size_t i = 0; i < all.holders.used; i++) {
        if (mp_addresses_find(&all.kept, all.holders.items[i]) < 0) {
            mp_replace_class(&all, all.holders.items[i]);
        }
    }
    mp_keys_take_out(&all);
    for (size_t i = 0; i < all.holders.used; i++) {
        if (!mp_is_ours(&all, all.holders.items[i]) && !mp_is_only_reported(all.holders.items[i])) {
            mp_replace_in_container(&all, all.holders.items[i]);
            mp_replace_in_fields(&all, all.holders.items[i]);
        }
    }
    mp_keys_put_back(&all);
    leftovers = mp_leftovers(&all);
done:
    mp_replacement_drop(&all);
    if (was_enabled) {
        PyGC_Enable();
    }
    return leftovers;
}
