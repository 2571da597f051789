"""Play a few connections against the test project and show the traces, in both models."""

from __future__ import annotations

import argparse
import difflib
import os
import signal
import socket
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from textwrap import indent
from typing import IO

from websockets.exceptions import WebSocketException

from .otlp import OTLPReceiver, ReceivedSpan
from .scenes import PATIENCE, SCENES, Scene, connect_to
from .servers import APPS, ROOT, App, clean_environment, listen, serve
from .telemetry import SESSION_ID, render

EXPECTED = Path(__file__).parent / "expected"
MODELS = {
    "session": "Each message is a trace of its own, with a link to the handshake.",
    "connection": "Each connection is one trace, and its messages are spans in it.",
}


class DemoError(Exception):
    """Something other than a trace went wrong."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return its exit status."""
    options = parse(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # an exception, so that our children end
    try:
        with ExitStack() as stack:
            listeners = [] if options.once else reserve(options.port, stack)
            as_expected = all([show(app, model) for model in MODELS for app in APPS])
            if not options.once:
                stay(listeners)
    except DemoError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 130
    return 0 if as_expected else 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument(
        "--once",
        action="store_true",
        help="end by itself: exit status 0, or 1 and a diff if a trace is not the expected one",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=0,
        help="where Daphne listens, uvicorn takes the next one (default: free ports)",
    )
    return parser.parse_args(arguments)


# --- the show -----------------------------------------------------------------------------------


def show(app: App, model: str) -> bool:
    """Print what became of the application's scenes; return whether it is as expected."""
    scenes = [scene for scene in SCENES if scene.app is app]
    title = f"{app.title}, model {model}"
    heading = [title, "=" * len(title), MODELS[model]]
    text = "\n".join(heading + describe(scenes, by_connection(record(app, model, scenes))))
    print(text, end="\n\n\n", flush=True)
    diff = compare(text + "\n", EXPECTED / f"{app.key}-{model}.txt")
    sys.stdout.writelines(diff)
    return not diff


def record(app: App, model: str, scenes: Iterable[Scene]) -> list[ReceivedSpan]:
    """Play the scenes against a server of their own; return the spans that it sent."""
    with OTLPReceiver() as receiver, tempfile.TemporaryFile("w+") as log:
        environment = clean_environment() | receiver.environment | {"OTEL_WS_MODEL": model}
        listener = listen()
        connect = partial(connect_to, listener.getsockname()[1])
        try:
            with serve(app, listener, environment, log):
                played: list[str] = []
                for scene in scenes:
                    scene.play(connect)
                    played += scene.clients
                    settle(receiver, len(played))
        except (OSError, WebSocketException, RuntimeError) as error:
            raise DemoError(f"{app.title}: {error}\n\n{tail(log)}") from error
        return receiver.spans  # the server ended: nothing is under way any more


def settle(receiver: OTLPReceiver, connections: int) -> None:
    """Wait until that many connections are closed and all their spans are here."""

    def is_whole(spans: list[ReceivedSpan]) -> bool:
        known = {span.span_id for span in spans}
        closed = sum(span.name == "websocket.close" for span in spans)
        return closed >= connections and all(
            span.parent_id is None or span.parent_id in known for span in spans
        )

    with suppress(TimeoutError):  # the diff will tell what is missing
        receiver.wait_for(is_whole, PATIENCE)


def by_connection(spans: Iterable[ReceivedSpan]) -> list[list[ReceivedSpan]]:
    """Return the spans of each connection, in the order in which the connections were opened.

    A span goes where its parent went: a message that is sent to somebody else belongs to the one
    whose message caused it.
    """
    owners: dict[int, object] = {}
    connections = defaultdict(list)
    for span in spans:
        session = span.attributes.get(SESSION_ID)
        owners[span.span_id] = owner = owners.get(span.parent_id or 0, session)
        connections[owner].append(span)
    return list(connections.values())


def describe(scenes: Iterable[Scene], connections: Iterable[list[ReceivedSpan]]) -> list[str]:
    """Return the scenes with the tree of each of their connections, in lines."""
    unseen = iter(connections)
    lines: list[str] = []
    for scene in scenes:
        lines += ["", f"{scene.title}. {scene.says}"]
        for client in scene.clients:
            lines += ["", f"  {client}", indent(render(next(unseen, ())), " " * 4)]
    for surplus in unseen:
        lines += ["", "  Nobody's", indent(render(surplus), " " * 4)]
    return lines


def compare(text: str, expected: Path) -> list[str]:
    """Return the difference to the file, nothing if there is none."""
    # Named like this, `scripts/demo --once | patch -p0` accepts what a run shows.
    name = str(expected.relative_to(ROOT))
    known = expected.read_text().splitlines(keepends=True)
    seen = text.splitlines(keepends=True)
    return list(difflib.unified_diff(known, seen, name, name, "expected", "this run"))


def tail(log: IO[str]) -> str:
    log.seek(0)
    return "".join(log.readlines()[-40:])


# --- and after it -------------------------------------------------------------------------------


def reserve(port: int, stack: ExitStack) -> list[socket.socket]:
    """Return a listening socket for each application."""
    try:
        ports = [port and port + offset for offset in range(len(APPS))]
        return [stack.enter_context(listen(each)) for each in ports]
    except (OSError, OverflowError) as error:
        raise DemoError(f"port {port} or the next one cannot be used: {error}") from error


def stay(listeners: Sequence[socket.socket]) -> None:
    """Serve the pages until we are interrupted."""
    print("Now you: open one of these in two tabs of a browser. Ctrl-C ends it.\n")
    for app, listener in zip(APPS, listeners, strict=True):
        print(f"  http://127.0.0.1:{listener.getsockname()[1]}/  {app.title}")
    print("\nWhoever leaves a room finds the trace of that connection here.\n", flush=True)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        servers = [
            stack.enter_context(serve(app, listener, os.environ))
            for app, listener in zip(APPS, listeners, strict=True)
        ]
        while all(server.poll() is None for server in servers):
            time.sleep(0.2)
        raise DemoError("a server ended by itself")


if __name__ == "__main__":
    sys.exit(main())
