/* objects.c - see objects.h. */
#include "objects.h"

#include <stdlib.h>

/* ---- sets of objects --------------------------------------------------------------------- */

int
mp_by_address(const void *left, const void *right)
{
    const char *a = *(char *const *)left, *b = *(char *const *)right;
    return (a > b) - (a < b);
}

int
mp_addresses_make(mp_addresses *addresses, size_t count)
{
    int ret = MP_OK;

    addresses->used = 0;
    addresses->items_b = PyMem_Calloc(count + 1, sizeof(*addresses->items_b));
    if (addresses->items_b == NULL) {
        PyErr_NoMemory();
        ret = MP_ERROR;
    }
    return ret;
}

void
mp_addresses_sort(mp_addresses *addresses)
{
    qsort(addresses->items_b, addresses->used, sizeof(*addresses->items_b), mp_by_address);
}

int
mp_addresses_of(mp_addresses *addresses, PyObject *list)
{
    int ret = MP_ERROR;
    size_t count = (size_t)PyList_GET_SIZE(list);

    if (mp_addresses_make(addresses, count) < 0) {
        goto done;
    }
    for (; addresses->used < count; addresses->used++) {
        addresses->items_b[addresses->used] = PyList_GET_ITEM(list, (Py_ssize_t)addresses->used);
    }
    mp_addresses_sort(addresses);
    ret = MP_OK;
done:
    return ret;
}

void
mp_addresses_drop(mp_addresses *addresses)
{
    PyMem_Free(addresses->items_b);
    addresses->items_b = NULL;
    addresses->used = 0;
}

/* Not bsearch(): a pass asks this for every reference that there is. */
Py_ssize_t
mp_addresses_find(const mp_addresses *addresses, PyObject *object_b)
{
    size_t low = 0, high = addresses->used;

    if (high == 0 || (char *)object_b < (char *)addresses->items_b[0] ||
        (char *)object_b > (char *)addresses->items_b[high - 1]) {
        return -1;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((char *)addresses->items_b[middle] < (char *)object_b) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low < addresses->used && addresses->items_b[low] == object_b ? (Py_ssize_t)low : -1;
}

/* ---- what was found ---------------------------------------------------------------------- */

void
mp_objects_drop(mp_objects *objects)
{
    size_t held = objects->used < objects->room ? objects->used : objects->room;

    while (held > 0) {
        Py_DECREF(objects->items[--held]);
    }
    PyMem_Free(objects->items);
    memset(objects, 0, sizeof(*objects));
}

int
mp_entries_add(mp_entries *list, PyObject *holder_b, PyObject *key_b, PyObject *value_b)
{
    int ret = MP_ERROR;

    if (list->used == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        mp_entry *items = PyMem_RawRealloc(list->items, room * sizeof(*items));
        if (items == NULL) {
            goto done;
        }
        list->items = items;
        list->room = room;
    }
    list->items[list->used++] =
        (mp_entry){Py_NewRef(holder_b), Py_NewRef(key_b), Py_XNewRef(value_b)};
    ret = MP_OK;
done:
    return ret;
}

void
mp_entries_drop(mp_entries *list)
{
    while (list->used > 0) {
        mp_entry *last = &list->items[--list->used];
        Py_DECREF(last->holder);
        Py_DECREF(last->key);
        Py_XDECREF(last->value);
    }
    PyMem_RawFree(list->items);
    memset(list, 0, sizeof(*list));
}
