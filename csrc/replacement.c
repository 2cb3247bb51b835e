/* replacement.c - see replacement.h. */
#include "replacement.h"

#include "containers.h"
#include "heap.h"

#include <stdlib.h>

/* ---- what is what ------------------------------------------------------------------------ */

PyObject *
mp_target_of(const mp_replacement *all, PyObject *object_b)
{
    Py_ssize_t at = mp_addresses_find(&all->donors, object_b);

    return at < 0 ? NULL : all->pairs[at].target_b;
}

PyObject *
mp_renewed(const mp_replacement *all, PyObject *object_b)
{
    PyObject *target_b = mp_target_of(all, object_b);

    return target_b != NULL ? target_b : object_b;
}

/* True for a descriptor that CPython made with a class that is a donor. */
static int
describes_donor(const mp_replacement *all, PyObject *object_b)
{
    return (Py_IS_TYPE(object_b, &PyGetSetDescr_Type) || Py_IS_TYPE(object_b, &PyMemberDescr_Type) ||
            Py_IS_TYPE(object_b, &PyMethodDescr_Type) || Py_IS_TYPE(object_b, &PyWrapperDescr_Type) ||
            Py_IS_TYPE(object_b, &PyClassMethodDescr_Type)) &&
           mp_target_of(all, (PyObject *)PyDescr_TYPE(object_b)) != NULL;
}

int
mp_is_ours(const mp_replacement *all, PyObject *object_b)
{
    return mp_target_of(all, object_b) != NULL || mp_addresses_find(&all->kept, object_b) >= 0 ||
           mp_addresses_find(&all->parts, object_b) >= 0 || describes_donor(all, object_b);
}

int
mp_is_only_reported(PyObject *object_b)
{
    return PyType_Check(object_b) || PyFrame_Check(object_b) || PyGen_Check(object_b) ||
           PyCoro_CheckExact(object_b) || PyAsyncGen_CheckExact(object_b) || PyCode_Check(object_b);
}

/* ---- what is to be done ------------------------------------------------------------------ */

static int
note_pairs(mp_replacement *all, PyObject *donors_b, PyObject *targets_b)
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
    if (mp_addresses_make(&all->donors, count) < 0) {
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
note_kept(mp_replacement *all, PyObject *donors_b, PyObject *targets_b, PyObject *kept_b)
{
    int ret = MP_ERROR;
    size_t count = (size_t)PyList_GET_SIZE(kept_b);

    if (mp_addresses_make(&all->kept, count + 3) < 0) {
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        all->kept.items_b[i] = PyList_GET_ITEM(kept_b, (Py_ssize_t)i);
    }
    all->kept.items_b[count] = donors_b;
    all->kept.items_b[count + 1] = targets_b;
    all->kept.items_b[count + 2] = kept_b;
    all->kept.used = count + 3;
    mp_addresses_sort(&all->kept);
    ret = MP_OK;
done:
    return ret;
}

/* What belongs to a class and must not be changed behind its back. */
static int
note_parts(mp_replacement *all)
{
    int ret = MP_ERROR;

    if (mp_addresses_make(&all->parts, 3 * all->holders.used) < 0) {
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
    mp_addresses_sort(&all->parts);
    ret = MP_OK;
done:
    return ret;
}

/* An mp_heap_question. */
static int
is_holder(PyObject *object_b, void *arg)
{
    mp_replacement *all_b = arg;

    return mp_refers_to(object_b, &all_b->donors) || mp_class_refers_to(object_b, &all_b->donors);
}

int
mp_replacement_prepare(mp_replacement *all, PyObject *donors, PyObject *targets, PyObject *kept)
{
    int ret = MP_ERROR;

    if (note_pairs(all, donors, targets) < 0 || note_kept(all, donors, targets, kept) < 0 ||
        (all->deque = mp_deque_type()) == NULL || mp_heap_find(is_holder, all, &all->holders) < 0 ||
        note_parts(all) < 0) {
        goto done;
    }
    ret = MP_OK;
done:
    return ret;
}

void
mp_replacement_drop(mp_replacement *all)
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
