/* commit.c - see commit.h. The only place that writes to live objects. */
#include "commit.h"

enum mp_edit_kind { MP_FUNCTION_EDIT, MP_CONSTANT_EDIT, MP_DICT_EDIT };

struct mp_edit {
    enum mp_edit_kind kind;
    union {
        mp_function_edit function;
        mp_constant_edit constant;
        mp_dict_edit dict;
    } of;
};

/* ---- dictionaries ------------------------------------------------------------------------ */

/* A copy that was filled key by key, so that it has neither gaps nor more room than it grew to by
 * itself: only such a one is taken over as a block, others are inserted with comparing keys, which may
 * run Python (Objects/dictobject.c, dict_merge; PyDict_Update makes too much room up to 3.13). May run
 * the keys' Python, now rather than then. Returns a new reference. */
static PyObject *
compact_copy(PyObject *dict_b)
{
    int ret = MP_ERROR;
    Py_ssize_t at = 0;
    /* Owned. The first copy is ours alone, so that nobody changes it while it is read. */
    PyObject *private = PyDict_Copy(dict_b), *copy = PyDict_New();
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

/* True if no key can run Python when it is hashed and compared. */
static int
has_plain_names(PyObject *dict_b)
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

static int
dict_prepare(mp_dict_edit *edit, PyObject *target, PyObject *donor)
{
    int ret = MP_ERROR;

    memset(edit, 0, sizeof(*edit));
    if (!PyDict_CheckExact(target) || !PyDict_CheckExact(donor)) {
        PyErr_Format(PyExc_TypeError, "expected two plain dictionaries, not '%.200s' and '%.200s'",
                     Py_TYPE(target)->tp_name, Py_TYPE(donor)->tp_name);
        goto done;
    }
    edit->content = compact_copy(donor);
    if (edit->content == NULL) {
        goto done;
    }
    if (((PyDictObject *)target)->ma_values != NULL && !has_plain_names(edit->content)) {
        /* The table of an instance stays what it is when it is cleared (gh-115776), so that its
         * content is inserted with comparing keys. */
        PyErr_SetString(PyExc_ValueError, "the attributes of an instance have plain str for names");
        Py_CLEAR(edit->content);
        goto done;
    }
    edit->target = Py_NewRef(target);
    ret = MP_OK;
done:
    return ret;
}

static void
dict_discard(mp_dict_edit *edit)
{
    Py_CLEAR(edit->content);
    Py_CLEAR(edit->found);
    Py_CLEAR(edit->target);
}

/* True if nobody changed the dictionary since `found` was taken from it: what was put in meanwhile
 * would be dropped inside the window. Runs nothing. */
static int
dict_is_current(mp_dict_edit *edit)
{
    return is_same_content(edit->target, edit->found);
}

/* The one exchange that can fail, for want of the memory for one table; so it comes before all
 * others and is taken back. Nothing is dropped: `found` holds what the dictionary had. */
static int
dict_exchange(mp_dict_edit *edit)
{
    PyDict_Clear(edit->target);
    return PyDict_Update(edit->target, edit->content);
}

static void
dict_take_back(mp_dict_edit *edit)
{
    PyDict_Clear(edit->target);
    if (PyDict_Update(edit->target, edit->found) < 0) {
        /* No memory twice in a row, for a table that was freed a moment ago. */
        PyErr_WriteUnraisable(edit->target);
    }
}

/* ---- the log ----------------------------------------------------------------------------- */

/* Room for one more edit. Borrowed from the log, NULL on error. */
static mp_edit *
log_next(mp_log *log)
{
    mp_edit *next_b = NULL;

    if (log->used == log->room) {
        Py_ssize_t room = log->room ? 2 * log->room : 16;
        mp_edit *edits = PyMem_Realloc(log->edits, (size_t)room * sizeof(*edits));
        if (edits == NULL) {
            PyErr_NoMemory();
            goto done;
        }
        log->edits = edits;
        log->room = room;
    }
    next_b = &log->edits[log->used];
done:
    return next_b;
}

int
mp_log_add_function(mp_log *log, PyObject *target, PyObject *donor, unsigned fields)
{
    mp_edit *edit_b = log_next(log);
    int ret = edit_b == NULL
                  ? MP_ERROR
                  : mp_function_prepare(&edit_b->of.function, target, donor, fields);

    if (ret == MP_OK) {
        edit_b->kind = MP_FUNCTION_EDIT;
        log->used++;
    }
    return ret;
}

int
mp_log_add_code(mp_log *log, PyObject *target, PyObject *code, PyObject *closure, PyObject *doc)
{
    mp_edit *edit_b = log_next(log);
    int ret = edit_b == NULL
                  ? MP_ERROR
                  : mp_function_prepare_code(&edit_b->of.function, target, code, closure,
                                             doc == Py_Ellipsis ? NULL : doc);

    if (ret == MP_OK) {
        edit_b->kind = MP_FUNCTION_EDIT;
        log->used++;
    }
    return ret;
}

int
mp_log_add_constant(mp_log *log, PyObject *outer, PyObject *old, PyObject *value)
{
    int ret = MP_ERROR;
    mp_edit *edit_b = log_next(log);

    if (edit_b == NULL || mp_constant_prepare(&edit_b->of.constant, outer, old, value) < 0) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < log->used; i++) {
        mp_edit *other_b = &log->edits[i];
        if (other_b->kind == MP_CONSTANT_EDIT &&
            mp_constant_is_same(&other_b->of.constant, &edit_b->of.constant)) {
            if (other_b->of.constant.value == value) {
                ret = MP_OK;
            }
            else {
                PyErr_Format(PyExc_ValueError, "%R gives way to %R already", old,
                             other_b->of.constant.value);
            }
            mp_constant_discard(&edit_b->of.constant);
            goto done;
        }
    }
    edit_b->kind = MP_CONSTANT_EDIT;
    log->used++;
    ret = MP_OK;
done:
    return ret;
}

int
mp_log_add_dict(mp_log *log, PyObject *target, PyObject *donor)
{
    mp_edit *edit_b = log_next(log);
    int ret = edit_b == NULL ? MP_ERROR : dict_prepare(&edit_b->of.dict, target, donor);

    if (ret == MP_OK) {
        edit_b->kind = MP_DICT_EDIT;
        log->used++;
    }
    return ret;
}

/* JIT code has nested constants built in, and folds globals: where the JIT is on, a swapped
 * constant crashes it (sys._clear_internal_caches, gh-116159). And on 3.15 it goes on with the old
 * __init__ of a class, whatever the touch of that function says. The world must not be stopped. */
static int
flush_jit(void)
{
    int ret = MP_ERROR;
    /* Owned. */
    PyObject *enabled = NULL, *done = NULL;
    /* Borrowed. */
    PyObject *jit_b = PySys_GetObject("_jit"), *clear_b = PySys_GetObject("_clear_internal_caches");

    if (jit_b == NULL || clear_b == NULL) {
        ret = MP_OK;
        goto done;
    }
    enabled = PyObject_CallMethod(jit_b, "is_enabled", NULL);
    if (enabled == NULL) {
        goto done;
    }
    if (enabled == Py_True) {
        done = PyObject_CallNoArgs(clear_b);
        if (done == NULL) {
            goto done;
        }
    }
    ret = MP_OK;
done:
    Py_XDECREF(enabled);
    Py_XDECREF(done);
    return ret;
}

/* Everything before the window: it may still fail, and changes nothing that the program sees. */
static int
announce(mp_log *log, int watched)
{
    int ret = MP_ERROR;

    for (Py_ssize_t i = 0; i < log->used; i++) {
        mp_edit *edit_b = &log->edits[i];
        if (edit_b->kind == MP_DICT_EDIT) {
            Py_XSETREF(edit_b->of.dict.found, compact_copy(edit_b->of.dict.target));
            if (edit_b->of.dict.found == NULL) {
                goto done;
            }
        }
    }
    if (flush_jit() < 0) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < log->used; i++) {
        if (log->edits[i].kind == MP_FUNCTION_EDIT) {
            /* Free-threaded builds have no version cache and no JIT to tell, and each call would
             * stop the world. */
            mp_function_touch(&log->edits[i].of.function, !MP_FREE_THREADED || watched);
        }
    }
    ret = MP_OK;
done:
    return ret;
}

/* The window: exchange what may fail, then what cannot. */
static int
exchange_all(mp_log *log)
{
    int ret = MP_ERROR;
    Py_ssize_t changed = 0;

    for (Py_ssize_t i = 0; i < log->used; i++) {
        mp_edit *edit_b = &log->edits[i];
        if (edit_b->kind == MP_CONSTANT_EDIT && !mp_constant_is_current(&edit_b->of.constant)) {
            PyErr_SetString(PyExc_RuntimeError, "a constant was changed by somebody else meanwhile");
            goto untouch;
        }
        if (edit_b->kind == MP_DICT_EDIT && !dict_is_current(&edit_b->of.dict)) {
            PyErr_SetString(PyExc_RuntimeError,
                            "a dictionary was changed by somebody else meanwhile");
            goto untouch;
        }
    }
    for (; changed < log->used; changed++) {
        mp_edit *edit_b = &log->edits[changed];
        if (edit_b->kind == MP_DICT_EDIT && dict_exchange(&edit_b->of.dict) < 0) {
            goto take_back;
        }
    }
    /* An undo goes backwards, so that two edits of one object come out as they went in. */
    for (Py_ssize_t i = 0; i < log->used; i++) {
        mp_edit *edit_b = &log->edits[log->applied ? log->used - 1 - i : i];
        switch (edit_b->kind) {
            case MP_FUNCTION_EDIT:
                mp_function_exchange(&edit_b->of.function);
                break;
            case MP_CONSTANT_EDIT:
                mp_constant_exchange(&edit_b->of.constant);
                break;
            case MP_DICT_EDIT:
                break;
        }
    }
    ret = MP_OK;
    goto done;
take_back:
    do {
        if (log->edits[changed].kind == MP_DICT_EDIT) {
            dict_take_back(&log->edits[changed].of.dict);
        }
    } while (changed-- > 0);
untouch:
    for (Py_ssize_t i = log->used - 1; i >= 0; i--) {
        if (log->edits[i].kind == MP_FUNCTION_EDIT) {
            mp_function_untouch(&log->edits[i].of.function);
        }
    }
done:
    return ret;
}

int
mp_log_exchange(mp_log *log)
{
    int ret = MP_ERROR, watched = mp_function_is_watched();
    int was_enabled = PyGC_Disable(); /* on 3.11 an allocation collects, and finalizers run */

    if (announce(log, watched) < 0) {
        goto done;
    }
    mp_stop_the_world();
    ret = exchange_all(log);
    mp_start_the_world();
    if (ret < 0) {
        goto done;
    }
    log->applied = !log->applied;
    for (Py_ssize_t i = 0; i < log->used; i++) {
        mp_edit *edit_b = &log->edits[i];
        if (edit_b->kind == MP_DICT_EDIT) {
            /* The content that it had is what the next exchange puts back. */
            Py_SETREF(edit_b->of.dict.content, edit_b->of.dict.found);
            edit_b->of.dict.found = NULL;
        }
        else if (edit_b->kind == MP_FUNCTION_EDIT && watched) {
            mp_function_tell_watchers(&edit_b->of.function);
        }
    }
done:
    if (was_enabled) {
        PyGC_Enable();
    }
    return ret;
}

void
mp_log_discard(mp_log *log)
{
    /* Taken out first: a finalizer may look at the log. */
    mp_log held = *log;

    memset(log, 0, sizeof(*log));
    for (Py_ssize_t i = 0; i < held.used; i++) {
        mp_edit *edit_b = &held.edits[i];
        switch (edit_b->kind) {
            case MP_FUNCTION_EDIT:
                mp_function_discard(&edit_b->of.function);
                break;
            case MP_CONSTANT_EDIT:
                mp_constant_discard(&edit_b->of.constant);
                break;
            case MP_DICT_EDIT:
                dict_discard(&edit_b->of.dict);
                break;
        }
    }
    PyMem_Free(held.edits);
}
