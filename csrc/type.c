/* type.c - see type.h. */
#include "type.h"

#include "bases.h"
#include "layout.h"
#include "special.h"

#define MP_TYPE_COLLECTION_FLAGS (Py_TPFLAGS_SEQUENCE | Py_TPFLAGS_MAPPING)
#define MP_TYPE_FLAGS (MP_TYPE_COLLECTION_FLAGS | Py_TPFLAGS_IS_ABSTRACT)

/* ---- prepare ----------------------------------------------------------------------------- */

static int
check_bases(PyTypeObject *target, PyObject *bases)
{
    int ret = MP_ERROR;
    const char *difference = NULL;
    /* Borrowed. */
    PyTypeObject *best_b = NULL;

    if (!PyTuple_Check(bases) || PyTuple_GET_SIZE(bases) == 0) {
        PyErr_SetString(PyExc_TypeError, "the bases of a class are a tuple of one class or more");
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++) {
        if (!PyType_Check(PyTuple_GET_ITEM(bases, i))) {
            PyErr_Format(PyExc_TypeError, "expected a class as base, not '%.200s'",
                         Py_TYPE(PyTuple_GET_ITEM(bases, i))->tp_name);
            goto done;
        }
    }
    if (!mp_layout_is_of_python(target)) {
        PyErr_Format(PyExc_TypeError, "'%.200s' is written in C and keeps its bases",
                     target->tp_name);
        goto done;
    }
    best_b = mp_layout_best_base(bases);
    if (best_b == NULL) { /* in the words of CPython's best_base */
        PyErr_SetString(PyExc_TypeError, "multiple bases have instance lay-out conflict");
        goto done;
    }
    difference = mp_layout_base_difference(target, best_b);
    if (difference != NULL) {
        PyErr_SetString(PyExc_ValueError, difference);
        goto done;
    }
    ret = MP_OK;
done:
    return ret;
}

static int
check_metaclass(PyTypeObject *target, PyObject *metaclass)
{
    int ret = MP_ERROR;
    /* Borrowed. */
    PyTypeObject *before_b = Py_TYPE(target), *after_b = (PyTypeObject *)metaclass;

    if (!PyType_Check(metaclass) || !PyType_IsSubtype(after_b, &PyType_Type)) {
        PyErr_Format(PyExc_TypeError, "expected a metaclass, not '%.200s'",
                     PyType_Check(metaclass) ? after_b->tp_name : Py_TYPE(metaclass)->tp_name);
        goto done;
    }
    if (!mp_layout_is_of_python(target)) {
        PyErr_Format(PyExc_TypeError, "'%.200s' is written in C and keeps its metaclass",
                     target->tp_name);
        goto done;
    }
    if (!mp_layout_has_same_sizes(before_b, after_b) || mp_layout_in_c(before_b) != mp_layout_in_c(after_b)) {
        PyErr_SetString(PyExc_ValueError, "its metaclass stores something else in a class");
        goto done;
    }
    ret = MP_OK;
done:
    return ret;
}

static int
check_class(PyObject *target)
{
    int ret = MP_ERROR;

    if (!PyType_Check(target)) {
        PyErr_Format(PyExc_TypeError, "expected a class, not '%.200s'", Py_TYPE(target)->tp_name);
        goto done;
    }
    if (!PyType_HasFeature((PyTypeObject *)target, Py_TPFLAGS_HEAPTYPE) ||
        PyType_HasFeature((PyTypeObject *)target, Py_TPFLAGS_IMMUTABLETYPE)) {
        PyErr_Format(PyExc_TypeError, "'%.200s' is written in C and cannot be changed",
                     ((PyTypeObject *)target)->tp_name);
        goto done;
    }
    ret = MP_OK;
done:
    return ret;
}

/* What `match` takes a class for, a sequence or a mapping, it has from the first class in its MRO that
 * says so (inherit_patma_flags, Objects/typeobject.c), unless it was registered itself. */
static unsigned long
inherited_collection(PyTypeObject *type_b)
{
    unsigned long flags = 0;

    for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(type_b->tp_mro) && flags == 0; i++) {
        PyObject *base_b = PyTuple_GET_ITEM(type_b->tp_mro, i);
        flags = ((PyTypeObject *)base_b)->tp_flags & MP_TYPE_COLLECTION_FLAGS;
    }
    return flags;
}

/* The flags that go with the new content. CPython sees to them only when a class is made. */
static unsigned long
flags_for(PyTypeObject *target, PyObject *content, PyTypeObject *donor)
{
    unsigned long before = target->tp_flags, collection = before & MP_TYPE_COLLECTION_FLAGS;
    unsigned long abstract = before & Py_TPFLAGS_IS_ABSTRACT;
    PyObject *now_b = PyDict_GetItemString(content, "__abstractmethods__");
    PyObject *had_b = PyDict_GetItemString(target->tp_dict, "__abstractmethods__");

    if (donor != NULL && collection == inherited_collection(target)) {
        collection = donor->tp_flags & MP_TYPE_COLLECTION_FLAGS;
    }
    if (now_b != had_b) { /* a class can have them without being abstract: if its body says so */
        abstract = now_b != NULL && PyAnySet_Check(now_b) && PySet_GET_SIZE(now_b) != 0
                       ? Py_TPFLAGS_IS_ABSTRACT
                       : 0;
    }
    return collection | abstract;
}

/* The classes that follow another in being a sequence or a mapping. */
typedef struct {
    PyTypeObject *leader_b;
    PyObject *list_b;
} followers;

/* Append a class to the followers if it is the same collection as the leader is, because that is. */
static int
follow(PyTypeObject *type, void *context)
{
    followers *followers_b = context;
    unsigned long flags = type->tp_flags & MP_TYPE_COLLECTION_FLAGS;
    int is_leader = type == followers_b->leader_b;
    int follows = flags == (followers_b->leader_b->tp_flags & MP_TYPE_COLLECTION_FLAGS) &&
                  flags == inherited_collection(type);

    if (follows && !is_leader && PyList_Append(followers_b->list_b, (PyObject *)type) < 0) {
        return MP_ERROR;
    }
    return is_leader || follows;
}

int
mp_type_prepare(mp_type_edit *edit, PyObject *target, PyObject *content, PyObject *bases,
                PyObject *metaclass, PyObject *donor)
{
    int ret = MP_ERROR;
    /* Borrowed. */
    PyTypeObject *target_b = (PyTypeObject *)target;

    memset(edit, 0, sizeof(*edit));
    if (check_class(target) < 0) {
        goto done;
    }
    if (!PyDict_CheckExact(content) || !mp_dict_has_plain_names(content)) {
        PyErr_SetString(PyExc_TypeError, "the content of a class is a plain dict with names as keys");
        goto done;
    }
    if (donor != NULL && !PyType_Check(donor)) {
        PyErr_Format(PyExc_TypeError, "expected a class, not '%.200s'", Py_TYPE(donor)->tp_name);
        goto done;
    }
    if ((bases != NULL && check_bases(target_b, bases) < 0) ||
        (metaclass != NULL && check_metaclass(target_b, metaclass) < 0)) {
        goto done;
    }
    edit->flags = flags_for(target_b, content, bases == NULL ? NULL : (PyTypeObject *)donor);
    if ((edit->flags ^ target_b->tp_flags) & MP_TYPE_COLLECTION_FLAGS) {
        edit->followers = PyList_New(0);
        if (edit->followers == NULL ||
            mp_bases_visit(target_b, follow, &(followers){target_b, edit->followers}) < 0) {
            goto done;
        }
    }
    if (mp_dict_prepare(&edit->content, target_b->tp_dict, content, NULL) < 0) {
        goto done;
    }
    edit->target = (PyTypeObject *)Py_NewRef(target);
    edit->bases = Py_XNewRef(bases);
    edit->metaclass = (PyTypeObject *)Py_XNewRef(metaclass);
    ret = MP_OK;
done:
    if (ret < 0) {
        Py_CLEAR(edit->followers);
    }
    return ret;
}

void
mp_type_discard(mp_type_edit *edit)
{
    mp_dict_discard(&edit->content);
    Py_CLEAR(edit->bases);
    Py_CLEAR(edit->metaclass);
    Py_CLEAR(edit->special);
    Py_CLEAR(edit->followers);
    Py_CLEAR(edit->target);
}

/* ---- bases and metaclass ----------------------------------------------------------------- */

int
mp_type_moves(mp_type_edit *edit)
{
    return edit->bases != NULL || edit->metaclass != NULL;
}

/* What a class is an instance of it keeps alive only if that is a class of Python, as all objects do
 * (_PyObject_Init and type_dealloc): `type` is not counted. */
static void
exchange_metaclass(mp_type_edit *edit)
{
    /* Owned by the class if it is counted at all. */
    PyTypeObject *before = Py_TYPE(edit->target), *after = edit->metaclass;

    if (after != NULL) {
        PyType_Modified(edit->target);
        if (!PyType_HasFeature(before, Py_TPFLAGS_HEAPTYPE)) {
            Py_INCREF(before);
        }
        mp_stop_the_world();
        Py_SET_TYPE(edit->target, after);
        mp_start_the_world();
        edit->metaclass = before;
        if (!PyType_HasFeature(after, Py_TPFLAGS_HEAPTYPE)) {
            Py_DECREF(after);
        }
    }
}

int
mp_type_move(mp_type_edit *edit)
{
    int ret = MP_OK;
    /* Owned. */
    PyObject *before = NULL;

    exchange_metaclass(edit); /* for it is the new one whose `mro` counts */
    if (edit->bases != NULL) {
        before = Py_NewRef(edit->target->tp_bases);
        ret = mp_bases_set(edit->target, edit->bases);
        if (ret == MP_OK) {
            Py_SETREF(edit->bases, Py_NewRef(before));
        }
        else {
            exchange_metaclass(edit);
        }
    }
    Py_XDECREF(before);
    return ret;
}

/* ---- the exchange ------------------------------------------------------------------------ */

int
mp_type_note(mp_type_edit *edit)
{
    int ret = MP_ERROR;

    Py_XSETREF(edit->special, PyList_New(0));
    if (edit->special == NULL || mp_dict_note(&edit->content) < 0) {
        goto done;
    }
    if (!mp_dict_is_idle(&edit->content) &&
        (mp_special_note(edit->special, edit->content.found, edit->content.content, 1) < 0 ||
         mp_special_note(edit->special, edit->content.content, edit->content.found, 0) < 0)) {
        goto done;
    }
    /* Who gives it other bases invalidates its caches, too. */
    edit->same = edit->metaclass == NULL && mp_dict_is_idle(&edit->content) &&
                 ((edit->flags ^ edit->target->tp_flags) & MP_TYPE_FLAGS) == 0;
    edit->noted = 1;
    ret = MP_OK;
done:
    return ret;
}

void
mp_type_close(mp_type_edit *edit)
{
    if (!edit->same) {
        mp_type_close_caches(edit->target);
    }
}

int
mp_type_is_closed(mp_type_edit *edit)
{
    return edit->same || mp_type_is_closed_to_caches(edit->target);
}

int
mp_type_is_current(mp_type_edit *edit)
{
    return mp_dict_is_current(&edit->content);
}

/* Exchange the flags of the class, and give those that follow it what it says of collections. */
static void
exchange_flags(mp_type_edit *edit)
{
    unsigned long before = edit->target->tp_flags, collection = edit->flags & MP_TYPE_COLLECTION_FLAGS;

    edit->target->tp_flags = (before & ~MP_TYPE_FLAGS) | edit->flags;
    edit->flags = before & MP_TYPE_FLAGS;
    for (Py_ssize_t i = 0; edit->followers != NULL && i < PyList_GET_SIZE(edit->followers); i++) {
        PyTypeObject *follower_b = (PyTypeObject *)PyList_GET_ITEM(edit->followers, i);
        follower_b->tp_flags = (follower_b->tp_flags & ~MP_TYPE_COLLECTION_FLAGS) | collection;
    }
}

int
mp_type_exchange(mp_type_edit *edit)
{
    int ret = MP_OK;

    if (!edit->same) {
        mp_type_forget_caches(edit->target);
        ret = mp_dict_exchange(&edit->content);
        if (ret == MP_OK) {
            exchange_flags(edit);
        }
    }
    return ret;
}

void
mp_type_take_back(mp_type_edit *edit)
{
    if (!edit->same) {
        mp_dict_take_back(&edit->content);
        exchange_flags(edit);
    }
}

void
mp_type_renew(mp_type_edit *edit)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(edit->special); i++) {
        mp_special_renew(edit->target, PyList_GET_ITEM(edit->special, i), edit->content.found);
    }
}

/* Open the caches of a class. Returns whether those derived from it were invalidated with it. */
static int
open_caches(PyTypeObject *type, void *Py_UNUSED(context))
{
    return mp_type_open_caches(type);
}

void
mp_type_leave(mp_type_edit *edit, int done)
{
    if (edit->noted) {
        edit->noted = 0;
        if (edit->bases != NULL || PyList_GET_SIZE(edit->special) > 0) {
            mp_special_inherit(edit->target);
        }
        if (done) {
            mp_dict_turn(&edit->content);
        }
        if (mp_bases_visit(edit->target, open_caches, NULL) < 0) {
            PyErr_WriteUnraisable((PyObject *)edit->target);
        }
    }
}
