"""What the demo says: where things are, and commands that can be copied into a second terminal.

Every command that stands here is run by a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote

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

    @property
    def config(self) -> Path:
        """The file with the demo's settings, for the commands that are tried on it."""
        return self.folder / "paod.yaml"


WELCOME = """\
paod follows an example repository and serves its catalog.

  repository   {repository}
  API          {api}

Try this in a second terminal:

  # where the catalog stands, and what became of an item
  export PATH={programs}:"$PATH" PAO_CONFIG={config}
  paod status
  paod history {name}

  # change it: see what that would change for those who order it, then what it did
  cd {repository}
  sed -i 's/^description:.*/description: "Changed by me"/; s/^version:.*/version: "1.1.0"/' {document}
  paod plan --base HEAD
  git commit --quiet --all --message 'Change an item'
  paod sync && paod history {name}

  # break it: paod says what is wrong and where, and goes on serving its last good version
  echo 'presentation: [' >> {document}
  git commit --quiet --all --message 'Break an item'
  paod sync; paod problems

  # fix it
  git revert --no-edit HEAD
  paod sync && paod problems

  # what a portal reads
  curl -s -H "Authorization: Bearer {token}" '{api}/catalog/items?limit=3'

Ctrl-C ends the demo{end}.
"""  # noqa: E501 a command is one line, to be copied


def welcome(place: Place, port: int, programs: Path) -> str:
    """Say where everything is and what to try. ``programs``: the folder that has ``paod``."""
    return WELCOME.format(
        repository=quote(str(place.repository)),
        api=f"http://127.0.0.1:{port}/api/v1",
        programs=quote(str(programs)),
        config=quote(str(place.config)),
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
