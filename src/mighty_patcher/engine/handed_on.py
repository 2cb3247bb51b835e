"""What becomes of `stand_ins` that are handed on: to functions and classes, and to what is written
in C.
"""

from __future__ import annotations

import builtins
import inspect
from abc import ABCMeta
from collections import OrderedDict
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.classes import class_dict, is_class, mro_of
from mighty_patcher.engine.handling import (
    COMES_TO_ALL,
    OF_METACLASSES,
    attribute,
    attribute_of_class,
    attribute_of_value,
    attributes,
    has_attribute,
    is_derived,
    keep_from_being_compared,
    looked_up,
    of_dictionary,
    of_list,
    of_text,
    put_into_namespace,
    set_item,
    update,
)
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.stand_ins import (
    ANY,
    ANYTHING,
    BOTH,
    CLASS,
    FALSE,
    NAMESPACE,
    OTHER_NAME,
    TRUE,
    VALUE,
    Box,
    Call,
    Content,
    Fresh,
    HandledError,
    Known,
    Many,
    Method,
    Row,
    Text,
    known,
    one,
)
from mighty_patcher.engine.values import is_plain

if TYPE_CHECKING:
    from mighty_patcher.engine.expressions import Expressions

__all__ = ["called", "keep_calls_out", "method_called"]

_MAKE_LISTS = (list, tuple, set, frozenset, reversed, enumerate)
_ALL_MEMBERS = (inspect.getmembers, inspect.getmembers_static)
_OF_TYPES = ("__new__", "__init__", "__call__", "__setattr__", "__delattr__", "__getattribute__")


def called(f: Expressions, it: Any, call: Call) -> Content:
    """Follow a call.

    Args:
        f: Follows it.
        it: What is called.
        call: What it is given.

    Returns:
        What it may return.

    Raises:
        HandledError: It may do something to the value.
    """
    if type(it) is Method:
        to_method = call if it.owner is None else call.of(it.owner)
        if type(it.function) is str:
            return _of_type(f, it.function, to_method)
        return called(f, it.function, to_method)
    if type(it) is not Known:
        _hand_over(f, call)
        f.keep_out(one(it))
        if not call.has_name:
            raise HandledError
        return ANY
    value = it.value
    for given in call.every():
        for function in given:
            if type(function) is Known and _comes_to_all(function.value):
                raise HandledError  # who knows what it will be called with
    if type(value) is FunctionType:
        return _function_called(f, value, call)
    if is_class(value):
        return _made(f, it, call)
    if type(value) is BuiltinFunctionType and value.__self__ is builtins:
        handle, fewest, most = _BUILTINS.get(value.__name__, (None, 0, 0))
        if handle is not None and fewest <= len(call.arguments) <= most:
            return handle(f, call)
    for base in (type, object):
        for name in _OF_TYPES:
            if value is class_dict(base).get(name) or value is getattr(base, name, None):
                return _of_type(f, name, call)
    if _comes_to_all(value):
        raise HandledError
    _hand_over(f, call)
    return ANY


def keep_calls_out(f: Expressions, content: Content) -> None:
    """Have nothing called with who knows what that has to be followed.

    Raises:
        HandledError: It is.
    """
    for it in content:
        function = it.function if type(it) is Method else it
        value = function.value if type(function) is Known else None
        if is_class(value):
            value = looked_up(mro_of(value), "__init__")
        if type(value) is FunctionType and f.has_to_be_followed(value):
            raise HandledError


def _hand_over(f: Expressions, call: Call) -> None:
    """Give something to who is not followed, and may call it."""
    for content in call.every():
        f.keep_out(content)
        for it in content:
            if type(it) is Method or (type(it) is Known and not is_class(it.value)):
                keep_calls_out(f, one(it))


def _comes_to_all(value: Any) -> bool:
    """Tell whether a function comes to attributes whose names need not stand in who calls it."""
    is_function = is_one_of(type(value), (FunctionType, BuiltinFunctionType))
    return is_function and value.__name__ in COMES_TO_ALL


def _function_called(f: Expressions, function: FunctionType, call: Call) -> Content:
    if is_one_of(function, _ALL_MEMBERS):
        return _getmembers(f, call)
    if function is inspect.getmro and call.arguments == [one(CLASS)]:
        return attribute_of_class(f, "__mro__")
    if function is inspect.getattr_static and len(call.arguments) > 1:
        return _getattr(f, call)
    if function.__name__ == "__new__" and function.__globals__.get("__name__") in OF_METACLASSES:
        return _of_type(f, "__new__", call)
    if f.holds(*call.every()) or f.has_to_be_followed(function) or _comes_to_all(function):
        return f.call(function, call.arguments, call.keywords)
    return ANY


def _made(f: Expressions, it: Known, call: Call) -> Content:
    """Follow a call of a class."""
    cls, every = it.value, call.every()
    if cls is type and len(call.arguments) == 1:
        kinds = {VALUE: type(f.value), CLASS: type(f.cls)}
        return frozenset(
            Known(kinds[one_of]) if one_of in (VALUE, CLASS) else ANYTHING
            for one_of in call.arguments[0]
        )
    if cls is dict or cls is OrderedDict:
        box = Box(call.place, has_keys=True)
        for other in call.arguments:
            update(f, box, other)
        for name, value in call.keywords.items():
            set_item(f, box, known(name) if name != "**" else ANY, value)
        return one(box)
    if is_one_of(cls, _MAKE_LISTS):
        if cls is enumerate:
            return _enumerated(f, call)
        return _listed(f, call, is_hashed=is_one_of(cls, (set, frozenset)))
    if cls is zip or cls is bool:
        f.keep_out(*(call.arguments if cls is zip else ()))
        return ANY if cls is zip else f.truth(call.arguments[0] if call.arguments else FALSE)
    if f.holds(*every) and not is_one_of(type(cls), (type, ABCMeta)):
        raise HandledError
    is_given = f.holds(*every)
    for owner, name in ((type(cls), "__call__"), (cls, "__new__")):
        function = looked_up(mro_of(owner), name)
        function = function.__func__ if type(function) is staticmethod else function
        if type(function) is FunctionType and (is_given or f.has_to_be_followed(function)):
            raise HandledError
    init = looked_up(mro_of(cls), "__init__")
    if type(init) is FunctionType and (is_given or f.has_to_be_followed(init)):
        f.call(init, [one(Fresh(it)), *call.arguments], call.keywords)
        return one(Fresh(it))
    _hand_over(f, call)
    return ANY


def _of_type(f: Expressions, name: str, call: Call) -> Content:
    """Follow a call of what `type` has itself, or a metaclass of the standard library."""
    if name == "__prepare__":
        return one(Box(call.place, has_keys=True))
    if name == "__new__" and len(call.arguments) > 2:
        more = [value for key, value in call.keywords.items() if key != "namespace"]
        given = (
            call.arguments[3] if len(call.arguments) > 3 else call.keywords.get("namespace", ANY)
        )
        f.keep_out(*call.arguments[:3], *call.arguments[4:], *more)
        for it in given:
            if it is NAMESPACE:
                continue
            if type(it) is not Box:
                raise HandledError
            for key, value in f.heap.entries(it):
                put_into_namespace(f, key, one(value))
            if not any(value is VALUE for _, value in f.heap.entries(it)):
                raise HandledError
        return one(CLASS)
    if name == "__init__":
        return known(None)
    if name == "__call__":
        raise HandledError  # an instance may do anything
    if name in ("__setattr__", "__delattr__", "__getattribute__"):
        if len(call.arguments) != (3 if name == "__setattr__" else 2):
            raise HandledError
        return (_getattr if name == "__getattribute__" else _setattr)(f, call)
    f.keep_out(*call.every())
    return ANY


def method_called(f: Expressions, owner: Any, name: str, call: Call) -> Content:
    """Follow a call of an attribute.

    Args:
        f: Follows it.
        owner: What has the attribute.
        name: The name of the attribute.
        call: What it is given.
    """
    if owner is NAMESPACE or (type(owner) is Box and owner.has_keys):
        return of_dictionary(f, owner, name, call)
    if type(owner) is Box:
        return of_list(f, owner, name, call)
    if owner is VALUE:
        return attribute_of_value(f, name)
    if type(owner) is Known and type(owner.value) is str:
        return of_text(f, owner.value, name, call)
    if owner is CLASS and name == "mro":
        return attribute_of_class(f, "__mro__")
    if is_one_of(type(owner), (Row, Many)):
        f.keep_out(one(owner), *call.every())
        return ANY
    if type(owner) is Text or owner is OTHER_NAME:
        _hand_over(f, call)
        return ANY
    found = attributes(f, one(owner), name)
    if ANYTHING in found:
        f.call_unknown(name)
    return frozenset[Any]().union(*(called(f, it, call.by_name()) for it in found))


def _listed(
    f: Expressions,
    call: Call,
    is_hashed: bool = False,
    is_sorted: bool = False,
) -> Content:
    box = Box(call.place, has_keys=False)
    found = f.items(call.arguments[0]) if call.arguments else frozenset()
    if is_hashed or call.keywords or len(call.arguments) > 1:
        f.keep_out(found)
        _hand_over(f, Call(call.arguments[1:], call.keywords, call.place))
    if is_sorted:
        keep_from_being_compared(f, found)
    f.heap.put(box, None, found)
    return one(box)


def _enumerated(f: Expressions, call: Call) -> Content:
    found = f.items(call.arguments[0]) if call.arguments else frozenset()
    return one(Many(frozenset(Row((ANY, one(it))) for it in found)))


# --- what is written in C -------------------------------------------------------------------------


def _isinstance(f: Expressions, call: Call) -> Content:
    values, kinds = call.arguments
    f.keep_out(kinds)
    found: Content = frozenset()
    for it in values:
        if it is VALUE or it is CLASS or (type(it) is Known and is_plain(it.value)):
            value = f.value if it is VALUE else f.cls if it is CLASS else it.value
            classes = mro_of(type(value))
            says_itself = any("__class__" in class_dict(base) for base in classes[:-1])
            found |= _answer(None if says_itself else is_derived(classes, kinds))
        else:
            found |= BOTH
    return found


def _issubclass(f: Expressions, call: Call) -> Content:
    values, kinds = call.arguments
    f.keep_out(kinds)
    found: Content = frozenset()
    for it in values:
        if it is CLASS or (type(it) is Known and is_class(it.value)):
            found |= _answer(is_derived(mro_of(f.cls if it is CLASS else it.value), kinds))
        elif it is VALUE and not is_class(f.value):
            continue  # it raises
        else:
            f.keep_out(one(it))
            found |= BOTH
    return found


def _answer(answer: bool | None) -> Content:
    return BOTH if answer is None else TRUE if answer else FALSE


def _hasattr(f: Expressions, call: Call) -> Content:
    values, names = call.arguments
    f.keep_out(names)
    found: Content = frozenset()
    for it in values:
        if it is not VALUE:
            found |= BOTH
            continue
        for name in names:
            is_text = type(name) is Known and type(name.value) is str
            found |= _answer(has_attribute(f.value, name.value) if is_text else None)
    return found


def _getattr(f: Expressions, call: Call) -> Content:
    values, names, *default = call.arguments
    f.keep_out(names)
    found: Content = frozenset[Any]().union(*default)
    for it in values:
        for name in names:
            if type(name) is Known and type(name.value) is str:
                if it is CLASS and name.value == f.heap.key:
                    found |= one(VALUE)
                else:
                    found |= attribute(f, it, name.value)
            elif it is VALUE or f.holds(one(it)):
                raise HandledError
            elif it is CLASS or it is ANYTHING:
                found |= ANY | (one(VALUE) if True in f.heap.may_be_key(name) else frozenset())
            else:
                found |= ANY
    return found


def _setattr(f: Expressions, call: Call) -> Content:
    values, names, *content = call.arguments
    f.keep_out(values, names, *content)
    for it in values:
        if (it is CLASS or it is ANYTHING) and any(
            True in f.heap.may_be_key(name) for name in names
        ):
            raise HandledError
    return known(None)


def _callable(f: Expressions, call: Call) -> Content:
    is_called = looked_up(mro_of(type(f.value)), "__call__") is not None
    return frozenset[Any]().union(
        *(_answer(is_called) if it is VALUE else BOTH for it in call.arguments[0])
    )


def _vars(f: Expressions, call: Call) -> Content:
    if not call.arguments:
        raise HandledError
    return attributes(f, call.arguments[0], "__dict__")


def _dir(f: Expressions, call: Call) -> Content:
    if not call.arguments:
        raise HandledError
    f.keep_out(call.arguments[0])
    return one(Many(frozenset({Known(f.heap.key), OTHER_NAME})))


def _getmembers(f: Expressions, call: Call) -> Content:
    f.keep_out(call.arguments[0])
    tests = [*call.arguments[1:], *call.keywords.values()]
    rows = {Row((one(OTHER_NAME), ANY))}
    for test in tests:
        for it in test:
            if not f.truth(called(f, it, Call([one(VALUE)], {}, call.place))) >= TRUE:
                return one(Many(frozenset(rows)))
    return one(Many(frozenset({*rows, Row((known(f.heap.key), one(VALUE)))})))


def _id(_: Expressions, __: Call) -> Content:
    return ANY


def _len(_: Expressions, call: Call) -> Content:
    if VALUE in call.arguments[0]:
        raise HandledError
    return ANY


def _sorted(f: Expressions, call: Call) -> Content:
    return _listed(f, call, is_sorted=True)


_Handle = Callable[["Expressions", Call], Content]
_BUILTINS: dict[str, tuple[_Handle, int, int]] = {
    "isinstance": (_isinstance, 2, 2),
    "issubclass": (_issubclass, 2, 2),
    "hasattr": (_hasattr, 2, 2),
    "getattr": (_getattr, 2, 3),
    "setattr": (_setattr, 3, 3),
    "delattr": (_setattr, 2, 2),
    "callable": (_callable, 1, 1),
    "vars": (_vars, 0, 1),
    "dir": (_dir, 0, 1),
    "sorted": (_sorted, 1, 1),
    "iter": (_listed, 1, 1),
    "id": (_id, 1, 1),
    "len": (_len, 1, 1),
}
