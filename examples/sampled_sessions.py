"""What sampling at 10 % leaves of sessions: whole ones, or parts.

    python examples/sampled_sessions.py [number of sessions]

Plays sessions of five messages against an echo, once for each way to sample them. A session is
whole if its handshake and all of its messages were kept, and cut apart if only some of them were.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
from collections import Counter
from collections.abc import Iterator

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased

from otel_ws.asgi import TracingMiddleware
from otel_ws.sampling import HandshakeSampler, SessionRatioSampler

MESSAGES = 5
RATIO = TraceIdRatioBased(0.1)
WAYS: list[tuple[str, Sampler, bool]] = [
    ("ParentBased(TraceIdRatioBased(0.1))", ParentBased(RATIO), False),
    ("ParentBased(TraceIdRatioBased(0.1))", ParentBased(RATIO), True),
    ("HandshakeSampler(TraceIdRatioBased(0.1))", HandshakeSampler(RATIO), False),
    ("HandshakeSampler(TraceIdRatioBased(0.1))", HandshakeSampler(RATIO), True),
    ("SessionRatioSampler(0.1)", SessionRatioSampler(0.1), False),
    ("SessionRatioSampler(0.1)", SessionRatioSampler(0.1), True),
]


class SeededIds(IdGenerator):
    """Makes the same trace ids in every run, so that the figures can be compared."""

    def __init__(self) -> None:
        self._random = random.Random(1)

    def generate_trace_id(self) -> int:
        return self._random.getrandbits(128)

    def generate_span_id(self) -> int:
        return self._random.getrandbits(64)


async def echo(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


def client() -> Iterator[dict[str, object]]:
    yield {"type": "websocket.connect"}
    for number in range(MESSAGES):
        yield {"type": "websocket.receive", "text": f"message {number}"}
    yield {"type": "websocket.disconnect", "code": 1000}


async def play(app) -> None:
    """Play one session, as a server would."""
    inbound = client()

    async def receive():
        return next(inbound)

    async def send(message):
        pass

    await app({"type": "websocket", "path": "/echo", "headers": []}, receive, send)


async def kept(sampler: Sampler, inherit: bool, sessions: int) -> Counter[str]:
    """Play the sessions; return how many handshakes and messages were kept of each."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler, id_generator=SeededIds(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = TracingMiddleware(
        echo, tracer_provider=provider, inherit_sampling=inherit, trace_sends=False, metrics="off"
    )
    for _ in range(sessions):
        await play(app)
    return Counter(
        span.attributes["websocket.session.id"]
        for span in exporter.get_finished_spans()
        if span.name in ("GET", "websocket.receive")
    )


def main(sessions: int) -> None:
    print(f"{sessions} sessions of a handshake and {MESSAGES} messages, sampled at 10 %")
    print()
    print(f"{'sampler':<40}  inherit_sampling  whole  cut apart  left out")
    for name, sampler, inherit in WAYS:
        parts = asyncio.run(kept(sampler, inherit, sessions)).values()
        whole = sum(part == 1 + MESSAGES for part in parts)
        cut, left_out = len(parts) - whole, sessions - len(parts)
        print(f"{name:<40}  {inherit!s:<16}  {whole:>5}  {cut:>9}  {left_out:>8}")


if __name__ == "__main__":
    logging.getLogger("otel_ws").setLevel(logging.ERROR)  # it says by itself that sessions are cut
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
