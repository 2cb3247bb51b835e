"""What a hook sets on the class that it is given, as its code tells.

A hook that looks for an attribute on a class before it sets one asks either whether it has been
here before (``if "registry" not in cls.__dict__``) or what the bases have (``hasattr(cls,
"dispatch")``, and one is made in any case, out of that of the base). The two cannot be told apart
by what they ask, but by what follows: the second sets the attribute on every way through its code.

Nothing is executed. Followed are calls that hand on the class, by names that lead to functions; a
call that is not recognised sets nothing as far as we know.
"""

from __future__ import annotations

import ast
import builtins
import dis
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType, FunctionType, ModuleType
from typing import Any

from mighty_patcher.engine.classes import class_dict, is_class, mro_of
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.module_facts import named_by, namespace_of

__all__ = [
    "Stores",
    "called_on_first",
    "set_by_decorators",
    "set_by_hooks",
    "set_by_metaclass",
    "stores_of",
]

_HAS_METHOD_FLAG = sys.version_info >= (3, 12)  # LOAD_METHOD is LOAD_ATTR with a flag (gh-103865)
_LOADS = ("LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK", "LOAD_DEREF")
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
_NO_PART_OF_IT = ("CACHE", "EXTENDED_ARG", "NOP", "NOT_TAKEN", "PRECALL", "PUSH_NULL", "RESUME")
_RETURNS = ("RETURN_VALUE", "RETURN_CONST")
_RAISES = ("RAISE_VARARGS", "RERAISE")
_GOES_ON_ELSEWHERE = ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT")


@dataclass(frozen=True)
class Stores:
    """The attributes that code sets on a class.

    Attributes:
        perhaps: All of them.
        surely: Those that it sets on every way from its beginning to a return.
    """

    perhaps: frozenset[str] = frozenset()
    surely: frozenset[str] = frozenset()


_NOTHING = Stores()


def stores_of(
    hook: FunctionType, cls: type, argument: int = 0, known: dict[int, Stores] | None = None
) -> Stores:
    """Find what a function sets on a class.

    Args:
        hook: The function.
        cls: The class, in which methods that are called are looked up.
        argument: Which argument of the function is the class.
        known: What has been found of others, by the identity of each.
    """
    code, known = hook.__code__, {} if known is None else known
    if id(hook) not in known:
        known[id(hook)] = _NOTHING  # as far as it calls itself
        if argument < code.co_argcount:
            steps = _Steps(code, code.co_varnames[argument])
            known[id(hook)] = _stores_in(steps, hook, cls, known)
    return known[id(hook)]


def _stores_in(steps: _Steps, hook: FunctionType, cls: type, known: dict[int, Stores]) -> Stores:
    if steps.is_bound_again:
        return _NOTHING
    stores: dict[int, Stores] = {}
    for index in range(len(steps.all)):
        name = steps.stored_at(index)
        if name is not None:
            stores[index] = Stores(frozenset({name}), frozenset({name}))
            continue
        called = _called_at(steps, index, hook, cls)
        if called is not None:
            stores[index] = stores_of(called, cls, 0, known)
    perhaps = frozenset[str]().union(*(it.perhaps for it in stores.values()))
    some = frozenset[str]().union(*(it.surely for it in stores.values()))
    surely = {
        name
        for name in some
        if not steps.can_return_without({i for i, it in stores.items() if name in it.surely})
    }
    return Stores(perhaps, frozenset(surely))


def set_by_metaclass(cls: type, metaclass: type) -> frozenset[str]:
    """Find what the metaclass of a class sets on it when it is made, and another one does not.

    Args:
        cls: The class.
        metaclass: The metaclass that it is to have.
    """
    gone = [it for it in mro_of(type(cls)) if not is_one_of(it, mro_of(metaclass))]
    hooks = [class_dict(it).get("__init__") for it in gone]
    stores = [stores_of(it, cls).perhaps for it in hooks if type(it) is FunctionType]
    return frozenset[str]().union(*stores)


def set_by_hooks(cls: type) -> frozenset[str]:
    """Find what an ``__init_subclass__`` may set on a class, where the name stands in its code."""
    hooks = [class_dict(it).get("__init_subclass__") for it in mro_of(cls)[1:]]
    functions = [it.__func__ for it in hooks if type(it) is classmethod]
    stores = [stores_of(it, cls).perhaps for it in functions if type(it) is FunctionType]
    return frozenset[str]().union(*stores)


def set_by_decorators(
    cls: type, decorators: Iterable[ast.expr], names: Mapping[str, Any]
) -> frozenset[str]:
    """Find what decorators have set on a class in any case: those that are functions.

    Args:
        cls: The class.
        decorators: How they are written.
        names: What names stood for when they were called.
    """
    found = frozenset[str]()
    for decorator in decorators:
        function = named_by(decorator, names)
        if type(function) is FunctionType:
            found |= stores_of(function, cls).surely
    return found


def called_on_first(function: FunctionType) -> Iterator[str]:
    """Yield the names of the methods that a function calls of its first argument.

    Args:
        function: The function; what is nested in it is not looked at.
    """
    code = function.__code__
    if code.co_argcount:
        steps = _Steps(code, code.co_varnames[0])
        for index, step in enumerate(steps.all):
            if steps.is_method_of_subject(index):
                yield str(step.argval)


@dataclass
class _Steps:
    """The instructions of a function which one of its arguments interests.

    Attributes:
        code: Its code.
        subject: The name of the argument.
    """

    code: CodeType
    subject: str
    all: list[dis.Instruction] = field(init=False)

    def __post_init__(self) -> None:
        found = dis.get_instructions(self.code)
        self.all = [it for it in found if it.opname not in _NO_PART_OF_IT]

    @cached_property
    def is_bound_again(self) -> bool:
        """Whether the code gives the name another value."""
        return any(
            self.subject in _names(it)[: 1 if "LOAD" in it.opname else 2]
            for it in self.all
            if it.opname.startswith(("STORE_FAST", "STORE_DEREF", "DELETE_FAST", "DELETE_DEREF"))
        )

    def loads(self, index: int) -> bool:
        """Tell whether what an instruction pushes first is the subject, and just that."""
        if index >= len(self.all) or not self.all[index].opname.endswith(_LOADS):
            return False
        names = _names(self.all[index])
        if self.all[index].opname.startswith("STORE"):
            names = names[1:]
        is_alone = len(names) > 1 or self.all[index + 1].opname not in _ATTRIBUTES
        return names[0] == self.subject and is_alone

    def _has_just_loaded(self, index: int) -> bool:
        """Tell whether the subject lies on the top of the stack before an instruction."""
        before = self.all[index - 1] if index else None
        if before is None or not before.opname.endswith(_LOADS):
            return False
        return bool(_names(before)[-1] == self.subject)

    def stored_at(self, index: int) -> str | None:
        """Return the attribute of the subject that an instruction stores."""
        step = self.all[index]
        if step.opname == "STORE_ATTR" and self._has_just_loaded(index):
            return str(step.argval)
        if step.opname == "LOAD_GLOBAL" and step.argval == "setattr" and self.loads(index + 1):
            name = self.all[index + 2]
            return name.argval if isinstance(name.argval, str) else None
        return None

    def is_method_of_subject(self, index: int) -> bool:
        """Tell whether an instruction looks up a method of the subject, to call it."""
        step = self.all[index]
        is_call = step.opname == "LOAD_METHOD" or (
            _HAS_METHOD_FLAG and step.opname == "LOAD_ATTR" and bool((step.arg or 0) & 1)
        )
        return is_call and self._has_just_loaded(index)

    def is_looked_up_in_super(self, index: int) -> bool:
        """Tell whether an instruction looks up the function's own name in ``super()``."""
        step = self.all[index]
        named = "LOAD_SUPER_ATTR" if _HAS_METHOD_FLAG else _ATTRIBUTES
        return step.opname in named and step.argval == self.code.co_name

    def can_return_without(self, places: set[int]) -> bool:
        """Tell whether some way leads from the beginning to a return past all of some places."""
        index_of = {it.offset: index for index, it in enumerate(self.all)}
        waiting, seen = [0], {0}
        while waiting:
            index = waiting.pop()
            if index in places:
                continue
            if self.all[index].opname in _RETURNS:
                return True
            new = set(self._next(index, index_of)) - seen
            seen |= new
            waiting += new
        return False

    def _next(self, index: int, index_of: dict[int, int]) -> Iterator[int]:
        step = self.all[index]
        if step.opname in _RAISES:
            return
        if step.opcode in dis.hasjrel or step.opcode in dis.hasjabs:
            target = step.argval
            while target not in index_of:  # what is no part of it may be jumped to
                target += 2
            yield index_of[target]
        if step.opname not in _GOES_ON_ELSEWHERE:
            yield index + 1


def _names(step: dis.Instruction) -> tuple[Any, ...]:
    return step.argval if type(step.argval) is tuple else (step.argval,)


def _called_at(steps: _Steps, index: int, caller: FunctionType, cls: type) -> FunctionType | None:
    """Return the function that is about to be called with the class as its first argument."""
    step = steps.all[index]
    if steps.is_looked_up_in_super(index):
        return _next_hook(caller, cls)
    if steps.is_method_of_subject(index):
        value = _looked_up(cls, step.argval)
        if type(value) is classmethod:
            return _function(value.__func__)
        return _function(value) if steps.loads(index + 1) else None
    if step.opname == "LOAD_GLOBAL":
        value, last = _led_to(steps, index, caller)
        return _function(value) if steps.loads(last + 1) else None
    return None


def _led_to(steps: _Steps, index: int, caller: FunctionType) -> tuple[Any, int]:
    """Follow a global name and attributes of modules and classes: ``event.Events.make``.

    Returns:
        What is there, and the index of the last instruction.
    """
    name = steps.all[index].argval
    value: Any = caller.__globals__.get(name, vars(builtins).get(name))
    while steps.all[index + 1].opname in _ATTRIBUTES:
        index += 1
        name = steps.all[index].argval
        if is_class(value):
            value = _looked_up(value, name)
        elif issubclass(type(value), ModuleType):
            value = namespace_of(value).get(name)
        else:
            return None, index
    return value, index


def _looked_up(cls: type, name: str) -> Any:
    return next((class_dict(it)[name] for it in mro_of(cls) if name in class_dict(it)), None)


def _next_hook(caller: FunctionType, cls: type) -> FunctionType | None:
    """Return what follows a hook in the MRO of the class."""
    hooks = [class_dict(it).get(caller.__name__) for it in mro_of(cls)[1:]]
    found = [it.__func__ for it in hooks if type(it) is classmethod]
    if not is_one_of(caller, found):
        return None
    following = found[[it is caller for it in found].index(True) + 1 :]
    return _function(following[0]) if following else None


def _function(value: Any) -> FunctionType | None:
    if type(value) is staticmethod:
        value = value.__func__
    return value if type(value) is FunctionType else None
