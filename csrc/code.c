/* code.c - see code.h. */
#include "code.h"

#include "objects.h"

#include <stdlib.h>

/* The constants of a code object. Borrowed. */
static PyObject *
constants_of(PyObject *code_b)
{
    return ((PyCodeObject *)code_b)->co_consts;
}

/* The names of the free variables, in the order in which a closure holds their cells.
 * Returns a new reference. */
static PyObject *
free_names(PyObject *code_b)
{
    return PyCode_GetFreevars((PyCodeObject *)code_b);
}

static int
check_code(PyObject *code_b)
{
    int ret = MP_OK;

    if (!PyCode_Check(code_b)) {
        PyErr_Format(PyExc_TypeError, "expected a code object, not '%.200s'",
                     Py_TYPE(code_b)->tp_name);
        ret = MP_ERROR;
    }
    return ret;
}

int
mp_constant_prepare(mp_constant_edit *edit, PyObject *outer, PyObject *old, PyObject *value)
{
    int ret = MP_ERROR;
    Py_ssize_t index = 0;
    /* Owned. */
    PyObject *old_names = NULL, *new_names = NULL;
    /* Borrowed. */
    PyObject *constants_b = NULL;

    memset(edit, 0, sizeof(*edit));
    if (check_code(outer) < 0 || check_code(old) < 0 || check_code(value) < 0) {
        goto done;
    }
    constants_b = constants_of(outer);
    while (index < PyTuple_GET_SIZE(constants_b) && PyTuple_GET_ITEM(constants_b, index) != old) {
        index++;
    }
    if (index == PyTuple_GET_SIZE(constants_b)) {
        PyErr_Format(PyExc_ValueError, "%R is no constant of %R", old, outer);
        goto done;
    }
    /* The outer code builds the closure from its own idea of these names; another number of cells
     * crashes the next call of the inner function. */
    old_names = free_names(old);
    new_names = free_names(value);
    if (old_names == NULL || new_names == NULL) {
        goto done;
    }
    switch (PyObject_RichCompareBool(old_names, new_names, Py_EQ)) {
        case 0:
            PyErr_Format(PyExc_ValueError, "%R has free variables %R, and %R has %R", old,
                         old_names, value, new_names);
            goto done;
        case -1:
            goto done;
    }
    if (mp_is_immortal(old) && !mp_is_immortal(value)) {
        PyErr_Format(PyExc_ValueError, "%R is immortal, and %R is not", old, value);
        goto done;
    }
    edit->outer = (PyCodeObject *)Py_NewRef(outer);
    edit->index = index;
    edit->expected = old;
    edit->value = Py_NewRef(value);
    ret = MP_OK;
done:
    Py_XDECREF(old_names);
    Py_XDECREF(new_names);
    return ret;
}

int
mp_constant_is_same(mp_constant_edit *left, mp_constant_edit *right)
{
    return left->index == right->index && left->outer->co_consts == right->outer->co_consts;
}

int
mp_constant_is_current(mp_constant_edit *edit)
{
    return PyTuple_GET_ITEM(edit->outer->co_consts, edit->index) == edit->expected;
}

void
mp_constant_exchange(mp_constant_edit *edit)
{
    /* Borrowed. */
    PyObject *constants_b = edit->outer->co_consts;
    PyObject *old = PyTuple_GET_ITEM(constants_b, edit->index);

    ((PyTupleObject *)constants_b)->ob_item[edit->index] = edit->value;
    mp_tuple_forget_hash(constants_b);
    edit->expected = edit->value;
    edit->value = old;
}

void
mp_constant_discard(mp_constant_edit *edit)
{
    Py_CLEAR(edit->value);
    Py_CLEAR(edit->outer);
}

/* ---- the refcount gate ------------------------------------------------------------------- */

/* A growing array with one entry for each known reference to a code object. Borrowed. */
typedef struct {
    PyObject **items_b;
    size_t used, room;
} references;

static int
references_add(references *known, PyObject *code_b)
{
    int ret = MP_ERROR;

    if (known->used == known->room) {
        size_t room = known->room ? 2 * known->room : 256;
        PyObject **items_b = PyMem_Realloc(known->items_b, room * sizeof(*items_b));
        if (items_b == NULL) {
            PyErr_NoMemory();
            goto done;
        }
        known->items_b = items_b;
        known->room = room;
    }
    known->items_b[known->used++] = code_b;
    ret = MP_OK;
done:
    return ret;
}

/* Add the references that lie in the constants of the code objects from `first` on; what is found
 * there joins the array and is looked into in its turn. Code objects hold no cycles of constants. */
static int
references_add_nested(references *known, size_t first)
{
    int ret = MP_ERROR;

    for (size_t at = first; at < known->used; at++) {
        PyObject *constants_b = constants_of(known->items_b[at]);
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants_b); i++) {
            PyObject *constant_b = PyTuple_GET_ITEM(constants_b, i);
            if (PyCode_Check(constant_b) && references_add(known, constant_b) < 0) {
                goto done;
            }
        }
    }
    ret = MP_OK;
done:
    return ret;
}

/* Sort by address. */
static void
references_sort(references *known)
{
    if (known->used > 0) { /* qsort() takes no null pointer, not even for nothing */
        qsort(known->items_b, known->used, sizeof(*known->items_b), mp_by_address);
    }
}

/* Sort by address and keep one entry of each. */
static void
references_unique(references *known)
{
    size_t kept = 0;

    references_sort(known);
    for (size_t at = 0; at < known->used; at++) {
        if (kept == 0 || known->items_b[kept - 1] != known->items_b[at]) {
            known->items_b[kept++] = known->items_b[at];
        }
    }
    known->used = kept;
}

/* Add each code object of a list `times` times. */
static int
references_add_list(references *known, PyObject *codes_b, int times)
{
    int ret = MP_ERROR;

    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(codes_b); i++) {
        if (check_code(PyList_GET_ITEM(codes_b, i)) < 0) {
            goto done;
        }
        for (int n = 0; n < times; n++) {
            if (references_add(known, PyList_GET_ITEM(codes_b, i)) < 0) {
                goto done;
            }
        }
    }
    ret = MP_OK;
done:
    return ret;
}

/* Add each function's code, once or once a function. */
static int
references_add_functions(references *known, PyObject *functions_b)
{
    int ret = MP_ERROR;

    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(functions_b); i++) {
        PyObject *function_b = PyList_GET_ITEM(functions_b, i);
        if (!PyFunction_Check(function_b)) {
            PyErr_Format(PyExc_TypeError, "expected a function, not '%.200s'",
                         Py_TYPE(function_b)->tp_name);
            goto done;
        }
        if (references_add(known, PyFunction_GET_CODE(function_b)) < 0) {
            goto done;
        }
    }
    ret = MP_OK;
done:
    return ret;
}

/* How often `code` stands in the sorted array. */
static Py_ssize_t
references_count(const references *known, PyObject *code_b)
{
    size_t low = 0, high = known->used, count = 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((char *)known->items_b[middle] < (char *)code_b) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    while (low + count < known->used && known->items_b[low + count] == code_b) {
        count++;
    }
    return (Py_ssize_t)count;
}

int
mp_code_is_held_elsewhere(PyObject *functions, PyObject *roots, PyObject *vouched)
{
    int ret = MP_ERROR;
    references parents = {0}, asked = {0}, known = {0};

    if (MP_FREE_THREADED) {
        ret = 1;
        goto done;
    }
    /* What is asked about: each function's code, and the code nested in it. */
    if (references_add_functions(&asked, functions) < 0 || references_add_nested(&asked, 0) < 0) {
        goto done;
    }
    references_unique(&asked);
    /* Whose constants are known references: all of those, and all below a root. */
    if (references_add_list(&parents, roots, 1) < 0 || references_add_nested(&parents, 0) < 0) {
        goto done;
    }
    for (size_t at = 0; at < asked.used; at++) {
        if (references_add(&parents, asked.items_b[at]) < 0) {
            goto done;
        }
    }
    /* Copies made by code.replace() share one tuple, which refers but once. */
    references_unique(&parents);
    for (size_t at = 0; at < parents.used; at++) {
        parents.items_b[at] = constants_of(parents.items_b[at]);
    }
    references_unique(&parents);
    for (size_t at = 0; at < parents.used; at++) {
        PyObject *constants_b = parents.items_b[at];
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants_b); i++) {
            PyObject *constant_b = PyTuple_GET_ITEM(constants_b, i);
            if (PyCode_Check(constant_b) && references_add(&known, constant_b) < 0) {
                goto done;
            }
        }
    }
    if (references_add_functions(&known, functions) < 0 ||
        references_add_list(&known, vouched, 2) < 0) {
        goto done;
    }
    references_sort(&known);
    ret = 0;
    for (size_t at = 0; at < asked.used && ret == 0; at++) {
        ret = Py_REFCNT(asked.items_b[at]) > references_count(&known, asked.items_b[at]);
    }
done:
    PyMem_Free(asked.items_b);
    PyMem_Free(parents.items_b);
    PyMem_Free(known.items_b);
    return ret;
}
