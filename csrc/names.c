/* names.c - see names.h. */
#include "names.h"

#include "heap.h"

typedef struct {
    Py_ssize_t namespace;
    PyObject *name;
    PyObject *object;
} entry;

/* References in the entries are owned. */
typedef struct {
    entry *entries;
    size_t used, room;
} entries;

static void
drop(entries *found)
{
    while (found->used > 0) {
        entry *last = &found->entries[--found->used];
        Py_DECREF(last->name);
        Py_DECREF(last->object);
    }
    PyMem_Free(found->entries);
    memset(found, 0, sizeof(*found));
}

static int
append(entries *found, Py_ssize_t namespace, PyObject *name, PyObject *object)
{
    int ret = MP_ERROR;

    if (found->used == found->room) {
        size_t room = found->room ? 2 * found->room : 64;
        entry *grown = PyMem_Realloc(found->entries, room * sizeof(*grown));
        if (grown == NULL) {
            PyErr_NoMemory();
            goto done;
        }
        found->entries = grown;
        found->room = room;
    }
    found->entries[found->used++] =
        (entry){.namespace = namespace, .name = Py_NewRef(name), .object = Py_NewRef(object)};
    ret = MP_OK;
done:
    return ret;
}

/* Nothing is made meanwhile that the collector knows: what it would run could change the namespace. */
static int
search(PyObject *dict_b, Py_ssize_t namespace, const mp_addresses *sought, entries *found)
{
    int ret = MP_OK;
    Py_ssize_t at = 0;
    /* Borrowed. */
    PyObject *name_b = NULL, *value_b = NULL;

    MP_BEGIN_CRITICAL_SECTION(dict_b)
    while (ret == MP_OK && PyDict_Next(dict_b, &at, &name_b, &value_b)) {
        if (mp_addresses_find(sought, value_b) >= 0) {
            ret = append(found, namespace, name_b, value_b);
        }
    }
    MP_END_CRITICAL_SECTION
    return ret;
}

PyObject *
mp_names_holding(PyObject *namespaces, PyObject *objects)
{
    int ret = MP_ERROR;
    mp_addresses sought = {0};
    entries found = {0};
    /* Owned. */
    PyObject *list = NULL;

    if (mp_addresses_of(&sought, objects) < 0) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(namespaces); i++) {
        PyObject *namespace_b = PyList_GET_ITEM(namespaces, i);
        if (!PyDict_Check(namespace_b)) {
            PyErr_Format(PyExc_TypeError, "expected a dictionary, not '%.200s'",
                         Py_TYPE(namespace_b)->tp_name);
            goto done;
        }
        if (search(namespace_b, i, &sought, &found) < 0) {
            goto done;
        }
    }
    list = PyList_New((Py_ssize_t)found.used);
    for (size_t i = 0; list != NULL && i < found.used; i++) {
        entry *it = &found.entries[i];
        PyObject *item = Py_BuildValue("(nOO)", it->namespace, it->name, it->object);
        if (item == NULL) {
            goto done;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)i, item);
    }
    ret = list == NULL ? MP_ERROR : MP_OK;
done:
    drop(&found);
    mp_addresses_drop(&sought);
    if (ret < 0) {
        Py_CLEAR(list);
    }
    return list;
}
