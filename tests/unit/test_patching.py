from __future__ import annotations

import doctest
import functools
import types

import pytest

from mighty_patcher import RefusedEdit, actually_patch, patching, replace_inner_value


def old(a=1):
    "Old."
    return ("old", a)


def new(a, b=2, *, k=3):
    "New."
    return ("new", a, b, k)


@pytest.fixture
def target():
    return types.FunctionType(old.__code__, globals(), "target", old.__defaults__)


def test_the_examples_of_the_docstrings():
    assert doctest.testmod(patching) == (0, 8)


class TestReplaceInnerValue:
    def test_everything_of_a_function(self, target):
        held = [target, functools.partial(target, 5), types.MethodType(target, 6)]
        replace_inner_value(target, new)
        assert [held[0](4), held[1](), held[2]()] == [("new", n, 2, 3) for n in (4, 5, 6)]
        assert target.__doc__ == "New."
        assert new(1) == ("new", 1, 2, 3)

    def test_a_closure(self, target):
        def make(x):
            return lambda: x

        replace_inner_value(target, make(7))
        assert target() == 7
        replace_inner_value(target, make(8))
        assert target() == 8
        replace_inner_value(target, old)
        assert target() == ("old", 1)

    def test_itself(self, target):
        replace_inner_value(target, target)
        assert target() == ("old", 1)

    def test_a_dictionary(self):
        one, two = {"a": 1, "b": 2}, {"b": 3, "c": 4}
        replace_inner_value(one, two)
        assert one == two == {"b": 3, "c": 4}
        one["d"] = 5
        assert "d" not in two

    @pytest.mark.parametrize(
        ("wrong", "right", "names"),
        [
            (len, old, ("builtin_function_or_method", "function")),
            (old, len, ("function", "builtin_function_or_method")),
            ({}, [], ("dict", "list")),
            (old, {}, ("function", "dict")),
            (1, 2, ("int", "int")),
            (None, None, ("NoneType", "NoneType")),
            (old, int, ("function", "type")),
            (functools.partial(old), old, ("partial", "function")),
            (types.MappingProxyType({}), {}, ("mappingproxy", "dict")),
        ],
    )
    def test_wrong_kinds_are_named(self, wrong, right, names):
        with pytest.raises(TypeError) as info:
            replace_inner_value(wrong, right)
        assert all(name in str(info.value) for name in names)

    def test_a_class(self):
        class A:
            kind = "old"

            def greet(self):
                return "hello"

            def gone(self): ...

        class B:
            def greet(self):
                return f"{super().__repr__()[:1]}{__class__.kind}"

            kind = "new"

        class C(A): ...

        a, greet, repr_of_b = A(), A().greet, B.__dict__
        before = dict(repr_of_b)
        replace_inner_value(A, B)
        assert (a.greet(), greet(), C().greet(), a.kind) == ("<new", "<new", "<new", "new")
        assert not hasattr(a, "gone")
        assert dict(B.__dict__) == before
        assert B().greet() == "<new"
        assert A.__name__ == "A"

    def test_a_class_for_a_while(self):
        class A:
            x = 1

        class B:
            y = 2

            def __len__(self):
                return 7

        a, before = A(), list(A.__dict__.items())
        with actually_patch(A, B):
            assert (len(a), a.y, hasattr(a, "x")) == (7, 2, False)
        assert (a.x, hasattr(a, "y"), hasattr(a, "__len__")) == (1, False, False)
        assert list(A.__dict__.items()) == before

    def test_classes_of_another_shape_are_refused(self):
        class A: ...

        class B(dict): ...

        for pair in ((A, B), (int, A)):
            with pytest.raises(RefusedEdit) as info:
                replace_inner_value(*pair)
            assert info.value.hint

    def test_a_proxy_is_not_asked(self):
        class Proxy:
            @property
            def __class__(self):
                raise RuntimeError("no context")

        with pytest.raises(TypeError):
            replace_inner_value(Proxy(), old)
        with pytest.raises(TypeError):
            replace_inner_value(old, Proxy())


class TestActuallyPatch:
    def test_is_taken_back(self, target):
        code = target.__code__
        with actually_patch(target, new):
            assert target(1) == ("new", 1, 2, 3)
        assert target() == ("old", 1)
        assert target.__code__ is code

    def test_is_taken_back_when_the_block_raises(self, target):
        with pytest.raises(KeyError), actually_patch(target, new):
            raise KeyError
        assert target() == ("old", 1)

    def test_nests(self, target):
        with actually_patch(target, new):
            with actually_patch(target, lambda: "innermost"):
                assert target() == "innermost"
            assert target(1) == ("new", 1, 2, 3)
        assert target() == ("old", 1)

    def test_a_dictionary(self):
        settings = {"a": 1, "b": 2}
        with actually_patch(settings, {"b": 3}):
            assert settings == {"b": 3}
        assert list(settings.items()) == [("a", 1), ("b", 2)]

    def test_wrong_kinds_are_refused_before_the_block(self, target):
        with pytest.raises(TypeError), actually_patch(target, {}):
            pytest.fail("the block ran")


def test_a_call_that_binds_its_arguments_while_its_function_is_patched():
    """The frame goes on with the old code, and finds its cells."""

    def make(a, b, c):
        def many(*, key=0):
            return a, b, c, key

        return many

    target = make(1, 2, 3)

    class Name(str):
        __hash__ = str.__hash__

        def __eq__(self, other):
            if target.__code__ is not old.__code__:
                replace_inner_value(target, old)
            return str.__eq__(self, other)

    assert target(**{Name("key"): 4})[-1] == 4
    assert target() == ("old", 1)
