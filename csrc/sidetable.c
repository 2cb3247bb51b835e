/* sidetable.c - see sidetable.h. */
#include "sidetable.h"

#include <stdlib.h>

/* One value of one instance. Owns the descriptor too, or another one might come to lie at its address. */
typedef struct mp_side_entry {
    struct mp_side_entry *next;
    PyObject *descriptor; /* Owned. */
    PyObject *value;      /* Owned. */
} mp_side_entry;

/* An instance that has entries. Does not own it: it takes its entries along when it goes. */
typedef struct {
    PyObject *instance_b;
    mp_side_entry *entries;
} mp_side_place;

/* Open addressing with linear probing; at least half of the places are free. Whoever reads or writes it
 * holds the lock, and while holding it does nothing that could detach its thread: no Python, no objects
 * made, no reference dropped, and memory from malloc(), since PyMem_RawMalloc() may wait for the lock of
 * tracemalloc. So with the world stopped the lock is free, and a collection can take it (compat.h). */
static struct {
    mp_side_place *places;
    size_t size;  /* a power of two, or 0 */
    size_t taken; /* places */
    size_t count; /* entries */
    mp_spin lock;
} table;

/* The place of an instance, or the free one where it belongs. The table has a free place. */
static size_t
probe(PyObject *instance_b)
{
    /* Addresses are multiples of 16; the multiplier is that of Fibonacci hashing. */
    size_t mask = table.size - 1;
    uint64_t hash = ((uint64_t)(uintptr_t)instance_b >> 4) * 0x9E3779B97F4A7C15u;
    size_t i = (size_t)(hash >> 32) & mask;

    while (table.places[i].instance_b != NULL && table.places[i].instance_b != instance_b) {
        i = (i + 1) & mask;
    }
    return i;
}

/* The first entry of an instance, NULL if it has none. Borrowed from the table. */
static mp_side_entry *
entries_of(PyObject *instance_b)
{
    return table.taken == 0 ? NULL : table.places[probe(instance_b)].entries;
}

/* Twice the room if half of the places are taken. False if there is no memory. */
static int
make_room(void)
{
    mp_side_place *before = table.places;
    size_t size = table.size;

    if (2 * (table.taken + 1) > size) {
        mp_side_place *places = calloc(size == 0 ? 64 : 2 * size, sizeof(*places));
        if (places == NULL) {
            return 0;
        }
        table.places = places;
        table.size = size == 0 ? 64 : 2 * size;
        for (size_t i = 0; i < size; i++) {
            if (before[i].instance_b != NULL) {
                table.places[probe(before[i].instance_b)] = before[i];
            }
        }
        free(before);
    }
    return 1;
}

/* Free a place, and let those behind it move up that could not be found any more (Knuth, algorithm 6.4 R):
 * there are no marks of what was deleted, that would make the table slower and slower. */
static void
free_place(size_t hole)
{
    size_t mask = table.size - 1;

    table.places[hole] = (mp_side_place){NULL, NULL};
    for (size_t i = (hole + 1) & mask; table.places[i].instance_b != NULL; i = (i + 1) & mask) {
        mp_side_place moved = table.places[i];
        table.places[i] = (mp_side_place){NULL, NULL};
        table.places[probe(moved.instance_b)] = moved;
    }
    table.taken--;
}

mp_side_entry *
mp_sidetable_take(PyObject *instance_b, PyObject *descriptor_b)
{
    mp_side_entry *taken = NULL, **at_b = NULL;
    size_t place = 0;

    mp_spin_lock(&table.lock);
    if (entries_of(instance_b) == NULL) {
        goto done;
    }
    place = probe(instance_b);
    at_b = &table.places[place].entries;
    while (*at_b != NULL) {
        mp_side_entry *entry = *at_b;
        if (descriptor_b == NULL || entry->descriptor == descriptor_b) {
            *at_b = entry->next;
            entry->next = taken;
            taken = entry;
            table.count--;
        }
        else {
            at_b = &entry->next;
        }
    }
    if (table.places[place].entries == NULL) {
        free_place(place);
    }
done:
    mp_spin_unlock(&table.lock);
    return taken;
}

void
mp_sidetable_drop(mp_side_entry *entries)
{
    while (entries != NULL) {
        mp_side_entry *entry = entries;
        entries = entry->next;
        Py_DECREF(entry->value);
        Py_DECREF(entry->descriptor);
        free(entry);
    }
}

PyObject *
mp_sidetable_get(PyObject *instance_b, PyObject *descriptor_b)
{
    PyObject *value = NULL;

    mp_spin_lock(&table.lock);
    for (mp_side_entry *entry_b = entries_of(instance_b); entry_b != NULL; entry_b = entry_b->next) {
        if (entry_b->descriptor == descriptor_b) {
            value = Py_NewRef(entry_b->value);
            break;
        }
    }
    mp_spin_unlock(&table.lock);
    return value;
}

PyObject *
mp_sidetable_exchange(PyObject *instance_b, PyObject *descriptor_b, PyObject *value)
{
    PyObject *old = NULL;

    mp_spin_lock(&table.lock);
    for (mp_side_entry *entry_b = entries_of(instance_b); entry_b != NULL; entry_b = entry_b->next) {
        if (entry_b->descriptor == descriptor_b) {
            old = entry_b->value;
            entry_b->value = value;
            break;
        }
    }
    mp_spin_unlock(&table.lock);
    return old;
}

int
mp_sidetable_insert(PyObject *instance_b, PyObject *descriptor_b, PyObject *value_b)
{
    int ret = MP_ERROR, has_room = 0;
    /* Owned; the table's in the end. */
    mp_side_entry *entry = malloc(sizeof(*entry)), *old = NULL;

    if (entry == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    entry->descriptor = Py_NewRef(descriptor_b);
    entry->value = Py_NewRef(value_b);
    mp_spin_lock(&table.lock);
    has_room = make_room();
    if (has_room) {
        mp_side_place *place_b = &table.places[probe(instance_b)];
        mp_side_entry **at_b = &place_b->entries;
        if (place_b->instance_b == NULL) {
            place_b->instance_b = instance_b;
            table.taken++;
        }
        while (*at_b != NULL && (*at_b)->descriptor != descriptor_b) {
            at_b = &(*at_b)->next;
        }
        old = *at_b;
        entry->next = old == NULL ? NULL : old->next;
        *at_b = entry;
        table.count += old == NULL;
    }
    mp_spin_unlock(&table.lock);
    if (!has_room) {
        entry->next = NULL;
        mp_sidetable_drop(entry);
        PyErr_NoMemory();
        goto done;
    }
    if (old != NULL) {
        old->next = NULL;
        mp_sidetable_drop(old);
    }
    ret = MP_OK;
done:
    return ret;
}

int
mp_sidetable_visit(PyObject *instance, visitproc visit, void *arg)
{
    /* Borrowed. */
    mp_side_entry *entry_b = NULL;

    /* The lock is only for the table. The entries themselves are read without, for visit() may do
     * anything: with the GIL nobody else runs, and without it the world is stopped while objects are
     * traversed, by a collection and by gc.get_referents() alike (gh-112529). */
    mp_spin_lock(&table.lock);
    entry_b = entries_of(instance);
    mp_spin_unlock(&table.lock);
    for (; entry_b != NULL; entry_b = entry_b->next) {
        Py_VISIT(entry_b->value);
        Py_VISIT(entry_b->descriptor);
    }
    return 0;
}

Py_ssize_t
mp_sidetable_count(void)
{
    Py_ssize_t count = 0;

    mp_spin_lock(&table.lock);
    count = (Py_ssize_t)table.count;
    mp_spin_unlock(&table.lock);
    return count;
}
