/* replace.c - see replace.h. */
#include "replace.h"

#include "heap.h"

#include <stdlib.h>

/* How deep in tuples and frozensets something may lie whose hash changes, to be found again as a key. */
#define MP_KEY_DEPTH 3

typedef struct {
    PyObject *donor_b; /* first, for mp_by_address() */
    PyObject *target_b;
} pair;

typedef struct {
    pair *pairs;         /* borrowed from the caller's lists, sorted by donor */
    mp_addresses donors; /* the same donors in the same order */
    mp_addresses kept;   /* neither changed nor reported */
    mp_addresses parts;  /* dictionaries, MROs and bases of classes, which stand for them */
    mp_objects holders;
    mp_addresses hashed[MP_KEY_DEPTH]; /* objects whose hash depends on a donor; see find_keepers() */
    mp_objects keepers[MP_KEY_DEPTH];  /* and what holds those */
    mp_entries taken;                  /* entries that come back when their keys have changed */
    PyTypeObject *deque;               /* Owned. */
} replacement;

/* ---- what is what ------------------------------------------------------------------------ */

/* What takes the place of an object. Borrowed; NULL if it is no donor. Runs nothing. */
static PyObject *
target_of(const replacement *all, PyObject *object_b)
{
    Py_ssize_t at = mp_addresses_find(&all->donors, object_b);

    return at < 0 ? NULL : all->pairs[at].target_b;
}

/* The target of a donor, anything else itself. Borrowed. */
static PyObject *
renewed(const replacement *all, PyObject *object_b)
{
    PyObject *target_b = target_of(all, object_b);

    return target_b != NULL ? target_b : object_b;
}

/* True if a class holds one of a set in its dictionary, MRO or bases, which are objects of their own. */
static int
class_refers_to(PyObject *object_b, const mp_addresses *addresses)
{
    PyTypeObject *type_b = (PyTypeObject *)object_b;

    return PyType_Check(object_b) &&
           ((type_b->tp_dict != NULL && mp_refers_to(type_b->tp_dict, addresses)) ||
            (type_b->tp_mro != NULL && mp_refers_to(type_b->tp_mro, addresses)) ||
            (type_b->tp_bases != NULL && mp_refers_to(type_b->tp_bases, addresses)));
}

/* An mp_heap_question. */
static int
is_holder(PyObject *object_b, void *arg)
{
    replacement *all_b = arg;

    return mp_refers_to(object_b, &all_b->donors) || class_refers_to(object_b, &all_b->donors);
}

/* True for a descriptor that CPython made with a class that is a donor. */
static int
describes_donor(const replacement *all, PyObject *object_b)
{
    return (Py_IS_TYPE(object_b, &PyGetSetDescr_Type) || Py_IS_TYPE(object_b, &PyMemberDescr_Type) ||
            Py_IS_TYPE(object_b, &PyMethodDescr_Type) || Py_IS_TYPE(object_b, &PyWrapperDescr_Type) ||
            Py_IS_TYPE(object_b, &PyClassMethodDescr_Type)) &&
           target_of(all, (PyObject *)PyDescr_TYPE(object_b)) != NULL;
}

/* True for what is neither changed nor reported. */
static int
is_ours(const replacement *all, PyObject *object_b)
{
    return target_of(all, object_b) != NULL || mp_addresses_find(&all->kept, object_b) >= 0 ||
           mp_addresses_find(&all->parts, object_b) >= 0 || describes_donor(all, object_b);
}

/* True for what CPython or running code has copied something away from. */
static int
is_only_reported(PyObject *object_b)
{
    return PyType_Check(object_b) || PyFrame_Check(object_b) || PyGen_Check(object_b) ||
           PyCoro_CheckExact(object_b) || PyAsyncGen_CheckExact(object_b) || PyCode_Check(object_b);
}

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

/* ---- dictionaries ------------------------------------------------------------------------ */

/* Both by the storage, whatever a derived class makes of it. What was replaced lives on in `entries`. They
 * run the keys' Python, and drop its errors. */
static int
dict_set(PyObject *dict_b, PyObject *key_b, PyObject *value_b)
{
    int ret = PyODict_Check(dict_b) ? PyODict_SetItem(dict_b, key_b, value_b)
                                    : PyDict_SetItem(dict_b, key_b, value_b);

    PyErr_Clear();
    return ret;
}

static int
dict_delete(PyObject *dict_b, PyObject *key_b)
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
note_entries(const replacement *all, PyObject *dict_b, mp_entries *noted, int *in_order)
{
    int ret = MP_ERROR, has_key = 0, follows = 0;
    Py_ssize_t at = 0;
    /* Borrowed. */
    PyObject *key_b = NULL, *value_b = NULL;

    mp_stop_the_world();
    *in_order = !MP_FREE_THREADED && !PyODict_Check(dict_b);
    while (PyDict_Next(dict_b, &at, &key_b, &value_b)) {
        has_key = has_key || target_of(all, key_b) != NULL;
        if (has_key && !is_plain_key(key_b)) {
            *in_order = 0;
        }
    }
    *in_order = *in_order && has_key;
    at = 0;
    while (PyDict_Next(dict_b, &at, &key_b, &value_b)) {
        follows = follows || target_of(all, key_b) != NULL;
        if (((*in_order && follows) || target_of(all, key_b) != NULL ||
             target_of(all, value_b) != NULL) &&
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
replace_key(const replacement *all, mp_entry *found)
{
    if (dict_delete(found->holder, found->key) == MP_OK &&
        dict_set(found->holder, renewed(all, found->key), renewed(all, found->value)) < 0) {
        dict_set(found->holder, found->key, renewed(all, found->value));
    }
}

/* Move an entry that stays to the end, after those before it. Its key is a plain one. */
static void
move_to_end(mp_entry *found)
{
    /* Owned. A key before it may have given it another value than the one that was noted. */
    PyObject *value = Py_XNewRef(PyDict_GetItemWithError(found->holder, found->key));

    if (value != NULL && dict_delete(found->holder, found->key) == MP_OK) {
        dict_set(found->holder, found->key, value);
    }
    Py_XDECREF(value);
}

static void
replace_in_dict(const replacement *all, PyObject *dict_b)
{
    int in_order = 0;
    mp_entries noted = {0};

    if (note_entries(all, dict_b, &noted, &in_order) == MP_OK) {
        for (size_t i = 0; i < noted.used; i++) {
            mp_entry *found = &noted.items[i];
            if (target_of(all, found->key) != NULL) {
                replace_key(all, found);
                continue;
            }
            if (target_of(all, found->value) != NULL) {
                dict_set(dict_b, found->key, renewed(all, found->value));
            }
            if (in_order && is_plain_key(found->key)) {
                move_to_end(found);
            }
        }
    }
    mp_entries_drop(&noted);
}

/* ---- sets -------------------------------------------------------------------------------- */

/* Note the items of a set that are among some, or all. The set's own iterator, whatever a derived class
 * makes of it. */
static void
note_items(PyObject *set_b, const mp_addresses *sought, mp_entries *noted)
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
replace_in_set(const replacement *all, PyObject *set_b)
{
    mp_entries noted = {0};

    note_items(set_b, &all->donors, &noted);
    for (size_t i = 0; i < noted.used; i++) {
        PyObject *donor_b = noted.items[i].key;
        if (PySet_Discard(set_b, donor_b) > 0 && PySet_Add(set_b, renewed(all, donor_b)) < 0) {
            PyErr_Clear();
            PySet_Add(set_b, donor_b);
        }
        PyErr_Clear();
    }
    mp_entries_drop(&noted);
}

/* Exchange the content of two sets (Objects/setobject.c, set_swap_bodies). A frozenset knows its hash. */
static void
exchange_tables(PySetObject *left_b, PySetObject *right_b)
{
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

/* A frozenset that somebody else holds has no API to change it, for its hash changes too. So a set is filled
 * with what it shall hold, hashed anew, and both exchange their content. */
static void
rebuild_frozenset(const replacement *all, PyObject *frozenset_b)
{
    mp_entries noted = {0};
    /* Owned. */
    PyObject *content = PySet_New(NULL);

    note_items(frozenset_b, NULL, &noted);
    if (content == NULL || (Py_ssize_t)noted.used != PySet_GET_SIZE(frozenset_b)) {
        goto done;
    }
    for (size_t i = 0; i < noted.used; i++) {
        if (PySet_Add(content, renewed(all, noted.items[i].key)) < 0) {
            goto done;
        }
    }
    mp_stop_the_world();
    exchange_tables((PySetObject *)frozenset_b, (PySetObject *)content);
    mp_start_the_world();
done:
    PyErr_Clear();
    Py_XDECREF(content);
    mp_entries_drop(&noted);
}

/* ---- lists, deques, tuples --------------------------------------------------------------- */

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
replace_in_list(const replacement *all, PyObject *list_b)
{
    Py_ssize_t count = PyList_GET_SIZE(list_b), left = 0;
    PyObject **items_b = ((PyListObject *)list_b)->ob_item;

    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *target_b = target_of(all, items_b[i]);
        if (target_b != NULL && has_item(items_b, count, target_b)) {
            Py_CLEAR(items_b[i]);
        }
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (items_b[i] != NULL) {
            PyObject *target_b = target_of(all, items_b[i]);
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
items_of_deque(const replacement *all, PyObject *deque_b)
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
replace_in_deque(const replacement *all, PyObject *deque_b)
{
    ssizeobjargproc assign = all->deque->tp_as_sequence->sq_ass_item;
    /* Owned. */
    PyObject *items = items_of_deque(all, deque_b);

    if (items != NULL) {
        PyObject **items_b = ((PyListObject *)items)->ob_item;
        for (Py_ssize_t i = PyList_GET_SIZE(items) - 1; i >= 0; i--) {
            PyObject *target_b = target_of(all, items_b[i]);
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
replace_in_tuple(const replacement *all, PyObject *tuple_b)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple_b); i++) {
        PyObject **item_b = &((PyTupleObject *)tuple_b)->ob_item[i];
        PyObject *target_b = *item_b == NULL ? NULL : target_of(all, *item_b);
        if (target_b != NULL) {
            Py_SETREF(*item_b, Py_NewRef(target_b));
        }
    }
    mp_tuple_forget_hash(tuple_b);
}

/* ---- all other objects ------------------------------------------------------------------- */

typedef struct {
    PyObject *donor_b, *target_b;
    size_t donors, targets;
} visits;

static int
count_visit(PyObject *object_b, void *arg)
{
    visits *counted = arg;

    counted->donors += object_b == counted->donor_b;
    counted->targets += object_b == counted->target_b;
    return 0;
}

static visits
count_visits(PyObject *holder_b, PyObject *donor_b, PyObject *target_b)
{
    visits counted = {.donor_b = donor_b, .target_b = target_b};

    Py_TYPE(holder_b)->tp_traverse(holder_b, count_visit, &counted);
    return counted;
}

/* True if one can stand where the other did, as far as code in C can tell. */
static int
is_alike(PyObject *holder_b, PyObject *donor_b, PyObject *target_b)
{
    if (PyDict_Check(donor_b) || PyTuple_Check(donor_b) || PyCode_Check(donor_b)) {
        return !PyFunction_Check(holder_b); /* whose parts belong together: see function.c */
    }
    return Py_TYPE(donor_b) == Py_TYPE(target_b) ||
           (PyType_Check(donor_b) && PyType_Check(target_b)) ||
           (!PyType_Check(donor_b) && !PyType_Check(target_b) &&
            ((PyCallable_Check(donor_b) && PyCallable_Check(target_b)) ||
             (PyType_HasFeature(Py_TYPE(donor_b), Py_TPFLAGS_HEAPTYPE) &&
              PyType_HasFeature(Py_TYPE(target_b), Py_TPFLAGS_HEAPTYPE))));
}

/* Where the fields begin that a container's own function has not dealt with; of a weak reference, which
 * belongs to one object and its callback, those that a derived class has. */
static size_t
first_field(PyObject *holder_b)
{
    PyTypeObject *known_b = PyODict_Check(holder_b)    ? &PyODict_Type
                            : PyDict_Check(holder_b)   ? &PyDict_Type
                            : PyList_Check(holder_b)   ? &PyList_Type
                            : PyTuple_Check(holder_b)  ? &PyTuple_Type
                            : PyAnySet_Check(holder_b) ? &PySet_Type
                            : PyWeakref_Check(holder_b) ? &_PyWeakref_RefType
                                                        : &PyBaseObject_Type;

    return (size_t)known_b->tp_basicsize;
}

/* Exchange the fields of an object. A word that happens to be the donor's address need not be a reference
 * that is owned (a context variable remembers the last value it had); but one that is owned the collector
 * must be shown, and so it is one if and only if what tp_traverse shows changes with it. Inside a window. */
static void
replace_fields(const replacement *all, PyObject *holder_b)
{
    char *end = (char *)holder_b + Py_TYPE(holder_b)->tp_basicsize;

    for (char *at = (char *)holder_b + first_field(holder_b); at + sizeof(PyObject *) <= end;
         at += sizeof(PyObject *)) {
        PyObject **field_b = (PyObject **)at, *donor_b = *field_b;
        PyObject *target_b = donor_b == NULL ? NULL : target_of(all, donor_b);
        if (target_b != NULL && is_alike(holder_b, donor_b, target_b)) {
            visits before = count_visits(holder_b, donor_b, target_b), after;
            *field_b = target_b;
            after = count_visits(holder_b, donor_b, target_b);
            if (after.donors + 1 == before.donors && after.targets == before.targets + 1) {
                Py_INCREF(target_b);
                Py_DECREF(donor_b);
            }
            else {
                *field_b = donor_b;
            }
        }
    }
}

/* The attributes of an instance: they may lie in the instance itself (gh-89503), and the dictionary that is
 * made here shows and changes them there or takes them over. */
static void
replace_attributes(const replacement *all, PyObject *holder_b)
{
    /* Owned. */
    PyObject *attributes = PyObject_GenericGetDict(holder_b, NULL);

    if (attributes != NULL && PyDict_Check(attributes)) {
        replace_in_dict(all, attributes);
    }
    PyErr_Clear();
    Py_XDECREF(attributes);
}

/* Give the instances of a donor the target, by CPython's own rules. */
static void
replace_class(const replacement *all, PyObject *instance_b)
{
    /* Borrowed. */
    PyObject *target_b = target_of(all, (PyObject *)Py_TYPE(instance_b)), *setter_b = NULL;
    /* Owned. */
    PyObject *name = NULL;

    if (target_b == NULL) {
        return;
    }
    name = PyUnicode_InternFromString("__class__");
    setter_b = name == NULL ? NULL : _PyType_Lookup(&PyBaseObject_Type, name);
    if (setter_b != NULL) {
        Py_TYPE(setter_b)->tp_descr_set(setter_b, instance_b, target_b);
    }
    PyErr_Clear();
    Py_XDECREF(name);
}

static int
still_refers(const replacement *all, PyObject *holder_b)
{
    int refers = 0;

    mp_stop_the_world();
    refers = mp_refers_to(holder_b, &all->donors);
    mp_start_the_world();
    return refers;
}

static void
replace_in_holder(const replacement *all, PyObject *holder_b)
{
    if (PyDict_Check(holder_b)) {
        replace_in_dict(all, holder_b);
    }
    else if (PySet_Check(holder_b)) {
        replace_in_set(all, holder_b);
    }
    else if (PyAnySet_Check(holder_b)) {
        rebuild_frozenset(all, holder_b);
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
    if (!PyModule_Check(holder_b) && still_refers(all, holder_b)) {
        mp_stop_the_world();
        replace_fields(all, holder_b);
        mp_start_the_world();
        if (PyType_HasFeature(Py_TYPE(holder_b), Py_TPFLAGS_HEAPTYPE) &&
            Py_TYPE(holder_b)->tp_dictoffset != 0 && still_refers(all, holder_b)) {
            replace_attributes(all, holder_b);
        }
    }
}

/* ---- keys -------------------------------------------------------------------------------- */

/* A tuple that is changed in place is not found any more as a key, nor is a tuple of such tuples, and so on.
 * And where a property of a class is changed, its class must be told: instructions that are specialised for
 * it call a function that may be gone (LOAD_ATTR_PROPERTY, gh-93911). So whatever holds what will be changed
 * is found before. */
typedef struct {
    const mp_addresses *hashed_b;
} keeper_search;

/* An mp_heap_question. */
static int
is_keeper(PyObject *object_b, void *arg)
{
    const mp_addresses *hashed_b = ((keeper_search *)arg)->hashed_b;

    return PyType_Check(object_b)
               ? class_refers_to(object_b, hashed_b)
               : (PyDict_Check(object_b) || PyAnySet_Check(object_b) || PyTuple_Check(object_b)) &&
                     mp_refers_to(object_b, hashed_b);
}

/* Room for as many addresses as there are objects in a list of found ones. */
static int
addresses_for(mp_addresses *addresses, size_t count)
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

static void
sort_addresses(mp_addresses *addresses)
{
    qsort(addresses->items_b, addresses->used, sizeof(*addresses->items_b), mp_by_address);
}

static int
find_keepers(replacement *all)
{
    int ret = MP_ERROR;
    keeper_search search = {0};
    mp_objects *found_b = &all->holders;

    for (int depth = 0; depth < MP_KEY_DEPTH; depth++) {
        mp_addresses *hashed_b = &all->hashed[depth];
        if (addresses_for(hashed_b, found_b->used) < 0) {
            goto done;
        }
        for (size_t i = 0; i < found_b->used; i++) {
            PyObject *object_b = found_b->items[i];
            if (is_ours(all, object_b) || is_only_reported(object_b)) {
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
        sort_addresses(hashed_b);
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
take_keys(replacement *all, PyObject *dict_b, const mp_addresses *hashed)
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
            dict_delete(dict_b, found->key) < 0) {
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
take_items(replacement *all, PyObject *set_b, const mp_addresses *hashed)
{
    mp_entries noted = {0};

    note_items(set_b, hashed, &noted);
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
have_hashes(const replacement *all)
{
    for (size_t i = 0; i < all->donors.used; i++) {
        if (PyObject_Hash(all->pairs[i].target_b) == -1) {
            PyErr_Clear();
            return 0;
        }
    }
    return 1;
}

/* Before the change. */
static void
take_out(replacement *all)
{
    if (all->keepers[0].used == 0 || !have_hashes(all)) {
        return;
    }
    for (int depth = 0; depth < MP_KEY_DEPTH; depth++) {
        for (size_t i = 0; i < all->keepers[depth].used; i++) {
            PyObject *keeper_b = all->keepers[depth].items[i];
            if (is_ours(all, keeper_b)) {
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

/* After it: the innermost first. */
static void
put_back(replacement *all)
{
    for (int depth = 0; depth < MP_KEY_DEPTH; depth++) {
        for (size_t i = 0; i < all->keepers[depth].used; i++) {
            PyObject *keeper_b = all->keepers[depth].items[i];
            if (PyType_Check(keeper_b)) {
                PyType_Modified((PyTypeObject *)keeper_b);
                mp_type_open_caches((PyTypeObject *)keeper_b);
            }
            else if (is_ours(all, keeper_b)) {
                continue;
            }
            else if (PyFrozenSet_Check(keeper_b)) {
                rebuild_frozenset(all, keeper_b);
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
            dict_set(taken->holder, taken->key, taken->value);
        }
        else if (PySet_Add(taken->holder, taken->key) < 0) {
            PyErr_Clear();
        }
    }
}

/* ---- leftovers --------------------------------------------------------------------------- */

typedef struct {
    const replacement *all_b;
    PyObject *holder_b;
    mp_entries *left; /* holder, and the donor as key */
    int is_out_of_memory;
} leftover_search;

/* A visitproc. */
static int
note_leftover(PyObject *object_b, void *arg)
{
    leftover_search *search_b = arg;

    if (target_of(search_b->all_b, object_b) == NULL) {
        return 0;
    }
    for (size_t i = search_b->left->used; i-- > 0;) {
        mp_entry *known = &search_b->left->items[i];
        if (known->holder != search_b->holder_b) {
            break;
        }
        if (known->key == object_b) {
            return 0;
        }
    }
    if (mp_entries_add(search_b->left, search_b->holder_b, object_b, NULL) < 0) {
        search_b->is_out_of_memory = 1;
    }
    return 0;
}

static void
note_leftovers_in(PyObject *object_b, leftover_search *search)
{
    if (object_b != NULL) {
        Py_TYPE(object_b)->tp_traverse(object_b, note_leftover, search);
    }
}

/* What still refers to a donor, in what was found at first. */
static int
note_leftovers(const replacement *all, mp_entries *left)
{
    leftover_search search = {.all_b = all, .left = left};

    mp_stop_the_world();
    for (size_t i = 0; i < all->holders.used; i++) {
        PyObject *holder_b = all->holders.items[i];
        if (is_ours(all, holder_b)) {
            continue;
        }
        search.holder_b = holder_b;
        note_leftover((PyObject *)Py_TYPE(holder_b), &search);
        note_leftovers_in(holder_b, &search);
        if (PyType_Check(holder_b)) {
            note_leftovers_in(((PyTypeObject *)holder_b)->tp_dict, &search);
            note_leftovers_in(((PyTypeObject *)holder_b)->tp_mro, &search);
            note_leftovers_in(((PyTypeObject *)holder_b)->tp_bases, &search);
        }
    }
    mp_start_the_world();
    if (search.is_out_of_memory) {
        PyErr_NoMemory();
    }
    return search.is_out_of_memory ? MP_ERROR : MP_OK;
}

/* The local variables of one frame that runs. */
static int
note_frame(const replacement *all, PyFrameObject *frame_b, mp_entries *left)
{
    int ret = MP_ERROR;
    leftover_search search = {.all_b = all, .left = left, .holder_b = (PyObject *)frame_b};
    /* Owned. */
    PyObject *values = mp_frame_values(frame_b);

    if (values == NULL) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(values); i++) {
        note_leftover(PyList_GET_ITEM(values, i), &search);
    }
    ret = search.is_out_of_memory ? MP_ERROR : MP_OK;
done:
    Py_XDECREF(values);
    return ret;
}

/* Frames that run are not shown to the collector. Those of this thread are the caller's, and what called
 * that, which can hold nothing that was made since. */
static int
note_running(const replacement *all, mp_entries *left)
{
    int ret = MP_OK;
    /* Borrowed. */
    PyThreadState *thread_b = NULL;

    mp_stop_the_world();
    thread_b = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
    for (; thread_b != NULL && ret == MP_OK; thread_b = PyThreadState_Next(thread_b)) {
        PyFrameObject *frame =
            thread_b == PyThreadState_Get() ? NULL : PyThreadState_GetFrame(thread_b);
        while (frame != NULL && ret == MP_OK) {
            PyFrameObject *outer = PyFrame_GetBack(frame);
            ret = note_frame(all, frame, left);
            Py_DECREF(frame);
            frame = outer;
        }
        Py_XDECREF(frame);
    }
    mp_start_the_world();
    if (ret < 0 && !PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    return ret;
}

/* A new list of (donor, holder). */
static PyObject *
report(const mp_entries *left)
{
    int ret = MP_ERROR;
    /* Owned. */
    PyObject *list = PyList_New((Py_ssize_t)left->used);

    if (list == NULL) {
        goto done;
    }
    for (size_t i = 0; i < left->used; i++) {
        PyObject *leftover = PyTuple_Pack(2, left->items[i].key, left->items[i].holder);
        if (leftover == NULL) {
            goto done;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)i, leftover);
    }
    ret = MP_OK;
done:
    if (ret < 0) {
        Py_CLEAR(list);
    }
    return list;
}

/* ---- all of it --------------------------------------------------------------------------- */

/* The class `collections.deque`. New reference. */
static PyTypeObject *
deque_type(void)
{
    PyObject *module = PyImport_ImportModule("collections"), *type = NULL;

    if (module != NULL) {
        type = PyObject_GetAttrString(module, "deque");
        Py_DECREF(module);
    }
    return (PyTypeObject *)type;
}

static int
note_pairs(replacement *all, PyObject *donors_b, PyObject *targets_b)
{
    int ret = MP_ERROR;
    size_t count = (size_t)PyList_GET_SIZE(donors_b);

    if (PyList_GET_SIZE(targets_b) != (Py_ssize_t)count) {
        PyErr_SetString(PyExc_ValueError, "each donor has one target");
        goto done;
    }
    all->pairs = PyMem_Calloc(count + 1, sizeof(*all->pairs));
    if (all->pairs == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    if (addresses_for(&all->donors, count) < 0) {
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        all->pairs[all->donors.used].donor_b = PyList_GET_ITEM(donors_b, (Py_ssize_t)i);
        all->pairs[all->donors.used].target_b = PyList_GET_ITEM(targets_b, (Py_ssize_t)i);
        /* What is its own target stays. */
        all->donors.used += PyList_GET_ITEM(donors_b, (Py_ssize_t)i) !=
                            PyList_GET_ITEM(targets_b, (Py_ssize_t)i);
    }
    qsort(all->pairs, all->donors.used, sizeof(*all->pairs), mp_by_address);
    for (size_t i = 0; i < all->donors.used; i++) {
        all->donors.items_b[i] = all->pairs[i].donor_b;
    }
    ret = MP_OK;
done:
    return ret;
}

/* The caller's objects: its lists, and what the last of them holds. */
static int
note_kept(replacement *all, PyObject *donors_b, PyObject *targets_b, PyObject *kept_b)
{
    int ret = MP_ERROR;
    size_t count = (size_t)PyList_GET_SIZE(kept_b);

    if (addresses_for(&all->kept, count + 3) < 0) {
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        all->kept.items_b[i] = PyList_GET_ITEM(kept_b, (Py_ssize_t)i);
    }
    all->kept.items_b[count] = donors_b;
    all->kept.items_b[count + 1] = targets_b;
    all->kept.items_b[count + 2] = kept_b;
    all->kept.used = count + 3;
    sort_addresses(&all->kept);
    ret = MP_OK;
done:
    return ret;
}

/* What belongs to a class and must not be changed behind its back. */
static int
note_parts(replacement *all)
{
    int ret = MP_ERROR;

    if (addresses_for(&all->parts, 3 * all->holders.used) < 0) {
        goto done;
    }
    for (size_t i = 0; i < all->holders.used; i++) {
        if (PyType_Check(all->holders.items[i])) {
            PyTypeObject *type_b = (PyTypeObject *)all->holders.items[i];
            PyObject *parts_b[] = {type_b->tp_dict, type_b->tp_mro, type_b->tp_bases};
            for (size_t n = 0; n < 3; n++) {
                if (parts_b[n] != NULL) {
                    all->parts.items_b[all->parts.used++] = parts_b[n];
                }
            }
        }
    }
    sort_addresses(&all->parts);
    ret = MP_OK;
done:
    return ret;
}

static void
drop_replacement(replacement *all)
{
    mp_entries_drop(&all->taken);
    for (int depth = 0; depth < MP_KEY_DEPTH; depth++) {
        mp_objects_drop(&all->keepers[depth]);
        mp_addresses_drop(&all->hashed[depth]);
    }
    mp_objects_drop(&all->holders);
    mp_addresses_drop(&all->parts);
    mp_addresses_drop(&all->kept);
    mp_addresses_drop(&all->donors);
    PyMem_Free(all->pairs);
    Py_XDECREF(all->deque);
}

PyObject *
mp_replace_references(PyObject *donors, PyObject *targets, PyObject *kept)
{
    int was_enabled = PyGC_Disable(); /* on 3.11 an allocation collects, and finalizers run */
    replacement all = {0};
    mp_entries left = {0};
    /* Owned. */
    PyObject *leftovers = NULL;

    if (note_pairs(&all, donors, targets) < 0 || note_kept(&all, donors, targets, kept) < 0 ||
        (all.deque = deque_type()) == NULL || mp_heap_find(is_holder, &all, &all.holders) < 0 ||
        note_parts(&all) < 0 || find_keepers(&all) < 0) {
        goto done;
    }
    for (size_t i = 0; i < all.holders.used; i++) {
        if (mp_addresses_find(&all.kept, all.holders.items[i]) < 0) {
            replace_class(&all, all.holders.items[i]);
        }
    }
    take_out(&all);
    for (size_t i = 0; i < all.holders.used; i++) {
        if (!is_ours(&all, all.holders.items[i]) && !is_only_reported(all.holders.items[i])) {
            replace_in_holder(&all, all.holders.items[i]);
        }
    }
    put_back(&all);
    if (note_leftovers(&all, &left) == MP_OK && note_running(&all, &left) == MP_OK) {
        leftovers = report(&left);
    }
done:
    mp_entries_drop(&left);
    drop_replacement(&all);
    if (was_enabled) {
        PyGC_Enable();
    }
    return leftovers;
}

/* ---- who holds how many ------------------------------------------------------------------ */

typedef struct {
    mp_addresses sought;
    PyObject *list_b; /* Borrowed: the caller's. */
    PyTypeObject *deque_b;
} list_search;

/* An mp_heap_question. */
static int
is_list_holding(PyObject *object_b, void *arg)
{
    list_search *search_b = arg;

    return (PyList_Check(object_b) || PyObject_TypeCheck(object_b, search_b->deque_b)) &&
           object_b != search_b->list_b && mp_refers_to(object_b, &search_b->sought);
}

/* Append (holder, object, count) for each object that a holder holds. */
static int
append_counts(PyObject *counts, PyObject *holder_b, list_search *search)
{
    int ret = MP_ERROR;
    /* Owned. */
    PyObject *items = NULL, *iterator = NULL;

    if (PyList_Check(holder_b)) {
        items = PyList_GetSlice(holder_b, 0, PY_SSIZE_T_MAX);
    }
    else {
        mp_stop_the_world();
        iterator = search->deque_b->tp_iter(holder_b);
        items = iterator == NULL ? NULL : PySequence_List(iterator);
        Py_XDECREF(iterator);
        mp_start_the_world();
    }
    if (items == NULL) {
        goto done;
    }
    for (size_t i = 0; i < search->sought.used; i++) {
        PyObject *object_b = search->sought.items_b[i];
        Py_ssize_t count = 0;
        if (i > 0 && search->sought.items_b[i - 1] == object_b) {
            continue;
        }
        for (Py_ssize_t n = 0; n < PyList_GET_SIZE(items); n++) {
            count += PyList_GET_ITEM(items, n) == object_b;
        }
        if (count > 0) {
            PyObject *found = Py_BuildValue("(OOn)", holder_b, object_b, count);
            int is_appended = found == NULL ? MP_ERROR : PyList_Append(counts, found);
            Py_XDECREF(found);
            if (is_appended < 0) {
                goto done;
            }
        }
    }
    ret = MP_OK;
done:
    Py_XDECREF(items);
    return ret;
}

PyObject *
mp_lists_holding(PyObject *objects)
{
    int ret = MP_ERROR;
    list_search search = {.list_b = objects};
    mp_objects found = {0};
    /* Owned. */
    PyObject *counts = NULL;
    PyTypeObject *deque = deque_type();

    search.deque_b = deque;
    if (deque == NULL || mp_addresses_of(&search.sought, objects) < 0 ||
        mp_heap_find(is_list_holding, &search, &found) < 0) {
        goto done;
    }
    counts = PyList_New(0);
    for (size_t i = 0; counts != NULL && i < found.used; i++) {
        if (append_counts(counts, found.items[i], &search) < 0) {
            goto done;
        }
    }
    ret = counts == NULL ? MP_ERROR : MP_OK;
done:
    mp_objects_drop(&found);
    mp_addresses_drop(&search.sought);
    Py_XDECREF(deque);
    if (ret < 0) {
        Py_CLEAR(counts);
    }
    return counts;
}
