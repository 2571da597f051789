"""Start the two applications, each on its servers, and end them again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .trees import INSTANCE_ID

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class App:
    """One of the applications, and the command that serves it."""

    key: str
    title: str
    command: tuple[str, ...]


CHANNELS = App(
    "channels",
    "Django Channels on Daphne",
    ("daphne", "--verbosity=0", "testproject.asgi:application"),
)
STARLETTE = App(
    "starlette",
    "Starlette on uvicorn",
    ("uvicorn", "--log-level=warning", "testproject.starlette_app:app"),
)
APPS = (CHANNELS, STARLETTE)
SERVERS = 2  # of each application


def listen(port: int = 0) -> socket.socket:
    """Return a listening socket on this machine only; 0 is any free port."""
    return socket.create_server(("127.0.0.1", port))


@contextmanager
def serve(
    app: App,
    listener: socket.socket,
    environment: Mapping[str, str],
    output: IO[str] | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """Run the application on the socket for as long as the block lasts.

    Clients may connect at once: the socket listens already, they wait until the server is up.
    """
    command = [sys.executable, "-m", *app.command, f"--fd={listener.fileno()}"]
    with listener:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            text=True,
            pass_fds=[listener.fileno()],
            start_new_session=True,  # Ctrl-C is for us alone; we end our children ourselves
        )
    try:
        yield process
    finally:
        stop(process)


@contextmanager
def serve_together(
    app: App,
    listeners: Sequence[socket.socket],
    environment: dict[str, str],
    output: IO[str] | None = None,
) -> Iterator[list[subprocess.Popen[str]]]:
    """Run the application on each of the sockets; spans tell from which process they are."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(serve(app, listener, _numbered(environment, number), output))
            for number, listener in enumerate(listeners, 1)
        ]


def _numbered(environment: dict[str, str], number: int) -> dict[str, str]:
    known = environment.get("OTEL_RESOURCE_ATTRIBUTES")
    attributes = ",".join(filter(None, [known, f"{INSTANCE_ID}={number}"]))
    return environment | {"OTEL_RESOURCE_ATTRIBUTES": attributes}


def stop(process: subprocess.Popen[str]) -> None:
    """End the process: politely, and after five seconds in any case."""
    process.terminate()
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
    finally:
        process.kill()
        process.wait()


def clean_environment() -> dict[str, str]:
    """Return our environment without what would change the traces."""
    ours = ("OTEL_", "DJANGO_", "REDIS_URL")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
