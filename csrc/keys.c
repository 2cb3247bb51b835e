/* keys.c - see keys.h. */
#include "keys.h"

#include "containers.h"
#include "heap.h"

/* True if a key that refers to a donor would be looked for under another hash afterwards. */
static int
has_changing_hash(PyObject *object_b)
{
    hashfunc hash = Py_TYPE(object_b)->tp_hash;

    return hash == PyTuple_Type.tp_hash       ? mp_tuple_was_hashed(object_b)
           : hash == PyFrozenSet_Type.tp_hash ? ((PySetObject *)object_b)->hash != -1
                                              : hash != NULL && hash != PyBaseObject_Type.tp_hash &&
                                                    hash != PyObject_HashNotImplemented &&
                                                    !PyWeakref_Check(object_b);
}

/* True for what specialised instructions look into when they find it in a class. */
static int
is_cached_with_class(PyObject *object_b)
{
    return PyObject_TypeCheck(object_b, &PyProperty_Type) ||
           PyObject_TypeCheck(object_b, &PyStaticMethod_Type) ||
           PyObject_TypeCheck(object_b, &PyClassMethod_Type);
}

typedef struct {
    const mp_addresses *hashed_b;
} keeper_search;

/* An mp_heap_question. */
static int
is_keeper(PyObject *object_b, void *arg)
{
    const mp_addresses *hashed_b = ((keeper_search *)arg)->hashed_b;

    return PyType_Check(object_b)
               ? mp_class_refers_to(object_b, hashed_b)
               : (PyDict_Check(object_b) || PyAnySet_Check(object_b) || PyTuple_Check(object_b)) &&
                     mp_refers_to(object_b, hashed_b);
}

int
mp_keys_find(mp_replacement *all)
{
    int ret = MP_ERROR;
    keeper_search search = {0};
    mp_objects *found_b = &all->holders;

    for (int depth = 0; depth < MP_KEY_DEPTH; depth++) {
        mp_addresses *hashed_b = &all->hashed[depth];
        if (mp_addresses_make(hashed_b, found_b->used) < 0) {
            goto done;
        }
        for (size_t i = 0; i < found_b->used; i++) {
            PyObject *object_b = found_b->items[i];
            if (mp_is_ours(all, object_b) || mp_is_only_reported(object_b)) {
                continue;
            }
            if (depth == 0 ? has_changing_hash(object_b) || is_cached_with_class(object_b)
                           : (PyTuple_Check(object_b) || PyFrozenSet_Check(object_b)) &&
                                 has_changing_hash(object_b)) {
                hashed_b->items_b[hashed_b->used++] = object_b;
            }
        }
        if (hashed_b->used == 0) {
            break;
        }
        mp_addresses_sort(hashed_b);
        search.hashed_b = hashed_b;
        if (mp_heap_find(is_keeper, &search, &all->keepers[depth]) < 0) {
            goto done;
        }
        found_b = &all->keepers[depth];
    }
    ret = MP_OK;
done:
    return ret;
}

/* An entry of an lru_cache with a limit: the cache takes it out by the hash that it had, and must find it
 * (Modules/_functoolsmodule.c, bounded_lru_cache_wrapper). */
static int
is_linked(PyObject *value_b)
{
    return strcmp(Py_TYPE(value_b)->tp_name, "functools._lru_list_elem") == 0;
}

/* Take the entries out of a dictionary whose keys are among some. */
static void
take_keys(mp_replacement *all, PyObject *dict_b, const mp_addresses *hashed)
{
    Py_ssize_t at = 0;
    mp_entries noted = {0};
    /* Borrowed. */
    PyObject *key_b = NULL, *value_b = NULL;

    mp_stop_the_world();
    while (PyDict_Next(dict_b, &at, &key_b, &value_b)) {
        if (mp_addresses_find(hashed, key_b) >= 0 && !is_linked(value_b)) {
            mp_entries_add(&noted, dict_b, key_b, value_b);
        }
    }
    mp_start_the_world();
    for (size_t i = 0; i < noted.used; i++) {
        mp_entry *found = &noted.items[i];
        if (mp_entries_add(&all->taken, dict_b, found->key, found->value) == MP_OK &&
            mp_entry_delete(dict_b, found->key) < 0) {
            found = &all->taken.items[--all->taken.used];
            Py_DECREF(found->holder);
            Py_DECREF(found->key);
            Py_DECREF(found->value);
        }
    }
    mp_entries_drop(&noted);
}

/* The same for a set. */
static void
take_items(mp_replacement *all, PyObject *set_b, const mp_addresses *hashed)
{
    mp_entries noted = {0};

    mp_note_items(set_b, hashed, &noted);
    for (size_t i = 0; i < noted.used; i++) {
        PyObject *key_b = noted.items[i].key;
        if (PySet_Discard(set_b, key_b) > 0 && mp_entries_add(&all->taken, set_b, key_b, NULL) < 0) {
            PySet_Add(set_b, key_b);
        }
        PyErr_Clear();
    }
    mp_entries_drop(&noted);
}

/* True if each target has a hash, so that what is taken out can come back. */
static int
have_hashes(const mp_replacement *all)
{
    for (size_t i = 0; i < all->donors.used; i++) {
        if (PyObject_Hash(all->pairs[i].target_b) == -1) {
            PyErr_Clear();
            return 0;
        }
    }
    return 1;
}

void
mp_keys_take_out(mp_replacement *all)
{
    if (all->keepers[0].used == 0 || !have_hashes(all)) {
        return;
    }
    for (int depth = 0; depth < MP_KEY_DEPTH; depth++) {
        for (size_t i = 0; i < all->keepers[depth].used; i++) {
            PyObject *keeper_b = all->keepers[depth].items[i];
            if (mp_is_ours(all, keeper_b)) {
                continue;
            }
            if (PyDict_Check(keeper_b)) {
                take_keys(all, keeper_b, &all->hashed[depth]);
            }
            else if (PySet_Check(keeper_b)) {
                take_items(all, keeper_b, &all->hashed[depth]);
            }
        }
    }
}

void
mp_keys_put_back(mp_replacement *all)
{
    for (int depth = 0; depth < MP_KEY_DEPTH; depth++) {
        for (size_t i = 0; i < all->keepers[depth].used; i++) {
            PyObject *keeper_b = all->keepers[depth].items[i];
            if (PyType_Check(keeper_b)) {
                PyType_Modified((PyTypeObject *)keeper_b);
                mp_type_open_caches((PyTypeObject *)keeper_b);
            }
            else if (mp_is_ours(all, keeper_b)) {
                continue;
            }
            else if (PyFrozenSet_Check(keeper_b)) {
                mp_replace_in_frozenset(all, keeper_b);
            }
            else if (PyTuple_Check(keeper_b)) {
                mp_stop_the_world();
                mp_tuple_forget_hash(keeper_b);
                mp_start_the_world();
            }
        }
    }
    for (size_t i = 0; i < all->taken.used; i++) {
        mp_entry *taken = &all->taken.items[i];
        if (taken->value != NULL) {
            mp_entry_set(taken->holder, taken->key, taken->value);
        }
        else if (PySet_Add(taken->holder, taken->key) < 0) {
            PyErr_Clear();
        }
    }
}
