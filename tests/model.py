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

    def content(self) -> tuple[object, ...]:
        """Everything but the layout."""
        return (
            self.kind,
            self.name,
            self.body,
            self.version,
            self.renamed_from,
            self.needs,
        )


Tree = Mapping[str, Spec]


@dataclass
class Thing:
    """One item or bundle with its history: ``revisions`` are (commit number, change)."""

    spec: Spec
    path: str
    active: bool
    revisions: list[tuple[int, str]]
    published: set[tuple[tuple[int, int, int], tuple[object, ...]]]
    warning: str | None = None


@dataclass
class Model:
    """The catalog after each tree that it was told of."""

    enforce: bool = False
    tree: dict[str, Spec] = field(default_factory=dict)
    serves: dict[str, Spec] = field(default_factory=dict)
    stale_since: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    things: dict[tuple[str, str], Thing] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    def step(self, number: int, tree: Tree) -> None:
        """Go on to the next commit's tree; settle again when a history left its name."""
        before = self._moved(tree)
        while self._settle(number, tree, before):
            before = self.serves

    def _settle(self, number: int, tree: Tree, before: Mapping[str, Spec]) -> bool:
        claims, refused = self._claims(tree, before)
        holder = {spec.name: path for path, spec in before.items()}
        winners = {}
        for name in set(claims.values()):
            claimants = sorted(path for path in claims if claims[path] == name)
            winners[name] = holder[name] if holder.get(name) in claimants else claimants[0]
        serves, own = self._served(tree, before, claims, winners, refused)
        self.refused = refused
        self.tree = dict(tree)
        since = {path: self.stale_since.get(path, number) for path in serves if path not in own}
        carried = self._publish(number, before, serves, own)
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

    def _claims(
        self, tree: Tree, before: Mapping[str, Spec]
    ) -> tuple[dict[str, str], dict[str, str]]:
        claims, refused = {}, {}
        for path, spec in tree.items():
            verdict = None if spec.broken else self._verdict(spec)
            if not spec.broken and not (self.enforce and verdict):
                claims[path] = spec.name
            elif path in before:
                claims[path] = before[path].name
            if self.enforce and verdict:
                refused[path] = verdict
        return claims, refused

    def _verdict(self, spec: Spec) -> str | None:
        thing = self.things.get((spec.kind, spec.name))
        if thing is None and spec.renamed_from is not None:
            former = self.aliases.get(spec.renamed_from, spec.renamed_from)
            thing = self.things.get((spec.kind, former))
        return None if thing is None else self._judge(thing, spec)

    @staticmethod
    def _judge(thing: Thing, spec: Spec) -> str | None:
        if (spec.version, spec.content()) in thing.published:
            return None
        if any(version == spec.version for version, _ in thing.published):
            return "version-conflict"
        return "version-regression" if spec.version < thing.spec.version else None

    @staticmethod
    def _served(
        tree: Tree,
        before: Mapping[str, Spec],
        claims: Mapping[str, str],
        winners: Mapping[str, str],
        refused: dict[str, str],
    ) -> tuple[dict[str, Spec], set[str]]:
        serves, own = {}, set()
        for path, spec in tree.items():
            wins = path in claims and winners[claims[path]] == path
            if wins and not spec.broken and path not in refused:
                serves[path] = spec
                own.add(path)
            elif path in before and (wins or before[path].name not in winners):
                serves[path] = before[path]
            if not spec.broken and winners.get(spec.name, path) != path:
                refused[path] = "duplicate-name"
        return serves, own

    def _publish(
        self, number: int, before: Mapping[str, Spec], serves: Mapping[str, Spec], own: set[str]
    ) -> bool:
        live = {(spec.kind, spec.name): path for path, spec in serves.items()}
        was = {key for key, thing in self.things.items() if thing.active}
        carried = self._carry(before, serves, own, live)
        for key in was - live.keys():
            if key in self.things:
                self.things[key].active = False
                self.things[key].warning = None
                self.things[key].revisions.append((number, "removed"))
        for key, path in live.items():
            self.aliases.pop(key[1], None)
            thing = carried.get(key) or self.things.get(key)
            self.things[key] = self._hold(number, thing, serves[path], path, key in carried)
        return bool(carried)

    def _carry(
        self,
        before: Mapping[str, Spec],
        serves: Mapping[str, Spec],
        own: set[str],
        live: Mapping[tuple[str, str], str],
    ) -> dict[tuple[str, str], Thing]:
        carried: dict[tuple[str, str], Thing] = {}
        for _ in range(len(live) + 1):
            for key, path in sorted(live.items()):
                spec = serves[path]
                if path not in own or spec.renamed_from is None:
                    continue
                if key in self.things or key in carried:
                    continue
                old = (key[0], self.aliases.get(spec.renamed_from, spec.renamed_from))
                left_it = path in before and (before[path].kind, before[path].name) == old
                if old in self.things and (old not in live or left_it):
                    carried[key] = self.things.pop(old)
                    for alias in self.aliases:
                        if self.aliases[alias] == old[1]:
                            self.aliases[alias] = key[1]
                    self.aliases[old[1]] = key[1]
        return carried

    def _hold(
        self, number: int, thing: Thing | None, spec: Spec, path: str, renamed: bool
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
        if change:
            thing.revisions.append((number, change))
            thing.published.add(what)
        thing.spec, thing.path, thing.active = spec, path, True
        return thing

    def active(self) -> dict[str, Thing]:
        """Return what readers can see, by name."""
        return {key[1]: thing for key, thing in self.things.items() if thing.active}


def replay(history: Sequence[Tree], *, enforce: bool = False) -> Model:
    """Return the model after a whole history, its commits numbered from 1."""
    model = Model(enforce)
    for number, tree in enumerate(history, start=1):
        model.step(number, tree)
    return model
