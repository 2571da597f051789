"""The application, started by the doctor and ended by it, with what it prints."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ._urls import address

_MAX_OUTPUT: Final = 256 * 1024
_SECONDS_TO_END: Final = 6.0
_POLL: Final = 0.05
# Where these say otherwise, nothing would reach the receiver.
_OVERRULED: Final = (
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
)


class Application:
    """A command that runs for as long as a block lasts, in a group of processes of its own.

    Raises OSError or ValueError when there is no such command.
    """

    def __init__(self, command: str, environment: Mapping[str, str]) -> None:
        self._command = shlex.split(command)
        if not self._command:
            raise ValueError("expected a command, got none")
        kept = {name: value for name, value in os.environ.items() if name not in _OVERRULED}
        self._environment = {**kept, **environment}
        self._is_ended = False

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="otel-ws-"))
            self._log = Path(folder) / "output"
            with self._log.open("ab") as output:
                self._process = subprocess.Popen(
                    self._command,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            stack.callback(self.end)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """What of its environment is OpenTelemetry's."""
        return {k: v for k, v in self._environment.items() if k.startswith("OTEL_")}

    @property
    def exit_status(self) -> int | None:
        return self._process.poll()

    @property
    def output(self) -> str:
        """The last of what it has printed so far."""
        return self.tail(_MAX_OUTPUT)

    def tail(self, size: int) -> str:
        """Return the last bytes that it has printed so far, `size` of them at most."""
        with self._log.open("rb") as output:
            output.seek(max(0, self._log.stat().st_size - size))
            return output.read(size).decode("utf-8", "replace")

    def end(self) -> None:
        """End it: politely, which lets it flush, and after a while in any case."""
        if self._is_ended:
            return  # Its number may be another's by now.
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_SECONDS_TO_END)
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)  # what it has left behind
        self._process.kill()
        self._process.wait()
        self._is_ended = True


@contextmanager
def ended_politely() -> Iterator[None]:
    """Let SIGTERM in this block end it as Ctrl-C does, and with it what was started in it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def await_listener(url: str, seconds: float, application: Application | None = None) -> bool:
    """Wait until somebody listens where `url` leads; not longer than `application` lives."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if application is not None and application.exit_status is not None:
            return False
        if listens(url):
            return True
        time.sleep(_POLL)
    return False


def listens(url: str) -> bool:
    """Tell whether a connection can be made to where `url` leads."""
    try:
        socket.create_connection(address(url), timeout=1).close()
    except OSError:
        return False
    return True
