"""Play a few connections against the test project and show the traces, in both models.

What is shown last is said in one process and heard in another: the two share a Redis.

Then serve the chat, the voice assistant and the trace page until Ctrl-C.
"""

from __future__ import annotations

import argparse
import difflib
import signal
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from http.client import HTTPException
from itertools import chain, groupby
from pathlib import Path
from textwrap import indent
from typing import IO

from websockets.exceptions import WebSocketException

from .live import reserve, stay
from .otlp import OTLPReceiver, ReceivedSpan
from .redis_server import running_redis
from .scenes import PATIENCE, SCENES, Scene, connect_to, wait_for_page
from .servers import APPS, ROOT, App, clean_environment, listen, serve_together
from .trees import by_connection, render, with_instance

EXPECTED = Path(__file__).parent / "expected"
MODELS = {
    "session": "Each message is a trace of its own, with a link to the handshake.",
    "connection": "Each connection is one trace, and its messages are spans in it.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return its exit status."""
    options = parse(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # an exception, so that our children end
    try:
        with ExitStack() as stack:
            listeners = [] if options.once else reserve(options.port, stack)
            redis = stack.enter_context(running_redis())
            as_expected = all([show(app, model, redis.url) for model in MODELS for app in APPS])
            if not options.once:
                page_port = options.port and options.port + sum(map(len, listeners))
                stay(listeners, redis.url, page_port=page_port, loads_voice=options.voice)
    except RuntimeError as error:  # something other than a trace went wrong
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
        help="where the first server listens; the others take the next three, and the trace page "
        "the one after them (default: free ports)",
    )
    parser.add_argument(
        "--voice",
        action="store_true",
        help="bring along the engines of the voice assistant, about 1 GB, and load them",
    )
    return parser.parse_args(arguments)


# --- the show -----------------------------------------------------------------------------------


def show(app: App, model: str, redis_url: str) -> bool:
    """Print what became of the application's scenes; return whether it is as expected."""
    scenes = [scene for scene in SCENES if scene.app is app]
    title = f"{app.title}, model {model}"
    heading = [title, "=" * len(title), MODELS[model]]
    connections = by_connection(record(app, model, redis_url, scenes))
    text = "\n".join(heading + describe(scenes, connections))
    print(text, end="\n\n\n", flush=True)
    diff = compare(text + "\n", EXPECTED / f"{app.key}-{model}.txt")
    sys.stdout.writelines(diff)
    return not diff


def record(app: App, model: str, redis_url: str, scenes: Iterable[Scene]) -> Iterator[ReceivedSpan]:
    """Play the scenes, on as many servers as they want; yield the spans that these sent."""
    for servers, together in groupby(scenes, lambda scene: scene.servers):
        shared = {"REDIS_URL": redis_url} if servers > 1 else {}
        settings = {"OTEL_WS_MODEL": model, **shared}
        yield from play(app, [listen() for _ in range(servers)], settings, together)


def play(
    app: App,
    listeners: Sequence[socket.socket],
    settings: Mapping[str, str],
    scenes: Iterable[Scene],
) -> list[ReceivedSpan]:
    """Play the scenes against servers of their own; return the spans that these sent."""
    with OTLPReceiver() as receiver, tempfile.TemporaryFile("w+") as log:
        environment = clean_environment() | receiver.environment | settings
        ports = [listener.getsockname()[1] for listener in listeners]
        try:
            with serve_together(app, listeners, environment, log):
                for port in ports:
                    wait_for_page(port)
                played: list[str] = []
                for scene in scenes:
                    scene.play(*(partial(connect_to, port) for port in ports))
                    played += scene.clients
                    settle(receiver, len(played), len(ports))
        except (OSError, HTTPException, WebSocketException, RuntimeError) as error:
            raise RuntimeError(f"{app.title}: {error}\n\n{tail(log)}") from error
        return receiver.spans  # the servers ended: nothing is under way any more


def settle(receiver: OTLPReceiver, connections: int, servers: int) -> None:
    """Wait until that many connections are closed and all their spans are here."""

    def is_whole(spans: list[ReceivedSpan]) -> bool:
        known = {span.span_id for span in spans}
        names = Counter(span.name.partition(" ")[0] for span in spans)
        return (
            names["websocket.close"] >= connections
            # Each server processes what is published, whether somebody there gets it or not.
            and names["process"] >= names["publish"] * servers
            and all(span.parent_id is None or span.parent_id in known for span in spans)
        )

    with suppress(TimeoutError):  # the diff will tell what is missing
        receiver.wait_for(is_whole, PATIENCE)


def describe(scenes: Iterable[Scene], connections: Iterable[Sequence[ReceivedSpan]]) -> list[str]:
    """Return the scenes with the trees of their connections, in lines."""
    unseen = iter(connections)
    lines: list[str] = []
    for scene in scenes:
        lines += ["", f"{scene.title}. {scene.says}"]
        trees = {client: next(unseen, ()) for client in scene.clients}
        if scene.servers > 1:
            trees = {" and ".join(trees): with_instance(chain(*trees.values()))}
        for who, spans in trees.items():
            lines += ["", f"  {who}", indent(render(spans), " " * 4)]
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


if __name__ == "__main__":
    sys.exit(main())
