"""Times the parts of the message path one by one, and prints their µs as a line of JSON."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from time import perf_counter_ns
from typing import Any

from opentelemetry.context import attach, get_current
from opentelemetry.trace import SpanKind

from otel_ws import Config, Connection
from otel_ws._descriptions import describe
from otel_ws._turn import Turn
from otel_ws.asgi import Wire

from . import telemetry
from .clients import TEXT, scope
from .workloads import PATH

_TIMES, _REPEATS = 400, 25
_RECEIVED = {"type": "websocket.receive", "text": TEXT}
_SENT = {"type": "websocket.send", "text": TEXT}
_ACCEPT = {"type": "websocket.accept"}


async def _receive() -> dict[str, Any]:
    return _RECEIVED


async def _send(message: Any) -> None:
    pass


def _run(call: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any) -> None:
    """Run a coroutine that waits for nothing."""
    with suppress(StopIteration):
        call(*arguments).send(None)


class Parts:
    """An open connection, and what is done of it at a message."""

    def __init__(self) -> None:
        self.connection = Connection(scope(PATH), Config(), find_route=lambda: PATH)
        attach(self.connection.context)
        self.connection.received({"type": "websocket.connect"})
        self.connection.sent(_ACCEPT, self.connection.sending(_ACCEPT))
        self.connection.receiving()
        live = self.connection._live
        assert live is not None
        self.live, self.frame, self.before = live, self.connection.frame, get_current()
        self.wire = Wire(self.connection, _receive, _send)

    def receive(self) -> None:
        _run(self.wire.receive)

    def send(self) -> None:
        _run(self.wire.send, _SENT)

    def describe(self) -> dict[str, Any]:
        return describe(self.frame, "websocket.receive", _RECEIVED, "text", len(TEXT), 1)[1]

    def start(self, attributes: dict[str, Any]) -> Any:
        trunk, begin = self.live.trunk, self.frame.spans.begin
        return begin(
            "websocket.receive", trunk.context, SpanKind.CONSUMER, attributes, trunk.links, 1
        )

    def started(self) -> Any:
        return self.start(self.describe())

    def pass_through(self, span: Any) -> None:
        turn = Turn(span, 0)
        turn.enter(self.before)
        turn.leave()


def timed() -> dict[str, float]:
    """Return the µs of each part, by name; each includes what it calls."""
    parts = Parts()
    frame, live, one = parts.frame, parts.live, parts.started()
    processors = one._lean.listening()[0]
    return {
        "receive": _best(parts.receive) - _best(partial(_run, _receive)),
        "send": _best(parts.send) - _best(partial(_run, _send, _SENT)),
        "count": _best(lambda: frame.measures.received(_RECEIVED)),
        "describe": _best(parts.describe),
        "start": _best(parts.start, parts.describe),
        "turn": _best(parts.pass_through, parts.started),
        "processors": _best(processors[0].on_end, parts.started),
        "end": _best(lambda span: span.end(), parts.started),
        "parent": _best(live.parent),
        "count sent": _best(lambda: (frame.measures.sending(_SENT), frame.measures.sent(_SENT))),
    }


def _best(call: Callable[..., Any], make: Callable[[], Any] | None = None) -> float:
    """Return the µs of a call at best, in a loop whose own time is taken off."""
    return _loop(call, make) - _loop(lambda *_: None, make)


def _loop(call: Callable[..., Any], make: Callable[[], Any] | None) -> float:
    took = []
    for _ in range(_REPEATS):
        arguments = [() if make is None else (make(),) for _ in range(_TIMES)]
        gc.collect()
        started = perf_counter_ns()
        for each in arguments:
            call(*each)
        took.append(perf_counter_ns() - started)
    return min(took) / _TIMES / 1000


if __name__ == "__main__":
    telemetry.start("sampled")
    print(json.dumps(timed()))
