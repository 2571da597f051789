"""The demo's second part: serve the pages, and print the trace of whoever leaves."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from itertools import chain

from websockets.exceptions import WebSocketException

from .otlp import OTLPReceiver
from .servers import APPS, SERVERS, listen, serve_together
from .telemetry import OTLP_ENDPOINTS, PRINTER_ENDPOINT
from .trace_page import running_trace_page
from .trees import by_connection, is_end, render, with_instance
from .voice.client import TalkError, talking
from .voice.messages import PATH

# What a connection caused elsewhere may end, and be exported, a little later than itself.
_SECONDS_AFTER = 1.0
_MOST_SPANS = 20_000
# Where a page brings OpenTelemetry along, its clicks and what they cause are one trace.
FROM_PAGES = {"OTEL_WS_MESSAGE_CODEC": "json", "OTEL_WS_MESSAGE_TRUST": "parent"}


def reserve(port: int, stack: ExitStack) -> list[list[socket.socket]]:
    """Return the listening sockets of each application. Raises RuntimeError if there are none."""
    count = len(APPS) * SERVERS
    try:
        listeners = [stack.enter_context(listen(port and port + offset)) for offset in range(count)]
    except (OSError, OverflowError) as error:
        message = f"port {port} or one of the next {count - 1} cannot be used: {error}"
        raise RuntimeError(message) from error
    return [listeners[first : first + SERVERS] for first in range(0, count, SERVERS)]


def stay(
    listeners: Sequence[Sequence[socket.socket]],
    redis_url: str,
    *,
    page_port: int = 0,
    loads_voice: bool = False,
) -> None:
    """Serve the pages until we are interrupted; with `loads_voice` their engines are loaded."""
    ports = [[each.getsockname()[1] for each in sockets] for sockets in listeners]
    with OTLPReceiver() as receiver, ExitStack() as outer:
        collecting = outer.enter_context(_collected(ports, receiver, page_port))
        environment = {**collecting, **FROM_PAGES, **os.environ, "REDIS_URL": redis_url}
        _say_where(ports, environment, has_voice=loads_voice or _has_engines())
        with suppress(KeyboardInterrupt), ExitStack() as stack:
            pairs = [
                stack.enter_context(serve_together(app, sockets, environment))
                for app, sockets in zip(APPS, listeners, strict=True)
            ]
            if loads_voice:
                _load_voice(ports)
            while all(server.poll() is None for server in chain(*pairs)):
                time.sleep(0.2)
                print_ended(receiver, _SECONDS_AFTER)
            raise RuntimeError("a server ended by itself")
        print_ended(receiver, 0)


@contextmanager
def _collected(
    ports: Sequence[Sequence[int]], receiver: OTLPReceiver, page_port: int
) -> Iterator[dict[str, str]]:
    """Yield what the servers are to know of where their spans go.

    That is the trace page, and the terminal; or a collector of the user's own.
    """
    if any(map(os.environ.get, OTLP_ENDPOINTS)):
        yield {}
        return
    origins = [
        f"http://{host}:{port}" for port in chain(*ports) for host in ("127.0.0.1", "localhost")
    ]
    with running_trace_page(page_port, *(f"--origin={each}" for each in origins)) as page:
        yield {
            **receiver.environment,
            "OTEL_EXPORTER_OTLP_ENDPOINT": page.rstrip("/"),
            PRINTER_ENDPOINT: receiver.environment["OTEL_EXPORTER_OTLP_ENDPOINT"],
            "TRACE_PAGE_URL": page,
        }


def _say_where(
    ports: Sequence[Sequence[int]], environment: Mapping[str, str], *, has_voice: bool
) -> None:
    page = environment.get("TRACE_PAGE_URL")
    print("Now you. Ctrl-C ends it.\n")
    if page is not None:
        print(f"  The traces of all that follows, while it happens\n    {page}")
    for app, (first, *others) in zip(APPS, ports, strict=True):
        chat = f"http://127.0.0.1:{first}/?" + "&".join(f"port={p}" for p in (first, *others))
        print(f"\n  {app.title}: a chat, to be opened in two tabs, and a voice assistant")
        print(f"    {chat}\n    http://127.0.0.1:{first}/voice")
    if not has_voice:
        print("\nThe voice assistant has no engines here: `scripts/demo --voice` brings them.")
    where = "in your collector" if page is None else "here, too"
    print(f"\nWhoever leaves finds the trace of that connection {where}.\n", flush=True)


def _has_engines() -> bool:
    return find_spec("moonshine_voice") is not None


def _load_voice(ports: Sequence[Sequence[int]]) -> None:
    """Have the engines loaded where the pages are, and say how far that is."""
    for app, (port, *_) in zip(APPS, ports, strict=True):
        print(f"Loading the voice of {app.title} ...", flush=True)
        try:
            asyncio.run(_visit(port))
            print(flush=True)
        except (OSError, WebSocketException, TalkError) as error:
            print(f"  {error}\n", flush=True)


async def _visit(port: int) -> None:
    def tell(told: str) -> None:
        if told.endswith("ready"):
            print(f"  {told}", flush=True)

    async with talking(f"ws://127.0.0.1:{port}{PATH}", tell):
        pass


def print_ended(receiver: OTLPReceiver, seconds_after: float) -> None:
    """Print the trees of the connections that ended that long ago, and forget them."""
    spans = receiver.spans
    for connection in by_connection(spans):
        ends = [span.end_time for span in connection if is_end(span)]
        if ends and time.time_ns() - ends[0] >= seconds_after * 1e9:
            print(render(with_instance(connection)), end="\n\n", flush=True)
            receiver.forget(connection)
    if len(spans) > _MOST_SPANS:
        receiver.clear()
