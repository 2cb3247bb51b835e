/* occurrences.c - see occurrences.h. */
#include "occurrences.h"

#include "containers.h"
#include "heap.h"

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
    PyTypeObject *deque = mp_deque_type();

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
