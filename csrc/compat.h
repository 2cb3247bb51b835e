/* compat.h - the one file that knows CPython's versions.
 *
 * Everything here is a named behaviour; the rest of csrc/ asks for the behaviour and never for
 * the version. Each branch cites the change of CPython that forced it. Plain public headers are
 * enough: no Py_BUILD_CORE.
 */
#ifndef MP_COMPAT_H
#define MP_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>

#if PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x03100000
#error "Mighty Patcher knows the insides of CPython 3.11 to 3.15 and of no other interpreter"
#endif
#if defined(Py_GIL_DISABLED) && PY_VERSION_HEX < 0x030E0000
#error "Mighty Patcher supports free-threaded CPython from 3.14: 3.13t cannot stop the world"
#endif

#define MP_OK 0
#define MP_ERROR (-1)

/* ---- atomicity --------------------------------------------------------------------------- */

#ifdef Py_GIL_DISABLED
#define MP_FREE_THREADED 1
/* Exported by libpython since 3.14, and declared in an internal header only
 * (Include/internal/pycore_pystate.h). */
extern PyAPI_FUNC(void) _PyEval_StopTheWorld(PyInterpreterState *interp);
extern PyAPI_FUNC(void) _PyEval_StartTheWorld(PyInterpreterState *interp);
/* No other thread changes an object between the two (PEP 703; public since 3.13). */
#define MP_BEGIN_CRITICAL_SECTION(op) Py_BEGIN_CRITICAL_SECTION(op);
#define MP_END_CRITICAL_SECTION Py_END_CRITICAL_SECTION();
#else
#define MP_FREE_THREADED 0
#define MP_BEGIN_CRITICAL_SECTION(op) {
#define MP_END_CRITICAL_SECTION }
#endif

/* ---- the JIT -------------------------------------------------------------------------------- */

/* sys._jit tells whether there is one, and it is on (gh-133231); without the GIL there is none. */
#define MP_KNOWS_JIT (PY_VERSION_HEX >= 0x030E0000 && !MP_FREE_THREADED)

/* ---- fields of a function that came later ---------------------------------------------- */

/* PEP 695 put the type parameters into the function (gh-103763). */
#define MP_HAS_TYPEPARAMS (PY_VERSION_HEX >= 0x030C0000)
/* PEP 649 made annotations a function that is called when they are read (gh-119180). */
#define MP_HAS_ANNOTATE (PY_VERSION_HEX >= 0x030E0000)

/* ---- versions of functions, as the specialiser sees them -------------------------------- */

/* A code object carries the version that MAKE_FUNCTION gives to its functions (gh-101346). */
#define MP_HAS_CODE_VERSION (PY_VERSION_HEX >= 0x030C0000)
/* A version that was cleared is never assigned again: calls of such a function stay
 * unspecialised for ever (_PyFunction_GetVersionForCurrentState, Objects/funcobject.c). */
#define MP_CLEARED_VERSION_IS_FINAL (PY_VERSION_HEX >= 0x030D0000)
/* 0 says "never set", and from 3.14 on 1 says "cleared" (FUNC_VERSION_FIRST_VALID). */
#if PY_VERSION_HEX >= 0x030E0000
#define MP_FIRST_VALID_VERSION 2u
#else
#define MP_FIRST_VALID_VERSION 1u
#endif

/* The version that functions of this code object are made with; 0 where there is none.
 * Needs nothing, runs no Python. */
static inline uint32_t
mp_code_version(PyObject *code_b)
{
#if MP_HAS_CODE_VERSION
    return ((PyCodeObject *)code_b)->co_version;
#else
    (void)code_b;
    return 0;
#endif
}

/* A version that no function has or will have; 0 where there is none to be had. What is left at 0
 * gets its version from the specialiser, which on 3.12 takes it from another counter than that of the
 * code objects (_PyFunction_GetVersionForCurrentState): sooner or later it is the version of some
 * code, and a call that is specialised for the one function crashes with the other. May allocate,
 * runs no Python. */
static inline uint32_t
mp_fresh_version(void)
{
    uint32_t version = 0;
#if MP_HAS_CODE_VERSION && !MP_CLEARED_VERSION_IS_FINAL
    PyCodeObject *code = PyCode_NewEmpty("", "", 0);

    if (code == NULL) {
        PyErr_Clear();
    }
    else {
        version = code->co_version; /* each is given to one code object only, and this one goes */
        Py_DECREF(code);
    }
#endif
    return version;
}

/* ---- function watchers (gh-91052) -------------------------------------------------------- */

#define MP_HAS_FUNCTION_WATCHERS (PY_VERSION_HEX >= 0x030C0000)

/* ---- tuples ------------------------------------------------------------------------------ */

/* A tuple remembers its hash (gh-131525): whoever changes one in place must clear it. */
static inline void
mp_tuple_forget_hash(PyObject *tuple_b)
{
#if PY_VERSION_HEX >= 0x030E0000
    ((PyTupleObject *)tuple_b)->ob_hash = -1;
#else
    (void)tuple_b;
#endif
}

/* False if nobody has asked for the hash of a tuple yet, where that can be told: then it is a key of
 * nothing. */
static inline int
mp_tuple_was_hashed(PyObject *tuple_b)
{
#if PY_VERSION_HEX >= 0x030E0000
    return ((PyTupleObject *)tuple_b)->ob_hash != -1;
#else
    (void)tuple_b;
    return 1;
#endif
}

/* ---- running frames ---------------------------------------------------------------------- */

#if PY_VERSION_HEX < 0x030D0000
/* What a frame object and the frame itself begin with (Include/internal/pycore_frame.h of 3.11 and
 * 3.12, which do not change any more). Reading f_locals instead would bring the dictionary that a
 * program got from locals() up to date behind its back (PEP 667). */
typedef struct {
#if PY_VERSION_HEX >= 0x030C0000
    PyCodeObject *code;
    void *previous;
    PyObject *function, *globals, *builtins, *names;
    PyFrameObject *object;
    void *instruction;
    int stacktop;
    uint16_t return_offset;
    char owner;
#else
    PyObject *function, *globals, *builtins, *names;
    PyCodeObject *code;
    PyFrameObject *object;
    void *previous, *instruction;
    int stacktop;
    char is_entry, owner;
#endif
    PyObject *values[1];
} mp_frame_data;

typedef struct {
    PyObject_HEAD
    PyFrameObject *back;
    mp_frame_data *data;
} mp_frame_object;
#endif

/* The values of a frame's local variables, without those of a module or a class body, which are in a
 * dictionary. Returns a new list. Runs no Python; the GIL is held or the world is stopped. */
static inline PyObject *
mp_frame_values(PyFrameObject *frame_b)
{
    PyObject *values = NULL;
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *names = PyFrame_GetLocals(frame_b);

    if (names != NULL) {
        values = PyFrameLocalsProxy_Check(names) ? PyMapping_Values(names) : PyList_New(0);
        Py_DECREF(names);
    }
#else
    mp_frame_data *data_b = ((mp_frame_object *)frame_b)->data;

    values = PyList_New(0);
    for (int i = 0; values != NULL && i < data_b->code->co_nlocalsplus; i++) {
        if (data_b->values[i] != NULL && PyList_Append(values, data_b->values[i]) < 0) {
            Py_CLEAR(values);
        }
    }
#endif
    return values;
}

/* ---- dictionaries ------------------------------------------------------------------------ */

/* The field before `ma_keys`: up to 3.13 the version of the content, which is as unique as that is
 * (PEP 509), and from 3.12 on, in the lowest bits, who watches the dictionary. Its name differs. */
static inline uint64_t *
mp_dict_tag(PyObject *dict_b)
{
    return (uint64_t *)((char *)dict_b + offsetof(PyDictObject, ma_keys) - sizeof(uint64_t));
}

/* True if somebody wants to be told of changes (PyDict_Watch, which came with 3.12). */
static inline int
mp_dict_is_watched(PyObject *dict_b)
{
#if PY_VERSION_HEX >= 0x030C0000
    return (*mp_dict_tag(dict_b) & 0xFF) != 0;
#else
    (void)dict_b;
    return 0;
#endif
}

/* Look something up: 1 with a new reference, 0 if it is not there, -1 on error (gh-106004). */
static inline int
mp_dict_find(PyObject *dict_b, PyObject *key_b, PyObject **value)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyDict_GetItemRef(dict_b, key_b, value);
#else
    *value = Py_XNewRef(PyDict_GetItemWithError(dict_b, key_b));
    return *value != NULL ? 1 : PyErr_Occurred() ? -1 : 0;
#endif
}

/* Let the versions of two dictionaries go with their contents, which are exchanged. */
static inline void
mp_dict_exchange_versions(PyObject *left_b, PyObject *right_b)
{
#if PY_VERSION_HEX < 0x030E0000
    uint64_t tag = *mp_dict_tag(left_b);

    *mp_dict_tag(left_b) = *mp_dict_tag(right_b);
    *mp_dict_tag(right_b) = tag;
#else
    (void)left_b;
    (void)right_b;
#endif
}

/* ---- classes ----------------------------------------------------------------------------- */

#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h> /* PyMemberDef */
#endif

/* The flags that say that an instance keeps its attributes and weak references before itself:
 * MANAGED_DICT (gh-89503), MANAGED_WEAKREF (gh-95245). */
#if PY_VERSION_HEX >= 0x030C0000
#define MP_TYPE_MANAGED_FLAGS ((1ul << 4) | (1ul << 3))
#else
#define MP_TYPE_MANAGED_FLAGS (1ul << 4)
#endif

/* True if a class stores more in its instances than its base, as CPython judges when it looks for the
 * one base that lays out the instances (best_base, Objects/typeobject.c): up to 3.11 a place for the
 * __dict__ and one for weak references do not count, from 3.12 on they lie before the object. */
static inline int
mp_type_extends(PyTypeObject *type_b, PyTypeObject *base_b)
{
    Py_ssize_t size = type_b->tp_basicsize;
#if PY_VERSION_HEX < 0x030C0000
    const Py_ssize_t place = (Py_ssize_t)sizeof(PyObject *);

    if (type_b->tp_itemsize == 0 && base_b->tp_itemsize == 0) {
        for (int turn = 0; turn < 2; turn++) { /* in either order */
            if (base_b->tp_weaklistoffset == 0 && type_b->tp_weaklistoffset == size - place &&
                (type_b->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
                size -= place;
            }
            if (turn == 0 && base_b->tp_dictoffset == 0 && type_b->tp_dictoffset == size - place &&
                (type_b->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
                size -= place;
            }
        }
    }
#endif
    return size != base_b->tp_basicsize || type_b->tp_itemsize != base_b->tp_itemsize;
}

/* A class gets no more than 1000 version tags in its life, and then its attributes are not cached any
 * more (MAX_VERSIONS_PER_CLASS, gh-114329). */
#define MP_HAS_TYPE_BUDGET (PY_VERSION_HEX >= 0x030D0000)
#define MP_TYPE_BUDGET 1000
/* What stands in the place of the number where a class must never be cached, for its metaclass has an
 * `mro` of its own (_Py_ATTR_CACHE_UNUSED). */
#define MP_TYPE_NEVER_CACHED 30000

/* Let all caches forget what they know of a class and of those derived from it, just before its content
 * changes. With the world stopped this is not allowed, and so it is done before: see below. */
static inline void
mp_type_forget_caches(PyTypeObject *type_b)
{
#if MP_FREE_THREADED
    (void)type_b;
#else
    PyType_Modified(type_b);
#endif
}

/* Before the window. Without the GIL, see to it that no cache learns anything about the class until it is
 * opened again: where the budget is spent no version tag is given, neither to it nor to what derives
 * from it. May tell type watchers. */
static inline void
mp_type_close_caches(PyTypeObject *type_b)
{
#if MP_FREE_THREADED
    if (type_b->tp_versions_used < MP_TYPE_BUDGET) {
        type_b->tp_versions_used = MP_TYPE_BUDGET;
    }
    PyType_Modified(type_b);
#else
    (void)type_b;
#endif
}

/* False if another thread was about to give the class a version tag when it was closed. */
static inline int
mp_type_is_closed_to_caches(PyTypeObject *type_b)
{
#if MP_FREE_THREADED
    return type_b->tp_version_tag == 0;
#else
    (void)type_b;
    return 1;
#endif
}

/* After the window: give a class its whole budget. Returns false if what derives from it was not cached
 * since this was last done. */
static inline int
mp_type_open_caches(PyTypeObject *type_b)
{
    int was_used = 1;

#if PY_VERSION_HEX >= 0x030C0000 && PY_VERSION_HEX < 0x030E0000
    /* Calls of __getitem__ go there whatever the version tag says (BINARY_SUBSCR_GETITEM), and
     * PyType_Modified leaves it alone in a class without a tag, such as one that must never be cached.
     * From 3.14 on such a class gets none (_PyType_CacheGetItemForSpecialization). */
    if (type_b->tp_version_tag == 0 && PyType_HasFeature(type_b, Py_TPFLAGS_HEAPTYPE)) {
        ((PyHeapTypeObject *)type_b)->_spec_cache.getitem = NULL;
    }
#endif
#if MP_HAS_TYPE_BUDGET
    was_used = type_b->tp_versions_used != 0;
    if (type_b->tp_versions_used < MP_TYPE_NEVER_CACHED) {
        type_b->tp_versions_used = 0;
    }
#else
    (void)type_b;
#endif
    return was_used;
}

/* False if no class derives from one: a heap type has those that do in a dictionary, as long as there are
 * any (remove_subclass, Objects/typeobject.c). What a static type has is in the interpreter since 3.12
 * (gh-94673), and without the GIL another thread may be about to derive from it. Runs nothing. */
static inline int
mp_type_may_have_subclasses(PyTypeObject *type_b)
{
#if MP_FREE_THREADED
    (void)type_b;
    return 1;
#else
    return !PyType_HasFeature(type_b, Py_TPFLAGS_HEAPTYPE) || type_b->tp_subclasses != NULL;
#endif
}

/* Whether a class inherits from its base that instances are called by vectorcall, unless it has a
 * __call__: other than static ones they do so from 3.12 on (gh-93274). */
#define MP_TYPE_INHERITS_VECTORCALL (PY_VERSION_HEX >= 0x030C0000)

/* ---- the collector ----------------------------------------------------------------------- */

/* PyUnstable_GC_VisitObjects (gh-104584); before it there is gc.get_objects(). */
#define MP_HAS_VISIT_OBJECTS (PY_VERSION_HEX >= 0x030C0000)

/* ---- errors ------------------------------------------------------------------------------ */

/* The error that is set, put aside: one object from 3.12 on (gh-101578), three before. */
#if PY_VERSION_HEX >= 0x030C0000
typedef PyObject *mp_error;

static inline mp_error
mp_error_take(void)
{
    return PyErr_GetRaisedException();
}

static inline void
mp_error_give_back(mp_error error)
{
    PyErr_SetRaisedException(error);
}
#else
typedef struct {
    PyObject *type, *value, *traceback;
} mp_error;

static inline mp_error
mp_error_take(void)
{
    mp_error error = {NULL, NULL, NULL};

    PyErr_Fetch(&error.type, &error.value, &error.traceback);
    return error;
}

static inline void
mp_error_give_back(mp_error error)
{
    PyErr_Restore(error.type, error.value, error.traceback);
}
#endif

/* Say that a slot is not set, as PyMember_GetOne does: with the qualified name of the class since 3.13
 * (gh-111789 added %T). */
static inline void
mp_error_unset(PyObject *instance_b, PyObject *name_b)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyErr_Format(PyExc_AttributeError, "'%T' object has no attribute '%U'", instance_b, name_b);
#else
    PyErr_Format(PyExc_AttributeError, "'%.200s' object has no attribute '%U'",
                 Py_TYPE(instance_b)->tp_name, name_b);
#endif
}

/* ---- a lock for a few instructions ------------------------------------------------------ */

/* With the GIL there is nothing to lock. Without it, a lock that is free whenever the world is stopped,
 * fork() included: who holds it stays attached, for it must not do anything that detaches a thread, and
 * who waits for it spins. So a collection may take it, which with a PyMutex would be a deadlock: that
 * is handed to a waiter while the waiter is detached (Python/lock.c, _PyMutex_LockTimed), and from
 * there it cannot attach as long as the world is stopped. */
typedef uint8_t mp_spin;

#if MP_FREE_THREADED
#ifdef _WIN32
#include <windows.h>
#define MP_YIELD() SwitchToThread()
#else
#include <sched.h>
#define MP_YIELD() sched_yield()
#endif
#endif

static inline void
mp_spin_lock(mp_spin *lock)
{
#if MP_FREE_THREADED
    while (_Py_atomic_exchange_uint8(lock, 1)) {
        MP_YIELD(); /* the holder may have lost its processor */
    }
#else
    (void)lock;
#endif
}

static inline void
mp_spin_unlock(mp_spin *lock)
{
#if MP_FREE_THREADED
    _Py_atomic_store_uint8(lock, 0);
#else
    (void)lock;
#endif
}

/* ---- the window ------------------------------------------------------------------------- */

/* Enter and leave the window in which raw stores are atomic: with the GIL it is there already,
 * without it every other thread is stopped at a safe point. Inside, nothing may run Python, drop
 * the last reference to anything, or call into the type machinery (which stops the world itself). */
static inline void
mp_stop_the_world(void)
{
#if MP_FREE_THREADED
    _PyEval_StopTheWorld(PyInterpreterState_Get());
#endif
}

static inline void
mp_start_the_world(void)
{
#if MP_FREE_THREADED
    _PyEval_StartTheWorld(PyInterpreterState_Get());
#endif
}

/* True if `value` will never be freed. A free-threaded build makes constants of code immortal and
 * then reads them without counting (gh-113956), so an immortal one may only give way to another. */
static inline int
mp_is_immortal(PyObject *value_b)
{
#if MP_FREE_THREADED
    return PyUnstable_IsImmortal(value_b);
#else
    (void)value_b;
    return 0;
#endif
}

#endif /* MP_COMPAT_H */
