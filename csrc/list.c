/* list.c - see list.h. */
#include "list.h"

int
mp_list_prepare(mp_list_edit *edit, PyObject *target, PyObject *donor, PyObject *had)
{
    int ret = MP_ERROR;

    memset(edit, 0, sizeof(*edit));
    edit->content = PyList_GetSlice(donor, 0, PY_SSIZE_T_MAX);
    if (edit->content == NULL) {
        goto done;
    }
    edit->target = Py_NewRef(target);
    edit->had = Py_XNewRef(had);
    ret = MP_OK;
done:
    return ret;
}

int
mp_list_is_as_seen(mp_list_edit *edit)
{
    /* Borrowed. */
    PyListObject *target_b = (PyListObject *)edit->target, *had_b = (PyListObject *)edit->had;

    return Py_SIZE(target_b) == Py_SIZE(had_b) &&
           (Py_SIZE(had_b) == 0 || memcmp(target_b->ob_item, had_b->ob_item,
                                          (size_t)Py_SIZE(had_b) * sizeof(*had_b->ob_item)) == 0);
}

/* The tables change hands with all that belongs to them (PyListObject, Include/cpython/listobject.h), so
 * that whoever frees one frees it as the list that made it would. */
void
mp_list_exchange(mp_list_edit *edit)
{
    /* Borrowed. */
    PyListObject *target_b = (PyListObject *)edit->target, *content_b = (PyListObject *)edit->content;
    PyObject **items_b = target_b->ob_item;
    Py_ssize_t size = Py_SIZE(target_b), allocated = target_b->allocated;

    target_b->ob_item = content_b->ob_item;
    target_b->allocated = content_b->allocated;
    Py_SET_SIZE(target_b, Py_SIZE(content_b));
    content_b->ob_item = items_b;
    content_b->allocated = allocated;
    Py_SET_SIZE(content_b, size);
}

void
mp_list_discard(mp_list_edit *edit)
{
    Py_CLEAR(edit->had);
    Py_CLEAR(edit->content);
    Py_CLEAR(edit->target);
}
