/* heap.c - see heap.h. */
#include "heap.h"

#include <stdlib.h>

typedef struct {
    PyObject **codes_b; /* Borrowed from the caller's list, sorted by address. */
    size_t code_count;
    PyObject *filenames_b; /* Borrowed: the caller's list. */
    PyObject **found;      /* Owned references. */
    size_t used, room;     /* `used` counts on when `room` is exhausted */
} search;

static int
by_address(const void *left, const void *right)
{
    const char *a = *(char *const *)left, *b = *(char *const *)right;
    return (a > b) - (a < b);
}

/* Compares without running Python, raising or allocating: both are exact, ready str objects. */
static int
same_text(PyObject *left_b, PyObject *right_b)
{
    return left_b == right_b ||
           (PyUnicode_GET_LENGTH(left_b) == PyUnicode_GET_LENGTH(right_b) &&
            PyUnicode_KIND(left_b) == PyUnicode_KIND(right_b) &&
            memcmp(PyUnicode_DATA(left_b), PyUnicode_DATA(right_b),
                   (size_t)PyUnicode_GET_LENGTH(left_b) * PyUnicode_KIND(left_b)) == 0);
}

static int
is_sought(search *sought, PyObject *code_b)
{
    PyObject *filename_b = ((PyCodeObject *)code_b)->co_filename;

    if (bsearch(&code_b, sought->codes_b, sought->code_count, sizeof(code_b), by_address) != NULL) {
        return 1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(sought->filenames_b); i++) {
        if (same_text(filename_b, PyList_GET_ITEM(sought->filenames_b, i))) {
            return 1;
        }
    }
    return 0;
}

/* A gcvisitobjects_t. It must not allocate: the collector is off, and on free-threaded builds the
 * world is stopped. */
static int
visit(PyObject *object_b, void *arg)
{
    search *sought = arg;

    /* A function that is being cleared by the collector has lost its code before its type. */
    if (PyFunction_Check(object_b) && PyFunction_GET_CODE(object_b) != NULL &&
        PyCode_Check(PyFunction_GET_CODE(object_b)) &&
        is_sought(sought, PyFunction_GET_CODE(object_b))) {
        if (sought->used < sought->room) {
            sought->found[sought->used] = Py_NewRef(object_b);
        }
        sought->used++;
    }
    return 1;
}

/* Call a function of the gc module. Returns a new reference. Runs no Python. */
static PyObject *
call_gc(const char *name)
{
    PyObject *module = PyImport_ImportModule("gc"), *result = NULL;

    if (module != NULL) {
        result = PyObject_CallMethod(module, name, NULL);
        Py_DECREF(module);
    }
    return result;
}

static int
call_gc_for_nothing(const char *name)
{
    PyObject *result = call_gc(name);
    int ret = result == NULL ? MP_ERROR : MP_OK;

    Py_XDECREF(result);
    return ret;
}

/* One pass. `sought->found` has been emptied before. */
static int
walk(search *sought)
{
    int ret = MP_ERROR;
#if MP_HAS_VISIT_OBJECTS
    PyUnstable_GC_VisitObjects(visit, sought);
    ret = MP_OK;
#else
    PyObject *objects = call_gc("get_objects");

    if (objects != NULL) {
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(objects); i++) {
            visit(PyList_GET_ITEM(objects, i), sought);
        }
        Py_DECREF(objects);
        ret = MP_OK;
    }
#endif
    return ret;
}

static void
drop_found(search *sought)
{
    size_t held = sought->used < sought->room ? sought->used : sought->room;

    while (held > 0) {
        Py_DECREF(sought->found[--held]);
    }
    sought->used = 0;
}

/* Passes until there was room for all that is found; the first one nearly always is the last. */
static int
walk_until_all_fit(search *sought)
{
    int ret = MP_ERROR;
    size_t room = 1024;

    do {
        drop_found(sought);
        PyObject **found = PyMem_Realloc(sought->found, room * sizeof(*found));
        if (found == NULL) {
            PyErr_NoMemory();
            goto done;
        }
        sought->found = found;
        sought->room = room;
        if (walk(sought) < 0) {
            goto done;
        }
        room = 2 * sought->used;
    } while (sought->used > sought->room);
    ret = MP_OK;
done:
    return ret;
}

/* Which passes see objects that gc.freeze() put aside differs between micro releases; so they are
 * taken back before the pass. And for good: to freeze again would put aside all that was made since,
 * which would then never be collected. (3.12 puts immortal objects aside by itself at each
 * collection, so that there the count is never 0.) */
static int
thaw(void)
{
    int ret = MP_ERROR;
    long frozen = 0;
    /* Owned. */
    PyObject *count = call_gc("get_freeze_count");

    if (count == NULL) {
        goto done;
    }
    frozen = PyLong_AsLong(count);
    if (frozen < 0 || (frozen > 0 && call_gc_for_nothing("unfreeze") < 0)) {
        goto done;
    }
    ret = MP_OK;
done:
    Py_XDECREF(count);
    return ret;
}

PyObject *
mp_heap_find_functions(PyObject *codes, PyObject *filenames)
{
    int ret = MP_ERROR, was_enabled = PyGC_Disable();
    search sought = {0};
    /* Owned. */
    PyObject *functions = NULL;

    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(filenames); i++) {
        if (!PyUnicode_Check(PyList_GET_ITEM(filenames, i))) {
            PyErr_Format(PyExc_TypeError, "expected a file name, not '%.200s'",
                         Py_TYPE(PyList_GET_ITEM(filenames, i))->tp_name);
            goto done;
        }
    }
    sought.filenames_b = filenames;
    sought.code_count = (size_t)PyList_GET_SIZE(codes);
    sought.codes_b = PyMem_Calloc(sought.code_count + 1, sizeof(*sought.codes_b));
    if (sought.codes_b == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (size_t i = 0; i < sought.code_count; i++) {
        sought.codes_b[i] = PyList_GET_ITEM(codes, (Py_ssize_t)i);
    }
    qsort(sought.codes_b, sought.code_count, sizeof(*sought.codes_b), by_address);
    if (thaw() < 0 || walk_until_all_fit(&sought) < 0) {
        goto done;
    }
    functions = PyList_New((Py_ssize_t)sought.used);
    if (functions == NULL) {
        goto done;
    }
    for (size_t i = 0; i < sought.used; i++) {
        PyList_SET_ITEM(functions, (Py_ssize_t)i, Py_NewRef(sought.found[i]));
    }
    ret = MP_OK;
done:
    drop_found(&sought);
    PyMem_Free(sought.found);
    PyMem_Free(sought.codes_b);
    if (was_enabled) {
        PyGC_Enable();
    }
    if (ret < 0) {
        Py_CLEAR(functions);
    }
    return functions;
}
