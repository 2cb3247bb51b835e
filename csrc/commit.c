/* commit.c - see commit.h. The only place that writes to live objects. */
#include "commit.h"
#include "edit.h"
#include "moving.h"
#include "refill.h"

/* ---- the log ----------------------------------------------------------------------------- */

/* Room for one more edit; the log is empty, or its edits are as seen as this one. Borrowed from the log,
 * NULL on error. */
static mp_edit *
log_next(mp_log *log, int is_as_seen)
{
    mp_edit *next_b = NULL;

    if (log->used > 0 && log->is_as_seen != is_as_seen) {
        PyErr_SetString(PyExc_ValueError, "what an edit's target had is known of all edits of a log, or of none");
        goto done;
    }
    log->is_as_seen = is_as_seen;
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

/* Let an edit from log_next() be one of the log, unless `prepared` says that it could not be prepared. */
static int
log_take(mp_log *log, mp_edit *edit_b, enum mp_edit_kind kind, int prepared)
{
    if (prepared == MP_OK) {
        edit_b->kind = kind;
        log->used++;
    }
    return prepared;
}

int
mp_log_add_function(mp_log *log, PyObject *target, PyObject *donor, unsigned fields)
{
    mp_edit *edit_b = log_next(log, 0);
    int ret = edit_b == NULL
                  ? MP_ERROR
                  : mp_function_prepare(&edit_b->of.function, target, donor, fields);

    return log_take(log, edit_b, MP_FUNCTION_EDIT, ret);
}

int
mp_log_add_code(mp_log *log, PyObject *target, PyObject *code, PyObject *closure, PyObject *doc)
{
    mp_edit *edit_b = log_next(log, 0);
    int ret = edit_b == NULL
                  ? MP_ERROR
                  : mp_function_prepare_code(&edit_b->of.function, target, code, closure,
                                             doc == Py_Ellipsis ? NULL : doc);

    return log_take(log, edit_b, MP_FUNCTION_EDIT, ret);
}

int
mp_log_add_constant(mp_log *log, PyObject *outer, PyObject *old, PyObject *value)
{
    int ret = MP_ERROR;
    mp_edit *edit_b = log_next(log, 0);

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
    ret = log_take(log, edit_b, MP_CONSTANT_EDIT, MP_OK);
done:
    return ret;
}

int
mp_log_add_items(mp_log *log, PyObject *target, PyObject *donor, PyObject *had)
{
    PyTypeObject *type_b = Py_TYPE(target);
    enum mp_edit_kind kind = type_b == &PyList_Type  ? MP_LIST_EDIT
                             : type_b == &PySet_Type ? MP_SET_EDIT
                                                     : MP_DICT_EDIT;
    mp_edit *edit_b = NULL;
    int ret = MP_ERROR;

    if ((kind == MP_DICT_EDIT && type_b != &PyDict_Type) || Py_TYPE(donor) != type_b ||
        (had != NULL && Py_TYPE(had) != type_b)) {
        PyErr_Format(PyExc_TypeError,
                     "expected plain dictionaries, lists or sets, all alike, not '%.200s' and '%.200s'",
                     type_b->tp_name, Py_TYPE(donor)->tp_name);
        goto done;
    }
    edit_b = log_next(log, had != NULL);
    if (edit_b != NULL) {
        ret = kind == MP_LIST_EDIT  ? mp_list_prepare(&edit_b->of.list, target, donor, had)
              : kind == MP_SET_EDIT ? mp_set_prepare(&edit_b->of.set, target, donor, had)
                                    : mp_dict_prepare(&edit_b->of.dict, target, donor, had);
    }
    ret = log_take(log, edit_b, kind, ret);
done:
    return ret;
}

int
mp_log_add_type(mp_log *log, PyObject *target, PyObject *content, PyObject *bases,
                PyObject *metaclass, PyObject *donor)
{
    mp_edit *edit_b = log_next(log, 0);
    int ret = edit_b == NULL ? MP_ERROR
                             : mp_type_prepare(&edit_b->of.type, target, content, bases, metaclass,
                                               donor);

    return log_take(log, edit_b, MP_TYPE_EDIT, ret);
}

/* The dictionary that an edit exchanges, NULL if it exchanges none. Borrowed from the edit. */
static mp_dict_edit *
dict_of(mp_edit *edit)
{
    return edit->kind == MP_DICT_EDIT   ? &edit->of.dict
           : edit->kind == MP_TYPE_EDIT ? &edit->of.type.content
                                        : NULL;
}

#if MP_KNOWS_JIT
/* Whether the JIT is on, which is settled when the process starts; -1 on error. */
static int
is_jit_enabled(void)
{
    static int known = -1;
    /* Owned. */
    PyObject *enabled = NULL;
    /* Borrowed. */
    PyObject *jit_b = NULL;

    if (known >= 0) {
        goto done;
    }
    jit_b = PySys_GetObject("_jit");
    if (jit_b == NULL) {
        known = 0;
        goto done;
    }
    enabled = PyObject_CallMethod(jit_b, "is_enabled", NULL);
    if (enabled != NULL) {
        known = enabled == Py_True;
    }
done:
    Py_XDECREF(enabled);
    return known;
}
#endif

/* JIT code has nested constants built in, and folds globals: where the JIT is on, a swapped
 * constant crashes it (sys._clear_internal_caches, gh-116159). And on 3.15 it goes on with the old
 * __init__ of a class, whatever the touch of that function says. The world must not be stopped. */
static int
flush_jit(void)
{
    int ret = MP_OK;
#if MP_KNOWS_JIT
    int enabled = is_jit_enabled();
    /* Owned. */
    PyObject *done = NULL;
    /* Borrowed. */
    PyObject *clear_b = enabled == 1 ? PySys_GetObject("_clear_internal_caches") : NULL;

    if (clear_b != NULL) {
        done = PyObject_CallNoArgs(clear_b);
    }
    if (enabled < 0 || (clear_b != NULL && done == NULL)) {
        ret = MP_ERROR;
    }
    Py_XDECREF(done);
#endif
    return ret;
}

/* Everything before the window: it may still fail. `moved` says whether classes have other bases by
 * then; nothing else has changed that the program sees. */
static int
announce(mp_log *log, int watched, int *moved)
{
    int ret = MP_ERROR;

    for (Py_ssize_t i = 0; i < log->used; i++) {
        mp_edit *edit_b = mp_edit_at(log, i);
        if ((edit_b->kind == MP_DICT_EDIT && mp_dict_note(&edit_b->of.dict) < 0) ||
            (edit_b->kind == MP_TYPE_EDIT && mp_type_note(&edit_b->of.type) < 0)) {
            goto done;
        }
    }
    if (mp_moves_make(log) < 0) {
        goto done;
    }
    *moved = 1;
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

/* True if there is anything that a watcher of functions may have to be told. */
static int
has_functions(mp_log *log)
{
    Py_ssize_t i = 0;

    while (i < log->used && log->edits[i].kind != MP_FUNCTION_EDIT) {
        i++;
    }
    return i < log->used;
}

/* Begin the window, in which no cache knows anything about the classes. */
static void
begin_window(mp_log *log)
{
    int closed = 0;

    while (!closed) {
        for (Py_ssize_t i = 0; i < log->used; i++) {
            if (log->edits[i].kind == MP_TYPE_EDIT) {
                mp_type_close(&log->edits[i].of.type);
            }
        }
        mp_stop_the_world();
        closed = 1;
        for (Py_ssize_t i = 0; i < log->used && closed; i++) {
            closed = log->edits[i].kind != MP_TYPE_EDIT || mp_type_is_closed(&log->edits[i].of.type);
        }
        if (!closed) {
            mp_start_the_world();
        }
    }
}

/* Why an edit cannot be made any more: somebody else has changed what it looked at. NULL if it can. */
static const char *
obstacle_of(mp_edit *edit_b)
{
    const char *obstacle = NULL;

    switch (edit_b->kind) {
        case MP_CONSTANT_EDIT:
            if (!mp_constant_is_current(&edit_b->of.constant)) {
                obstacle = "a constant was changed by somebody else meanwhile";
            }
            break;
        case MP_DICT_EDIT:
            if (!mp_dict_is_current(&edit_b->of.dict)) {
                obstacle = "a dictionary was changed by somebody else meanwhile";
            }
            break;
        case MP_TYPE_EDIT:
            if (!mp_type_is_current(&edit_b->of.type)) {
                obstacle = "a class was changed by somebody else meanwhile";
            }
            break;
        case MP_FUNCTION_EDIT:
        case MP_LIST_EDIT:
        case MP_SET_EDIT:
            break;
    }
    return obstacle;
}

/* The functions do not change after all. */
static void
untouch(mp_log *log)
{
    for (Py_ssize_t i = log->used - 1; i >= 0; i--) {
        if (log->edits[i].kind == MP_FUNCTION_EDIT) {
            mp_function_untouch(&log->edits[i].of.function);
        }
    }
}

/* The window: exchange what may fail, then what cannot. */
static int
exchange_all(mp_log *log)
{
    int ret = MP_ERROR;
    Py_ssize_t changed = 0;

    for (Py_ssize_t i = 0; i < log->used; i++) {
        const char *obstacle = obstacle_of(&log->edits[i]);
        if (obstacle != NULL) {
            PyErr_SetString(PyExc_RuntimeError, obstacle);
            goto done;
        }
    }
    for (; changed < log->used; changed++) {
        mp_edit *edit_b = mp_edit_at(log, changed);
        if ((edit_b->kind == MP_DICT_EDIT && mp_dict_exchange(&edit_b->of.dict) < 0) ||
            (edit_b->kind == MP_TYPE_EDIT && mp_type_exchange(&edit_b->of.type) < 0)) {
            goto take_back;
        }
    }
    for (Py_ssize_t i = 0; i < log->used; i++) {
        mp_edit *edit_b = mp_edit_at(log, i);
        switch (edit_b->kind) {
            case MP_FUNCTION_EDIT:
                mp_function_exchange(&edit_b->of.function);
                break;
            case MP_CONSTANT_EDIT:
                mp_constant_exchange(&edit_b->of.constant);
                break;
            case MP_LIST_EDIT:
                mp_list_exchange(&edit_b->of.list);
                break;
            case MP_SET_EDIT:
                mp_set_exchange(&edit_b->of.set);
                break;
            case MP_DICT_EDIT:
            case MP_TYPE_EDIT:
                break;
        }
    }
    ret = MP_OK;
    goto done;
take_back:
    if (dict_of(mp_edit_at(log, changed)) != NULL) { /* cleared, and not filled */
        mp_dict_take_back(dict_of(mp_edit_at(log, changed)));
    }
    while (changed-- > 0) {
        mp_edit *edit_b = mp_edit_at(log, changed);
        if (edit_b->kind == MP_DICT_EDIT) {
            mp_dict_take_back(&edit_b->of.dict);
        }
        else if (edit_b->kind == MP_TYPE_EDIT) {
            mp_type_take_back(&edit_b->of.type);
        }
    }
done:
    return ret;
}

/* After the window, whether it was reached or not. An error that is set stays. */
static void
conclude(mp_log *log, int done, int moved, int watched)
{
    mp_error error = mp_error_take();

    if (!done && moved) {
        mp_moves_take_back(log);
    }
    for (Py_ssize_t i = 0; i < log->used && done; i++) {
        mp_edit *edit_b = mp_edit_at(log, i);
        if (edit_b->kind == MP_TYPE_EDIT) {
            mp_type_renew(&edit_b->of.type);
        }
    }
    for (Py_ssize_t i = 0; i < log->used; i++) {
        mp_edit *edit_b = mp_edit_at(log, i);
        if (edit_b->kind == MP_TYPE_EDIT) {
            mp_type_leave(&edit_b->of.type, done);
        }
        else if (edit_b->kind == MP_DICT_EDIT && done) {
            mp_dict_turn(&edit_b->of.dict);
        }
    }
    for (Py_ssize_t i = 0; i < log->used && done && watched; i++) {
        mp_edit *edit_b = mp_edit_at(log, i);
        if (edit_b->kind == MP_FUNCTION_EDIT) { /* runs Python, and so comes last */
            mp_function_tell_watchers(&edit_b->of.function);
        }
    }
    mp_error_give_back(error);
}

static int
exchange_any(mp_log *log)
{
    int ret = MP_ERROR, moved = 0, watched = has_functions(log) && mp_function_is_watched();

    if (announce(log, watched, &moved) == MP_OK) {
        begin_window(log);
        ret = exchange_all(log);
        if (ret < 0) {
            untouch(log);
        }
        mp_start_the_world();
    }
    conclude(log, ret == MP_OK, moved, watched);
    if (ret == MP_OK) {
        log->applied = !log->applied;
    }
    return ret;
}

int
mp_log_exchange(mp_log *log)
{
    int was_enabled = PyGC_Disable(); /* on 3.11 an allocation collects, and finalizers run */
    int ret = log->is_as_seen ? mp_refill_exchange(log) : exchange_any(log);

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
                mp_dict_discard(&edit_b->of.dict);
                break;
            case MP_LIST_EDIT:
                mp_list_discard(&edit_b->of.list);
                break;
            case MP_SET_EDIT:
                mp_set_discard(&edit_b->of.set);
                break;
            case MP_TYPE_EDIT:
                mp_type_discard(&edit_b->of.type);
                break;
        }
    }
    PyMem_Free(held.edits);
}
