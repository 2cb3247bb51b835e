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

#if PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x03100000
#error "Mighty Patcher knows the insides of CPython 3.11 to 3.15 and of no other interpreter"
#endif
#if defined(Py_GIL_DISABLED) && PY_VERSION_HEX < 0x030E0000
#error "Mighty Patcher supports free-threaded CPython from 3.14: 3.13t cannot stop the world"
#endif

#define MP_OK 0
#define MP_ERROR (-1)

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

/* ---- the collector ----------------------------------------------------------------------- */

/* PyUnstable_GC_VisitObjects (gh-104584); before it there is gc.get_objects(). */
#define MP_HAS_VISIT_OBJECTS (PY_VERSION_HEX >= 0x030C0000)

/* ---- atomicity --------------------------------------------------------------------------- */

#ifdef Py_GIL_DISABLED
#define MP_FREE_THREADED 1
/* Exported by libpython since 3.14, and declared in an internal header only
 * (Include/internal/pycore_pystate.h). */
extern PyAPI_FUNC(void) _PyEval_StopTheWorld(PyInterpreterState *interp);
extern PyAPI_FUNC(void) _PyEval_StartTheWorld(PyInterpreterState *interp);
#else
#define MP_FREE_THREADED 0
#endif

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
