"""Lifespan: answered where the application refuses it, and a flush before the server goes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from channels.routing import ProtocolTypeRouter
from opentelemetry import metrics
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from starlette.applications import Starlette

from otel_ws import _lifespan
from otel_ws.asgi import TracingMiddleware

from .playing import play

SCOPE = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
STARTUP = {"type": "lifespan.startup"}
SHUTDOWN = {"type": "lifespan.shutdown"}
COMPLETED = [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


class Recorder(SpanProcessor):
    """Records what happens around a flush."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.threads: list[threading.Thread] = []

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        self.events.append("flush")
        self.threads.append(threading.current_thread())
        return True


class Unable(SpanProcessor):
    def force_flush(self, timeout_millis: int = 30000) -> bool:
        raise ConnectionError("no collector")


class Slow(SpanProcessor):
    """Flushes to a dead collector, until the test lets it go."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self.released.wait(30)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def serve(app: Any, processor: SpanProcessor | None = None, *messages: Any) -> Any:
    provider = TracerProvider()
    if processor is not None:
        provider.add_span_processor(processor)
    app = TracingMiddleware(app, tracer_provider=provider)
    return play(app, *(messages or (STARTUP, SHUTDOWN)), scope=dict(SCOPE))


async def raises_at_once(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("no application for lifespan")


async def returns_at_once(scope: Any, receive: Any, send: Any) -> None:
    pass


@pytest.mark.parametrize(
    "app",
    [ProtocolTypeRouter({}), raises_at_once, returns_at_once],
    ids=["Channels", "raises", "returns"],
)
def test_who_refuses_is_answered_for(app: Any, recorder: Recorder) -> None:
    assert serve(app, recorder) == COMPLETED
    assert recorder.events == ["flush"]


def test_an_application_keeps_its_own_lifespan(recorder: Recorder) -> None:
    async def lifespan(app: Starlette) -> Any:
        recorder.events.append("startup")
        yield {"pool": 1}
        recorder.events.append("shutdown")

    from contextlib import asynccontextmanager

    assert serve(Starlette(lifespan=asynccontextmanager(lifespan)), recorder) == COMPLETED
    assert recorder.events == ["startup", "shutdown", "flush"]


def test_the_flush_comes_before_the_server_is_told(recorder: Recorder) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in COMPLETED:
            await receive()
            await send(message)
            recorder.events.append(message["type"])

    serve(app, recorder)
    assert recorder.events == ["lifespan.startup.complete", "flush", "lifespan.shutdown.complete"]


def test_a_failed_shutdown_is_flushed_too(recorder: Recorder) -> None:
    failed = {"type": "lifespan.shutdown.failed", "message": "pool in use"}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(COMPLETED[0])
        await receive()
        await send(failed)

    assert serve(app, recorder) == [COMPLETED[0], failed]
    assert recorder.events == ["flush"]


def test_a_failed_startup_passes_through(recorder: Recorder) -> None:
    failed = {"type": "lifespan.startup.failed", "message": "no database"}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(failed)

    assert serve(app, recorder, STARTUP) == [failed]
    assert recorder.events == []


@pytest.mark.parametrize("after", ["receive", "send"])
def test_an_exception_of_a_used_lifespan_is_the_applications_own(after: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (receive() if after == "receive" else send(COMPLETED[0]))
        raise LookupError("no database")

    with pytest.raises(LookupError, match="no database"):
        serve(app)


def test_the_scope_reaches_the_application_as_it_is() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        raise ValueError

    scope = dict(SCOPE)
    play(TracingMiddleware(app), STARTUP, SHUTDOWN, scope=scope)
    assert seen[0] is scope
    assert scope == SCOPE


def test_an_unknown_message_ends_the_answer() -> None:
    assert serve(raises_at_once, None, STARTUP, {"type": "lifespan.nap"}) == COMPLETED[:1]


def test_the_flush_runs_in_a_thread_that_nobody_has_to_join(recorder: Recorder) -> None:
    serve(raises_at_once, recorder)
    (thread,) = recorder.threads
    assert thread is not threading.main_thread()
    assert thread.daemon


def test_a_flush_that_raises_does_not_hinder_the_shutdown(our_log: list[str]) -> None:
    assert serve(raises_at_once, Unable()) == COMPLETED
    (line,) = our_log
    assert "force_flush failed" in line
    # What was lost are spans: the words for a connection that is not traced would mislead.
    assert "this is not traced" not in line


@pytest.fixture
def slow() -> Iterator[Slow]:
    processor = Slow()
    yield processor
    processor.released.set()


def test_a_dead_collector_does_not_hold_up_the_shutdown(
    slow: Slow, our_log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _lifespan.FLUSH_SECONDS == 5
    monkeypatch.setattr(_lifespan, "FLUSH_SECONDS", 0.05)
    assert serve(raises_at_once, slow) == COMPLETED
    assert our_log == ["telemetry could not be flushed within 0.05 s at shutdown"]


def test_a_provider_that_cannot_flush_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Provider:
        force_flush = None

        def get_tracer(self) -> None: ...

    monkeypatch.setattr(metrics, "get_meter_provider", object)
    app = TracingMiddleware(raises_at_once, tracer_provider=Provider())  # type: ignore[arg-type]
    assert play(app, STARTUP, SHUTDOWN, scope=dict(SCOPE)) == COMPLETED


def test_metrics_are_flushed_with_the_spans(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    meters = Recorder()
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: meters)
    serve(raises_at_once, recorder)
    assert (recorder.events, meters.events) == (["flush"], ["flush"])


def test_spans_that_cannot_be_flushed_do_not_keep_back_the_metrics(
    our_log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    meters = Recorder()
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: meters)
    serve(raises_at_once, Unable())
    assert meters.events == ["flush"]
    assert len(our_log) == 1
