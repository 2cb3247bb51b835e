/* set.c - see set.h. */
#include "set.h"

/* The item in a place of the table; NULL if there is none (Include/cpython/setobject.h). */
static PyObject *
item_at(PySetObject *set_b, Py_ssize_t place)
{
    return set_b->table[place].hash == -1 ? NULL : set_b->table[place].key;
}

/* Make a set of addresses of the items of a set. On error nothing is held. Runs nothing. */
static int
addresses_in(mp_addresses *addresses, PyObject *set_b)
{
    int ret = MP_ERROR;

    if (mp_addresses_make(addresses, (size_t)PySet_GET_SIZE(set_b)) < 0) {
        goto done;
    }
    for (Py_ssize_t i = 0; i <= ((PySetObject *)set_b)->mask; i++) {
        PyObject *item_b = item_at((PySetObject *)set_b, i);
        if (item_b != NULL) {
            addresses->items_b[addresses->used++] = item_b;
        }
    }
    mp_addresses_sort(addresses);
    ret = MP_OK;
done:
    return ret;
}

int
mp_set_prepare(mp_set_edit *edit, PyObject *target, PyObject *donor, PyObject *had)
{
    int ret = MP_ERROR;

    memset(edit, 0, sizeof(*edit));
    /* An empty set takes over what another has, with the hashes that are known there
     * (Objects/setobject.c, set_merge). */
    edit->content = PySet_New(donor);
    if (edit->content == NULL || (had != NULL && addresses_in(&edit->items_b, had) < 0)) {
        Py_CLEAR(edit->content);
        goto done;
    }
    edit->target = Py_NewRef(target);
    edit->had = Py_XNewRef(had);
    ret = MP_OK;
done:
    return ret;
}

int
mp_set_is_as_seen(mp_set_edit *edit)
{
    /* Borrowed. */
    PySetObject *target_b = (PySetObject *)edit->target;
    int ret = (size_t)target_b->used == edit->items_b.used;

    for (Py_ssize_t i = 0; ret && i <= target_b->mask; i++) {
        PyObject *item_b = item_at(target_b, i);
        ret = item_b == NULL || mp_addresses_find(&edit->items_b, item_b) >= 0;
    }
    return ret;
}

void
mp_set_exchange(mp_set_edit *edit)
{
    mp_set_exchange_tables(edit->target, edit->content);
}

/* As Objects/setobject.c, set_swap_bodies, does it. A frozenset knows its hash. */
void
mp_set_exchange_tables(PyObject *one_b, PyObject *other_b)
{
    /* Borrowed. */
    PySetObject *left_b = (PySetObject *)one_b, *right_b = (PySetObject *)other_b;
    PySetObject held = *left_b;

    left_b->fill = right_b->fill;
    left_b->used = right_b->used;
    left_b->mask = right_b->mask;
    left_b->table = right_b->table == right_b->smalltable ? left_b->smalltable : right_b->table;
    memcpy(left_b->smalltable, right_b->smalltable, sizeof(held.smalltable));
    left_b->hash = -1;
    right_b->fill = held.fill;
    right_b->used = held.used;
    right_b->mask = held.mask;
    right_b->table = held.table == left_b->smalltable ? right_b->smalltable : held.table;
    memcpy(right_b->smalltable, held.smalltable, sizeof(held.smalltable));
    right_b->hash = -1;
}

void
mp_set_discard(mp_set_edit *edit)
{
    mp_addresses_drop(&edit->items_b);
    Py_CLEAR(edit->had);
    Py_CLEAR(edit->content);
    Py_CLEAR(edit->target);
}
