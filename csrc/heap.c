/* heap.c - see heap.h. */
#include "heap.h"

/* A new list of what was found. */
static PyObject *
list_of(mp_objects *objects)
{
    PyObject *list = PyList_New((Py_ssize_t)objects->used);

    for (size_t i = 0; list != NULL && i < objects->used; i++) {
        PyList_SET_ITEM(list, (Py_ssize_t)i, Py_NewRef(objects->items[i]));
    }
    return list;
}

/* ---- the pass ---------------------------------------------------------------------------- */

typedef struct {
    mp_heap_question question;
    void *arg;
    mp_objects *found;
} heap_pass;

/* A gcvisitobjects_t. It must not allocate: the collector is off, and on free-threaded builds the
 * world is stopped. */
static int
visit(PyObject *object_b, void *arg)
{
    heap_pass *pass_b = arg;

    if (pass_b->question(object_b, pass_b->arg)) {
        if (pass_b->found->used < pass_b->found->room) {
            pass_b->found->items[pass_b->found->used] = Py_NewRef(object_b);
        }
        pass_b->found->used++;
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

/* One pass, with `found` empty. */
static int
walk(heap_pass *pass_b)
{
    int ret = MP_ERROR;
#if MP_HAS_VISIT_OBJECTS
    PyUnstable_GC_VisitObjects(visit, pass_b);
    ret = MP_OK;
#else
    PyObject *objects = call_gc("get_objects");

    if (objects != NULL) {
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(objects); i++) {
            visit(PyList_GET_ITEM(objects, i), pass_b);
        }
        Py_DECREF(objects);
        ret = MP_OK;
    }
#endif
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

int
mp_heap_find(mp_heap_question question, void *arg, mp_objects *found)
{
    int ret = MP_ERROR, was_enabled = PyGC_Disable();
    size_t room = 1024;
    heap_pass pass = {.question = question, .arg = arg, .found = found};

    if (thaw() < 0) {
        goto done;
    }
    do {
        mp_objects_drop(found);
        found->items = PyMem_Malloc(room * sizeof(*found->items));
        if (found->items == NULL) {
            PyErr_NoMemory();
            goto done;
        }
        found->room = room;
        if (walk(&pass) < 0) {
            goto done;
        }
        room = 2 * found->used;
    } while (found->used > found->room);
    ret = MP_OK;
done:
    if (ret < 0) {
        mp_objects_drop(found);
    }
    if (was_enabled) {
        PyGC_Enable();
    }
    return ret;
}

/* ---- functions --------------------------------------------------------------------------- */

typedef struct {
    mp_addresses codes;
    PyObject *filenames_b; /* Borrowed: the caller's list. */
} function_search;

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

/* An mp_heap_question. */
static int
is_sought(PyObject *object_b, void *arg)
{
    function_search *search_b = arg;
    /* Borrowed. */
    PyObject *code_b = NULL, *filename_b = NULL;

    /* A function that is being cleared by the collector has lost its code before its type. */
    if (!PyFunction_Check(object_b) || PyFunction_GET_CODE(object_b) == NULL ||
        !PyCode_Check(PyFunction_GET_CODE(object_b))) {
        return 0;
    }
    code_b = PyFunction_GET_CODE(object_b);
    if (mp_addresses_find(&search_b->codes, code_b) >= 0) {
        return 1;
    }
    filename_b = ((PyCodeObject *)code_b)->co_filename;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(search_b->filenames_b); i++) {
        if (same_text(filename_b, PyList_GET_ITEM(search_b->filenames_b, i))) {
            return 1;
        }
    }
    return 0;
}

PyObject *
mp_heap_find_functions(PyObject *codes, PyObject *filenames)
{
    function_search search = {.filenames_b = filenames};
    mp_objects found = {0};
    /* Owned. */
    PyObject *functions = NULL;

    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(filenames); i++) {
        if (!PyUnicode_Check(PyList_GET_ITEM(filenames, i))) {
            PyErr_Format(PyExc_TypeError, "expected a file name, not '%.200s'",
                         Py_TYPE(PyList_GET_ITEM(filenames, i))->tp_name);
            goto done;
        }
    }
    if (mp_addresses_of(&search.codes, codes) == MP_OK &&
        mp_heap_find(is_sought, &search, &found) == MP_OK) {
        functions = list_of(&found);
    }
done:
    mp_objects_drop(&found);
    mp_addresses_drop(&search.codes);
    return functions;
}

/* ---- referrers --------------------------------------------------------------------------- */

/* A visitproc: ends the traversal at the first one that is sought. */
static int
visit_referent(PyObject *object_b, void *arg)
{
    return mp_addresses_find(arg, object_b) >= 0;
}

int
mp_refers_to(PyObject *object_b, const mp_addresses *addresses)
{
    traverseproc traverse = Py_TYPE(object_b)->tp_traverse;

    return mp_addresses_find(addresses, (PyObject *)Py_TYPE(object_b)) >= 0 ||
           (traverse != NULL && traverse(object_b, visit_referent, (void *)addresses));
}

int
mp_class_refers_to(PyObject *object_b, const mp_addresses *addresses)
{
    PyTypeObject *type_b = (PyTypeObject *)object_b;

    return PyType_Check(object_b) &&
           ((type_b->tp_dict != NULL && mp_refers_to(type_b->tp_dict, addresses)) ||
            (type_b->tp_mro != NULL && mp_refers_to(type_b->tp_mro, addresses)) ||
            (type_b->tp_bases != NULL && mp_refers_to(type_b->tp_bases, addresses)));
}

typedef struct {
    mp_addresses sought;
    PyObject *list_b; /* Borrowed: the caller's, which holds them all. */
} referrer_search;

/* An mp_heap_question. */
static int
is_referrer(PyObject *object_b, void *arg)
{
    referrer_search *search_b = arg;

    return object_b != search_b->list_b && mp_refers_to(object_b, &search_b->sought);
}

PyObject *
mp_heap_find_referrers(PyObject *objects)
{
    referrer_search search = {.list_b = objects};
    mp_objects found = {0};
    /* Owned. */
    PyObject *referrers = NULL;

    if (mp_addresses_of(&search.sought, objects) == MP_OK &&
        mp_heap_find(is_referrer, &search, &found) == MP_OK) {
        referrers = list_of(&found);
    }
    mp_objects_drop(&found);
    mp_addresses_drop(&search.sought);
    return referrers;
}
