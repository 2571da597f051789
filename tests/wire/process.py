"""A server in a process of its own: started on a free port, asked over HTTP, stopped by its id."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.wire.servers import Server

APPLICATION = "tests.wire.asgi:application"
COMPLAINTS = (
    "Failed to detach context",
    "the application is unaffected",
    "tracing goes on without",
)
ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
"""Seconds until something that must happen counts as not happening."""


class ServerProcess:
    """A running server, with `application` and the given environment."""

    def __init__(
        self, server: Server, application: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.server = server
        self.port = free_port()
        self._command = [part.format(port=self.port, app=application) for part in server.command]
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "WIRE_TESTS": str(os.getpid()),
            **(environment or {}),
        }
        self._read = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            # Appended to by the server, wherever we read.
            self._log = stack.enter_context(tempfile.TemporaryFile("a+"))
            self._process = self._start()
            stack.callback(self._stop)
            self._await_answer()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", *self._command],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def visit(self, key: str) -> Any:
        """Return what the server saw of a connection, once its application has ended.

        By then its spans have been exported too.
        """
        return self._get(f"/visits/{key}")

    def last_words(self, key: str) -> str:
        """Return what the application of a connection was told when its server went."""
        mark = f"ended {key} "
        for line in self.log.splitlines():
            if line.startswith(mark):
                visit = json.loads(line.removeprefix(mark))
                return visit["disconnect"] or {"CancelledError": "cancelled"}[visit["error"]]
        return "nothing"

    def terminate(self) -> int:
        """Send SIGTERM, wait for the end, and return the exit status."""
        self._process.terminate()
        return self._process.wait(PATIENCE)

    def _stop(self) -> None:
        try:
            self.terminate()
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # its workers too
            self._process.wait()

    @property
    def log(self) -> str:
        """Everything that the server has written so far."""
        self._log.seek(0)
        return self._log.read()

    def await_log(self, text: str, count: int) -> None:
        """Wait until `text` has been logged `count` times."""
        deadline = time.monotonic() + PATIENCE
        while self.log.count(text) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.server} never logged {text!r}:\n{self.log}")
            time.sleep(0.02)

    def complaints(self) -> list[str]:
        """Return the lines since the last call that tell of a mistake in tracing."""
        self._log.seek(self._read)
        lines = self._log.read().splitlines()
        self._read = self._log.tell()
        return [line for line in lines if any(mark in line for mark in COMPLAINTS)]

    def _get(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return json.load(answer)

    def _await_answer(self) -> None:
        """Ask until the server answers: the only sign of readiness that all of them share."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._get("/ready")
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{self.server} does not answer:\n{self.log}") from None
            time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
