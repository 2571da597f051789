"""What watches the turns of all connections: it keeps none of them, and no loop."""

from __future__ import annotations

import asyncio
import copy
import gc
import weakref
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_ws._watch import Watch
from otel_ws.asgi import Wire
from otel_ws.testing import CapturedSpans

from .clocked import Clocked
from .playing import LEAVE, scope_of


class Told:
    """A connection whose turn has so many seconds left, or none that is open."""

    left: float | None = 90.0

    def cut(self) -> float | None:
        return self.left


async def test_what_has_ended_knows_none_of_those_that_it_was_watched_with() -> None:
    told = Told()
    kept, other = Watch(told), Watch(told)
    kept.watch()
    other.watch()
    together = other.round
    assert together is not None and kept.round is not None
    kept.unwatch()
    told.left = None
    together.look()
    assert (kept.round, other.round, set(together)) == (None, None, set())


def test_a_loop_that_is_closed_in_the_middle_of_a_turn_is_let_go(spans: CapturedSpans) -> None:
    class Server:
        """Has its loop, as servers do, and is what the connection calls."""

        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            self.loop = loop
            self.messages = iter(({"type": "websocket.receive", "text": "a"},))

        async def receive(self) -> Any:
            return next(self.messages)

        async def send(self, message: Any) -> None:
            pass

    def serve() -> weakref.ref[Any]:
        loop = asyncio.new_event_loop()
        server, talk = Server(loop), Clocked()
        wire = Wire(talk.connection, server.receive, server.send)
        loop.run_until_complete(wire.receive())
        assert wire.round is not None and wire in wire.round
        loop.close()
        return weakref.ref(loop)

    loop = serve()
    gc.collect()
    assert loop() is None


async def test_a_close_is_the_applications_though_the_peer_is_heard_first() -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF)
    silent = Clocked(tracer_provider=provider, meter_provider=MeterProvider()).connection

    async def send(message: Any) -> None:
        silent.received(LEAVE)

    await Wire(silent, send, send).send({"type": "websocket.close", "code": 1011})
    closure = silent._ending.conclude(None, failed=False)
    assert (closure.code, closure.is_own) == (1011, True)


def test_a_deep_copy_of_the_scope_belongs_to_the_same_connection(spans: CapturedSpans) -> None:
    scope = scope_of()
    talk = Clocked(scope=scope)
    for copied in copy.deepcopy(scope), copy.copy(scope):
        assert copied["otel_ws"] is scope["otel_ws"]
    talk.leave()
    assert scope["otel_ws"].connection is None
