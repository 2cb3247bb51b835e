# cython: language_level=3
"""The thin binding to csrc: it converts and owns the log; all logic is in C."""

import sys

from cpython.type cimport PyType_Check

cdef extern from "commit.h":
    ctypedef struct mp_log:
        Py_ssize_t used
        int applied
    enum:
        MP_FREE_THREADED
        MP_CODE
        MP_CLOSURE
        MP_DEFAULTS
        MP_KWDEFAULTS
        MP_GLOBALS
        MP_BUILTINS
        MP_NAME
        MP_QUALNAME
        MP_MODULE
        MP_DOC
        MP_ANNOTATIONS
        MP_ANNOTATE
        MP_TYPEPARAMS
        MP_DICT
        MP_FUNCTION_FIELDS
    int mp_log_add_function(mp_log *log, object target, object donor, unsigned fields) except -1
    int mp_log_add_code(mp_log *log, object target, object code, object closure, object doc) except -1
    int mp_log_add_constant(mp_log *log, object outer, object old, object value) except -1
    int mp_log_add_items(mp_log *log, object target, object donor, void *had) except -1
    int mp_log_add_type(mp_log *log, object target, object content, void *bases, void *metaclass,
                        void *donor) except -1
    int mp_log_exchange(mp_log *log) except -1
    void mp_log_discard(mp_log *log)
    int mp_code_is_held_elsewhere(object functions, object roots, object vouched) except -1

cdef extern from "layout.h":
    const char *mp_layout_difference(void *target, void *donor)

cdef extern from "bases.h":
    int mp_bases_bury(object type, object grave, object graves) except -1

cdef extern from "own.h":
    object mp_own_member(object type, object name)
    object mp_own_getset(object type, object descriptor)

cdef extern from "Python.h":
    object PyEval_EvalCodeEx(object code, object globals, object locals, void *arguments, int, void *named,
                             int, void *defaults, int, void *kwdefaults, void *closure)

cdef extern from "frame.h":
    object mp_frames_running()

cdef extern from "heap.h":
    object mp_heap_find_functions(object codes, object filenames)
    object mp_heap_find_referrers(object objects)

cdef extern from "names.h":
    object mp_names_holding(object namespaces, object objects)

cdef extern from "sidetable.h":
    Py_ssize_t mp_sidetable_count()

cdef extern from "slots.h":
    object mp_slots_type()
    object mp_slots_new(object owner, object name, bint in_dict)

cdef extern from "replace.h":
    object mp_replace_references(object donors, object targets, object kept)

FREE_THREADED = bool(MP_FREE_THREADED)

CODE = 1 << MP_CODE
CLOSURE = 1 << MP_CLOSURE
DEFAULTS = 1 << MP_DEFAULTS
KWDEFAULTS = 1 << MP_KWDEFAULTS
GLOBALS = 1 << MP_GLOBALS
BUILTINS = 1 << MP_BUILTINS
NAME = 1 << MP_NAME
QUALNAME = 1 << MP_QUALNAME
MODULE = 1 << MP_MODULE
DOC = 1 << MP_DOC
ANNOTATIONS = 1 << MP_ANNOTATIONS
ANNOTATE = 1 << MP_ANNOTATE
TYPEPARAMS = 1 << MP_TYPEPARAMS
DICT = 1 << MP_DICT
ALL_FIELDS = (1 << MP_FUNCTION_FIELDS) - 1


cdef void *or_null(object value):
    """Borrowed; NULL for None."""
    return NULL if value is None else <void *>value


cdef class Log:
    """The edits of one commit and, once they are applied, the values that they replaced."""

    cdef mp_log log

    def __dealloc__(self):
        mp_log_discard(&self.log)

    def __len__(self):
        return self.log.used

    @property
    def applied(self):
        return bool(self.log.applied)

    def add_function(self, target, donor, unsigned fields=ALL_FIELDS):
        self.must_be_new()
        mp_log_add_function(&self.log, target, donor, fields)

    def add_code(self, target, code, closure, doc=...):
        self.must_be_new()
        mp_log_add_code(&self.log, target, code, closure, doc)

    def add_constant(self, outer, old, value):
        self.must_be_new()
        mp_log_add_constant(&self.log, outer, old, value)

    def add_items(self, target, donor, had=None):
        self.must_be_new()
        mp_log_add_items(&self.log, target, donor, or_null(had))

    def add_type(self, target, dict content not None, *, tuple bases=None, metaclass=None, donor=None):
        self.must_be_new()
        mp_log_add_type(&self.log, target, content, or_null(bases), or_null(metaclass), or_null(donor))

    def commit(self):
        self.must_be_new()
        mp_log_exchange(&self.log)

    def undo(self):
        if not self.log.applied:
            raise ValueError("only a log that is applied can be undone")
        mp_log_exchange(&self.log)

    def discard(self):
        mp_log_discard(&self.log)

    cdef must_be_new(self):
        if self.log.applied:
            raise ValueError("the log is applied already")


def is_held_elsewhere(list functions not None, list roots not None, list vouched not None):
    return bool(mp_code_is_held_elsewhere(functions, roots, vouched))


cdef must_be_classes(left, right):
    if not PyType_Check(left) or not PyType_Check(right):
        raise TypeError("expected two classes")


cdef class ClassStatement:
    """Stands in for builtins.__build_class__; see _core.pyi."""

    cdef object build, begin

    def __init__(self, build, begin):
        self.build = build
        self.begin = begin

    def __call__(self, body, name, *bases, **keywords):
        statement = self.begin(body, name, bases, keywords)
        if statement is None:
            return self.build(body, name, *bases, **keywords)
        closure = body.__closure__
        PyEval_EvalCodeEx(body.__code__, body.__globals__, statement.namespace, NULL, 0, NULL, 0, NULL, 0,
                          NULL, NULL if closure is None else <void *>closure)
        # Called from here, for hooks of the program look at who called them, and a class statement
        # has no frame.
        for hook, arguments, named in statement.end():
            try:
                hook(*arguments, **named)
            except Exception:
                if not statement.recovers(hook, arguments, named):
                    raise
        return statement.cls


cdef class Decorator:
    """Stands in for a decorator of the program; see _core.pyi."""

    cdef object decorator, make_way, ask_again

    def __init__(self, decorator, make_way, ask_again):
        self.decorator = decorator
        self.make_way = make_way
        self.ask_again = ask_again

    def __call__(self, value):
        # From here, for decorators look at who called them, too.
        try:
            made = self.decorator(value)
        except Exception:
            way = self.make_way(value)
            while way is not None:
                try:
                    made = self.decorator(value)
                except Exception:
                    way = way.give_back()
                else:
                    way.done()
                    return made
            raise
        way = self.ask_again(self.decorator, value)
        if way is None:
            return made
        try:
            made = self.decorator(value)
        except Exception:
            pass  # what it has made the first time is right, too, but for the registry
        finally:
            way.done()
        return made


def layout_difference(target, donor):
    must_be_classes(target, donor)
    cdef const char *reason = mp_layout_difference(<void *>target, <void *>donor)
    return None if reason is NULL else reason.decode()


def own_getset(cls, descriptor):
    return mp_own_getset(cls, descriptor)


def own_slot(cls, str name not None):
    return mp_own_member(cls, name)


_graves = {}


def bury(cls, grave):
    mp_bases_bury(cls, grave, _graves)


def side_slot(owner, str name not None, bint in_dict=False):
    return mp_slots_new(owner, name, in_dict)


SideSlot = mp_slots_type()


def side_slot_count():
    return mp_sidetable_count()


def running_frames():
    return mp_frames_running()


def find_functions(list codes not None, list filenames not None):
    return mp_heap_find_functions(codes, filenames)


def find_referrers(list objects not None):
    return mp_heap_find_referrers(objects)


def names_holding(list namespaces not None, list objects not None):
    return mp_names_holding(namespaces, objects)


def replace_references(list donors not None, list targets not None, list kept=None):
    return mp_replace_references(donors, targets, [] if kept is None else kept)


_UNFIT = (
    f"mighty_patcher was built for an interpreter whose insides differ from those of "
    f"{sys.implementation.name} {sys.version.split()[0]}; install it again with this interpreter"
)

_SCRATCH = """
def target(value):
    return value

def donor(value, more=1):
    return value + more
"""


def _self_test():
    """Patch a scratch function and take it back: micro releases have moved internals before."""
    scratch = {}
    exec(_SCRATCH, scratch)
    target, donor = scratch["target"], scratch["donor"]
    before = target.__code__
    log = Log()
    try:
        log.add_function(target, donor)
        log.commit()
        patched = target.__code__ is donor.__code__ and target(1) == 2
        log.undo()
        restored = target.__code__ is before and target(1) == 1
    except Exception as error:
        raise ImportError(f"{_UNFIT} ({error})") from error
    if not (patched and restored):
        raise ImportError(f"{_UNFIT} (a scratch function did not take its new content)")


if sys.implementation.name != "cpython":
    raise ImportError(_UNFIT)
_self_test()
