"""JSON as strangers send it: read strictly, or refused with one sentence.

Python's own reader lets NaN, lone surrogates and doubled keys through, and fails in four other ways
on hostile input. Whatever reads JSON from outside reads it here, and has one failure to expect.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

MAX_DEPTH = 64
"""Lists and objects inside each other: far below what any recursion over a value can bear."""


class BadJSON(ValueError):
    """The bytes are not JSON as it is accepted here. Says why, and quotes nothing of them."""


def parse(data: bytes) -> Any:
    """Parse UTF-8 JSON; raise BadJSON for whatever is wrong with it.

    Refused beside bad syntax: NaN and infinity, numbers beyond a double, lone surrogates, a byte
    order mark, more than ``MAX_DEPTH`` levels of nesting, and an object that has the same key
    twice.
    """
    try:
        value = orjson.loads(data)
        _check_depth(value)
        json.loads(data, object_pairs_hook=_refuse_twins, parse_int=len, parse_float=len)
    except BadJSON:
        raise
    except orjson.JSONDecodeError as error:
        raise BadJSON(f"the body is not JSON: {error}") from None
    except ValueError:
        raise BadJSON("the body is not JSON") from None
    return value


def _check_depth(value: Any) -> None:
    """Go down level by level, so that no depth can exhaust the stack of who looks."""
    level, depth = [value], 0
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise BadJSON(
                f"the body is not acceptable JSON: it is nested more than {MAX_DEPTH} deep"
            )
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]


def _refuse_twins(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise BadJSON("the body is not acceptable JSON: an object has the same key twice")
