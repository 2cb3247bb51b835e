/* names.c - see names.h. */
#include "names.h"

#include "objects.h"

/* Nothing is made meanwhile that the collector knows: what it would run could change the namespace. */
static int
search(PyObject *namespace_b, const mp_addresses *sought, mp_entries *found)
{
    int ret = MP_OK;
    Py_ssize_t at = 0;
    /* Borrowed. */
    PyObject *name_b = NULL, *value_b = NULL;

    MP_BEGIN_CRITICAL_SECTION(namespace_b)
    while (ret == MP_OK && PyDict_Next(namespace_b, &at, &name_b, &value_b)) {
        if (mp_addresses_find(sought, value_b) >= 0) {
            ret = mp_entries_add(found, namespace_b, name_b, value_b);
        }
    }
    MP_END_CRITICAL_SECTION
    if (ret < 0) {
        PyErr_NoMemory();
    }
    return ret;
}

/* Append what was found in one namespace to a list. */
static int
tell(PyObject *list, Py_ssize_t namespace, const mp_entries *found)
{
    int ret = MP_OK;

    for (size_t i = 0; ret == MP_OK && i < found->used; i++) {
        /* Owned. */
        PyObject *item =
            Py_BuildValue("(nOO)", namespace, found->items[i].key, found->items[i].value);
        ret = item == NULL ? MP_ERROR : PyList_Append(list, item);
        Py_XDECREF(item);
    }
    return ret;
}

PyObject *
mp_names_holding(PyObject *namespaces, PyObject *objects)
{
    int ret = MP_ERROR;
    mp_addresses sought = {0};
    mp_entries found = {0};
    /* Owned. */
    PyObject *list = PyList_New(0);

    if (list == NULL || mp_addresses_of(&sought, objects) < 0) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(namespaces); i++) {
        PyObject *namespace_b = PyList_GET_ITEM(namespaces, i);
        if (!PyDict_Check(namespace_b)) {
            PyErr_Format(PyExc_TypeError, "expected a dictionary, not '%.200s'",
                         Py_TYPE(namespace_b)->tp_name);
            goto done;
        }
        if (search(namespace_b, &sought, &found) < 0 || tell(list, i, &found) < 0) {
            goto done;
        }
        mp_entries_drop(&found);
    }
    ret = MP_OK;
done:
    mp_entries_drop(&found);
    mp_addresses_drop(&sought);
    if (ret < 0) {
        Py_CLEAR(list);
    }
    return list;
}
