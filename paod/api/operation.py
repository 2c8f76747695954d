"""What an endpoint takes and answers, said once: it reads requests, and OpenAPI is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import falcon

from paod.access import Role

Needed = Role | Literal["nobody"]
"""The role that an operation needs; ``nobody``: it is open to all."""
Query = dict[str, Any]
SECONDS: Final = 4.0
"""Within which an answer is due: less than a delivery has, which may wait behind such a one."""
DELIVERY_SECONDS: Final = 4.5
"""Within which a delivery is stored or refused: hosts give up after five seconds or ten."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query, a path or a header.

    ``read`` turns its text into a value, or raises ValueError with what it takes. ``schema`` says
    the same in JSON Schema. ``default`` stands for an absent one.
    """

    name: str
    about: str
    schema: Mapping[str, Any]
    read: Callable[[str], Any]
    default: Any = None
    required: bool = True
    """Of a header alone: what stands in a path always is, what stands in a query never."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body. ``schema`` names the described shape that it must have."""

    schema: str
    media_types: tuple[str, ...] = ("application/json",)
    required: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of an operation. ``schema`` names a described shape, None: there is no body."""

    about: str
    schema: str | None = None
    headers: tuple[str, ...] = ()
    media_type: str = falcon.MEDIA_JSON


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    ``refuses`` lists the statuses of its own refusals; those that all have go without saying.
    ``headers`` are those that it reads beside the usual ones.
    """

    summary: str
    needs: Needed
    answers: Mapping[int, Answer]
    query: tuple[Parameter, ...] = ()
    body: Body | None = None
    refuses: tuple[int, ...] = ()
    headers: tuple[Parameter, ...] = ()
    seconds: float = SECONDS
    """Within which it is answered, whatever the database does; what waits on purpose adds to it."""
    defaults: Mapping[str, Any] = field(init=False)
    """Of each parameter of the query, by its name."""
    readers: Mapping[str, Callable[[str], Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Look the query's parameters up once, and not at each request."""
        object.__setattr__(self, "defaults", {one.name: one.default for one in self.query})
        object.__setattr__(self, "readers", {one.name: one.read for one in self.query})


class Resource:
    """A noun of the API: its path, and what can be done with it: mostly one thing, by a POST."""

    path: str
    operation: Operation
    methods: tuple[str, ...] = ("POST",)
    most: int | None = None
    """How many of its requests are answered at once; None: as many as there are threads."""

    def operation_of(self, method: str) -> Operation:
        """Return what one of its methods does; most have one, and a HEAD is a GET."""
        return self.operation

    @property
    def described(self) -> tuple[str, ...]:
        """The methods that are described, each with an operation of its own."""
        return self.methods[:1]


class Readable(Resource):
    """A noun that can be read: a HEAD is answered like a GET, without its body."""

    methods: tuple[str, ...] = ("GET", "HEAD")

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with what is there."""
        raise NotImplementedError

    def on_head(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer as to a GET; Falcon leaves the body out."""
        self.on_get(req, resp, **places)
