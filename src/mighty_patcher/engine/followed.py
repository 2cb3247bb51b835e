"""Code that is followed without being executed: on all the ways that it may take, with `stand_ins`
for objects. Of one value it finds out whether something may be done to it.

Where that cannot be told, something may be done: a statement that is not known here, a call that
leads nowhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_VARARGS, CO_VARKEYWORDS
from types import FunctionType
from typing import Any

from mighty_patcher.engine import handling
from mighty_patcher.engine.expressions import Env, Expressions, Frame
from mighty_patcher.engine.stand_ins import (
    ANY,
    FALSE,
    TRUE,
    Box,
    Content,
    HandledError,
    Row,
    known,
    one,
)

__all__ = ["Following"]

_DEEPEST = 10
_MOST_ROUNDS = 8
_SUSPENDS = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR


class Following(Expressions):
    """Follows functions that are given a class, or the namespace of which that is made; see
    `Expressions` for what it is given.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._calls: list[tuple[Any, ...]] = []

    def call(
        self, function: FunctionType, arguments: list[Content], keywords: dict[str, Content]
    ) -> Content:
        """Follow a call of a function.

        Args:
            function: The function.
            arguments: What it is given.
            keywords: The same by name; ``**`` for what has no known names.

        Returns:
            What it may return.

        Raises:
            HandledError: It may do something to the value.
        """
        key = id(function), tuple(arguments), tuple(sorted(keywords.items(), key=lambda it: it[0]))
        definition = None if key in self._calls else self.written(function)
        code = function.__code__
        if definition is None or len(self._calls) > _DEEPEST or code.co_flags & _SUSPENDS:
            raise HandledError
        self.followed[id(function)] = function
        frame = Frame(function, arguments[0] if arguments else ANY)
        self._calls.append(key)
        self.functions.append(function)
        try:
            env = self._bound(frame, arguments, keywords)
            if self._run(definition.body, env, frame) is not None:
                frame.returned |= known(None)
        finally:
            self._calls.pop()
            self.functions.pop()
        return frame.returned

    def _bound(self, frame: Frame, arguments: list[Content], keywords: dict[str, Content]) -> Env:
        """Give the parameters of a function what they get."""
        code, function = frame.function.__code__, frame.function
        names = code.co_varnames[: code.co_argcount]
        more = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        left = code.co_argcount + code.co_kwonlyargcount
        keywords = dict(keywords)
        unnamed = keywords.pop("**", frozenset())
        env: Env = {}
        given = list(arguments)
        for name in names:
            if given:
                env[name] = given.pop(0)
        for name in (*names, *more):
            if name in keywords:
                env[name] = keywords.pop(name)
        defaults = function.__defaults__ or ()
        for name, value in zip(names[len(names) - len(defaults) :], defaults, strict=True):
            env.setdefault(name, handling.steady(value) | unnamed)
        for name, value in (function.__kwdefaults__ or {}).items():
            env.setdefault(name, handling.steady(value) | unnamed)
        for name in (*names, *more):
            env.setdefault(name, unnamed or ANY)
        if code.co_flags & CO_VARARGS:
            env[code.co_varnames[left]] = one(Row(tuple(given)))
            given, left = [], left + 1
        if code.co_flags & CO_VARKEYWORDS:
            rest = frozenset[Any]().union(unnamed, *keywords.values())
            self.keep_out(rest)
            env[code.co_varnames[left]] = ANY
            keywords = {}
        self.keep_out(*given, *keywords.values())
        return env

    # --- statements --------------------------------------------------------------------------

    def _run(self, body: Iterable[ast.stmt], env: Env, frame: Frame) -> Env | None:
        """Follow statements; None if nothing comes behind them."""
        for statement in body:
            after = self._run_one(statement, env, frame)
            if after is None:
                return None
            env = after
        return env

    def _run_one(self, it: ast.stmt, env: Env, frame: Frame) -> Env | None:
        self.step()
        match it:
            case ast.Expr():
                self.evaluate(it.value, env, frame)
            case ast.Assign() | ast.AnnAssign():
                if it.value is not None:
                    value = self.evaluate(it.value, env, frame)
                    env = dict(env)
                    for target in it.targets if isinstance(it, ast.Assign) else [it.target]:
                        self.assign(target, value, env, frame)
            case ast.AugAssign():
                env = dict(env)
                value = self.binary(it.op, it.target, it.value, env, frame, it)
                for box in self.evaluate(it.target, env, frame):
                    if type(box) is Box and self.holds(value):
                        self.heap.put(box, None, self.items(value))
                self.assign(it.target, value, env, frame)
            case ast.Return():
                value = known(None)
                if it.value is not None:
                    value = self.evaluate(it.value, env, frame)
                frame.returned |= value
                return None
            case ast.Raise():
                return None  # no class is made
            case ast.Delete():
                for target in it.targets:
                    self.delete(target, env, frame)
            case ast.If():
                truth = self.truth(self.evaluate(it.test, env, frame))
                return _joined(
                    self._run(it.body, env, frame) if truth >= TRUE else None,
                    self._run(it.orelse, env, frame) if truth >= FALSE else None,
                )
            case ast.For():
                return self._loop(it, env, frame)
            case ast.While():
                return self._loop(it, env, frame)
            case ast.Break() | ast.Continue():
                frame.broken[-1][isinstance(it, ast.Continue)].append(env)
                return None
            case ast.Try():
                return self._try(it, env, frame)
            case ast.With():
                env = dict(env)
                for item in it.items:
                    self.keep_out(self.evaluate(item.context_expr, env, frame))
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, ANY, env, frame)
                after, at_any_time = self._tried(it.body, env, frame)
                return _joined(after, at_any_time)  # what is raised may go no further
            case ast.FunctionDef():
                self.look_at_inner(it, env, frame)
                env = {**env, it.name: ANY}
            case ast.Import() | ast.ImportFrom():
                env = {**env, **{(n.asname or n.name).partition(".")[0]: ANY for n in it.names}}
            case ast.Assert():
                self.truth(self.evaluate(it.test, env, frame))
            case ast.Pass():
                pass
            case _:
                raise HandledError
        return env

    def _loop(self, it: ast.For | ast.While, env: Env, frame: Frame) -> Env | None:
        left: Env | None = None
        for _ in range(_MOST_ROUNDS):
            frame.broken.append(([], []))
            after: Env | None = None
            if isinstance(it, ast.For):
                for item in self.items(self.evaluate(it.iter, env, frame)):
                    inner = dict(env)
                    self.assign(it.target, one(item), inner, frame)
                    after = _joined(after, self._run(it.body, inner, frame))
            elif self.truth(self.evaluate(it.test, env, frame)) >= TRUE:
                after = self._run(it.body, env, frame)
            broken, going_on = frame.broken.pop()
            left = _joined(left, *broken)
            before, env = env, _joined(env, after, *going_on) or env
            if env == before:
                return _joined(left, self._run(it.orelse, env, frame))
        raise HandledError

    def _try(self, it: ast.Try, env: Env, frame: Frame) -> Env | None:
        after, at_any_time = self._tried(it.body, env, frame)
        ends = [self._run(it.orelse, after, frame) if after is not None else None]
        for handler in it.handlers:
            inner = dict(at_any_time)
            if handler.name:
                inner[handler.name] = ANY
            ends.append(self._run(handler.body, inner, frame))
        end = _joined(*ends)
        if not it.finalbody:
            return end
        done = self._run(it.finalbody, _joined(at_any_time, end) or env, frame)
        return None if end is None else done

    def _tried(self, body: list[ast.stmt], env: Env, frame: Frame) -> tuple[Env | None, Env]:
        """Follow statements that may end anywhere.

        Returns:
            The variables behind them, and wherever they end.
        """
        assigned: Env = {}
        frame.tried.append(assigned)
        after = self._run(body, env, frame)
        frame.tried.pop()
        at_any_time = {
            name: env.get(name, frozenset()) | assigned.get(name, frozenset())
            for name in env.keys() | assigned.keys()
        }
        return after, at_any_time


def _joined(*envs: Env | None) -> Env | None:
    """Return what variables are where several ways meet."""
    found: Env | None = None
    for env in envs:
        if env is None:
            continue
        if found is None:
            found = env
        elif found is not env and found != env:
            found = {
                name: found.get(name, frozenset()) | env.get(name, frozenset())
                for name in found.keys() | env.keys()
            }
    return found
