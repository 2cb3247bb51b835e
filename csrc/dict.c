/* dict.c - see dict.h. */
#include "dict.h"

/* A copy that was filled key by key, so that it has neither gaps nor more room than it grew to by
 * itself: only such a one is taken over as a block, others are inserted with comparing keys, which may
 * run Python (Objects/dictobject.c, dict_merge; PyDict_Update makes too much room up to 3.13). May run
 * the keys' Python, now rather than then. Returns a new reference. */
static PyObject *
compact_copy(PyObject *dict_b)
{
    int ret = MP_ERROR, runs_nothing = !MP_FREE_THREADED && mp_dict_has_plain_names(dict_b);
    Py_ssize_t at = 0;
    /* Owned. The first copy is ours alone, so that nobody changes it while it is read. */
    PyObject *private = runs_nothing ? Py_NewRef(dict_b) : PyDict_Copy(dict_b), *copy = PyDict_New();
    /* Borrowed. */
    PyObject *key_b = NULL, *value_b = NULL;

    if (private == NULL || copy == NULL) {
        goto done;
    }
    while (PyDict_Next(private, &at, &key_b, &value_b)) {
        if (PyDict_SetItem(copy, key_b, value_b) < 0) {
            goto done;
        }
    }
    ret = MP_OK;
done:
    Py_XDECREF(private);
    if (ret < 0) {
        Py_CLEAR(copy);
    }
    return copy;
}

int
mp_dict_has_plain_names(PyObject *dict_b)
{
    Py_ssize_t at = 0;
    /* Borrowed. */
    PyObject *key_b = NULL;

    while (PyDict_Next(dict_b, &at, &key_b, NULL)) {
        if (!PyUnicode_CheckExact(key_b)) {
            return 0;
        }
    }
    return 1;
}

/* True if two dictionaries have the same keys and values, by identity, in the same order. Runs
 * nothing. */
static int
is_same_content(PyObject *left_b, PyObject *right_b)
{
    Py_ssize_t left_at = 0, right_at = 0;
    /* Borrowed. */
    PyObject *left_key_b = NULL, *left_value_b = NULL, *right_key_b = NULL, *right_value_b = NULL;

    if (PyDict_GET_SIZE(left_b) != PyDict_GET_SIZE(right_b)) {
        return 0;
    }
    while (PyDict_Next(left_b, &left_at, &left_key_b, &left_value_b) &&
           PyDict_Next(right_b, &right_at, &right_key_b, &right_value_b)) {
        if (left_key_b != right_key_b || left_value_b != right_value_b) {
            return 0;
        }
    }
    return 1;
}

int
mp_dict_prepare(mp_dict_edit *edit, PyObject *target, PyObject *donor, PyObject *had)
{
    int ret = MP_ERROR;

    memset(edit, 0, sizeof(*edit));
    edit->content = compact_copy(donor);
    if (edit->content == NULL) {
        goto done;
    }
    if (((PyDictObject *)target)->ma_values != NULL &&
        (had != NULL || !mp_dict_has_plain_names(edit->content))) {
        /* The table of an instance stays what it is when it is cleared (gh-115776), so that its
         * content is inserted with comparing keys. */
        PyErr_SetString(PyExc_ValueError,
                        had != NULL ? "the attributes of an instance have a table of another kind"
                                    : "the attributes of an instance have plain str for names");
        Py_CLEAR(edit->content);
        goto done;
    }
    edit->target = Py_NewRef(target);
    edit->had = Py_XNewRef(had);
    ret = MP_OK;
done:
    return ret;
}

void
mp_dict_discard(mp_dict_edit *edit)
{
    Py_CLEAR(edit->had);
    Py_CLEAR(edit->content);
    Py_CLEAR(edit->found);
    Py_CLEAR(edit->target);
}

int
mp_dict_note(mp_dict_edit *edit)
{
    int is_idle = 0;

    MP_BEGIN_CRITICAL_SECTION(edit->target)
    is_idle = is_same_content(edit->target, edit->content);
    MP_END_CRITICAL_SECTION
    Py_XSETREF(edit->found, is_idle ? Py_NewRef(edit->content) : compact_copy(edit->target));
    return edit->found == NULL ? MP_ERROR : MP_OK;
}

int
mp_dict_is_idle(mp_dict_edit *edit)
{
    return edit->found == edit->content;
}

int
mp_dict_is_current(mp_dict_edit *edit)
{
    return is_same_content(edit->target, edit->found);
}

int
mp_dict_is_as_seen(mp_dict_edit *edit)
{
    return is_same_content(edit->target, edit->had) && !mp_dict_is_watched(edit->target) &&
           ((PyDictObject *)edit->target)->ma_values == NULL;
}

/* The tables of both are theirs alone: they have no values beside the keys. */
void
mp_dict_exchange_tables(mp_dict_edit *edit)
{
    /* Borrowed. */
    PyDictObject *target_b = (PyDictObject *)edit->target;
    PyDictObject *content_b = (PyDictObject *)edit->content;
    PyDictKeysObject *keys_b = target_b->ma_keys;
    Py_ssize_t used = target_b->ma_used;

    target_b->ma_keys = content_b->ma_keys;
    target_b->ma_used = content_b->ma_used;
    content_b->ma_keys = keys_b;
    content_b->ma_used = used;
    mp_dict_exchange_versions(edit->target, edit->content);
}

void
mp_dict_track(mp_dict_edit *edit)
{
    if (!PyObject_GC_IsTracked(edit->target)) {
        PyObject_GC_Track(edit->target);
    }
    if (!PyObject_GC_IsTracked(edit->content)) {
        PyObject_GC_Track(edit->content);
    }
}

/* Nothing is dropped: `found` holds what the dictionary had. */
int
mp_dict_exchange(mp_dict_edit *edit)
{
    PyDict_Clear(edit->target);
    return PyDict_Update(edit->target, edit->content);
}

void
mp_dict_take_back(mp_dict_edit *edit)
{
    PyDict_Clear(edit->target);
    if (PyDict_Update(edit->target, edit->found) < 0) {
        /* No memory twice in a row, for a table that was freed a moment ago. */
        PyErr_WriteUnraisable(edit->target);
    }
}

void
mp_dict_turn(mp_dict_edit *edit)
{
    Py_SETREF(edit->content, edit->found);
    edit->found = NULL;
}
