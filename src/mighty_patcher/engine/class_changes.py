"""What follows from a change of a class: who reads its attributes runs again, and classes that were
built out of what it had are built again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from mighty_patcher.engine.bindings import spelt
from mighty_patcher.engine.built_of import built_of
from mighty_patcher.engine.changes import Change
from mighty_patcher.engine.classes import (
    class_dict,
    content_of,
    is_class,
    qualname_of,
    subclasses_of,
)
from mighty_patcher.engine.dataflow import Flow
from mighty_patcher.engine.donors import Keeper
from mighty_patcher.engine.enums import paths_of_others
from mighty_patcher.engine.holders import with_other_names
from mighty_patcher.engine.made_before import made_with
from mighty_patcher.engine.metaclasses import way_for
from mighty_patcher.engine.module_facts import every_module, namespace_of, shown_name
from mighty_patcher.engine.parameters import (
    LEADS_ON,
    PARAMETERS,
    instances_in,
    with_other_parameters,
)
from mighty_patcher.engine.report import Stale, Step
from mighty_patcher.engine.settling import Before
from mighty_patcher.engine.successors import methods_lost
from mighty_patcher.engine.values import is_plain

__all__ = ["ClassChanges", "stays_as_built"]


class ClassChanges:
    """What the statements of a module have changed in classes, its own or others.

    Args:
        module: The module.

    Attributes:
        elsewhere: Classes of other modules that have to be built again: the name of the module,
            that of the class, and why.
        set_anew: Classes, and the names of attributes that their statements have set again.
        attributes: Classes, and the names of their attributes that have other values; and what has
            other parameters.
        methods: Classes, names in them, and functions that they had under these.
        replaced: What the classes had where they have something else now.
    """

    def __init__(self, module: ModuleType) -> None:
        self.elsewhere: list[tuple[str, str, str]] = []
        self.attributes: list[tuple[Any, set[str]]] = []
        self.methods: list[tuple[type, str, Any]] = []
        self.replaced: list[Any] = []
        self.set_anew: list[tuple[type, set[str]]] = []
        self._name = shown_name(module)
        self._namespace = namespace_of(module)

    def follow(self, keeper: Keeper, flow: Flow) -> Iterator[Step]:
        """Let others follow the classes that have changed since the last time.

        Args:
            keeper: Who keeps the objects of the module.
            flow: Decides what runs.

        Yields:
            What is left as it was made.
        """
        while keeper.changed:
            base, before = keeper.changed.pop()
            self.methods += methods_lost(before, base, keeper.definitions[0].get(qualname_of(base)))
            changed = before.changed(base)
            self.replaced += [before.content[name] for name in changed & before.content.keys()]
            flow.set_again(set(self._spelt(base, changed)))
            if again := changed & before.content.keys() & class_dict(base).keys():
                self.set_anew.append((base, again))
            names, content = before.other_values(base), before.content.items()
            yield from with_other_names(
                self._name, f"{qualname_of(base)}.", content, content_of(base)
            )
            self.tell(base, names | paths_of_others(before.members, base), flow)
            yield from self._rebuilt(base, before, keeper, flow)

    def _rebuilt(self, base: type, before: Before, keeper: Keeper, flow: Flow) -> list[Step]:
        """Have classes built again that were built out of what has changed."""
        reason = f"derives from {qualname_of(base)}, which changed"
        built = list(built_of(base, before))
        for cls in built:
            name, module = qualname_of(cls).partition(".")[0], class_dict(cls).get("__module__")
            if "<locals>" in qualname_of(cls):
                keeper.stale.append(stays_as_built(qualname_of(cls), reason))
            elif module == self._name:
                flow.rebuild({name: reason})
            elif isinstance(module, str):
                self.elsewhere.append((module, name, reason))
        built += [it for it in subclasses_of(base) if way_for(type(it)).settle is not None]
        return list(made_with(base, before.other_values(base), built))

    def tell(self, base: type, names: set[str], flow: Flow) -> None:
        """Have who reads attributes of a class, or of one that derives from it, run again.

        Args:
            base: The class.
            names: The attributes, or what is read of these (``RED.value``); an empty one stands for
                all of them.
            flow: Decides what runs.
        """
        for cls in [base, *subclasses_of(base)] if names else ():
            inherited = names if cls is base else names - class_dict(cls).keys()
            flow.outside(attributes=set(self._spelt(cls, inherited)))
            self.attributes.append((cls, inherited))

    def tell_parameters(self, change: Change, flow: Flow) -> None:
        """Have who was given what may have other parameters now run again.

        Args:
            change: What was executed.
            flow: Decides what runs.
        """
        others: list[tuple[Any, str]] = []
        methods: dict[str, list[str]] = {}
        if change.new is not None and flow.leads_on():
            names = flow.facts_of(change.new).binds
            others += [(self._namespace.get(it), LEADS_ON) for it in names]
        for path in with_other_parameters(change):
            name, _, inner = path.partition(".")
            owner: Any = self._namespace.get(name)
            if is_class(owner):
                self.tell(owner, {f"{inner}.{PARAMETERS}" if inner else PARAMETERS}, flow)
                if inner:
                    methods.setdefault(name, []).append(inner)
            elif not inner:
                others.append((owner, PARAMETERS))
        for name, paths in methods.items():
            owner = self._namespace[name]
            for it in instances_in(every_module(), [owner, *subclasses_of(owner)]):
                others += [(it, f"{path}.{PARAMETERS}") for path in paths]
                others += [(it, PARAMETERS)] if "__call__" in paths else []
        for it, attribute in others:
            if is_plain(it):  # who has one has any
                continue
            flow.outside(attributes=set(self._spelt(it, [attribute])))
            self.attributes.append((it, {attribute}))

    def _spelt(self, cls: Any, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield attributes of a class by the names that the module has for it."""
        own = [bound for bound, value in self._namespace.items() if value is cls]
        return (spelt(bound, name) for name in names for bound in own)


def stays_as_built(name: str, reason: str) -> Stale:
    """Name a class that would have to be built again, and cannot be.

    Args:
        name: Its name.
        reason: Why it would have to be.
    """
    return Stale(
        f"class {name}",
        f"{reason}, but its own statement cannot be run again here, so that it keeps what was "
        f"made for it (fields, metaclass, registration)",
        "make it anew, or restart",
    )
