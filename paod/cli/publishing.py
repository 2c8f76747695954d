"""The API of ``paod watch --serve``: in this process, on this machine's own address."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paod.api import create_app
from paod.daemon import address_of
from paod.daemon.server import ApiServer
from paod.demo import listen_near
from paod.watch.published import Published
from paod.watch.serving import without_token

LEAVING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served, and where."""

    published: Published
    address: str


@contextmanager
def serving(checkout: Path, root: str, port: int) -> Iterator[Serving]:
    """Serve a working tree for the length of a block; ``port``: the first one to try.

    Its database lies in a temporary folder that nobody else may read and that is removed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="paod-watch-") as folder,
        listen_near(port) as listener,
    ):
        published = Published(Path(folder), checkout, root)
        stopping = threading.Event()
        application = create_app(published.store, published.settings, stopping=stopping)
        server = ApiServer(
            without_token(application, published.token), listener, None, on_stop=stopping.set
        )
        thread = threading.Thread(target=server.run, name="api", daemon=True)
        thread.start()
        try:
            yield Serving(published, address_of(listener))
        finally:
            server.stop()
            thread.join(LEAVING_SECONDS)
            published.store.close()
