/* containers.c - see containers.h. */
#include "containers.h"
#include "set.h"

/* ---- dictionaries ------------------------------------------------------------------------ */

int
mp_entry_set(PyObject *dict_b, PyObject *key_b, PyObject *value_b)
{
    int ret = PyODict_Check(dict_b) ? PyODict_SetItem(dict_b, key_b, value_b)
                                    : PyDict_SetItem(dict_b, key_b, value_b);

    PyErr_Clear();
    return ret;
}

int
mp_entry_delete(PyObject *dict_b, PyObject *key_b)
{
    int ret = PyODict_Check(dict_b) ? PyODict_DelItem(dict_b, key_b) : PyDict_DelItem(dict_b, key_b);

    PyErr_Clear();
    return ret;
}

/* True for a key that runs no Python when it is hashed and compared. */
static int
is_plain_key(PyObject *key_b)
{
    return PyUnicode_CheckExact(key_b) || PyLong_CheckExact(key_b) ||
           (Py_TYPE(key_b)->tp_hash == PyBaseObject_Type.tp_hash &&
            Py_TYPE(key_b)->tp_richcompare == PyBaseObject_Type.tp_richcompare);
}

/* Note the entries to be changed or, if a key is among them and all that follow have plain keys, these too:
 * `in_order` is true then, and who moves them all keeps the order. (Not without the GIL, for others would
 * miss them meanwhile.) */
static int
note_entries(const mp_replacement *all, PyObject *dict_b, mp_entries *noted, int *in_order)
{
    int ret = MP_ERROR, has_key = 0, follows = 0;
    Py_ssize_t at = 0;
    /* Borrowed. */
    PyObject *key_b = NULL, *value_b = NULL;

    mp_stop_the_world();
    *in_order = !MP_FREE_THREADED && !PyODict_Check(dict_b);
    while (PyDict_Next(dict_b, &at, &key_b, &value_b)) {
        has_key = has_key || mp_target_of(all, key_b) != NULL;
        if (has_key && !is_plain_key(key_b)) {
            *in_order = 0;
        }
    }
    *in_order = *in_order && has_key;
    at = 0;
    while (PyDict_Next(dict_b, &at, &key_b, &value_b)) {
        follows = follows || mp_target_of(all, key_b) != NULL;
        if (((*in_order && follows) || mp_target_of(all, key_b) != NULL ||
             mp_target_of(all, value_b) != NULL) &&
            mp_entries_add(noted, dict_b, key_b, value_b) < 0) {
            goto done;
        }
    }
    ret = MP_OK;
done:
    mp_start_the_world();
    return ret;
}

/* Put an entry under the key of the target: where that is there, its value becomes the donor's, which is
 * the newer one. */
static void
replace_key(const mp_replacement *all, mp_entry *found)
{
    if (mp_entry_delete(found->holder, found->key) == MP_OK &&
        mp_entry_set(found->holder, mp_renewed(all, found->key), mp_renewed(all, found->value)) < 0) {
        mp_entry_set(found->holder, found->key, mp_renewed(all, found->value));
    }
}

/* Move an entry that stays to the end, after those before it. Its key is a plain one. */
static void
move_to_end(mp_entry *found)
{
    /* Owned. A key before it may have given it another value than the one that was noted. */
    PyObject *value = Py_XNewRef(PyDict_GetItemWithError(found->holder, found->key));

    if (value != NULL && mp_entry_delete(found->holder, found->key) == MP_OK) {
        mp_entry_set(found->holder, found->key, value);
    }
    Py_XDECREF(value);
}

void
mp_replace_in_dict(const mp_replacement *all, PyObject *dict_b)
{
    int in_order = 0;
    mp_entries noted = {0};

    if (note_entries(all, dict_b, &noted, &in_order) == MP_OK) {
        for (size_t i = 0; i < noted.used; i++) {
            mp_entry *found = &noted.items[i];
            if (mp_target_of(all, found->key) != NULL) {
                replace_key(all, found);
                continue;
            }
            if (mp_target_of(all, found->value) != NULL) {
                mp_entry_set(dict_b, found->key, mp_renewed(all, found->value));
            }
            if (in_order && is_plain_key(found->key)) {
                move_to_end(found);
            }
        }
    }
    mp_entries_drop(&noted);
}

/* ---- sets -------------------------------------------------------------------------------- */

void
mp_note_items(PyObject *set_b, const mp_addresses *sought, mp_entries *noted)
{
    /* Owned. */
    PyObject *iterator = PySet_Type.tp_iter(set_b), *item = NULL;

    while (iterator != NULL && (item = PyIter_Next(iterator)) != NULL) {
        if (sought == NULL || mp_addresses_find(sought, item) >= 0) {
            mp_entries_add(noted, set_b, item, NULL);
        }
        Py_DECREF(item);
    }
    PyErr_Clear(); /* another thread changed its size: what is left is reported */
    Py_XDECREF(iterator);
}

static void
replace_in_set(const mp_replacement *all, PyObject *set_b)
{
    mp_entries noted = {0};

    mp_note_items(set_b, &all->donors, &noted);
    for (size_t i = 0; i < noted.used; i++) {
        PyObject *donor_b = noted.items[i].key;
        if (PySet_Discard(set_b, donor_b) > 0 && PySet_Add(set_b, mp_renewed(all, donor_b)) < 0) {
            PyErr_Clear();
            PySet_Add(set_b, donor_b);
        }
        PyErr_Clear();
    }
    mp_entries_drop(&noted);
}

/* A frozenset that somebody else holds has no API to change it, for its hash changes too. So a set is filled
 * with what it shall hold, hashed anew, and both exchange their content. */
void
mp_replace_in_frozenset(const mp_replacement *all, PyObject *frozenset_b)
{
    mp_entries noted = {0};
    /* Owned. */
    PyObject *content = PySet_New(NULL);

    mp_note_items(frozenset_b, NULL, &noted);
    if (content == NULL || (Py_ssize_t)noted.used != PySet_GET_SIZE(frozenset_b)) {
        goto done;
    }
    for (size_t i = 0; i < noted.used; i++) {
        if (PySet_Add(content, mp_renewed(all, noted.items[i].key)) < 0) {
            goto done;
        }
    }
    mp_stop_the_world();
    mp_set_exchange_tables(frozenset_b, content);
    mp_start_the_world();
done:
    PyErr_Clear();
    Py_XDECREF(content);
    mp_entries_drop(&noted);
}

/* ---- lists, deques, tuples --------------------------------------------------------------- */

PyTypeObject *
mp_deque_type(void)
{
    PyObject *module = PyImport_ImportModule("collections"), *type = NULL;

    if (module != NULL) {
        type = PyObject_GetAttrString(module, "deque");
        Py_DECREF(module);
    }
    return (PyTypeObject *)type;
}

static int
has_item(PyObject *const *items_b, Py_ssize_t count, PyObject *sought_b)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        if (items_b[i] == sought_b) {
            return 1;
        }
    }
    return 0;
}

/* A list that had the target before gets no duplicate. Inside a window; the caller's list keeps the
 * donors alive. */
static void
replace_in_list(const mp_replacement *all, PyObject *list_b)
{
    Py_ssize_t count = PyList_GET_SIZE(list_b), left = 0;
    PyObject **items_b = ((PyListObject *)list_b)->ob_item;

    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *target_b = mp_target_of(all, items_b[i]);
        if (target_b != NULL && has_item(items_b, count, target_b)) {
            Py_CLEAR(items_b[i]);
        }
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (items_b[i] != NULL) {
            PyObject *target_b = mp_target_of(all, items_b[i]);
            if (target_b != NULL) {
                Py_SETREF(items_b[i], Py_NewRef(target_b));
            }
            items_b[left++] = items_b[i];
        }
    }
    Py_SET_SIZE(list_b, left);
}

/* A new list of what a deque holds, whatever a derived class makes of it. */
static PyObject *
items_of_deque(const mp_replacement *all, PyObject *deque_b)
{
    PyObject *iterator = all->deque->tp_iter(deque_b), *items = NULL;

    if (iterator != NULL) {
        items = PySequence_List(iterator);
        Py_DECREF(iterator);
    }
    return items;
}

/* As for a list. */
static void
replace_in_deque(const mp_replacement *all, PyObject *deque_b)
{
    ssizeobjargproc assign = all->deque->tp_as_sequence->sq_ass_item;
    /* Owned. */
    PyObject *items = items_of_deque(all, deque_b);

    if (items != NULL) {
        PyObject **items_b = ((PyListObject *)items)->ob_item;
        for (Py_ssize_t i = PyList_GET_SIZE(items) - 1; i >= 0; i--) {
            PyObject *target_b = mp_target_of(all, items_b[i]);
            if (target_b != NULL) {
                int is_there = has_item(items_b, PyList_GET_SIZE(items), target_b);
                assign(deque_b, i, is_there ? NULL : target_b);
            }
        }
    }
    PyErr_Clear();
    Py_XDECREF(items);
}

static void
replace_in_tuple(const mp_replacement *all, PyObject *tuple_b)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple_b); i++) {
        PyObject **item_b = &((PyTupleObject *)tuple_b)->ob_item[i];
        PyObject *target_b = *item_b == NULL ? NULL : mp_target_of(all, *item_b);
        if (target_b != NULL) {
            Py_SETREF(*item_b, Py_NewRef(target_b));
        }
    }
    mp_tuple_forget_hash(tuple_b);
}

/* ---- all of them ------------------------------------------------------------------------- */

void
mp_replace_in_container(const mp_replacement *all, PyObject *holder_b)
{
    if (PyDict_Check(holder_b)) {
        mp_replace_in_dict(all, holder_b);
    }
    else if (PySet_Check(holder_b)) {
        replace_in_set(all, holder_b);
    }
    else if (PyAnySet_Check(holder_b)) {
        mp_replace_in_frozenset(all, holder_b);
    }
    else {
        mp_stop_the_world();
        if (PyList_Check(holder_b)) {
            replace_in_list(all, holder_b);
        }
        else if (PyTuple_Check(holder_b)) {
            replace_in_tuple(all, holder_b);
        }
        else if (PyObject_TypeCheck(holder_b, all->deque)) {
            replace_in_deque(all, holder_b);
        }
        mp_start_the_world();
    }
}
