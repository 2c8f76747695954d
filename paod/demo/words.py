"""What the demo says: where things are, and commands that can be copied into a second terminal.

Every command that stands here is run by a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from paod.demo.repository import SHOWCASE


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo lives, and its secrets. ``kept``: the folder stays when the demo ends."""

    folder: Path
    kept: bool
    token: str
    webhook_secret: str

    @property
    def repository(self) -> Path:
        return self.folder / "repository"


WELCOME = """\
paod follows an example repository and serves its catalog.

  repository   {repository}
  API          {api}

Try this in a second terminal:

  # what is in the catalog
  TOKEN={token}
  ask() {{ curl -s -H "Authorization: Bearer $TOKEN" "{api}/$1" | python3 -m json.tool; }}
  ask 'catalog/items?limit=3'
  ask catalog/items/{name}/versions

  # change an item, and see it served a moment later
  cd {repository}
  sed -i 's/^description:.*/description: "Changed by me"/' {document}
  sed -i 's/^version:.*/version: "1.1.0"/' {document}
  git commit --quiet --all --message 'Change an item'
  sleep 3; ask catalog/items/{name}

  # break it: paod says what is wrong and where, and goes on serving its last good version
  echo 'presentation: [' >> {document}
  git commit --quiet --all --message 'Break an item'
  sleep 3; ask admin/catalog/validation-errors; ask catalog/items/{name}

  # mend it
  git revert --no-edit HEAD
  sleep 3; ask admin/catalog/sync/status

Ctrl-C ends the demo{end}.
"""


def welcome(place: Place, port: int) -> str:
    """Say where everything is and what to try."""
    return WELCOME.format(
        repository=place.repository,
        api=f"http://127.0.0.1:{port}/api/v1",
        token=place.token,
        name=Path(SHOWCASE).stem,
        document=SHOWCASE,
        end="" if place.kept else " and removes all that it made",
    )


def farewell(place: Place) -> str:
    """Say what is left of the demo."""
    if place.kept:
        return f"The demo has ended. Its repository and state are kept in {place.folder}."
    return f"The demo has ended. {place.folder} is removed."
