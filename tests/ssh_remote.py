"""A Git server on loopback that speaks ssh, made with asyncssh: it runs ``git upload-pack``."""

from __future__ import annotations

import asyncio
import os
import shlex
import threading
from pathlib import Path
from typing import Any

import asyncssh


class SshServer:
    """Serves the repositories of this machine to whoever has ``folder/"client"``, a private key.

    ``known_hosts`` is a file that knows this server, ``strangers`` one that knows another key.
    ``refuses``: what it writes to standard error in place of all else, and its exit status.
    """

    def __init__(self, folder: Path) -> None:
        self.key = folder / "client"
        self.wrong_key = folder / "wrong"
        self.known_hosts = folder / "known_hosts"
        self.strangers = folder / "strangers"
        self.logins: list[str] = []
        self.refuses: tuple[str, int] | None = None
        self._folder = folder

    def __enter__(self) -> SshServer:
        self._host_key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
        client, wrong, stranger = (
            asyncssh.generate_private_key("ecdsa-sha2-nistp256") for _ in range(3)
        )
        client.write_private_key(str(self.key))
        wrong.write_private_key(str(self.wrong_key))
        client.write_public_key(str(self._folder / "authorized"))
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,))
        self._thread.start()
        assert started.wait(10)
        for file, key in ((self.known_hosts, self._host_key), (self.strangers, stranger)):
            public = key.export_public_key().decode()
            file.write_text(f"[127.0.0.1]:{self.port} {public}")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def port(self) -> int:
        return int(self._listener.get_port())

    def url(self, path: Path) -> str:
        return f"ssh://git@127.0.0.1:{self.port}{path}"

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._listener = self._loop.run_until_complete(self._listen())
        started.set()
        self._loop.run_forever()
        self._listener.close()
        self._loop.run_until_complete(self._listener.wait_closed())
        self._loop.close()

    async def _listen(self) -> Any:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[self._host_key],
            authorized_client_keys=str(self._folder / "authorized"),
            process_factory=self._serve,
            encoding=None,
        )

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self.logins.append(process.get_extra_info("username"))
        if self.refuses is not None:
            process.stderr.write(self.refuses[0].encode())
            process.exit(self.refuses[1])
            return
        program, path = shlex.split(process.command or "")
        assert program == "git-upload-pack"
        git = await asyncio.create_subprocess_exec(
            *("git", "upload-pack", path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        )
        await process.redirect(stdin=git.stdin, stdout=git.stdout)
        process.exit(await git.wait())
        await process.wait_closed()
