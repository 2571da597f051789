"""Starting an unchanged application with a launcher, under `opentelemetry-instrument`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent

from websockets.sync.client import connect
from websockets.typing import Origin

from otel_ws.testing import format_trace
from testproject.otlp import OTLPReceiver, ReceivedSpan
from testproject.trees import SESSION_ID, is_end
from tests.wire.process import PATIENCE, free_port

UNCHANGED = Path(__file__).parent / "unchanged"
BIN = Path(sys.executable).parent
STATUS = "http.response.status_code"
EDITIONS = ("first edition", "second edition")


@dataclass(frozen=True)
class App:
    """One of the unchanged applications."""

    name: str
    asgi: str
    source: str
    """The file that says its edition."""
    tree: str
    """What a conversation leaves."""

    def __str__(self) -> str:
        return self.name


CHANNELS = App(
    "channels",
    "mysite.asgi:application",
    "mysite/consumers.py",
    """
    GET /ws/<str:room>
    websocket.open /ws/<str:room> -> GET /ws/<str:room>
    websocket.receive /ws/<str:room> -> GET /ws/<str:room>
      group_send room.said
        process room.said -> GET /ws/<str:room>
          websocket.send /ws/<str:room>
    websocket.close -> GET /ws/<str:room>
    """,
)
_PLAIN = """
    GET /ws/{room}
    websocket.open /ws/{room} -> GET /ws/{room}
    websocket.receive /ws/{room} -> GET /ws/{room}
      websocket.send /ws/{room}
    websocket.close -> GET /ws/{room}
    """
STARLETTE = App("starlette", "starlette_app:app", "starlette_app.py", _PLAIN)
FASTAPI = App("fastapi", "fastapi_app:app", "fastapi_app.py", _PLAIN)


@dataclass
class Launched:
    """A running server, and the collector that it sends to."""

    port: int
    folder: Path
    receiver: OTLPReceiver
    process: subprocess.Popen[bytes]
    log: Path
    conversations: int = field(default=0, init=False)

    def converse(self, origin: str = "127.0.0.1") -> int:
        """Say something in a room; return the process that has answered."""
        uri, origin = f"ws://127.0.0.1:{self.port}/ws/kitchen", Origin(f"http://{origin}")
        with connect(uri, origin=origin, open_timeout=PATIENCE, proxy=None) as websocket:
            websocket.send("hello")
            answer = websocket.recv(timeout=PATIENCE)
        self.conversations += 1
        return int(str(answer).removeprefix("hello from "))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def trees(self, refused: int = 0) -> list[str]:
        """Return the tree of each connection, once so many were refused, and the rest closed."""
        expected = self.conversations + refused
        try:
            spans = self.receiver.wait_for(
                lambda spans: sum(map(is_end, spans)) >= expected, timeout=PATIENCE
            )
        except TimeoutError as error:
            error.add_note(self.log.read_text())
            raise
        return [format_trace(each, *_shown(each)) for each in by_session(spans)]

    def publish(self, app: App) -> None:
        """Change the application, and wait for its reloader.

        It is touched again now and then: a reloader that has just begun takes it as it finds it.
        """
        source = self.folder / app.source
        source.write_text(source.read_text().replace(*EDITIONS))
        self.await_edition(EDITIONS[1], source.touch)

    def await_edition(self, edition: str, nudge: Callable[[], object] = bool) -> None:
        """Ask over HTTP until the server answers with this edition; `nudge` it meanwhile."""
        url, started = f"http://127.0.0.1:{self.port}/", time.monotonic()
        nudged = started
        while True:
            try:
                # A server that goes may take a request along.
                with urllib.request.urlopen(url, timeout=PATIENCE / 10) as answer:
                    if edition in answer.read().decode():
                        return
            except OSError:
                pass
            now = time.monotonic()
            if self.process.poll() is not None or now > started + PATIENCE:
                raise RuntimeError(f"no {edition}:\n{self.log.read_text()}")
            if now > nudged + PATIENCE / 3:
                nudge()
                nudged = now
            time.sleep(0.05)


def tree_of(app: App) -> str:
    return dedent(app.tree).strip()


def _shown(spans: Sequence[ReceivedSpan]) -> tuple[str, ...]:
    """Return the attributes that a tree shows: a refusal is all in its status."""
    return (STATUS,) if len(spans) == 1 else ()


def by_session(spans: Sequence[ReceivedSpan]) -> list[list[ReceivedSpan]]:
    """Return what is ours of each connection; FastAPI traces its requests itself."""
    found: dict[object, list[ReceivedSpan]] = {}
    for span in spans:
        if span.scope_name.startswith("otel_ws"):
            found.setdefault(span.attributes.get(SESSION_ID), []).append(span)
    return list(found.values())


@contextmanager
def launched(app: App, *command: str, delay: int = 60_000) -> Iterator[Launched]:
    """Run `command` in a copy of the applications; `delay` is what the batches may wait for.

    A minute is longer than the test: what arrives then was flushed at the end.
    """
    with tempfile.TemporaryDirectory() as directory, OTLPReceiver() as receiver:
        folder, port = Path(directory, "unchanged"), free_port()
        shutil.copytree(UNCHANGED, folder, ignore=shutil.ignore_patterns("__pycache__"))
        log = Path(directory, "log")
        words = [word.format(port=port, app=app.asgi) for word in command]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(BIN / "opentelemetry-instrument"), *words],
                cwd=folder,
                env=environment(receiver, delay) | {"HOME": directory},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            server = Launched(port, folder, receiver, process, log)
            server.await_edition(EDITIONS[0])
            yield server
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server with all of its workers."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def environment(receiver: OTLPReceiver, delay: int) -> dict[str, str]:
    """Return what a user would set; of the instrumentations that are installed only ours is on."""
    group = entry_points(group="opentelemetry_instrumentor")
    others = [each.name for each in group if not each.name.startswith("otel_ws")]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "DJANGO_"))}
    return {
        **kept,
        **receiver.environment,
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_BSP_SCHEDULE_DELAY": str(delay),
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(others),
    }
