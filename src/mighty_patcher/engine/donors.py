"""What a module made when it ran again, and the objects that the program already holds under the
same names: the new ones are donors, whose content goes to the old ones, which are kept.

A function gets the donor's whole content, a class what its body or its metaclass made. What is no
longer the same kind of thing is rebound, and said to be stale where that loses somebody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from mighty_patcher import _core
from mighty_patcher.engine import references, settling
from mighty_patcher.engine.aliases import Aliases
from mighty_patcher.engine.as_written import do_the_same
from mighty_patcher.engine.built_of import made_by_others, makes_otherwise
from mighty_patcher.engine.class_bodies import definitions_in
from mighty_patcher.engine.classes import (
    bury,
    class_dict,
    content_of,
    is_class,
    qualname_of,
    set_class,
    stored_attributes,
    stores_all_in_dict,
)
from mighty_patcher.engine.identity import are_same, is_one_of
from mighty_patcher.engine.kept_classes import KeptClasses
from mighty_patcher.engine.kept_functions import KeptFunctions, Living, Trees, unknown
from mighty_patcher.engine.leftovers import (
    are_held,
    drop_added,
    is_own,
    leftovers,
    lists_among,
    put_into_classes,
)
from mighty_patcher.engine.made_since import note_edited
from mighty_patcher.engine.making_way import MakingWay
from mighty_patcher.engine.metaclasses import way_for
from mighty_patcher.engine.module_facts import namespace_of, shown_name
from mighty_patcher.engine.moves import move_inner
from mighty_patcher.engine.narrowing import Narrowed
from mighty_patcher.engine.out_of_sight import OutOfDecoratorsSight
from mighty_patcher.engine.records import Records
from mighty_patcher.engine.registries import Registries, TakenOut, objects_between
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.set_from_outside import IsSetByStatement
from mighty_patcher.engine.successors import Successors, put_in_place, wrap_the_same
from mighty_patcher.engine.toplevel import functions_defined, names_imported
from mighty_patcher.engine.values import same_value
from mighty_patcher.engine.within import replace_within
from mighty_patcher.engine.wrapped import (
    DESCRIPTORS,
    functions_within,
    is_own_wrapper,
    is_wrapped_by,
)

if TYPE_CHECKING:
    from mighty_patcher.engine.written_out import WrittenOut

__all__ = ["Keeper"]


class Keeper:
    """Sees to it that what a module makes anew while it runs becomes what the program holds.

    Args:
        module: The module.
        before: Its namespace before the run.
        filename: The ``co_filename`` of its code, for only functions of that file are kept; None to
            keep all.
        trees: The syntax tree that was in force before, where it is known, and the new one.
        commit: Applies a log and remembers it for an undo.
        remember: Remembers what else is to be done after an undo.
        living: Finds the function that the program has of a definition which has just made another.
        making_way: The classes that make way for others in this reload; None where none may.
        registries: Those that have been asked once more in this reload.
        edited: The addresses of what `is_edited`; more are added.
        is_set_by_statement: Tells whether a statement at the top of some module sets an attribute.

    Attributes:
        stale: What could not be kept.
        removed: Class and name of each class attribute that is gone from the source.
        storage_lost: Class and name of each ``__dict__`` and ``__weakref__`` that instances go on
            having, though the source gives them none any more.
        definitions: The classes that the module defined, and those that it defines now.
        narrowed: What classes keep of which only a part is executed, by qualified name.
        held: What classes go on with of which all is executed.
        edited: The addresses of what `is_edited`; more are added.
        overwritten: Names that a later statement of the module binds, too: what they hold then is
            what the program has.
        own: Containers of the engine itself, which go on holding what the program held.
        statements: How often a class of each qualified name has been made.
        changed: Each class that has changed, and what it was like.
        replaced: Each donor that somebody may have been given, and what is kept in its place.
        targets: The identities of what is kept in the place of something.
        came_from: The name of the module that defined before what this one defines now.
        functions: Keeps the functions.
        classes: Keeps the classes.
        trees: The syntax tree that was in force before, where it is known, and the new one.
        is_set_by_statement: Tells whether a statement at the top of some module sets an attribute.
        put: Applies a log and remembers it for an undo.
        remember: Remembers what else is to be undone.
        written_out: Lets what classes write out follow edits, where only statements are run.
        from_decorators: What decorators of classes do not see.
        defined: What decorators have just been given, or are about to be: a function or a class.
        called: The decorators of a definition that have been called, but for the last one.
    """

    def __init__(
        self,
        module: ModuleType,
        before: dict[str, Any],
        filename: str | None,
        trees: Trees,
        commit: Callable[[_core.Log], None],
        remember: settling.Remember,
        living: Living = unknown,
        making_way: MakingWay | None = None,
        registries: Registries | None = None,
        edited: set[int] | None = None,
        is_set_by_statement: IsSetByStatement = lambda _: True,
    ) -> None:
        self.stale: list[Stale] = []
        self.removed: list[tuple[type, str]] = []
        self.storage_lost: list[tuple[type, str]] = []
        self.replaced: list[tuple[Any, Any]] = []
        self.changed: list[tuple[type, settling.Before]] = []
        self.module_name = shown_name(module)
        self.statements: Counter[str] = Counter()
        self.namespace = namespace_of(module)
        self.written_out: WrittenOut | None = None
        self.before = before
        self.defined: Any = None
        self.called: list[Any] = []
        self._known: list[Any] = []
        self._known_ids: set[int] = set()
        self._registries = Registries() if registries is None else registries
        self.own: list[Any] = [before, self._known, *self._registries.containers()]
        self.narrowed: Mapping[str, Narrowed] = {}
        self.held: Sequence[Any] = ()
        self.overwritten: frozenset[str] = frozenset()
        self.definitions = definitions_in(trees[0]), definitions_in(trees[1])
        self.trees = trees
        self.edited = set() if edited is None else edited
        self.targets: set[int] = set()
        self.functions = KeptFunctions(self, filename, trees, living)
        self.classes = KeptClasses(self, making_way)
        self.is_set_by_statement = is_set_by_statement
        self.put = commit
        self.remember = remember
        self._kept: dict[int, tuple[Any, Any]] = {}  # identity of a donor: the donor, its target
        self._opened: dict[tuple[int, int], tuple[Any, Any]] = {}
        self._shown: dict[int, Any] = {}
        self._lists: list[tuple[Any, Any, int]] = []
        self._records = Records(self.trees, self.namespace, self._kept)
        self.own += self._records.containers()
        self.came_from = self.module_name
        self._dicts: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._orders: list[tuple[list[str], list[str]]] = []
        self._instances: list[tuple[Any, type]] = []
        self.successors = Successors()
        self.from_decorators = OutOfDecoratorsSight()

    @cached_property
    def _aliases(self) -> Aliases:
        return Aliases(self.trees[0], self.before, self.namespace)

    def done(self) -> tuple[set[int], Counter[str]]:
        """Return what has been kept so far, for `begin_again`."""
        return set(self.targets), Counter(self.statements)

    def begin_again(self, known: tuple[set[int], Counter[str]]) -> None:
        """Let what has been kept since be kept once more: its statement is executed again."""
        self.targets, self.statements = known

    def will_run(self, code: CodeType, *, calls: bool = False, known: Iterable[Any] = ()) -> None:
        """Note code that is about to be executed: functions of it are made by this run.

        Args:
            code: The code.
            calls: It may be given functions that others have made for it.
            known: What others have made before: to bind a name to that makes nothing.
        """
        self._known.clear()
        self._known_ids.clear()
        self.know(known)
        self.functions.will_run(code, calls=calls)

    def know(self, values: Iterable[Any]) -> None:
        """Note what was not made by what is being executed."""
        known = list(values)
        self._known.append(known)
        self._known_ids.update(map(id, known))
        self.own.append(known)

    def watch_members(self) -> None:
        """Note that a statement is executed which may set methods of classes."""
        self.own += self.successors.watch(self.namespace.values())

    def fold(self, names: Iterable[str], *, are_decorated: bool = False) -> None:
        """Give what was just bound to some names of the module to what they were bound to before.

        Args:
            names: The names.
            are_decorated: They are what decorators have made of a definition.
        """
        self.functions.put_back()
        self.stale += self.from_decorators.show()
        self.classes.drop_not_set_again()
        changed = {
            name: (self.before[name], self.namespace[name])
            for name in names
            if name in self.before
            and name in self.namespace
            and self.before[name] is not self.namespace[name]
        }
        kept = {
            name: old
            for name, (old, new) in changed.items()
            if self._aliases.keeps(name, old, new, self.keep)
            or (are_decorated and self._keep_wrapper(old, new))
            or self._keep_remade(name, old, new)
        }
        for name, (old, new) in changed.items():
            is_alias = name in self._aliases.names
            if name not in kept and (are_decorated or (wrap_the_same(old, new) and not is_alias)):
                self.functions.show_as(old, self.kept_for(new))
                self.successors.note(old, new)
            elif name not in kept and self._is_assigned_now(name, old, new):
                self.successors.note(old, new, is_borrowed=True)
        made = {
            name: self.namespace[name]
            for name in names
            if name in self.namespace and name not in kept
        }
        for value in made.values():
            self.replace_within(value)
            self.classes.put_on_kept_bases(value)
        kept |= {
            name: self.map(value) for name, value in made.items() if self.map(value) is not value
        }
        self.commit()
        self.namespace.update(kept)

    def follow_wrapped(self, names: Iterable[str]) -> None:
        """Let whoever holds a function have the wrapper that a statement below it has made.

        Args:
            names: What the statement has bound.
        """
        for name in names:
            old, new = self.before.get(name), self.namespace.get(name)
            if old is not new and self._is_defined_as(name, old) and is_wrapped_by(new, old):
                self.successors.note(old, new, is_borrowed=True)

    def _is_assigned_now(self, name: str, old: Any, new: Any) -> bool:
        """Tell whether a name that a definition had bound is that of something else to call, which
        the program may know by other names, too; or is again that of what the definition made.
        """
        if self._is_defined_as(name, new):
            return is_wrapped_by(old, self.kept_for(new))
        return (
            self._is_defined_as(name, old)
            and (callable(new) and not is_class(new))
            and name in functions_defined(self.trees[0])
            and name not in functions_defined(self.trees[1])
        )

    def _is_defined_as(self, name: str, value: Any) -> bool:
        return (
            type(value) is FunctionType
            and value.__globals__ is self.namespace
            and (value.__code__.co_qualname == name and not value.__dict__)
        )

    def take_from(self, source: str, names: Iterable[str]) -> list[str]:
        """Keep what another module defined before this one did. Its names are those of `before`.

        Args:
            source: The name of that module.
            names: All that this one has bound.

        Returns:
            The names that have been kept.
        """
        self.came_from = source
        made = {name: self.namespace[name] for name in self.before}
        self.own.append(made)
        for value in self.before.values():
            if is_class(value) or type(value) is FunctionType:
                self.show(value)
        self.fold(made)
        left = [it for it in made if self.namespace[it] is made[it] and not is_class(made[it])]
        self.fold(left, are_decorated=True)
        kept = [name for name in made if self.namespace[name] is self.before[name]]
        self.replaced += [(made[it], self.before[it]) for it in kept if not is_class(made[it])]
        self.fold(sorted(self.namespace.keys() & names - made.keys()))
        log = _core.Log()
        self.stale += move_inner(self.functions.moved, self.namespace, log)
        if len(log):
            self.put(log)
        return kept

    def keep(self, old: Any, new: Any) -> bool:
        """Pair two objects; True if the old one takes the place of the new one."""
        if old is new:
            return True
        if id(new) in self._kept:
            return self._kept[id(new)][1] is old
        if id(old) in self.targets:
            return False
        if id(new) in self._known_ids:
            return same_value(old, new)
        if type(old) is FunctionType and type(new) is FunctionType:
            return self.functions.keep(old, new)
        if is_class(old) and is_class(new):
            return self.classes.keep(old, new)
        if type(old) is type(new) and type(old) in DESCRIPTORS:
            return self._keep_descriptor(old, new)
        if type(old) is type(new) is settling.Cache:
            return self._keep_cache(old, new)
        if same_value(old, new):
            return True
        for hidden in [old] if type(old) is FunctionType else functions_within(old):
            self.functions.keep_hidden(hidden, new)
        return False

    def is_edited(self, value: type | FunctionType) -> bool:
        """Tell whether a function has got another content in this reload, or what was called for a
        class when it was made cannot be found any more.
        """
        is_function = type(value) is FunctionType
        return id(value) in self.edited or (is_function and id(value) in self.targets)

    def has_kept(self, value: Any) -> bool:
        """Tell whether an object is a donor, in whose place another is kept."""
        return id(value) in self._kept

    def open(self, old: Any, new: Any) -> bool:
        """Note that a pair was looked at; False if it had been."""
        key = id(old), id(new)
        is_new = key not in self._opened
        self._opened[key] = old, new  # or what takes their addresses would be taken for them
        return is_new

    def _keep_cache(self, old: settling.Cache, new: settling.Cache) -> bool:
        """A cache around a function that is kept: it forgets what that has returned."""
        if old.cache_parameters() != new.cache_parameters() or not self.keep(
            old.__wrapped__, new.__wrapped__
        ):
            return False
        self.pair(old, new)
        self.add_dict(vars(old), {**vars(old), **vars(new), "__wrapped__": old.__wrapped__})
        cleared = settling.Cleared([old])
        cleared.undo()
        self.remember(cleared)
        return True

    def _keep_wrapper(self, old: Any, new: Any) -> bool:
        """An object of a class, around a function that is kept, takes over what the new one has. A
        container that the new one has not filled yet stays: others have registered there.
        """
        if type(old) is not type(new) or not stores_all_in_dict(type(old)):
            return False
        mine, theirs = stored_attributes(old), stored_attributes(new)
        self.pair(old, new)
        self.replaced.append((new, old))
        filled = {
            name: value
            for name, value in theirs.items()
            if not is_one_of(type(value), (dict, list, set)) or value or name not in mine
        }
        self.add_dict(mine, {**mine, **filled})
        return True

    def _keep_remade(self, name: str, old: Any, new: Any) -> bool:
        """A class that decorators have made of the one that its statement has made, which had been
        kept for that: it becomes what they have made.
        """
        definition = self.definitions[1].get(name)
        return (
            definition is not None
            and bool(definition.decorator_list)
            and (is_class(old) and is_class(new) and id(old) in self.targets)
            and not (id(new) in self._known_ids or self.has_kept(new))
            and self.classes.keep(old, new)
        )

    def pair(self, old: Any, new: Any) -> None:
        """Let one object take the place of another in all that this run makes."""
        self._kept[id(new)] = (new, old)
        self.targets.add(id(old))
        if type(old) is FunctionType and not do_the_same(old.__code__, new.__code__):
            note_edited(old)

    def map(self, value: Any) -> Any:
        """Return the kept object for a donor, a tuple of the kept ones for a tuple, else itself."""
        if is_one_of(type(value), (tuple, frozenset)):
            items = [self.kept_for(item) for item in value]
            if any(mine is not item for mine, item in zip(items, value, strict=True)):
                return type(value)(items)
        return self.kept_for(value)

    def kept_for(self, value: Any) -> Any:
        """Return the kept object for a donor, else itself."""
        return self._kept[id(value)][1] if id(value) in self._kept else value

    def commit(self, just_before: Callable[[], None] | None = None) -> None:
        """Apply what has gathered, in one go.

        Args:
            just_before: Called when everything else is done, if anything has gathered.
        """
        if not (
            self._dicts
            or self._orders
            or self._instances
            or self.functions.has_gathered
            or self.classes.has_gathered
        ):
            return
        log = _core.Log()
        self.functions.add_to(log)
        self.classes.fill_cells()
        for target, content in self._dicts:
            log.add_items(target, {name: self.map(value) for name, value in content.items()})
        for order, names in self._orders:
            log.add_items(order, names)
        edits = self.classes.add_to(log)
        befores = [settling.Before.of(edit.target) for edit in edits]
        instances, self._instances = self._instances, []
        self._dicts, self._orders = [], []
        for edit in edits:
            self.remember(settling.Settled(edit.target))
            undone = way_for(type(edit.target)).undone
            if undone is not None:
                self.remember(settling.Undone(edit.target, undone))
        if just_before is not None:
            just_before()
        if len(log):
            self.put(log)
        for instance, cls in instances:
            self._give_class(instance, cls)
        for edit, before in zip(edits, befores, strict=True):
            self.changed.append((edit.target, before))
            self.edited.update(map(id, made_by_others(edit.target, before)))
            if makes_otherwise(edit.target, before):
                note_edited(edit.target)
            follow_up = settling.settle(edit.target, before)
            if follow_up is not None:
                self.put(follow_up)
            settled = way_for(type(edit.target)).settle
            if settled is not None:
                self.stale += settled(edit.target, self.remember)

    def show(self, value: type | FunctionType) -> None:
        """Note that code of the program is about to be given what it may know already."""
        if not self._shown:
            # Whatever may be shown later, for each search looks at all objects of the program.
            classes = [it for it in self.before.values() if is_class(it)]
            own = [it for it in classes if class_dict(it).get("__module__") == self.module_name]
            values = [
                *self.before.values(),
                *(it for cls in own for it in content_of(cls).values()),
            ]
            functions = [it for it in values if type(it) is FunctionType]
            functions += [it for one in values for it in functions_within(one)]
            self._shown = {id(it): it for it in (value, *own, *filter(self._leads_here, functions))}
            self.own.append(self._shown)
            self._look_for([*self._shown.values()])
        if id(value) not in self._shown:
            self._shown[id(value)] = value
            self._look_for([value])
        self._records.note(value, self._shown.values())

    def _leads_here(self, function: FunctionType) -> bool:
        """Tell whether a function is one of the module, or made around one."""
        within = [function, *functions_within(function)]
        return any(it.__globals__ is self.namespace for it in within)

    def _look_for(self, values: list[Any]) -> None:
        """Find the lists that have some functions and classes."""
        ours = set(map(id, self.own))
        holders = [it for it in _core.find_referrers(values) if id(it) not in ours]
        self._lists += lists_among(holders, values)

    def note_undecorated(self, name: str) -> None:
        """Note that a definition is about to be executed of which no decorator is left."""
        old = self.before.get(name)
        for it in (old, *functions_within(old)):
            if type(it) is FunctionType and it.__code__.co_qualname == name:
                self._records.note(it, ())

    def ask_again(self, decorator: Any, value: Any) -> TakenOut | None:
        """Take out of registries what a decorator that was just called has left there as it was. If
        one of those before it has, that is named: it cannot be called again alone.

        Args:
            decorator: The last decorator of a definition.
            value: What it was given.

        Returns:
            What was taken out, for it to be called once more; None if there is nothing.
        """
        defined = value if is_class(value) or self.defined is None else self.defined
        others, self.called = self.called, []
        missed = self._records.miss
        entries = self._records.kept_silently([decorator], defined)
        for entry in self._records.kept_silently(others, defined):
            if not any(entry[2] is record for *_, record in entries):
                missed(entry)
        return self._registries.take_entries(entries, self.own, self.remember, missed)

    def make_way(self, value: Any) -> TakenOut | None:
        """Take out of registries what the old definition has put in there, while one of its
        decorators is called once more.

        Args:
            value: What the decorator was given.

        Returns:
            What was taken out; None if there is nothing.
        """
        defined = value if is_class(value) or self.defined is None else self.defined
        if is_class(defined):
            name = qualname_of(defined)
        elif type(defined) is FunctionType:
            name = defined.__code__.co_qualname
        else:
            return None
        outer = self._bound_before(name)
        found = objects_between(outer, defined)
        if not is_one_of(outer, found) and (is_own_wrapper(outer) or is_class(outer)):
            found.append(outer)
        return self.take_out(found)

    def take_out(self, objects: list[Any]) -> TakenOut | None:
        """Take some objects out of registries for a moment; None if they are in none."""
        return self._registries.take_out(objects, self.own, self.remember)

    def _bound_before(self, qualname: str) -> Any:
        """Return what the definition of a qualified name had led to."""
        *outer, name = qualname.split(".")
        members: Any = self.before
        for each in outer:
            cls = members.get(each)
            members = class_dict(cls) if is_class(cls) else {}
        return members.get(name)

    def leave(self) -> None:
        """After the run, also one that raised: nobody has a donor, or a class twice."""
        self._registries.put_in_order()
        drop_added(self._lists)
        # In two lists, for a pair would be a reference like others.
        donors = [donor for donor, _ in self.replaced]
        targets = [target for _, target in self.replaced]
        found = self.successors.taken(self.kept_for)
        self.replaced.clear()
        self._kept.clear()
        self._opened.clear()
        self.stale += self.classes.retained.leave()
        left: list[tuple[Any, Any]] = []
        if are_held(donors):
            pairs = list(zip(donors, targets, strict=True))
            left = references.replace(pairs, kept=[donors, targets, *self.own])
            left = [entry for entry in left if not is_own(*entry, donors, targets)]
            left = put_into_classes(left, pairs, _for_good)
            self.stale += leftovers(left)
        used = {id(donor) for donor, _ in left}
        for donor in donors:
            if is_class(donor) and id(donor) not in used:
                bury(donor)
        self.stale += self._records.settle(self.remember)
        if found:
            # What other names hold, too, need not have been made for this one, unless imports have
            # brought it back.
            imported = names_imported(self.trees[1])
            others = [it for name, it in self.namespace.items() if name not in imported]
            self.stale += put_in_place(
                found,
                others,
                [*self.own, others],
                self.put,
                self.remember,
                self.successors.is_borrowed,
            )

    # ---- containers that the run made

    def give_class(self, instance: Any, cls: type) -> None:
        """Plan to make an object that was made of a donor one of the class that is kept."""
        self._instances.append((instance, cls))

    def add_dict(self, target: dict[str, Any], content: dict[str, Any]) -> None:
        """Plan to give the attributes of a donor to an object that is kept."""
        self._dicts.append((target, content))

    def add_order(self, target: list[str], names: list[str]) -> None:
        """Plan to let a list have other names: whoever goes through it meets those of the time."""
        self._orders.append((target, names))

    def _give_class(self, instance: Any, cls: type) -> None:
        try:
            set_class(instance, cls)
        except TypeError as error:
            self.stale.append(
                Stale(
                    f"an instance of {qualname_of(cls)} made at module level",
                    f"it was made of a class of this run, and cannot be given the one that is kept "
                    f"({error})",
                    "restart to have one class again",
                )
            )

    def replace_within(self, value: Any) -> None:
        """Put kept objects in the place of donors, within what the run made."""
        replace_within(value, self.map, self._meet)

    def _meet(self, value: Any) -> None:
        if id(type(value)) in self._kept:
            self._instances.append((value, self.kept_for(type(value))))

    def _keep_descriptor(self, old: Any, new: Any) -> bool:
        """A property, a static method: the same object if all its functions are kept."""
        parts = DESCRIPTORS[type(old)]
        pairs = [
            (object.__getattribute__(old, part), object.__getattribute__(new, part))
            for part in parts
        ]
        kept = [self.keep(mine, theirs) for mine, theirs in pairs]
        if type(old) is partial:
            kept.append(_are_same(old.args, new.args) and _are_same(old.keywords, new.keywords))
        return all(kept)


def _for_good(log: _core.Log) -> None:
    """Apply what must not be undone: a donor is nobody's any more."""
    log.commit()
    log.discard()


def _are_same(old: Any, new: Any) -> bool:
    """Compare the arguments of two partials by identity: to compare values may run code."""
    if type(old) is dict:
        return old.keys() == new.keys() and all(old[name] is new[name] for name in old)
    return are_same(old, new)
