"""What a problem's code means: where commit statuses lead, so it is open to all."""

from __future__ import annotations

from typing import Any

import falcon

from paod.api import links
from paod.api.errors import Refusal
from paod.api.operation import Answer, Operation, Readable
from paod.codes import CODES, as_text


class ProblemCode(Readable):
    """One code, as ``paod explain`` shows it."""

    path = links.problem_code("{code}")
    operation = Operation(
        "Explain a problem's code",
        "nobody",
        {200: Answer("What it means and how to fix it.", "explanation", media_type="text/plain")},
    )

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with a text for people."""
        code = CODES.get(places["code"])
        if code is None:
            raise Refusal("not-found", f"{places['code']} is no code of a problem")
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = f"{code.code} ({code.severity})\n\n{as_text(code)}\n"
