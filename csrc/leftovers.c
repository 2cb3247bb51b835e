/* leftovers.c - see leftovers.h. */
#include "leftovers.h"

typedef struct {
    const mp_replacement *all_b;
    PyObject *holder_b;
    mp_entries *left; /* holder, and the donor as key */
    int is_out_of_memory;
} leftover_search;

/* A visitproc. */
static int
note_leftover(PyObject *object_b, void *arg)
{
    leftover_search *search_b = arg;

    if (mp_target_of(search_b->all_b, object_b) == NULL) {
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
note_leftovers(const mp_replacement *all, mp_entries *left)
{
    leftover_search search = {.all_b = all, .left = left};

    mp_stop_the_world();
    for (size_t i = 0; i < all->holders.used; i++) {
        PyObject *holder_b = all->holders.items[i];
        if (mp_is_ours(all, holder_b)) {
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
note_frame(const mp_replacement *all, PyFrameObject *frame_b, mp_entries *left)
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
note_running(const mp_replacement *all, mp_entries *left)
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

PyObject *
mp_leftovers(const mp_replacement *all)
{
    mp_entries left = {0};
    /* Owned. */
    PyObject *leftovers = NULL;

    if (note_leftovers(all, &left) == MP_OK && note_running(all, &left) == MP_OK) {
        leftovers = report(&left);
    }
    mp_entries_drop(&left);
    return leftovers;
}
