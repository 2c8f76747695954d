"""What is wrong with documents: those of the repository, and one that is sent to be checked."""

from __future__ import annotations

from typing import Any, Final

import falcon

from paod.api import links
from paod.api.body import media_type, read_bytes
from paod.api.errors import Refusal
from paod.api.operation import Answer, Body, Operation, Readable, Resource
from paod.api.paging import walk_of
from paod.api.parameters import CURSOR, LIMIT, choice, text
from paod.config import Settings
from paod.store import ProblemFilters, Store
from paod.validate import Rules, parse_text

FILTERS: Final = (
    choice("status", "Which are listed.", ("open", "resolved", "all"), "open"),
    choice("severity", "Only those of this severity.", ("error", "warning")),
    text("code", "Only those of this code."),
    text("path", "Only those of this file, or of all files in this folder.", 1024),
)
DOCUMENT_TYPES: Final = (
    *("application/yaml", "application/json", "application/x-yaml"),
    *("text/yaml", "text/x-yaml", "text/plain"),
)


class ProblemList(Readable):
    """The problems of the repository's documents."""

    path = f"{links.ADMIN_CATALOG}/validation-errors"
    operation = Operation(
        "List problems",
        "admin",
        {200: Answer("One page of problems, oldest first.", "problem-list")},
        (*FILTERS, LIMIT, CURSOR),
    )

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with one page."""
        query, walk = req.context.query, walk_of(req, self._store.head())
        filters = ProblemFilters(**{one.name: query[one.name] for one in FILTERS})
        page = self._store.problems(filters, walk.after, walk.limit)
        resp.media = walk.page("validation_errors", page)


class DocumentCheck(Resource):
    """The check of a document that is in no repository yet."""

    path = f"{links.ADMIN_CATALOG}/validate"
    most = 2
    operation = Operation(
        "Check a document",
        "admin",
        {200: Answer("What is wrong with it.", "document-check")},
        body=Body("document", DOCUMENT_TYPES, required=False),
        refuses=(400, 413, 415),
    )

    def __init__(self, settings: Settings) -> None:
        self._rules = Rules(settings.catalog_root, settings.categories, settings.max_file_bytes)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with the problems of the YAML or JSON document in the body."""
        if media_type(req) not in ("", *DOCUMENT_TYPES):
            detail = f"send it as one of {', '.join(DOCUMENT_TYPES)}"
            raise Refusal("unsupported-media-type", detail)
        data = read_bytes(req, self._rules.max_file_bytes)
        problems = parse_text(data, self._rules)
        resp.media = {
            "valid": all(problem.severity != "error" for problem in problems),
            "problems": [problem.as_json() for problem in problems],
        }
