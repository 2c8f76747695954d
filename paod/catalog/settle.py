"""Who holds which name: the claims of files, settled together.

A name belongs to the file that holds it. Of several files that claim a name, the holder wins if it
still claims it, else the first path in byte order. A file that is broken still claims what it
serves, since nobody can know better. A file that loses goes on serving its former document, unless
somebody else now has that name too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from paod.catalog.draft import Draft, names_of
from paod.catalog.published import history_of, version_problem
from paod.model import Document, FileState, Key, Problem, VersionPolicy


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a file serves after the settlement, and why its own document was refused, if it was.

    ``own``: it serves its own document, not a former one.
    """

    serves: Key | None
    own: bool
    refusal: Problem | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """The names that were settled, and every file that had a part in it."""

    names: frozenset[str]
    outcomes: Mapping[str, Outcome]


@dataclass(frozen=True, slots=True)
class _Claim:
    """One file before the settlement: ``name`` is what it claims first, or None."""

    state: FileState
    name: str | None
    refusal: Problem | None

    @property
    def held(self) -> str | None:
        return None if self.state.serves is None else self.state.serves[1]


def settle(
    draft: Draft, names: Iterable[str], moved: Mapping[str, str], policy: VersionPolicy
) -> Settlement:
    """Settle these names and all that hang on them. ``moved`` leads from an old path to the new."""
    closed, states = _involved(draft, names, moved)
    claims = {path: _claim(draft, state, policy) for path, state in states.items()}
    winners = _winners(claims)
    outcomes = {path: _outcome(path, claim, winners) for path, claim in claims.items()}
    return Settlement(frozenset(closed), outcomes)


def _involved(
    draft: Draft, names: Iterable[str], moved: Mapping[str, str]
) -> tuple[set[str], dict[str, FileState]]:
    """Follow claims and holdings from these names to every name and file they can decide about."""
    closed: set[str] = set()
    states: dict[str, FileState] = {}
    open_names = set(names)
    while open_names:
        name = open_names.pop()
        closed.add(name)
        found = _files_about(draft, name, moved)
        states.update(found)
        open_names |= names_of(found.values()) - closed
    return closed, states


def _files_about(draft: Draft, name: str, moved: Mapping[str, str]) -> dict[str, FileState]:
    paths = set(draft.claimants.get(name, ()))
    key = draft.active_key(name)
    if key is not None:
        path = draft.entries[key].path
        path = moved.get(path, path)
        holder = draft.files.get(path)
        if holder is not None and holder.serves == key:
            paths.add(path)
    return {path: draft.files[path] for path in paths}


def _claim(draft: Draft, state: FileState, policy: VersionPolicy) -> _Claim:
    document = state.file.document
    refusal = None
    if document is not None and policy == "enforce":
        history = history_of(draft, document)
        refusal = version_problem(history, document, state.path, "error")
    if document is not None and refusal is None:
        return _Claim(state, document.name, None)
    return _Claim(state, None if state.serves is None else state.serves[1], refusal)


def _winners(claims: Mapping[str, _Claim]) -> dict[str, str]:
    """Map each name to the path that wins it by what it claims first."""
    winners: dict[str, str] = {}
    for path in sorted(claims, key=lambda path: (claims[path].held != claims[path].name, path)):
        name = claims[path].name
        if name is not None:
            winners.setdefault(name, path)
    return winners


def _outcome(path: str, claim: _Claim, winners: Mapping[str, str]) -> Outcome:
    document = claim.state.file.document
    wins = claim.name is not None and winners[claim.name] == path
    if wins and document is not None and claim.refusal is None:
        return Outcome(document.key, True, None)
    keeps = wins or claim.held not in winners
    refusal = None if document is None else _refusal(path, document, claim.refusal, winners)
    return Outcome(claim.state.serves if keeps else None, False, refusal)


def _refusal(
    path: str, document: Document, refusal: Problem | None, winners: Mapping[str, str]
) -> Problem | None:
    """Say why a document is not served: somebody else's name first, then its version."""
    if winners.get(document.name, path) == path:
        return refusal
    return Problem(
        code="duplicate-name",
        severity="error",
        message=f"the name '{document.name}' is held by {winners[document.name]}",
        path=path,
        line=document.name_place.line,
        column=document.name_place.column,
        pointer="/name",
        hint="choose another name, or remove one of the two files",
        document=document.name,
    )
