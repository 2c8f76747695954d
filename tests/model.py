"""The catalog's rules a second time, as plainly as they can be said: what tests compare paod with.

It knows no Git, no YAML and no database. A tree maps paths to ``Spec``s; a history is a list of
trees. Each step looks at every file; nothing is kept but what the rules speak of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Spec:
    """What a test writes into a file. ``body`` stands for all content besides the header."""

    name: str
    body: int = 0
    version: tuple[int, int, int] = (1, 0, 0)
    kind: str = "item"
    renamed_from: str | None = None
    needs: tuple[str, ...] = ()
    broken: bool = False
    comment: int = 0
    replaced_by: str | None = None

    def content(self) -> tuple[object, ...]:
        """Everything but the layout."""
        return (
            self.kind,
            self.name,
            self.body,
            self.version,
            self.renamed_from,
            self.needs,
            self.replaced_by,
        )


Tree = Mapping[str, Spec]


Key = tuple[str, str]


@dataclass
class Thing:
    """One item or bundle with its history: ``revisions`` are (commit number, change).

    ``called`` are names that are known to have led to it: their history or place is its own.
    """

    spec: Spec
    path: str
    active: bool
    revisions: list[tuple[int, str]]
    published: set[tuple[tuple[int, int, int], tuple[object, ...]]]
    warning: str | None = None
    called: set[str] = field(default_factory=set)


@dataclass
class Model:
    """The catalog after each tree that it was told of."""

    enforce: bool = False
    tree: dict[str, Spec] = field(default_factory=dict)
    serves: dict[str, Spec] = field(default_factory=dict)
    stale_since: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    things: dict[Key, Thing] = field(default_factory=dict)
    aliases: dict[Key, str] = field(default_factory=dict)

    def step(self, number: int, tree: Tree) -> None:
        """Go on to the next commit's tree; settle again when a history left its name."""
        before, first = self._moved(tree), not self.things
        while self._settle(number, tree, before, first=first):
            before = self.serves

    def _settle(self, number: int, tree: Tree, before: Tree, *, first: bool) -> bool:
        refused: dict[str, str] = {}
        tried = []
        while True:
            claims, winners = self._claims(tree, before, refused)
            serves, own = self._served(tree, before, claims, winners, refused)
            verdicts = self._verdicts(tree, before, serves, own) if self.enforce else {}
            if verdicts == refused or refused in tried:
                break
            tried.append(refused)
            refused = {**refused, **verdicts} if verdicts in tried else verdicts
        self.refused = dict(refused)
        for path, spec in tree.items():
            if not spec.broken and winners.get(spec.name, path) != path:
                self.refused[path] = "duplicate-name"
        self.tree = dict(tree)
        since = {path: self.stale_since.get(path, number) for path in serves if path not in own}
        carried = self._publish(number, before, serves, own, first=first)
        self.serves, self.stale_since = serves, since
        return carried

    def _moved(self, tree: Tree) -> dict[str, Spec]:
        """Return what each path of the new tree served before, unchanged moves followed."""
        before = {path: spec for path, spec in self.serves.items() if path in tree}
        new = sorted(path for path in tree if path not in self.tree)
        for old in sorted(path for path in self.tree if path not in tree):
            same = [path for path in new if tree[path] == self.tree[old]]
            if same:
                new.remove(same[0])
                if old in self.serves:
                    before[same[0]] = self.serves[old]
                if old in self.stale_since:
                    self.stale_since[same[0]] = self.stale_since[old]
            self.stale_since.pop(old, None)
        return before

    # who holds which name

    @staticmethod
    def _claims(
        tree: Tree, before: Tree, refused: Mapping[str, str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return what each path claims, and who wins each name."""
        claims = {}
        for path, spec in tree.items():
            if not spec.broken and path not in refused:
                claims[path] = spec.name
            elif path in before:
                claims[path] = before[path].name
        holder = {spec.name: path for path, spec in before.items()}
        winners = {}
        for name in set(claims.values()):
            claimants = sorted(path for path in claims if claims[path] == name)
            winners[name] = holder[name] if holder.get(name) in claimants else claimants[0]
        return claims, winners

    @staticmethod
    def _served(
        tree: Tree,
        before: Tree,
        claims: Mapping[str, str],
        winners: Mapping[str, str],
        refused: Mapping[str, str],
    ) -> tuple[dict[str, Spec], set[str]]:
        serves, own = {}, set()
        for path, spec in tree.items():
            wins = path in claims and winners[claims[path]] == path
            if wins and not spec.broken and path not in refused:
                serves[path] = spec
                own.add(path)
            elif path in before and (wins or before[path].name not in winners):
                serves[path] = before[path]
        return serves, own

    def _verdicts(self, tree: Tree, before: Tree, serves: Tree, own: set[str]) -> dict[str, str]:
        """Judge each document against what it would go on with, were it served as well."""
        live = {key_of(spec): path for path, spec in serves.items()}
        moves = self._moves(before, serves, own, live)
        found = {}
        for path, spec in tree.items():
            if spec.broken:
                continue
            key = key_of(spec)
            old = None if spec.renamed_from is None else self._led_to(key[0], spec.renamed_from)
            thing: Thing | None = None
            if path in own and key in moves:
                thing = self.things[moves[key]]
            elif key in self.things and key not in moves.values():
                thing = self.things[key]
            elif path not in own and old is not None and old != key:
                his = path in before and key_of(before[path]) == old
                thing = self.things.get(old) if his or old not in live else None
            verdict = None if thing is None else self._judge(thing, spec)
            if verdict:
                found[path] = verdict
        return found

    @staticmethod
    def _judge(thing: Thing, spec: Spec) -> str | None:
        if (spec.version, spec.content()) in thing.published:
            return None
        if any(version == spec.version for version, _ in thing.published):
            return "version-conflict"
        return "version-regression" if spec.version < thing.spec.version else None

    # whose history goes on

    def _led_to(self, kind: str, name: str) -> Key:
        return kind, self.aliases.get((kind, name), name)

    def _said(
        self, before: Tree, serves: Tree, own: set[str], live: Mapping[Key, str]
    ) -> dict[Key, Key]:
        """Return who says for the first time what it was called, and to what that leads."""
        found = {}
        for key, path in live.items():
            spec = serves[path]
            if path not in own or spec.renamed_from is None:
                continue
            stayed = path in before and key_of(before[path]) == key and key in self.things
            if stayed and self.things[key].spec.renamed_from == spec.renamed_from:
                continue
            old = self._led_to(key[0], spec.renamed_from)
            if old != key:
                found[key] = old
        return found

    def _moves(
        self, before: Tree, serves: Tree, own: set[str], live: Mapping[Key, str]
    ) -> dict[Key, Key]:
        """Return which key goes on with which former key's history, in this one commit."""
        said = self._said(before, serves, own, live)
        moves = {key: old for key, old in said.items() if old in self.things}

        def his(key: Key) -> bool:
            return live[key] in before and key_of(before[live[key]]) == moves[key]

        def possible(key: Key) -> bool:
            old = moves[key]
            vacant = key not in self.things or key in moves.values()
            return vacant and (old not in live or old in moves or his(key))

        while True:
            wrong = [key for key in moves if not possible(key)]
            if not wrong:
                first = {
                    old: min(
                        (key for key in moves if moves[key] == old),
                        key=lambda key: (not his(key), live[key]),
                    )
                    for old in moves.values()
                }
                wrong = [key for key in moves if first[moves[key]] != key]
            if not wrong:
                return moves
            for key in wrong:
                del moves[key]

    def _places(
        self,
        before: Tree,
        serves: Tree,
        own: set[str],
        live: Mapping[Key, str],
        gone: set[Key],
    ) -> dict[Key, Key]:
        """Return which key takes the place of which, though it has a history of its own."""
        said = self._said(before, serves, own, live)
        free = {key for key, thing in self.things.items() if not thing.active} - live.keys()
        wishes = [(key, old) for key, old in said.items() if key in self.things and old in free]
        for old in gone & free:
            for key, thing in self.things.items():
                spec = serves[live[key]] if key in live else thing.spec
                asks = key[0] == old[0] and spec.renamed_from == old[1]
                if asks and key in live and old[1] not in thing.called:
                    wishes.append((key, old))

        def rank(wish: tuple[Key, Key]) -> tuple[bool, str]:
            path = live[wish[0]]
            return path not in before or key_of(before[path]) != wish[1], path

        found: dict[Key, Key] = {}
        for key, old in sorted(wishes, key=rank):
            if old not in found.values():
                found[key] = old
        return found

    def _publish(
        self, number: int, before: Tree, serves: Tree, own: set[str], *, first: bool
    ) -> bool:
        live = {key_of(spec): path for path, spec in serves.items()}
        moves = self._moves(before, serves, own, live)
        carried = {key: self.things[old] for key, old in moves.items()}
        for key, old in moves.items():
            del self.things[old]
            carried[key].called.add(old[1])
        self._lead(moves)
        gone = {key for key, thing in self.things.items() if thing.active} - live.keys()
        for key in gone:
            self.things[key].active = False
            self.things[key].warning = None
            self.things[key].revisions.append((number, "removed"))
        places = self._places(before, serves, own, live, gone)
        believed = self._believed(before, serves, own, live) if first else {}
        for key, path in live.items():
            thing = carried.get(key) or self.things.get(key)
            place = self.things[places[key]] if key in places else None
            self.things[key] = self._hold(
                number, thing, serves[path], path, key in carried, place, places.get(key)
            )
            if key in believed:
                self.things[key].called.add(believed[key])
        self._lead(places)
        for key in live:
            self.aliases.pop(key, None)
        return bool(carried)

    def _lead(self, moves: Mapping[Key, Key]) -> None:
        """Let the old keys, and what led to them, lead to the new ones."""
        to = {old: key[1] for key, old in moves.items()}
        for kind, alias in self.aliases:
            goal = to.get((kind, self.aliases[kind, alias]))
            self.aliases[kind, alias] = goal or self.aliases[kind, alias]
        self.aliases.update(to)

    def _believed(
        self, before: Tree, serves: Tree, own: set[str], live: Mapping[Key, str]
    ) -> dict[Key, str]:
        """Return the former names that are believed of the first commit: nobody can know better."""
        found: dict[Key, str] = {}
        said = self._said(before, serves, own, live)
        for key, old in sorted(said.items(), key=lambda one: live[one[0]]):
            taken = any(k[0] == key[0] and name == old[1] for k, name in found.items())
            if old not in live and not taken:
                found[key] = old[1]
        return found

    def _hold(
        self,
        number: int,
        thing: Thing | None,
        spec: Spec,
        path: str,
        renamed: bool,
        place: Thing | None,
        name: Key | None,
    ) -> Thing:
        what = (spec.version, spec.content())
        if thing is None:
            return Thing(spec, path, True, [(number, "added")], {what})
        change = None
        if renamed:
            change = "renamed"
        elif not thing.active:
            change = "restored"
        elif thing.spec.content() != spec.content():
            change = "changed"
        elif thing.path != path:
            change = "moved"
        if change in ("renamed", "restored", "changed"):
            thing.warning = self._judge(thing, spec)
        if place is not None and name is not None:
            change = change or "changed"
            thing.published |= place.published
            thing.called |= place.called | {name[1]}
        if change:
            thing.revisions.append((number, change))
            thing.published.add(what)
        thing.spec, thing.path, thing.active = spec, path, True
        return thing

    def active(self) -> dict[str, Thing]:
        """Return what readers can see, by name."""
        return {key[1]: thing for key, thing in self.things.items() if thing.active}

    def without_effect(self) -> set[str]:
        """Return the paths of what says that it was called as it never was."""
        return {
            thing.path
            for thing in self.things.values()
            if thing.active
            and thing.spec.renamed_from is not None
            and thing.spec.renamed_from not in thing.called
        }


def key_of(spec: Spec) -> Key:
    """Return what a spec is known by."""
    return spec.kind, spec.name


def replay(history: Sequence[Tree], *, enforce: bool = False) -> Model:
    """Return the model after a whole history, its commits numbered from 1."""
    model = Model(enforce)
    for number, tree in enumerate(history, start=1):
        model.step(number, tree)
    return model
