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
from paod.catalog.published import version_problem
from paod.catalog.renames import Holding, Holdings, renames, wanted
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
    closed, states = _involved(draft, names, moved, policy)
    if policy == "warn":
        return Settlement(frozenset(closed), _outcomes(states, {}))
    refusals: dict[str, Problem] = {}
    seen: list[dict[str, Problem]] = []
    while True:
        outcomes = _outcomes(states, refusals)
        verdicts = _verdicts(draft, closed, states, outcomes)
        if verdicts == refusals or refusals in seen:
            return Settlement(frozenset(closed), outcomes)
        seen.append(refusals)
        # Who is refused hangs on whose history one goes on with, and that on who is refused. Where
        # it goes round in a circle, every refusal stands.
        refusals = verdicts if verdicts not in seen else {**refusals, **verdicts}


def holdings_of(files: Mapping[str, FileState], outcomes: Mapping[str, Outcome]) -> Holdings:
    """Return what holds which key after a settlement of files that are as they were before it."""
    return {
        outcome.serves: Holding(
            path, files[path].serves, files[path].file.document if outcome.own else None
        )
        for path, outcome in outcomes.items()
        if outcome.serves is not None
    }


def _outcomes(
    states: Mapping[str, FileState], refusals: Mapping[str, Problem]
) -> dict[str, Outcome]:
    claims = {path: _claim(state, refusals.get(path)) for path, state in states.items()}
    winners = _winners(claims)
    return {path: _outcome(path, claim, winners) for path, claim in claims.items()}


def _verdicts(
    draft: Draft,
    closed: set[str],
    states: Mapping[str, FileState],
    outcomes: Mapping[str, Outcome],
) -> dict[str, Problem]:
    """Judge each document against the history that it would go on with after these outcomes."""
    holdings = holdings_of(states, outcomes)
    moves = renames(draft, closed, holdings)
    leaving = set(moves.values())
    found = {}
    for path, state in states.items():
        document = state.file.document
        if document is None:
            continue
        history = None
        if document.key in draft.entries and document.key not in leaving:
            history = document.key
        elif not outcomes[path].own and _would_follow(draft, closed, holdings, state):
            history = draft.led_to(document.kind, document.renamed_from or "")
        verdict = _verdict(draft, history, document, path)
        if verdict is not None:
            found[path] = verdict
    return found | _verdicts_on_moves(draft, holdings, moves)


def _verdict(draft: Draft, history: Key | None, document: Document, path: str) -> Problem | None:
    known = None if history is None else (history, draft.entries[history])
    return version_problem(draft.published, known, document, path, "error")


def _verdicts_on_moves(
    draft: Draft, holdings: Holdings, moves: Mapping[Key, Key]
) -> dict[str, Problem]:
    """Judge who would go on with a former name's history, and who is next where one may not."""
    found = {}
    for former, keys in wanted(draft, holdings, moves).items():
        for key in keys:
            holding = holdings[key]
            assert holding.document is not None  # it says what it was called
            verdict = _verdict(draft, former, holding.document, holding.path)
            if verdict is None:
                break
            found[holding.path] = verdict
    return found


def _would_follow(draft: Draft, closed: set[str], holdings: Holdings, state: FileState) -> bool:
    """Return whether a refused document would go on with its former name's history if it were not.

    That is let go, or it is this file that holds it.
    """
    document = state.file.document
    if document is None or document.renamed_from is None:
        return False
    former = draft.led_to(document.kind, document.renamed_from)
    if former not in draft.entries or former == document.key:
        return False
    elsewhere = former[1] not in closed and draft.active(former)
    return state.serves == former or not (elsewhere or former in holdings)


def _involved(
    draft: Draft, names: Iterable[str], moved: Mapping[str, str], policy: VersionPolicy
) -> tuple[set[str], dict[str, FileState]]:
    """Follow claims and holdings from these names to every name and file they can decide about."""
    closed: set[str] = set()
    states: dict[str, FileState] = {}
    open_names = set(names)
    while open_names:
        name = open_names.pop()
        closed.add(name)
        found = _files_about(draft, name, moved, policy)
        states.update(found)
        open_names |= names_of(found.values()) - closed
    return closed, states


def _files_about(
    draft: Draft, name: str, moved: Mapping[str, str], policy: VersionPolicy
) -> dict[str, FileState]:
    """Return the files that claim or hold a name, but those for which nothing can change.

    A name may have thousands of claimants, and a file among them may change at each commit.
    """
    claimants = draft.claimants.get(name, ())
    holder = _holder(draft, name, moved)
    if holder is None:
        return {path: draft.files[path] for path in claimants}
    states = {holder.path: holder}
    stays = policy == "warn" and _still_claims(holder, name)
    for path in claimants:
        state = draft.files[path]
        if not (stays and _waits_for(state, name, holder.path)):
            states[path] = state
    return states


def _holder(draft: Draft, name: str, moved: Mapping[str, str]) -> FileState | None:
    key = draft.active_key(name)
    if key is None:
        return None
    path = draft.entries[key].path
    holder = draft.files.get(moved.get(path, path))
    return holder if holder is not None and holder.serves == key else None


def _still_claims(holder: FileState, name: str) -> bool:
    """Return whether who holds a name goes on holding it, whoever else claims it."""
    return holder.file.document is None or holder.file.document.name == name


def _waits_for(state: FileState, name: str, holder: str) -> bool:
    """Return whether a file serves nothing and was refused for this very holder before."""
    return (
        state.serves is None
        and state.refusal is not None
        and state.refusal.message == _held_by(name, holder)
    )


def _held_by(name: str, path: str) -> str:
    return f"the name '{name}' is held by {path}"


def _claim(state: FileState, refusal: Problem | None) -> _Claim:
    document = state.file.document
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
        message=_held_by(document.name, winners[document.name]),
        path=path,
        line=document.name_place.line,
        column=document.name_place.column,
        pointer="/name",
        hint="choose another name, or remove one of the two files",
        document=document.name,
    )
