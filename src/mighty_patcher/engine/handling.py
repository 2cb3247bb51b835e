"""What becomes of `stand_ins` that code handles: that asks for attributes and items of them, calls
them, or hands them to what is written in C.
"""

from __future__ import annotations

import ast
import builtins
import inspect
from _abc import _get_dump  # type: ignore[import-not-found]
from abc import ABCMeta
from collections import OrderedDict
from collections.abc import Callable
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.classes import class_dict, is_class, mro_of, stored
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.module_facts import namespace_of
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
    Content,
    Fresh,
    HandledError,
    Known,
    Many,
    Method,
    Row,
    Super,
    Text,
    known,
    one,
)
from mighty_patcher.engine.values import is_plain

if TYPE_CHECKING:
    from mighty_patcher.engine.followed import Following

FUNCTIONS = (FunctionType, BuiltinFunctionType)
BY_ANY_NAME = frozenset(
    {
        *("__dict__", "__getattribute__", "__setattr__", "__delattr__", "attrgetter", "delattr"),
        *("dir", "eval", "exec", "getattr", "getattr_static", "getmembers", "getmembers_static"),
        *("globals", "hasattr", "locals", "methodcaller", "setattr", "setitem", "vars"),
    }
)
"""What comes to attributes by names that need not stand in the code."""
_METHODS_OF_STRINGS = frozenset(
    {
        *("casefold", "endswith", "isidentifier", "isupper", "islower", "lower", "lstrip"),
        *("removeprefix", "removesuffix", "rstrip", "startswith", "strip", "title", "upper"),
    }
)
_MAKE_LISTS = (list, tuple, set, frozenset, reversed, enumerate)
_OF_C = (BuiltinFunctionType, WrapperDescriptorType, MethodDescriptorType)
_OF_METACLASSES = ("builtins", "abc", "typing", "typing_extensions")
_module_of = vars(type)["__module__"].__get__
_MOST_ITEMS = 30
_ALL_MEMBERS = (inspect.getmembers, inspect.getmembers_static)


def is_builtin(cls: type) -> bool:
    """Tell whether a class is one of the language's own."""
    return bool(_module_of(cls) == "builtins")


def steady(value: Any) -> Content:
    """Return what a name stands for that has been what it is since its module was loaded, probably:
    a function, a class, a module. What else it is may have been something else before.
    """
    if type(value) is tuple and all(map(is_class, value)):
        return known(value)
    is_one = is_class(value) or issubclass(type(value), ModuleType)
    return known(value) if is_one or is_one_of(type(value), FUNCTIONS) else ANY


# --- attributes -----------------------------------------------------------------------------------


def attributes(f: Following, owner: Content, name: str) -> Content:
    """Return what objects have for an attribute."""
    return frozenset[Any]().union(*(_attribute(f, it, name) for it in owner))


def _attribute(f: Following, it: Any, name: str) -> Content:
    if it is VALUE:
        return _attribute_of_value(f, name)
    if f.holds(one(it)):
        raise HandledError
    if it is ANYTHING:
        return one(NAMESPACE) | ANY if name == "__dict__" else ANY
    if it is CLASS:
        return _attribute_of_class(f, name)
    if type(it) is Super:
        return _next_attribute(f, it, name)
    if type(it) is Fresh:
        return _bound(_looked_up(mro_of(it.of.value), name), it, it.of)
    if type(it) is Known:
        return _attribute_of_known(it, name)
    return ANY


def _attribute_of_value(f: Following, name: str) -> Content:
    if name == "__class__":
        return known(type(f.value))
    if has_attribute(f.value, name):
        raise HandledError
    return frozenset()  # it raises


def has_attribute(value: Any, name: str) -> bool:
    """Tell whether an object has an attribute, as far as that can be told without asking it.

    Raises:
        HandledError: That can be told by nobody else.
    """
    classes = mro_of(type(value))
    asks = next(it for it in classes if "__getattribute__" in class_dict(it))
    if any("__getattr__" in class_dict(it) for it in classes) or not (
        is_builtin(asks) or _module_of(asks) == "collections"
    ):
        raise HandledError
    return any(name in class_dict(it) for it in classes) or stored(value, name) is not None


def _attribute_of_class(f: Following, name: str) -> Content:
    cls = f.cls
    match name:
        case "__dict__":
            return one(NAMESPACE)
        case "__mro__":
            return one(Many(one(CLASS) | frozenset(map(Known, mro_of(cls)[1:]))))
        case "__bases__" | "__base__":
            bases = frozenset(map(Known, mro_of(cls)[1:]))
            return one(Many(bases)) if name == "__bases__" else bases
        case "__class__":
            return known(type(cls))
        case "__name__" | "__qualname__" | "__module__":
            return one(Text())
    found = _looked_up(mro_of(cls), name)
    if found is not None:
        return _bound(found, None, CLASS)
    return _bound(_looked_up(mro_of(type(cls)), name), CLASS, Known(type(cls)))


def _attribute_of_known(it: Known, name: str) -> Content:
    value = it.value
    if issubclass(type(value), ModuleType):
        return steady(namespace_of(value).get(name))
    if is_class(value):
        if name in ("__mro__", "__bases__"):
            return one(Many(frozenset(map(Known, mro_of(value)))))
        found = _looked_up(mro_of(value), name)
        if found is not None:
            return _bound(found, None, it)
        return _bound(_looked_up(mro_of(type(value)), name), it, Known(type(value)))
    return ANY


def _bound(found: Any, owner: Any, cls: Any) -> Content:
    """Return what becomes of an attribute that is found in a class.

    Args:
        found: It.
        owner: The object that is asked; None if that is the class.
        cls: The class.
    """
    if type(found) is classmethod:
        found, owner = found.__func__, cls
    elif type(found) is staticmethod:
        found, owner = found.__func__, None
    if type(found) is FunctionType:
        return one(Known(found)) if owner is None else one(Method(Known(found), owner))
    return known(found) if is_class(found) or is_one_of(type(found), _OF_C) else ANY


def _looked_up(classes: tuple[type, ...], name: str) -> Any:
    return next((class_dict(it)[name] for it in classes if name in class_dict(it)), None)


def super_of(f: Following, start: Content, first: Content) -> Content:
    """Return what ``super()`` returns."""
    if len(start) != 1 or len(first) != 1:
        return ANY
    (cls,), (owner,) = start, first
    if type(cls) is not Known or not is_class(cls.value) or f.holds(first):
        return ANY
    return one(Super(cls, owner))


def _next_attribute(f: Following, it: Super, name: str) -> Content:
    owner = it.owner
    if owner is CLASS:
        classes = mro_of(f.cls)
        if not is_one_of(it.start.value, classes):
            classes = mro_of(type(f.cls))
    elif type(owner) is Known and is_class(owner.value):
        classes = mro_of(owner.value)
    elif type(owner) is Fresh:
        classes = mro_of(owner.of.value)
    else:
        return ANY
    if not is_one_of(it.start.value, classes):
        return ANY
    at = [one_of is it.start.value for one_of in classes].index(True)
    following = classes[at + 1 :]
    for base in following:
        found = class_dict(base).get(name)
        if found is None:
            continue
        if _module_of(base) in _OF_METACLASSES:
            return one(Method(name, None if name == "__new__" else owner))
        is_class_itself = owner is CLASS and is_one_of(f.cls, classes)
        return _bound(found, None if is_class_itself or name == "__new__" else owner, owner)
    return ANY


# --- items ----------------------------------------------------------------------------------------


def items(f: Following, it: Any) -> Content:
    """Return what comes out where something is iterated over."""
    if it is VALUE:
        raise HandledError
    if it is NAMESPACE or (type(it) is Box and it.has_keys):
        return frozenset(key for key, _ in f.heap.entries(it))
    if type(it) is Box:
        return frozenset(value for _, value in f.heap.entries(it))
    if type(it) is Many:
        return it.items
    if type(it) is Row:
        return frozenset[Any]().union(*it.items)
    if type(it) is Known and type(it.value) is tuple and len(it.value) <= _MOST_ITEMS:
        return frozenset(map(Known, it.value))
    return ANY


def item(f: Following, it: Any, index: Content) -> Content:
    """Return what an object has for an index or a key."""
    f.keep_out(index)
    if it is VALUE:
        raise HandledError
    if it is NAMESPACE or (type(it) is Box and it.has_keys):
        found = ANY
        for key, value in f.heap.entries(it):
            if any(f.heap.may_be_key(key) & f.heap.may_be_key(which) for which in index):
                found |= one(value)
        return found
    places = [which.value for which in index if type(which) is Known]
    is_sure = len(places) == len(index) == 1 and type(places[0]) is int
    if type(it) is Row and is_sure and -len(it.items) <= places[0] < len(it.items):
        return it.items[places[0]]
    if type(it) in (Row, Many, Box):
        found = items(f, it)
        return found | one(Many(found)) if ANYTHING in index else found
    if type(it) is Known and type(it.value) is str and is_sure:
        return known(it.value[places[0] :][:1])
    return ANY


def set_item(f: Following, it: Any, index: Content, value: Content) -> None:
    """Follow an assignment of an item."""
    f.keep_out(index)
    if type(it) is Box and it.has_keys:
        f.heap.put(it, index, value)
    elif type(it) is Box:
        f.heap.put(it, None, value)
    elif it is NAMESPACE:
        for key in index:
            _may_be_in_namespace(f, key, value)
    elif f.holds(one(it), value):
        raise HandledError


def _may_be_in_namespace(f: Following, key: Any, value: Content) -> None:
    is_key = f.heap.may_be_key(key)
    if is_key == {True} and value == one(VALUE):
        return
    if True in is_key or f.holds(value):
        raise HandledError


def update(f: Following, it: Any, content: Content) -> None:
    """Follow an update of a dictionary with others, or with keys and values."""
    for other in content:
        if other is NAMESPACE or (type(other) is Box and other.has_keys):
            for key, value in f.heap.entries(other):
                set_item(f, it, one(key), one(value))
            continue
        for row in items(f, other):
            if type(row) is Row and len(row.items) == 2:
                set_item(f, it, *row.items)
            else:
                f.keep_out(one(row))
                set_item(f, it, ANY, ANY)


# --- calls ----------------------------------------------------------------------------------------


def called(
    f: Following,
    it: Any,
    arguments: list[Content],
    keywords: dict[str, Content],
    place: int,
    has_name: bool,
) -> Content:
    """Follow a call of an object.

    Args:
        f: Who follows it.
        it: The object.
        arguments: What it is given.
        keywords: The same by name.
        place: Where it is called.
        has_name: It is known by a name that leads to it.
    """
    every = [*arguments, *keywords.values()]
    if type(it) is Method:
        owner = [] if it.owner is None else [one(it.owner)]
        if type(it.function) is str:
            return _of_type(f, it.function, [*owner, *arguments], keywords, place)
        return called(f, it.function, [*owner, *arguments], keywords, place, True)
    if type(it) is not Known:
        f.keep_out(*every, one(it))
        if not has_name:
            raise HandledError
        return ANY
    value = it.value
    if type(value) is FunctionType:
        if is_one_of(value, _ALL_MEMBERS):
            return _getmembers(f, arguments, keywords, place)
        if value.__name__ == "__new__" and value.__globals__.get("__name__") in _OF_METACLASSES:
            return _of_type(f, "__new__", arguments, keywords, place)
        if f.holds(*every) or f.has_to_be_followed(value):
            return f.call(value, arguments, keywords)
        return ANY
    if is_class(value):
        return _made(f, it, arguments, keywords, place)
    if type(value) is BuiltinFunctionType and value.__self__ is builtins:
        handle, fewest, most = _BUILTINS.get(value.__name__, (None, 0, 0))
        if handle is not None and fewest <= len(arguments) <= most:
            return handle(f, arguments, keywords, place)
    for base in (type, object):
        for name in ("__new__", "__init__", "__setattr__", "__delattr__", "__getattribute__"):
            if value is class_dict(base)[name] or value is getattr(base, name):
                return _of_type(f, name, arguments, keywords, place)
    f.keep_out(*every)
    return ANY


def _made(
    f: Following, it: Known, arguments: list[Content], keywords: dict[str, Content], place: int
) -> Content:
    """Follow a call of a class."""
    cls, every = it.value, [*arguments, *keywords.values()]
    if cls is type and len(arguments) == 1:
        kinds = {VALUE: type(f.value), CLASS: type(f.cls)}
        return frozenset(
            Known(kinds[one_of]) if one_of in (VALUE, CLASS) else ANYTHING
            for one_of in arguments[0]
        )
    if cls is dict or cls is OrderedDict:
        box = Box(place, has_keys=True)
        for other in arguments:
            update(f, box, other)
        for name, value in keywords.items():
            set_item(f, box, known(name) if name != "**" else ANY, value)
        return one(box)
    if is_one_of(cls, _MAKE_LISTS):
        if cls is enumerate:
            return _enumerated(f, arguments, keywords, place)
        return _listed(f, arguments, keywords, place, is_hashed=cls in (set, frozenset))
    if cls is zip or cls is bool:
        f.keep_out(*(arguments if cls is zip else ()))
        return ANY if cls is zip else f.truth(arguments[0] if arguments else FALSE)
    classes = mro_of(cls)
    init = _looked_up(classes, "__init__")
    if f.holds(*every) and not is_one_of(type(cls), (type, ABCMeta)):
        raise HandledError
    if type(init) is FunctionType and (f.holds(*every) or f.has_to_be_followed(init)):
        if type(_looked_up(classes, "__new__")) is not BuiltinFunctionType:
            raise HandledError
        f.call(init, [one(Fresh(it)), *arguments], keywords)
        return one(Fresh(it))
    f.keep_out(*every)
    return ANY


def _of_type(
    f: Following, name: str, arguments: list[Content], keywords: dict[str, Content], place: int
) -> Content:
    """Follow a call of what `type` has itself, or a metaclass of the standard library."""
    if name == "__prepare__":
        return one(Box(place, has_keys=True))
    if name == "__new__" and len(arguments) > 2:
        more = [value for key, value in keywords.items() if key != "namespace"]
        given = arguments[3] if len(arguments) > 3 else keywords.get("namespace", ANY)
        f.keep_out(*arguments[:3], *arguments[4:], *more)
        for it in given:
            if it is NAMESPACE:
                continue
            if type(it) is not Box:
                raise HandledError
            for key, value in f.heap.entries(it):
                _may_be_in_namespace(f, key, one(value))
            if not any(value is VALUE for _, value in f.heap.entries(it)):
                raise HandledError
        return one(CLASS)
    if name == "__init__":
        return known(None)
    if name in ("__setattr__", "__delattr__") and len(arguments) > 1:
        return _setattr(f, arguments, keywords, place)
    if name == "__getattribute__" and len(arguments) == 2:
        return _getattr(f, arguments, keywords, place)
    f.keep_out(*arguments, *keywords.values())
    return ANY


def method_called(
    f: Following,
    owner: Any,
    name: str,
    arguments: list[Content],
    keywords: dict[str, Content],
    place: int,
) -> Content:
    """Follow a call of an attribute.

    Args:
        f: Who follows it.
        owner: The object that has it.
        name: Its name.
        arguments: What it is given.
        keywords: The same by name.
        place: Where it is called.
    """
    if owner is NAMESPACE or (type(owner) is Box and owner.has_keys):
        return _of_dictionary(f, owner, name, arguments, keywords, place)
    if type(owner) is Box:
        return _of_list(f, owner, name, arguments, keywords)
    if owner is VALUE:
        return _attribute_of_value(f, name)
    if type(owner) is Known and type(owner.value) is str:
        return _of_text(f, owner.value, name, arguments, keywords)
    if owner is CLASS and name == "mro":
        return _attribute_of_class(f, "__mro__")
    if type(owner) in (Row, Many):
        f.keep_out(one(owner), *arguments, *keywords.values())
        return ANY
    return frozenset[Any]().union(
        *(called(f, it, arguments, keywords, place, True) for it in attributes(f, one(owner), name))
    )


def _of_dictionary(
    f: Following,
    it: Any,
    name: str,
    arguments: list[Content],
    keywords: dict[str, Content],
    place: int,
) -> Content:
    entries = f.heap.entries(it)
    match name, arguments:
        case "items", []:
            return one(Many(frozenset(Row((one(key), one(value))) for key, value in entries)))
        case (("keys" | "__iter__"), []):
            return one(Many(frozenset(key for key, _ in entries)))
        case "values", []:
            return one(Many(frozenset(value for _, value in entries)))
        case "copy", []:
            box = Box(place, has_keys=True)
            update(f, box, one(it))
            return one(box)
        case (("get" | "__getitem__" | "pop" | "setdefault"), [index, *default]):
            found = item(f, it, index) | frozenset[Any]().union(*default)
            if name == "setdefault":
                for value in default:
                    set_item(f, it, index, value)
            if name == "pop" and f.holds(found):
                raise HandledError
            return found
        case "update", _:
            for other in arguments:
                update(f, it, other)
            for key, value in keywords.items():
                set_item(f, it, known(key) if key != "**" else ANY, value)
            return known(None)
        case "__contains__", [index]:
            return compared(f, ast.In(), index, one(it))
    f.keep_out(one(it), *arguments, *keywords.values())
    return ANY


def _of_list(
    f: Following, it: Box, name: str, arguments: list[Content], keywords: dict[str, Content]
) -> Content:
    match name, arguments:
        case (("append" | "appendleft"), [value]):
            f.heap.put(it, None, value)
            return known(None)
        case "add", [value]:
            f.keep_out(value)
            f.heap.put(it, None, value)
            return known(None)
        case "insert", [_, value]:
            f.heap.put(it, None, value)
            return known(None)
        case (("extend" | "update"), _):
            for other in arguments:
                f.heap.put(it, None, f.items(other))
            return known(None)
        case (("sort" | "reverse"), []) if not keywords:
            _can_be_sorted(f, items(f, it))
            return known(None)
        case "copy", []:
            return one(Many(items(f, it)))
        case "pop", _:
            return items(f, it)
    f.keep_out(one(it), *arguments, *keywords.values())
    return ANY


def _can_be_sorted(f: Following, content: Content) -> None:
    """Have nothing compared with the value: where each item begins with a name, it is not."""
    for it in content:
        if type(it) is not Row or not it.items or f.holds(it.items[0]):
            f.keep_out(one(it))


def _of_text(
    f: Following, it: str, name: str, arguments: list[Content], keywords: dict[str, Content]
) -> Content:
    f.keep_out(*arguments, *keywords.values())
    given = [[v.value for v in content if type(v) is Known] for content in arguments]
    is_sure = all(
        len(values) == len(content) == 1 and type(values[0]) is str
        for values, content in zip(given, arguments, strict=True)
    )
    if name in _METHODS_OF_STRINGS and is_sure and not keywords:
        return known(getattr(it, name)(*(values[0] for values in given)))
    return ANY


def _listed(
    f: Following,
    arguments: list[Content],
    keywords: dict[str, Content],
    place: int,
    is_hashed: bool = False,
    is_sorted: bool = False,
) -> Content:
    box = Box(place, has_keys=False)
    found = f.items(arguments[0]) if arguments else frozenset()
    if is_hashed or keywords or len(arguments) > 1:
        f.keep_out(found, *arguments[1:], *keywords.values())
    if is_sorted:
        _can_be_sorted(f, found)
    f.heap.put(box, None, found)
    return one(box)


def _enumerated(
    f: Following, arguments: list[Content], keywords: dict[str, Content], place: int
) -> Content:
    found = f.items(arguments[0]) if arguments else frozenset()
    return one(Many(frozenset(Row((ANY, one(it))) for it in found)))


# --- what is written in C -------------------------------------------------------------------------


def _isinstance(
    f: Following, arguments: list[Content], _keywords: dict[str, Content], _place: int
) -> Content:
    values, kinds = arguments
    f.keep_out(kinds)
    found: Content = frozenset()
    for it in values:
        if it is VALUE or it is CLASS or (type(it) is Known and is_plain(it.value)):
            value = f.value if it is VALUE else f.cls if it is CLASS else it.value
            classes = mro_of(type(value))
            says_itself = any("__class__" in class_dict(base) for base in classes[:-1])
            found |= _answer(None if says_itself else _is_derived(classes, kinds))
        else:
            found |= BOTH
    return found


def _issubclass(
    f: Following, arguments: list[Content], _keywords: dict[str, Content], _place: int
) -> Content:
    values, kinds = arguments
    f.keep_out(kinds)
    found: Content = frozenset()
    for it in values:
        if it is CLASS or (type(it) is Known and is_class(it.value)):
            found |= _answer(_is_derived(mro_of(f.cls if it is CLASS else it.value), kinds))
        elif it is VALUE and not is_class(f.value):
            continue  # it raises
        else:
            f.keep_out(one(it))
            found |= BOTH
    return found


def _answer(answer: bool | None) -> Content:
    return BOTH if answer is None else TRUE if answer else FALSE


def _is_derived(classes: tuple[type, ...], kinds: Content) -> bool | None:
    """Tell whether a class derives from another, or one of some; None where these decide that."""
    answers: set[bool | None] = set()
    for it in kinds:
        asked: list[Any] = [None]
        if type(it) is Known:
            asked = list(it.value) if type(it.value) is tuple else [it.value]
        elif type(it) is Row:
            asked = [
                getattr(next(iter(part)), "value", None) for part in it.items if len(part) == 1
            ]
            asked += [None] * (len(it.items) - len(asked))
        if any(is_one_of(one_of, classes) for one_of in asked):
            answers.add(True)
        else:
            answers.add(False if all(map(_asks_nobody, asked)) else None)
    return answers.pop() if len(answers) == 1 else None


def _asks_nobody(cls: Any) -> bool:
    """Tell whether a class leaves it to the bases of others whether these are its own."""
    if not is_class(cls):
        return False
    for base in mro_of(type(cls)):
        if is_one_of(base, (type, object)):
            break
        content = class_dict(base)
        if base is ABCMeta:
            return _registers_nobody(cls)
        if "__instancecheck__" in content or "__subclasscheck__" in content:
            return False
    return True


def _registers_nobody(cls: type) -> bool:
    """Tell whether an abstract class has only classes that derive from it."""
    waiting = [cls]
    while waiting:
        it = waiting.pop()
        hook = _looked_up(mro_of(it), "__subclasshook__")
        if hook is not class_dict(object)["__subclasshook__"]:
            return False
        if "_abc_impl" in class_dict(it) and _get_dump(it)[0]:
            return False
        waiting += [one_of for one_of in type.__subclasses__(it) if type(one_of) is not type]
    return True


def _hasattr(
    f: Following, arguments: list[Content], _keywords: dict[str, Content], _place: int
) -> Content:
    values, names = arguments
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


def _getattr(
    f: Following, arguments: list[Content], _keywords: dict[str, Content], _place: int
) -> Content:
    values, names, *default = arguments
    f.keep_out(names)
    found: Content = frozenset[Any]().union(*default)
    for it in values:
        for name in names:
            if type(name) is Known and type(name.value) is str:
                if it is CLASS and name.value == f.heap.key:
                    found |= one(VALUE)
                else:
                    found |= _attribute(f, it, name.value)
            elif it is VALUE or f.holds(one(it)):
                raise HandledError
            elif it is CLASS or it is ANYTHING:
                found |= ANY | (one(VALUE) if True in f.heap.may_be_key(name) else frozenset())
            else:
                found |= ANY
    return found


def _setattr(
    f: Following, arguments: list[Content], _keywords: dict[str, Content], _place: int
) -> Content:
    values, names, *content = arguments
    f.keep_out(values, names, *content)
    for it in values:
        if (it is CLASS or it is ANYTHING) and any(
            True in f.heap.may_be_key(name) for name in names
        ):
            raise HandledError
    return known(None)


def _callable(
    f: Following, arguments: list[Content], _keywords: dict[str, Content], _place: int
) -> Content:
    is_called = _looked_up(mro_of(type(f.value)), "__call__") is not None
    return frozenset[Any]().union(
        *(_answer(is_called) if it is VALUE else BOTH for it in arguments[0])
    )


def _vars(
    f: Following, arguments: list[Content], _keywords: dict[str, Content], _place: int
) -> Content:
    if not arguments:
        raise HandledError
    return attributes(f, arguments[0], "__dict__")


def _dir(
    f: Following, arguments: list[Content], _keywords: dict[str, Content], _place: int
) -> Content:
    if not arguments:
        raise HandledError
    f.keep_out(arguments[0])
    return one(Many(frozenset({Known(f.heap.key), OTHER_NAME})))


def _getmembers(
    f: Following, arguments: list[Content], keywords: dict[str, Content], place: int
) -> Content:
    f.keep_out(arguments[0])
    tests = [*arguments[1:], *keywords.values()]
    rows = {Row((one(OTHER_NAME), ANY))}
    for test in tests:
        for it in test:
            if not f.truth(called(f, it, [one(VALUE)], {}, place, False)) >= TRUE:
                return one(Many(frozenset(rows)))
    return one(Many(frozenset({*rows, Row((known(f.heap.key), one(VALUE)))})))


def _harmless(
    f: Following, arguments: list[Content], keywords: dict[str, Content], _place: int
) -> Content:
    return ANY


def _harmless_container(
    f: Following, arguments: list[Content], keywords: dict[str, Content], _place: int
) -> Content:
    if VALUE in arguments[0]:
        raise HandledError
    return ANY


def _sorted(
    f: Following, arguments: list[Content], keywords: dict[str, Content], place: int
) -> Content:
    return _listed(f, arguments, keywords, place, is_sorted=True)


_Handle = Callable[["Following", list[Content], dict[str, Content], int], Content]
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
    "id": (_harmless, 1, 1),
    "len": (_harmless_container, 1, 1),
}


def compared(f: Following, operator: ast.cmpop, left: Content, right: Content) -> Content:
    """Return what a comparison may say."""
    if isinstance(operator, ast.Is | ast.IsNot):
        return frozenset[Any]().union(
            *(
                _is(f, one_of, other, isinstance(operator, ast.Is))
                for one_of in left
                for other in right
            )
        )
    if isinstance(operator, ast.In | ast.NotIn):
        f.keep_out(left)
        if any(
            f.holds(one(it)) and not (it is NAMESPACE or (type(it) is Box and it.has_keys))
            for it in right
        ):
            raise HandledError
        return BOTH
    f.keep_out(left, right)
    values = [
        [it.value for it in side if type(it) is Known and is_plain(it.value)]
        for side in (left, right)
    ]
    if len(values[0]) == len(left) == len(values[1]) == len(right) == 1:
        is_equal = values[0][0] == values[1][0]
        if isinstance(operator, ast.Eq | ast.NotEq):
            return TRUE if is_equal == isinstance(operator, ast.Eq) else FALSE
    return BOTH


def _is(f: Following, left: Any, right: Any, says_is: bool) -> Content:
    same, differs = (TRUE, FALSE) if says_is else (FALSE, TRUE)
    sides = [left, right]
    objects = [it.value for it in sides if type(it) is Known]
    if len(objects) == 2:
        return same if objects[0] is objects[1] else differs
    if (VALUE in sides and any(is_plain(it) for it in objects)) or (CLASS in sides and objects):
        return differs
    return BOTH


def text_of(parts: list[str | None]) -> Any:
    """Return what a text of some parts is, of which some are not known."""
    if all(part is not None for part in parts):
        return Known("".join(part or "" for part in parts))
    first, last = parts[0], parts[-1]
    return Text(first or "", last or "")
