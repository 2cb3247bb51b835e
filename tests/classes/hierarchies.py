"""Random hierarchies of classes, as source, and random edits of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

__all__ = ["Hierarchy"]

_NAMES = ("A", "B", "C", "D", "E")
_METHODS = ("one", "two", "three")
_SPECIALS = {
    "__len__": "(self): return {}",
    "__getitem__": "(self, key): return {} if key < 2 else [][key]",
    "__call__": "(self): return {}",
    "__eq__": "(self, other): return {}",
    "__bool__": "(self): return {} % 2 == 0",
    "__contains__": "(self, item): return {} % 2 == 0",
    "__add__": "(self, other): return {}",
    "__iter__": "(self): return iter([{}])",
    "__getattr__": "(self, name): return ({}, name) if name == 'asked' else _raise(name)",
}
_SHAPES = (
    "(self, x={}): return ('plain', x)",
    "(self, *, k={}): return (__class__.__name__, k)",
    "(self): return (getattr(super(), '{name}', lambda: 0)(), {})",
    "(self): return [i + {} for i in range(2)]",
)
_DECORATED = {
    "property": "@property\n    def {name}(self): return {value}",
    "staticmethod": "@staticmethod\n    def {name}(x={value}): return x",
    "classmethod": "@classmethod\n    def {name}(cls, x={value}): return cls.__name__, x",
    "attribute": "{name} = {value}",
    "class": "class {name}:\n        x = {value}\n        def m(self): return {value}",
    "function": "{name} = lambda self, x={value}: x",
}
_EXTRAS = ("", "Mixin", "Generic[T]", "abc.ABC", "Other")

_HEADER = """\
import abc, dataclasses, typing
from typing import Generic, TypeVar
T = TypeVar("T")
def _raise(name): raise AttributeError(name)
class Mixin:
    def mixed(self): return {0}
class Other:
    __slots__ = ()
    def mixed(self): return -{0}
class Meta(type):
    def __call__(cls, *a): return super().__call__(*a)
"""


@dataclass(frozen=True)
class Class:
    """One class of a hierarchy."""

    name: str
    bases: tuple[str, ...] = ()
    metaclass: bool = False
    decorated: str = ""
    slots: tuple[str, ...] | None = None
    members: tuple[tuple[str, str], ...] = ()

    def source(self) -> str:
        """Return the definition."""
        keywords = [*self.bases, *(["metaclass=Meta"] if self.metaclass else [])]
        head = f"{self.decorated}\nclass {self.name}({', '.join(keywords)}):"
        body = [f"__slots__ = {self.slots!r}"] if self.slots is not None else []
        body += [f"value{i}: int = {i}" for i in range(2)] if self.decorated else []
        body += [text for _, text in self.members] or ["pass"]
        return head.lstrip("\n") + "".join(f"\n    {line}" for line in body) + "\n"


@dataclass
class Hierarchy:
    """Classes that derive from each other, in the order of their definitions."""

    random: random.Random
    classes: list[Class] = field(default_factory=list)
    counter: int = 0

    @classmethod
    def new(cls, seed: int) -> Hierarchy:
        """Make a hierarchy of some classes."""
        made = cls(random.Random(seed))
        for name in _NAMES[: made.random.randint(2, len(_NAMES))]:
            made.classes.append(Class(name))
            for _ in range(3):
                made._edit(len(made.classes) - 1)
        return made

    def source(self) -> str:
        """Return the text of the module."""
        return _HEADER.format(self.counter) + "".join(each.source() for each in self.classes)

    def edit(self) -> None:
        """Change something."""
        for _ in range(self.random.choice((1, 1, 1, 2, 4))):
            self._edit(self.random.randrange(len(self.classes)))

    def _edit(self, index: int) -> None:
        self.counter += 1
        it = self.classes[index]
        kind = self.random.choice(("member",) * 5 + ("gone", "bases", "slots", "meta", "decorator"))
        if kind == "member":
            name, text = self._member()
            members = [member for member in it.members if member[0] != name]
            members.insert(self.random.randint(0, len(members)), (name, text))
            it = replace(it, members=tuple(members))
        elif kind == "gone" and it.members:
            gone = self.random.choice(it.members)
            it = replace(it, members=tuple(m for m in it.members if m is not gone))
        elif kind == "bases":
            earlier = [each.name for each in self.classes[:index]]
            bases = self.random.sample(earlier, self.random.randint(0, min(2, len(earlier))))
            bases.sort(reverse=self.random.random() < 0.8)  # what derives comes first, mostly
            extra = self.random.choice(_EXTRAS)
            it = replace(it, bases=(*bases, *([extra] if extra else [])))
        elif kind == "slots":
            chosen = tuple(sorted(self.random.sample(("p", "q", "r"), self.random.randint(0, 3))))
            it = replace(it, slots=self.random.choice((None, chosen, chosen)), decorated="")
        elif kind == "meta":
            it = replace(it, metaclass=not it.metaclass)
        elif kind == "decorator" and it.slots is None:
            options = ("", "@dataclasses.dataclass", "@dataclasses.dataclass(order=True)")
            it = replace(it, decorated=self.random.choice(options))
        self.classes[index] = it

    def _member(self) -> tuple[str, str]:
        if self.random.random() < 0.35:
            name = self.random.choice(sorted(_SPECIALS))
            return name, f"def {name}{_SPECIALS[name].format(self.counter)}"
        name = self.random.choice(_METHODS)
        if self.random.random() < 0.5:
            shape = self.random.choice(_SHAPES).format(self.counter, name=name)
            return name, f"def {name}{shape}"
        shape = _DECORATED[self.random.choice(sorted(_DECORATED))]
        return name, shape.format(name=name, value=self.counter)
