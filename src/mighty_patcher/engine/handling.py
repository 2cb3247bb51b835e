"""What becomes of `stand_ins` that code handles: that asks for attributes and items of them,
compares them, or calls methods of dictionaries, lists and strings.
"""

from __future__ import annotations

import ast
from _abc import _get_dump  # type: ignore[import-not-found]
from abc import ABCMeta
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
from mighty_patcher.engine.plain_code import BY_ANY_NAME, BY_NAME
from mighty_patcher.engine.stand_ins import (
    ANY,
    ANYTHING,
    BOTH,
    CLASS,
    FALSE,
    NAMESPACE,
    SLICE,
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
    Super,
    Text,
    known,
    one,
)
from mighty_patcher.engine.values import is_plain

if TYPE_CHECKING:
    from mighty_patcher.engine.expressions import Expressions

FUNCTIONS = (FunctionType, BuiltinFunctionType)
COMES_TO_ALL = BY_ANY_NAME.union(BY_NAME, ("__dict__", "globals", "locals"))
"""What may come to attributes by names that do not stand in the code."""
_METHODS_OF_STRINGS = frozenset(
    {
        *("casefold", "endswith", "isidentifier", "isupper", "islower", "lower", "lstrip"),
        *("removeprefix", "removesuffix", "rstrip", "startswith", "strip", "title", "upper"),
    }
)
_OF_C = (BuiltinFunctionType, WrapperDescriptorType, MethodDescriptorType)
OF_METACLASSES = ("builtins", "abc", "typing", "typing_extensions")
_module_of = vars(type)["__module__"].__get__
_MOST_ITEMS = 30


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


def attributes(f: Expressions, owner: Content, name: str) -> Content:
    """Return what objects have for an attribute."""
    return frozenset[Any]().union(*(attribute(f, it, name) for it in owner))


def attribute(f: Expressions, it: Any, name: str) -> Content:
    """Return what one object has for an attribute."""
    if it is VALUE:
        return attribute_of_value(f, name)
    if f.holds(one(it)):
        raise HandledError
    if name == f.heap.key and (it is CLASS or it is ANYTHING):
        return ANY | one(VALUE)
    if it is ANYTHING:
        return one(NAMESPACE) | ANY if name == "__dict__" else ANY
    if it is CLASS:
        return attribute_of_class(f, name)
    if type(it) is Super:
        return _next_attribute(f, it, name)
    if type(it) is Fresh:
        return _bound(looked_up(mro_of(it.of.value), name), it, it.of)
    if type(it) is Known:
        return _attribute_of_known(it, name)
    return ANY


def attribute_of_value(f: Expressions, name: str) -> Content:
    """Return what the value has for an attribute: nothing is to be done with that."""
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


def attribute_of_class(f: Expressions, name: str) -> Content:
    """Return what the class has for an attribute."""
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
    found = looked_up(mro_of(cls), name)
    if found is not None:
        return _bound(found, None, CLASS)
    return _bound(looked_up(mro_of(type(cls)), name), CLASS, Known(type(cls)))


def _attribute_of_known(it: Known, name: str) -> Content:
    value = it.value
    if issubclass(type(value), ModuleType):
        return steady(namespace_of(value).get(name))
    if is_class(value):
        if name in ("__mro__", "__bases__"):
            return one(Many(frozenset(map(Known, mro_of(value)))))
        found = looked_up(mro_of(value), name)
        if found is not None:
            return _bound(found, None, it)
        return _bound(looked_up(mro_of(type(value)), name), it, Known(type(value)))
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


def looked_up(classes: tuple[type, ...], name: str) -> Any:
    """Return the first that some classes have for a name; None if they have nothing."""
    return next((class_dict(it)[name] for it in classes if name in class_dict(it)), None)


def super_of(f: Expressions, start: Content, first: Content) -> Content:
    """Return what ``super()`` returns."""
    if len(start) != 1 or len(first) != 1:
        return ANY
    (cls,), (owner,) = start, first
    if type(cls) is not Known or not is_class(cls.value) or f.holds(first):
        return ANY
    return one(Super(cls, owner))


def _next_attribute(f: Expressions, it: Super, name: str) -> Content:
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
        if _module_of(base) in OF_METACLASSES:
            return one(Method(name, None if name == "__new__" else owner))
        is_class_itself = owner is CLASS and is_one_of(f.cls, classes)
        return _bound(found, None if is_class_itself or name == "__new__" else owner, owner)
    return ANY


# --- items ----------------------------------------------------------------------------------------


def items(f: Expressions, it: Any) -> Content:
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


def item(f: Expressions, it: Any, index: Content) -> Content:
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
        return frozenset(it.items[places[0]])
    if is_one_of(type(it), (Row, Many, Box)):
        found = items(f, it)
        some = one(Many(found)) if SLICE in index or ANYTHING in index else frozenset[Any]()
        return some if index == one(SLICE) else found | some
    if type(it) is Known and type(it.value) is str and is_sure:
        return known(str(it.value)[places[0] :][:1])
    return ANY


def set_item(f: Expressions, it: Any, index: Content, value: Content) -> None:
    """Follow an assignment of an item."""
    f.keep_out(index)
    if type(it) is Box and it.has_keys:
        f.heap.put(it, index, value)
    elif type(it) is Box:
        f.heap.put(it, None, value)
    elif it is NAMESPACE:
        for key in index:
            put_into_namespace(f, key, value)
    elif f.holds(one(it), value):
        raise HandledError


def put_into_namespace(f: Expressions, key: Any, value: Content) -> None:
    """Have the value nowhere but in its place in the namespace, and nothing else there."""
    is_key = f.heap.may_be_key(key)
    if is_key == {True} and value == one(VALUE):
        return
    if True in is_key or f.holds(value):
        raise HandledError


def update(f: Expressions, it: Any, content: Content) -> None:
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


# --- methods of containers and strings ------------------------------------------------------------


def of_dictionary(f: Expressions, it: Any, name: str, call: Call) -> Content:
    """Follow a call of a method of a dictionary, or of the namespace."""
    entries = f.heap.entries(it)
    match name, call.arguments:
        case "items", []:
            return one(Many(frozenset(Row((one(key), one(value))) for key, value in entries)))
        case (("keys" | "__iter__"), []):
            return one(Many(frozenset(key for key, _ in entries)))
        case "values", []:
            return one(Many(frozenset(value for _, value in entries)))
        case "copy", []:
            box = Box(call.place, has_keys=True)
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
            for other in call.arguments:
                update(f, it, other)
            for key, value in call.keywords.items():
                set_item(f, it, known(key) if key != "**" else ANY, value)
            return known(None)
        case "__contains__", [index]:
            return compared(f, ast.In(), index, one(it))
    f.keep_out(one(it), *call.arguments, *call.keywords.values())
    return ANY


def of_list(f: Expressions, it: Box, name: str, call: Call) -> Content:
    """Follow a call of a method of a list or set."""
    match name, call.arguments:
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
            for other in call.arguments:
                f.heap.put(it, None, f.items(other))
            return known(None)
        case (("sort" | "reverse"), []) if not call.keywords:
            keep_from_being_compared(f, items(f, it))
            return known(None)
        case "copy", []:
            return one(Many(items(f, it)))
        case "pop", _:
            return items(f, it)
    f.keep_out(one(it), *call.arguments, *call.keywords.values())
    return ANY


def keep_from_being_compared(f: Expressions, content: Content) -> None:
    """Have nothing compared with the value: where each item begins with a name, it is not."""
    for it in content:
        if type(it) is not Row or not it.items or f.holds(it.items[0]):
            f.keep_out(one(it))


def of_text(f: Expressions, it: str, name: str, call: Call) -> Content:
    """Follow a call of a method of a string."""
    f.keep_out(*call.every())
    given = [[v.value for v in content if type(v) is Known] for content in call.arguments]
    is_sure = all(
        len(values) == len(content) == 1 and type(values[0]) is str
        for values, content in zip(given, call.arguments, strict=True)
    )
    if name in _METHODS_OF_STRINGS and is_sure and not call.keywords:
        try:
            return known(getattr(it, name)(*(values[0] for values in given)))
        except TypeError:
            return frozenset()  # it raises
    return ANY


# --- comparisons ----------------------------------------------------------------------------------


def is_derived(classes: tuple[type, ...], kinds: Content) -> bool | None:
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
        hook = looked_up(mro_of(it), "__subclasshook__")
        if hook is not class_dict(object)["__subclasshook__"]:
            return False
        if "_abc_impl" in class_dict(it) and _get_dump(it)[0]:
            return False
        derived: list[type] = type.__subclasses__(it)
        waiting += [one_of for one_of in derived if type(one_of) is not type]
    return True


def compared(f: Expressions, operator: ast.cmpop, left: Content, right: Content) -> Content:
    """Return what a comparison may say."""
    if isinstance(operator, ast.Is | ast.IsNot):
        says_is = isinstance(operator, ast.Is)
        found: Content = frozenset()
        for mine in left:
            for theirs in right:
                found |= _is(mine, theirs, says_is)
        return found
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


def _is(left: Any, right: Any, says_is: bool) -> Content:
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
