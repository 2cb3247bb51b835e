/* function.c - see function.h. */
#include "function.h"

#include <stddef.h>

/* What the specialiser or the JIT builds upon: a change of these must be announced. */
#define MP_CRITICAL                                                                       \
    (MP_FIELD(MP_CODE) | MP_FIELD(MP_CLOSURE) | MP_FIELD(MP_DEFAULTS) |                   \
     MP_FIELD(MP_KWDEFAULTS) | MP_FIELD(MP_GLOBALS) | MP_FIELD(MP_BUILTINS))

/* Where each field lies in a function; 0 for one that this version does not have. */
static const size_t field_offsets[MP_FUNCTION_FIELDS] = {
    [MP_CODE] = offsetof(PyFunctionObject, func_code),
    [MP_CLOSURE] = offsetof(PyFunctionObject, func_closure),
    [MP_DEFAULTS] = offsetof(PyFunctionObject, func_defaults),
    [MP_KWDEFAULTS] = offsetof(PyFunctionObject, func_kwdefaults),
    [MP_GLOBALS] = offsetof(PyFunctionObject, func_globals),
    [MP_BUILTINS] = offsetof(PyFunctionObject, func_builtins),
    [MP_NAME] = offsetof(PyFunctionObject, func_name),
    [MP_QUALNAME] = offsetof(PyFunctionObject, func_qualname),
    [MP_MODULE] = offsetof(PyFunctionObject, func_module),
    [MP_DOC] = offsetof(PyFunctionObject, func_doc),
    [MP_ANNOTATIONS] = offsetof(PyFunctionObject, func_annotations),
#if MP_HAS_ANNOTATE
    [MP_ANNOTATE] = offsetof(PyFunctionObject, func_annotate),
#endif
#if MP_HAS_TYPEPARAMS
    [MP_TYPEPARAMS] = offsetof(PyFunctionObject, func_typeparams),
#endif
    [MP_DICT] = offsetof(PyFunctionObject, func_dict),
};

/* The place of a field in a function. Borrowed. */
static PyObject **
field_of(PyFunctionObject *function_b, int field)
{
    return (PyObject **)((char *)function_b + field_offsets[field]);
}

static Py_ssize_t
closure_size(PyObject *closure_b)
{
    return closure_b == NULL ? 0 : PyTuple_GET_SIZE(closure_b);
}

/* The first invariant of a commit: at every moment at which another thread can look, a function's
 * closure has as many cells as its code has free variables (Objects/funcobject.c, func_set_code). */
static void
assert_consistent(PyFunctionObject *function_b)
{
    assert(PyCode_Check(function_b->func_code));
    assert(closure_size(function_b->func_closure) ==
           ((PyCodeObject *)function_b->func_code)->co_nfreevars);
    (void)function_b;
}

/* Raise ValueError unless a closure, which is a tuple or NULL, fits code. */
static int
check_closure(PyObject *name_b, PyObject *code_b, PyObject *closure_b)
{
    int ret = MP_ERROR, wanted = ((PyCodeObject *)code_b)->co_nfreevars;

    if (closure_size(closure_b) != wanted) {
        PyErr_Format(PyExc_ValueError, "%R has %d free variables and %zd cells", name_b, wanted,
                     closure_size(closure_b));
        goto done;
    }
    for (Py_ssize_t i = 0; i < closure_size(closure_b); i++) {
        if (!PyCell_Check(PyTuple_GET_ITEM(closure_b, i))) {
            PyErr_Format(PyExc_ValueError, "the closure of %R holds something that is no cell",
                         name_b);
            goto done;
        }
    }
    ret = MP_OK;
done:
    return ret;
}

int
mp_function_check(PyObject *function)
{
    int ret = MP_ERROR;
    /* Borrowed. */
    PyFunctionObject *function_b = NULL;
    PyObject *closure_b = NULL;

    if (!PyFunction_Check(function)) {
        PyErr_Format(PyExc_TypeError, "expected a function, not '%.200s'",
                     Py_TYPE(function)->tp_name);
        goto done;
    }
    function_b = (PyFunctionObject *)function;
    closure_b = function_b->func_closure;
    if (closure_b != NULL && !PyTuple_Check(closure_b)) {
        PyErr_Format(PyExc_ValueError, "the closure of %R is no tuple", function_b->func_qualname);
        goto done;
    }
    ret = check_closure(function_b->func_qualname, function_b->func_code, closure_b);
done:
    return ret;
}

/* Frees an empty closure. The tuple's own deallocator would take it for the empty singleton. */
static void
empty_closure_dealloc(PyObject *closure)
{
    PyObject_GC_UnTrack(closure);
    Py_TYPE(closure)->tp_free(closure);
}

/* The type of a closure with hidden room that shows nothing. Immortal; inherits all else. */
static PyTypeObject empty_closure_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "mighty_patcher._core.EmptyClosure",
    .tp_base = &PyTuple_Type,
    .tp_dealloc = empty_closure_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
};

/* Returns a new reference to one with room for so many cells. */
static PyObject *
empty_closure_new(Py_ssize_t room)
{
    PyObject *closure = NULL;

    if (PyType_Ready(&empty_closure_type) < 0) {
        goto done;
    }
    closure = PyType_GenericAlloc(&empty_closure_type, room);
    if (closure != NULL) {
        mp_tuple_forget_hash(closure);
    }
done:
    return closure;
}

/* A closure with hidden room.
 *
 * A call that is binding keyword arguments can run Python (__eq__ of a str subclass, and on 3.11 a
 * collection). If that patches the called function, the frame goes on with the old code, and its
 * COPY_FREE_VARS then reads as many cells as the *old* code has from the *new* closure
 * (Python/bytecodes.c). So where the closure shrinks, the new tuple is allocated with the old size,
 * its tail is filled with the old cells, and only its visible size is the new one. The tail is
 * borrowed from the old closure, which the log owns until it is discarded.
 *
 * One that shows nothing is of a type of its own, and gives way to none at all when the edit is
 * discarded. Returns a new reference. */
static PyObject *
closure_with_room(PyObject *new_b, PyObject *old_b)
{
    Py_ssize_t shown = closure_size(new_b), room = closure_size(old_b);
    PyObject *closure = shown == 0 ? empty_closure_new(room) : PyTuple_New(room);

    if (closure != NULL) {
        for (Py_ssize_t i = 0; i < shown; i++) {
            PyTuple_SET_ITEM(closure, i, Py_NewRef(PyTuple_GET_ITEM(new_b, i)));
        }
        for (Py_ssize_t i = shown; i < room; i++) {
            PyTuple_SET_ITEM(closure, i, PyTuple_GET_ITEM(old_b, i));
        }
        Py_SET_SIZE(closure, shown);
    }
    return closure;
}

/* Take the empty closure that the edit made out of the function: it has none. */
static void
retire_empty_closure(mp_function_edit *edit)
{
    /* Owned. */
    PyObject *retired = NULL;

    if (edit->empty_closure == NULL) {
        return;
    }
    mp_stop_the_world();
    if (edit->target->func_closure == edit->empty_closure) {
        retired = edit->target->func_closure;
        edit->target->func_closure = NULL;
    }
    mp_start_the_world();
    Py_XDECREF(retired);
    Py_CLEAR(edit->empty_closure);
}

static Py_ssize_t
count_defaults(PyFunctionObject *function_b)
{
    return function_b->func_defaults == NULL ? 0 : PyTuple_GET_SIZE(function_b->func_defaults);
}

/* True if the target will have as many defaults as all functions that MAKE_FUNCTION makes of the code.
 * One of them is a donor that still has the version of its code. */
static int
keeps_defaults(mp_function_edit *edit, PyFunctionObject *donor_b, PyObject *code_b)
{
    return donor_b != NULL && donor_b->func_version == mp_code_version(code_b) &&
           (edit->fields & MP_FIELD(MP_DEFAULTS) ||
            count_defaults(donor_b) == count_defaults(edit->target));
}

/* True if the code that the target gets stays together with its globals and builtins: the JIT folds
 * their values into what it makes for all functions of one version (Python/optimizer_analysis.c). */
static int
keeps_company(mp_function_edit *edit, PyFunctionObject *donor_b)
{
    unsigned all = MP_FIELD(MP_CODE) | MP_FIELD(MP_GLOBALS) | MP_FIELD(MP_BUILTINS);

    return donor_b == NULL || (edit->fields & all) == all || (edit->fields & all) == 0 ||
           (edit->target->func_globals == donor_b->func_globals &&
            edit->target->func_builtins == donor_b->func_builtins);
}

/* True if a call of the target does what its code says. Who gave it another vectorcall took its
 * version away, because specialised calls do not ask for it (PyFunction_SetVectorcall). */
static int
is_called_plainly(PyFunctionObject *target_b, PyFunctionObject *donor_b)
{
    return donor_b != NULL ? target_b->vectorcall == donor_b->vectorcall
                           : target_b->func_version >= MP_FIRST_VALID_VERSION;
}

/* The version that the target has after the edit; 0 for none, or one that is yet to be given.
 *
 * MAKE_FUNCTION gives every function the version of its code, so to share it is the very state that
 * CPython makes for several closures of one code object; the specialiser then treats the patched
 * function like a fresh one. A donor that was tinkered with has lost its version: on 3.13 and later
 * the code's own may be used all the same, because nothing is specialised on defaults there. 3.12
 * does (CALL_PY_WITH_DEFAULTS). The donor is NULL where bare code is given. */
static uint32_t
version_after(mp_function_edit *edit, PyFunctionObject *donor_b)
{
    /* Borrowed. */
    PyObject *code_b = edit->fields & MP_FIELD(MP_CODE) ? edit->values[MP_CODE]
                                                        : edit->target->func_code;
    uint32_t version = mp_code_version(code_b);

    if (!is_called_plainly(edit->target, donor_b)) {
        version = 0;
    }
    else if (version < MP_FIRST_VALID_VERSION || !keeps_company(edit, donor_b) ||
             (!MP_CLEARED_VERSION_IS_FINAL && !keeps_defaults(edit, donor_b, code_b))) {
        version = mp_fresh_version();
    }
    return version;
}

static void
note_version(mp_function_edit *edit, PyFunctionObject *donor_b)
{
    edit->version = version_after(edit, donor_b);
    edit->version_noted = edit->target->func_version;
}

/* Put code and closure into the edit, which are only ever changed together. Both have been checked. */
static int
take_code(mp_function_edit *edit, PyObject *code_b, PyObject *closure_b)
{
    int ret = MP_ERROR;
    Py_ssize_t shown = closure_size(closure_b);
    /* Borrowed. */
    PyObject *old_closure_b = edit->target->func_closure;

    edit->fields |= MP_FIELD(MP_CODE) | MP_FIELD(MP_CLOSURE);
    edit->values[MP_CODE] = Py_NewRef(code_b);
    if (shown < closure_size(old_closure_b)) {
        edit->values[MP_CLOSURE] = closure_with_room(closure_b, old_closure_b);
        if (edit->values[MP_CLOSURE] == NULL) {
            goto done;
        }
        edit->empty_closure = shown == 0 ? Py_NewRef(edit->values[MP_CLOSURE]) : NULL;
    }
    else if (shown > 0) {
        /* Where it shows nothing the function has none, and never the donor's own tuple, which may
         * be an empty closure of ours. */
        edit->values[MP_CLOSURE] = Py_NewRef(closure_b);
    }
    ret = MP_OK;
done:
    return ret;
}

int
mp_function_prepare(mp_function_edit *edit, PyObject *target, PyObject *donor, unsigned fields)
{
    int ret = MP_ERROR;
    /* Borrowed. */
    PyFunctionObject *donor_b = (PyFunctionObject *)donor;

    memset(edit, 0, sizeof(*edit));
    if (mp_function_check(target) < 0 || mp_function_check(donor) < 0) {
        goto done;
    }
    edit->target = (PyFunctionObject *)Py_NewRef(target);
    if (fields & (MP_FIELD(MP_CODE) | MP_FIELD(MP_CLOSURE)) &&
        take_code(edit, donor_b->func_code, donor_b->func_closure) < 0) {
        goto done;
    }
    fields &= ~(MP_FIELD(MP_CODE) | MP_FIELD(MP_CLOSURE));
    for (int field = 0; field < MP_FUNCTION_FIELDS; field++) {
        if (fields & MP_FIELD(field) && field_offsets[field] != 0) {
            edit->fields |= MP_FIELD(field);
            edit->values[field] = Py_XNewRef(*field_of(donor_b, field));
        }
    }
    if (edit->fields & MP_FIELD(MP_DICT) && edit->values[MP_DICT] != NULL) {
        /* The function gets a dictionary of its own: the donor may live on. */
        Py_SETREF(edit->values[MP_DICT], PyDict_Copy(edit->values[MP_DICT]));
        if (edit->values[MP_DICT] == NULL) {
            goto done;
        }
    }
    note_version(edit, donor_b);
    ret = MP_OK;
done:
    if (ret < 0) {
        mp_function_discard(edit);
    }
    return ret;
}

int
mp_function_prepare_code(mp_function_edit *edit, PyObject *target, PyObject *code,
                         PyObject *closure, PyObject *doc)
{
    int ret = MP_ERROR;

    memset(edit, 0, sizeof(*edit));
    if (mp_function_check(target) < 0) {
        goto done;
    }
    if (!PyCode_Check(code) || !PyTuple_Check(closure)) {
        PyErr_Format(PyExc_TypeError, "expected code and a tuple of cells, not '%.200s' and '%.200s'",
                     Py_TYPE(code)->tp_name, Py_TYPE(closure)->tp_name);
        goto done;
    }
    if (check_closure(((PyCodeObject *)code)->co_qualname, code, closure) < 0) {
        goto done;
    }
    edit->target = (PyFunctionObject *)Py_NewRef(target);
    if (take_code(edit, code, closure) < 0) {
        goto done;
    }
    if (doc != NULL) {
        edit->fields |= MP_FIELD(MP_DOC);
        edit->values[MP_DOC] = Py_NewRef(doc);
    }
    note_version(edit, NULL);
    ret = MP_OK;
done:
    if (ret < 0) {
        mp_function_discard(edit);
    }
    return ret;
}

void
mp_function_touch(mp_function_edit *edit, int announce)
{
    /* Borrowed. */
    PyFunctionObject *target_b = edit->target;

    edit->version_before = target_b->func_version;
    if (!MP_CLEARED_VERSION_IS_FINAL && !(edit->fields & MP_FIELD(MP_DEFAULTS)) &&
        (!MP_HAS_CODE_VERSION || target_b->func_version != edit->version_noted)) {
        /* The defaults stay, and somebody has changed them since this version was noted (which on
         * 3.11 one cannot see): calls specialised on it would still count on the old ones. */
        edit->version = 0;
    }
    if (!announce || !(edit->fields & MP_CRITICAL)) {
        return;
    }
    /* The one public call that clears the version, takes the function out of the version cache
     * (3.13), invalidates JIT code that depends on it (3.15) and notifies watchers, and that
     * leaves the function as it is (Objects/funcobject.c, handle_func_event). */
    if (PyFunction_SetDefaults((PyObject *)target_b, target_b->func_defaults != NULL
                                                         ? target_b->func_defaults
                                                         : Py_None) < 0) {
        /* Only for a wrong type of argument, which it is not. */
        PyErr_WriteUnraisable((PyObject *)target_b);
    }
}

void
mp_function_untouch(mp_function_edit *edit)
{
    if (edit->fields & MP_CRITICAL) {
        edit->target->func_version = edit->version_before;
    }
}

void
mp_function_exchange(mp_function_edit *edit)
{
    /* Borrowed. */
    PyFunctionObject *target_b = edit->target;

    for (int field = 0; field < MP_FUNCTION_FIELDS; field++) {
        if (edit->fields & MP_FIELD(field)) {
            PyObject **place_b = field_of(target_b, field);
            PyObject *old = *place_b;
            *place_b = edit->values[field];
            edit->values[field] = old;
        }
    }
    if (edit->fields & MP_CRITICAL) {
        target_b->func_version = edit->version;
        edit->version_noted = edit->version;
        edit->version = edit->version_before;
    }
    assert_consistent(target_b);
}

#if MP_HAS_FUNCTION_WATCHERS
static int
watch_nothing(PyFunction_WatchEvent Py_UNUSED(event), PyFunctionObject *Py_UNUSED(function),
              PyObject *Py_UNUSED(value))
{
    return 0;
}
#endif

int
mp_function_is_watched(void)
{
#if MP_HAS_FUNCTION_WATCHERS
    /* There is no way to ask; but a table of eight that takes fewer than eight more is in use, as is
     * one whose first free place is not the next. */
    enum { SLOTS = 8 };
    int taken = 0, is_free = 1;

    /* A thread that makes or drops a function looks first which watchers there are and then calls
     * them (`notify_func_watchers`, Objects/funcobject.c): it must not look now. */
    mp_stop_the_world();
    while (is_free && taken < SLOTS) {
        int id = PyFunction_AddWatcher(watch_nothing);
        is_free = id == taken;
        if (is_free) {
            taken++;
        } else if (id >= 0) {
            PyFunction_ClearWatcher(id);
        } else {
            PyErr_Clear();
        }
    }
    for (int id = 0; id < taken; id++) {
        PyFunction_ClearWatcher(id);
    }
    mp_start_the_world();
    return !is_free;
#else
    return 0;
#endif
}

void
mp_function_tell_watchers(mp_function_edit *edit)
{
    /* Borrowed. */
    PyFunctionObject *target_b = edit->target;
    uint32_t version = target_b->func_version;

    if (!(edit->fields & MP_FIELD(MP_CODE))) {
        return;
    }
    /* The same code once more: it passes the check of the closure and sends MODIFY_CODE. */
    if (PyObject_SetAttrString((PyObject *)target_b, "__code__", target_b->func_code) < 0) {
        PyErr_WriteUnraisable((PyObject *)target_b);
    }
    mp_stop_the_world();
    target_b->func_version = version;
    mp_start_the_world();
}

void
mp_function_discard(mp_function_edit *edit)
{
    retire_empty_closure(edit);
    for (int field = 0; field < MP_FUNCTION_FIELDS; field++) {
        Py_CLEAR(edit->values[field]);
    }
    edit->fields = 0;
    Py_CLEAR(edit->target);
}
