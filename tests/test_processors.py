"""The session's id is put on what the application itself records for a connection."""

from __future__ import annotations

import asyncio
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import URLRouter
from django.urls import path
from opentelemetry import baggage
from opentelemetry._logs import LogRecord
from opentelemetry.context import Context, attach, get_current
from opentelemetry.sdk import _logs
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler, LogRecordProcessor
from opentelemetry.sdk._logs import export as log_export
from opentelemetry.sdk.trace import TracerProvider

import otel_ws_channels
from otel_ws._session import with_session
from otel_ws.asgi import TracingMiddleware
from otel_ws.processors import SessionLogProcessor, SessionSpanProcessor
from otel_ws.testing import CapturedSpans, capture_spans

from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .playing import CONNECT, LEAVE, play

SESSION = "websocket.session.id"
# The name has changed with the versions.
InMemoryExporter: Any = getattr(log_export, "InMemoryLogRecordExporter", None) or getattr(
    log_export, "InMemoryLogExporter", None
)


class Recorded:
    """What an application has recorded while sessions were going on."""

    def __init__(
        self, provider: TracerProvider, spans: CapturedSpans, logger_provider: Any, logs: Any
    ) -> None:
        self.provider, self.spans = provider, spans
        self.logger_provider, self._logs = logger_provider, logs
        self.tracer = provider.get_tracer("application")
        self.log = logging.getLogger("application")

    @property
    def logs(self) -> dict[str, Any]:
        """The session of each record, by its text."""
        records = [each.log_record for each in self._logs.get_finished_logs()]
        return {record.body: (record.attributes or {}).get(SESSION) for record in records}

    def sessions(self, *names: str) -> list[Any]:
        """Return the session of each span of these names."""
        return [(s.attributes or {}).get(SESSION) for s in self.spans if s.name in names]

    def do(self, what: str) -> None:
        """Make a span and a log record of something."""
        with self.tracer.start_as_current_span(what):
            self.log.warning(what)


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SessionSpanProcessor())
    logs = InMemoryExporter()
    logger_provider = LoggerProvider(shutdown_on_exit=False)
    logger_provider.add_log_record_processor(SessionLogProcessor())
    logger_provider.add_log_record_processor(log_export.SimpleLogRecordProcessor(logs))
    with capture_spans(provider) as spans, handling(logger_provider):
        yield Recorded(provider, spans, logger_provider, logs)
    logger_provider.shutdown()


@contextmanager
def handling(provider: LoggerProvider) -> Iterator[None]:
    """Hand what is logged as ``application`` to a provider."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Its successor is in another package.
        handler = LoggingHandler(logger_provider=provider)
    logger = logging.getLogger("application")
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


def traced(application: Any, recorded: Recorded, **settings: Any) -> TracingMiddleware:
    return TracingMiddleware(application, tracer_provider=recorded.provider, **settings)


# --- where the Context goes ---------------------------------------------------------------------


@pytest.mark.parametrize("model", ["session", "connection"])
def test_what_is_recorded_for_a_connection_has_its_session(model: Any, recorded: Recorded) -> None:
    sessions: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        sessions.append(scope["otel_ws"].id)
        recorded.do("before accept")
        await receive()
        await send({"type": "websocket.accept"})
        recorded.do("after accept")
        ticker = asyncio.create_task(later())
        await receive()
        recorded.do("message")
        await asyncio.to_thread(recorded.do, "thread")
        await asyncio.gather(asyncio.create_task(later()), ticker)
        await receive()
        recorded.do("after the end")

    async def later() -> None:
        await asyncio.sleep(0)
        recorded.do("task")

    recorded.do("outside")
    play(traced(app, recorded, model=model))
    recorded.do("outside")
    done = ["before accept", "after accept", "message", "thread", "task", "after the end"]
    (session,) = sessions
    assert recorded.logs == {"outside": None, **dict.fromkeys(done, session)}
    assert recorded.sessions(*done) == [session] * 7
    assert recorded.sessions("outside") == [None, None]


async def test_two_sessions_at_once_are_told_apart(recorded: Recorded) -> None:
    both = asyncio.Barrier(2)
    sessions: dict[str, str] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        name = (await receive())["text"]
        sessions[name] = scope["otel_ws"].id
        await both.wait()
        recorded.do(name)
        await receive()

    application = traced(app, recorded)
    await asyncio.gather(*(converse(application, Say(name), Leave()) for name in ("ada", "grace")))
    assert len(set(sessions.values())) == 2
    assert recorded.logs == sessions
    assert [recorded.sessions(name) for name in sessions] == [[each] for each in sessions.values()]


@pytest.mark.parametrize("base", [AsyncWebsocketConsumer, WebsocketConsumer])
@pytest.mark.parametrize("mixin", [True, False])
async def test_consumers_on_channels(base: Any, mixin: bool, recorded: Recorded) -> None:
    """Sync consumers run in a thread; those without the mixin have no span of ours around them."""
    seen = []

    class Sync(WebsocketConsumer):
        def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            seen.append((self.scope["otel_ws"].id, threading.current_thread()))
            recorded.do("handle")
            self.send(text_data)

    class Async(AsyncWebsocketConsumer):
        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            seen.append((self.scope["otel_ws"].id, threading.current_thread()))
            recorded.do("handle")
            await self.send(text_data)

    plain = Sync if base is WebsocketConsumer else Async
    consumer = type("C", (otel_ws_channels.TracedConsumerMixin, plain), {}) if mixin else plain
    await converse(
        otel_ws_channels.TracingMiddleware(
            URLRouter([path("room", consumer.as_asgi())]),
            tracer_provider=recorded.provider,
        )
    )
    ((session, thread),) = seen
    assert (thread is threading.main_thread()) is (plain is Async)
    assert recorded.sessions("handle") == [session]
    assert recorded.logs == {"handle": session}


def test_a_session_that_was_handed_over_as_an_id(recorded: Recorded) -> None:
    """Work that goes on in another process knows no more than the id."""
    attach(with_session("their id", get_current()))
    recorded.do("render")
    assert recorded.sessions("render") == ["their id"]
    assert recorded.logs == {"render": "their id"}


# --- what is left alone -------------------------------------------------------------------------


def in_session(function: Callable[[], None], recorded: Recorded) -> str:
    """Call a function in the Context of a connection, and return its session."""
    sessions = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        sessions.append(scope["otel_ws"].id)
        function()
        await receive()

    play(traced(app, recorded), CONNECT, LEAVE)
    return str(sessions[0])


def test_a_value_of_the_application_stays(recorded: Recorded) -> None:
    def record() -> None:
        recorded.tracer.start_span("mine", attributes={SESSION: "mine"})
        recorded.log.warning("mine", extra={SESSION: "mine"})

    in_session(record, recorded)
    assert recorded.sessions("mine") == ["mine"]
    assert recorded.logs == {"mine": "mine"}


async def test_our_spans_keep_the_session_of_their_connection(recorded: Recorded) -> None:
    """A send to another connection is made in this one's Context, and belongs to the other."""
    members: list[Any] = []
    is_listening = asyncio.Event()

    async def room(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        members.append((scope["otel_ws"].id, send))
        is_listening.set()
        while (message := await receive())["type"] == "websocket.receive":
            await members[0][1]({"type": "websocket.send", "text": message["text"]})

    application = traced(room, recorded)
    listening = asyncio.create_task(converse(application, Hear("tea"), Leave()))
    await is_listening.wait()
    await converse(application, Say("tea"), Leave())
    await listening
    (send,) = recorded.spans.named("websocket.send")
    (message,) = recorded.spans.named("websocket.receive")
    assert [each.attributes[SESSION] for each in (send, message)] == [m[0] for m in members]


def test_baggage_is_not_believed(recorded: Recorded) -> None:
    attach(baggage.set_baggage(SESSION, "forged"))
    recorded.do("forged")
    session = in_session(lambda: recorded.do("inside"), recorded)
    assert recorded.sessions("forged", "inside") == [None, session]
    assert recorded.logs == {"forged": None, "inside": session}


def test_an_empty_context_belongs_to_nobody(recorded: Recorded) -> None:
    in_session(lambda: recorded.tracer.start_span("apart", Context()).end(), recorded)
    assert recorded.sessions("apart") == [None]


def test_attributes_that_records_share_are_not_written_to(recorded: Recorded) -> None:
    shared = {"shop": "tea"}
    logger = recorded.logger_provider.get_logger("application")

    def log(text: str, attributes: Any) -> None:
        logger.emit(LogRecord(body=text, attributes=attributes))

    session = in_session(lambda: (log("shared", shared), log("none", None)), recorded)
    log("later", shared)
    assert recorded.logs == {"shared": session, "none": session, "later": None}
    assert shared == {"shop": "tea"}


# --- the rest -----------------------------------------------------------------------------------

keeps_context = pytest.mark.skipif(
    not hasattr(LogRecord(), "context"), reason="log records of this SDK keep no context"
)


@keeps_context
def test_a_record_belongs_to_the_context_that_it_was_made_in(recorded: Recorded) -> None:
    records = []
    session = in_session(lambda: records.append(LogRecord(body="emitted later")), recorded)
    logger = recorded.logger_provider.get_logger("application")
    attach(with_session("another", get_current()))
    logger.emit(records[0])
    logger.emit(LogRecord(body="explicit", context=with_session("given", Context())))
    assert recorded.logs == {"emitted later": session, "explicit": "given"}


@keeps_context
@pytest.mark.skipif(
    not hasattr(_logs, "ConcurrentMultiLogRecordProcessor"), reason="this SDK declares none"
)
def test_a_processor_that_is_called_in_another_thread() -> None:
    processors = _logs.ConcurrentMultiLogRecordProcessor()
    provider = LoggerProvider(shutdown_on_exit=False, multi_log_record_processor=processors)
    provider.add_log_record_processor(SessionLogProcessor())
    attach(with_session("theirs", get_current()))
    record = LogRecord(body="text")
    provider.get_logger("application").emit(record)
    assert record.attributes == {SESSION: "theirs"}


def test_a_record_that_waits_to_be_exported_is_marked_where_it_waits() -> None:
    """An exporter that was there first, as one that the environment names, exports in batches."""
    exporter = InMemoryExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    batch = log_export.BatchLogRecordProcessor(exporter, schedule_delay_millis=60_000)
    provider.add_log_record_processor(batch)
    provider.add_log_record_processor(SessionLogProcessor())
    attach(with_session("theirs", get_current()))
    with handling(provider):
        logging.getLogger("application").warning("waits")
    provider.force_flush()
    (exported,) = exporter.get_finished_logs()
    assert exported.log_record.attributes[SESSION] == "theirs"
    provider.shutdown()


def test_what_is_broken_breaks_nothing(our_log: list[str]) -> None:
    class Broken:
        @property
        def attributes(self) -> Any:
            raise RuntimeError("no attributes")

        log_record = attributes

    broken: Any = Broken()
    attach(with_session("theirs", get_current()))
    SessionSpanProcessor().on_start(broken)
    processor = SessionLogProcessor()
    for give in processor.on_emit, processor.emit:
        give(broken)
    assert our_log == [
        "_mark_span failed; the application is unaffected",
        "_mark_record failed; the application is unaffected",
    ]


def test_a_flush_and_a_shutdown_reach_the_processors_after_ours() -> None:
    """The SDK stops at the first one that does not say that it is done."""
    reached = []

    class Last:
        def force_flush(self, timeout_millis: int = 30000) -> bool:
            reached.append("flush")
            return True

        def shutdown(self) -> None:
            reached.append("shutdown")

    last: Any = Last()
    spans, logs = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    spans.add_span_processor(SessionSpanProcessor())
    spans.add_span_processor(last)
    logs.add_log_record_processor(SessionLogProcessor())
    logs.add_log_record_processor(last)
    for provider in spans, logs:
        assert provider.force_flush()
        provider.shutdown()
    assert reached == ["flush", "shutdown"] * 2


@pytest.mark.skipif(
    not hasattr(LogRecordProcessor, "enabled"), reason="this SDK asks no processor beforehand"
)
def test_a_processor_that_wants_no_record_still_has_the_say() -> None:
    class Picky(LogRecordProcessor):
        def enabled(self, *, severity_number: Any = None, **_: Any) -> bool:
            return bool(severity_number)

        def on_emit(self, log_record: Any) -> None: ...
        def shutdown(self) -> None: ...
        def force_flush(self, timeout_millis: int = 30000) -> bool:
            return True

    provider: Any = LoggerProvider(shutdown_on_exit=False)
    for processor in SessionLogProcessor(), Picky():
        provider.add_log_record_processor(processor)
    logger = provider.get_logger("application")
    assert not logger.enabled()
    assert logger.enabled(severity_number=True)
