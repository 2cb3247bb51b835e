from __future__ import annotations

import sys
import types

import pytest
from hypothesis import given, settings
from unit_sources import BODIES, modules, mutated

from mighty_patcher.engine.codetree import (
    Pair,
    Pairs,
    arguments,
    docstring,
    is_scope,
    nested,
    signature,
)


def code(source: str) -> types.CodeType:
    return compile(source, "m.py", "exec", dont_inherit=True)


def pairs(old: str, new: str) -> Pairs:
    return Pairs(code(old), code(new))


def all_codes(root: types.CodeType) -> list[types.CodeType]:
    return [root, *(inner for one in nested(root) for inner in all_codes(one))]


def results(pairs: Pairs, name: str) -> list[tuple[object, object]]:
    """For each pair of a name what its old and its new code return."""
    return [
        (run(pair.old), run(pair.new) if pair.new else None)
        for pair in pairs
        if pair.old.co_name == name
    ]


def run(code: types.CodeType) -> object:
    return types.FunctionType(code, {})(*range(code.co_argcount))


class TestPairing:
    def test_by_name_and_not_by_place(self):
        found = pairs(
            "def a(): return 1\ndef b(): return 2", "def b(): return 2\ndef a(): return 1"
        )
        assert results(found, "a") == [(1, 1)]
        assert results(found, "b") == [(2, 2)]

    def test_lambdas_swapped_on_one_line_go_by_place(self):
        found = pairs("a, b = lambda: 1, lambda: 2", "a, b = lambda: 2, lambda: 1")
        assert results(found, "<lambda>") == [(1, 2), (2, 1)]

    def test_lambdas_swapped_in_a_function_go_by_place(self):
        found = pairs(
            "def f(): return [lambda: 1, lambda: 2]", "def f(): return [lambda: 2, lambda: 1]"
        )
        assert results(found, "<lambda>") == [(1, 2), (2, 1)]

    def test_one_more_lambda_leaves_the_others_who_they_are(self):
        found = pairs("a = lambda: 1\nb = lambda: 2", "n = lambda: 0\na = lambda: 1\nb = lambda: 2")
        assert results(found, "<lambda>") == [(1, 1), (2, 2)]

    def test_lambdas_whose_statements_were_reordered_go_by_content(self):
        found = pairs("a = lambda: 1\nb = lambda: 2", "b = lambda: 2\na = lambda: 1")
        assert sorted(results(found, "<lambda>")) in ([(1, 1), (2, None)], [(1, None), (2, 2)])

    def test_one_name_several_times(self):
        old = """
class C:
    @property
    def x(self): return 1
    @x.setter
    def x(self, value): return 2
    @x.deleter
    def x(self): return 3
"""
        found = pairs(old, old.replace("return 1", "return 10").replace("return 3", "return 30"))
        assert results(found, "x") == [(1, 10), (2, 2), (3, 30)]

    def test_a_definition_that_is_gone_has_no_successor(self):
        found = pairs("def a():\n  def b(): pass", "x = 1")
        assert {p.old.co_name: p.new for p in found if p.old.co_name in "ab"} == {
            "a": None,
            "b": None,
        }

    def test_a_class_is_never_paired_with_a_function(self):
        found = pairs("class a:\n  def m(self): return 1", "def a():\n  def m(self): return 1")
        assert [pair.new for pair in found if pair is not found.root] == [None, None]

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695")
    def test_generics_are_run_through(self):
        found = pairs("def f[T](x: T) -> T: return 1", "def f[T](x: T) -> T: return 2")
        (pair,) = [p for p in found if p.old.co_name == "f"]
        assert pair.runs_once
        assert pair.is_definition
        assert results(found, "f") == [(1, 2)]

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695")
    def test_methods_of_a_generic_class_are_definitions(self):
        found = pairs(
            "class A[T]:\n  def m(self): return 1", "class A[T]:\n  def m(self): return 2"
        )
        (pair,) = [p for p in found if p.old.co_name == "m"]
        assert pair.is_definition
        assert results(found, "m") == [(1, 2)]


class TestWhatChanged:
    def changes(self, old: str, new: str) -> dict[str, tuple[bool, bool]]:
        return {p.old.co_name: (p.changed, p.edited) for p in pairs(old, new)}

    def test_nothing(self):
        text = "def f(): return [x for x in (1, 2)]\nclass A:\n  m = lambda s: 1"
        assert set(self.changes(text, text).values()) == {(False, False)}

    def test_lines_moved(self):
        found = self.changes("def f():\n  return 1", "# more\n\ndef f():\n  return 1")
        assert found["f"] == (True, False)

    def test_a_column_moved(self):
        found = self.changes("def f(): return  1", "def f(): return 1")
        assert found["f"] == (True, False)

    def test_what_is_nested_counts_for_its_owner(self):
        found = self.changes("def f():\n  def g(): return 1", "def f():\n  def g(): return 2")
        assert found["f"] == found["g"] == (True, True)

    @pytest.mark.parametrize(
        ("old", "new"),
        [("1", "1.0"), ("1", "True"), ("0.0", "-0.0"), ("(1,)", "(1.0,)"), ("'a'", "b'a'")],
    )
    def test_constants_that_are_equal_and_not_the_same(self, old, new):
        found = self.changes(f"def f(): return {old}", f"def f(): return {new}")
        assert found["f"] == (True, True)

    def test_an_integer_that_has_no_repr(self):
        large = hex(10**5000)
        found = self.changes(f"def f(): return {large}", f"def f(): return {large}\n")
        assert found["f"] == (False, False)
        found = self.changes(f"def f(): return {large}", f"def f(): return {large} + 1")
        assert found["f"] == (True, True)


class TestOf:
    def test_code_of_an_import_is_found_though_it_is_another_object(self):
        text = "def f(): return 1"
        namespace: dict[str, types.FunctionType] = {}
        exec(code(text), namespace)
        assert pairs(text, "def f(): return 2").of(namespace["f"].__code__) is not None

    def test_code_of_another_version_is_not(self):
        namespace: dict[str, types.FunctionType] = {}
        exec(code("def f(): return 0"), namespace)
        assert pairs("def f(): return 1", "def f(): return 2").of(namespace["f"].__code__) is None

    def test_the_flag_of_types_coroutine_is_handed_on(self):
        namespace: dict[str, types.FunctionType] = {}
        exec(code("def f(): yield 1"), namespace)
        living = types.coroutine(namespace["f"]).__code__
        found = pairs("def f(): yield 1", "def f(): yield 2")
        pair = found.of(living)
        assert pair is not None
        successor = Pairs.successor(pair, living)
        assert successor is not None
        assert successor.co_flags & 0x100
        assert successor.co_consts == pair.new.co_consts


class TestParts:
    def test_is_scope(self):
        module = code("class A: pass\ndef f(): pass\ng = lambda: 1")
        assert is_scope(module)
        assert [is_scope(inner) for inner in nested(module)] == [True, False, False]

    @pytest.mark.parametrize(
        ("source", "doc"),
        [
            ("def f(): 'text'", "text"),
            ("def f():\n  'text'\n  return 'more'", "text"),
            ("def f(): return 'text'", None),
            ("f = lambda: 'text'", None),
            ("def f(): b'text'", None),
            ("def f(): f'text'", None),
            ("def f(): pass", None),
            ("async def f(): 'text'", "text"),
            ("def f(x='text'): return x", None),
        ],
    )
    def test_docstring_is_that_of_the_function(self, source, doc):
        namespace: dict[str, types.FunctionType] = {}
        exec(code(source), namespace)
        assert docstring(namespace["f"].__code__) == doc == namespace["f"].__doc__

    def test_signature_does_not_know_where(self):
        (one,), (two,) = nested(code("def f(): return 1")), nested(code("\n\n\ndef f(): return 1"))
        assert signature(one) == signature(two)
        assert one != two

    def test_arguments(self):
        def of(text: str) -> object:
            return arguments(nested(code(f"def f({text}): pass"))[0])

        assert of("a, b") == of("x, y") == of("x, /, y") == of("x, y, *rest")
        assert of("a") != of("a, b")
        assert of("*, a, b") == of("*, b, a") != of("*, a, c")


class TestProperties:
    @settings(max_examples=25, deadline=None)
    @given(modules(), modules())
    def test_every_old_code_is_in_one_pair(self, old, new):
        root = code(old)
        found = [id(pair.old) for pair in Pairs(root, code(new))]
        assert sorted(found) == sorted({id(one) for one in all_codes(root)})

    @settings(max_examples=25, deadline=None)
    @given(mutated())
    def test_no_new_code_has_two_predecessors(self, texts):
        news = [id(pair.new) for pair in pairs(*texts) if pair.new is not None]
        assert len(news) == len(set(news))

    @settings(max_examples=25, deadline=None)
    @given(modules())
    def test_a_text_is_itself(self, text):
        for pair in pairs(text, text):
            assert isinstance(pair, Pair)
            assert not pair.changed
            assert not pair.edited
            assert pair.new == pair.old

    @settings(max_examples=25, deadline=None)
    @given(modules(), modules(bodies=BODIES[:1]))
    def test_children_are_nested_in_their_parents(self, old, new):
        for pair in pairs(old, new):
            for child in pair.children:
                assert child.old in nested(pair.old)
                assert child.new is None or (pair.new and child.new in nested(pair.new))
