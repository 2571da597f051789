"""The demo's second part: serve the page, and print the trace of whoever leaves."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from itertools import chain

from .otlp import OTLPReceiver
from .servers import APPS, SERVERS, listen, serve_together
from .telemetry import OTLP_ENDPOINTS
from .trees import by_connection, is_end, render, with_instance

# What a connection caused elsewhere may end, and be exported, a little later than itself.
_SECONDS_AFTER = 1.0
_MOST_SPANS = 20_000


def reserve(port: int, stack: ExitStack) -> list[list[socket.socket]]:
    """Return the listening sockets of each application. Raises RuntimeError if there are none."""
    count = len(APPS) * SERVERS
    try:
        listeners = [stack.enter_context(listen(port and port + offset)) for offset in range(count)]
    except (OSError, OverflowError) as error:
        message = f"port {port} or one of the next {count - 1} cannot be used: {error}"
        raise RuntimeError(message) from error
    return [listeners[first : first + SERVERS] for first in range(0, count, SERVERS)]


def stay(listeners: Sequence[Sequence[socket.socket]], redis_url: str) -> None:
    """Serve the page until we are interrupted."""
    print("Now you: open one of these in two tabs of a browser, each on a server of its own.")
    print("Ctrl-C ends it.\n")
    for app, sockets in zip(APPS, listeners, strict=True):
        print(f"  {address(sockets)}  {app.title}")
    with OTLPReceiver() as receiver:
        environment = {**receiver.environment, **os.environ, "REDIS_URL": redis_url}
        where = "there" if any(map(os.environ.get, OTLP_ENDPOINTS)) else "here"
        print(f"\nWhoever leaves a room finds the trace of that connection {where}.\n", flush=True)
        with suppress(KeyboardInterrupt), ExitStack() as stack:
            pairs = [
                stack.enter_context(serve_together(app, sockets, environment))
                for app, sockets in zip(APPS, listeners, strict=True)
            ]
            while all(server.poll() is None for server in chain(*pairs)):
                time.sleep(0.2)
                print_ended(receiver, _SECONDS_AFTER)
            raise RuntimeError("a server ended by itself")
        print_ended(receiver, 0)


def address(sockets: Sequence[socket.socket]) -> str:
    """Return where the page is, which reads from its address what servers one can choose."""
    ports = [each.getsockname()[1] for each in sockets]
    query = "&".join(f"port={port}" for port in ports)
    return f"http://127.0.0.1:{ports[0]}/?{query}"


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
