"""What both instrumentors promise: any order, once, and nothing left behind."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import distribution, entry_points
from pathlib import Path
from typing import Any

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path
from opentelemetry import _logs, trace
from opentelemetry._logs import LogRecord
from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

import otel_ws_channels
import otel_ws_starlette
from otel_ws import ConfigError, auto
from otel_ws._patches import Patch
from otel_ws.testing import CapturedSpans, capture_spans
from otel_ws_channels.instrumentor import ChannelsInstrumentor
from otel_ws_starlette.instrumentor import StarletteInstrumentor
from tests.drivers.say import converse

from .conftest import instrumented

ROOT = Path(__file__).resolve().parents[2]
own = trace.get_tracer("application")


class Room(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        with own.start_as_current_span("work"):
            await self.send(text_data)


async def room(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        with own.start_as_current_span("work"):
            await websocket.send_text(text)


def channels_app() -> Any:
    return ProtocolTypeRouter({"websocket": URLRouter([path("room", Room.as_asgi())])})


def starlette_app() -> Any:
    return Starlette(routes=[WebSocketRoute("/room", room)])


both = pytest.mark.parametrize(
    ("instrumentor", "make"),
    [(ChannelsInstrumentor(), channels_app), (StarletteInstrumentor(), starlette_app)],
    ids=["Channels", "Starlette"],
)
Make = Callable[[], Any]


@pytest.fixture(autouse=True)
def _no_layer(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {}


# --- imports ------------------------------------------------------------------------------------

FRAMEWORKS = ("asgiref", "channels", "django", "fastapi", "starlette")
LOADED = f"""
import sys
from importlib.metadata import entry_points
for entry in entry_points(group="opentelemetry_instrumentor"):
    if entry.name.startswith("otel_ws"):
        entry.load()().instrument(skip_dep_check=True)
found = [name for name in {FRAMEWORKS} if name in sys.modules]
assert found == [], found
"""
CHANNELS = """
import django.conf
django.conf.settings.configure(CHANNEL_LAYERS={})
from tests.zero_code.test_instrumentor import channels_app as make
"""
STARLETTE = """
from tests.zero_code.test_instrumentor import starlette_app as make
"""
TRACED = """
import asyncio
from otel_ws.testing import capture_spans
from tests.drivers.say import converse
with capture_spans() as spans:
    asyncio.run(converse(make()))
print(*(span.name for span in spans), sep="; ")
"""
NAMES = (
    "GET /room; websocket.open /room; websocket.receive /room; work; websocket.send /room; "
    "websocket.close\n"
)


@pytest.mark.parametrize("framework", [CHANNELS, STARLETTE], ids=["Channels", "Starlette"])
@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
def test_the_order_of_imports_does_not_matter(framework: str, is_first: bool) -> None:
    loaded = LOADED if is_first else LOADED.replace("assert found", "assert True or found")
    steps = (loaded, framework) if is_first else (framework, loaded)
    assert run("".join(steps) + TRACED) == NAMES


def run(program: str) -> str:
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("package", [otel_ws_channels, otel_ws_starlette])
def test_a_package_that_imports_late_has_its_names_and_no_others(package: Any) -> None:
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    with pytest.raises(AttributeError, match="has no attribute 'TracedHorse'"):
        _ = package.TracedHorse


def test_the_entry_points_lead_to_them() -> None:
    group = entry_points(group="opentelemetry_instrumentor")
    ours = {each.name: each.load() for each in group if each.name.startswith("otel_ws")}
    assert ours == {
        "otel_ws_channels": ChannelsInstrumentor,
        "otel_ws_starlette": StarletteInstrumentor,
    }


def test_one_of_the_frameworks_is_enough_to_be_loaded() -> None:
    assert get_dist_dependency_conflicts(distribution("otel-ws")) is None


# --- on and off ---------------------------------------------------------------------------------


def replaced(instrumentor: auto.Instrumentor) -> list[Any]:
    """Return what stands at every place that is patched."""
    patches = [patch._target.partition(":") for patch in instrumentor._patches]
    paths = [(sys.modules[module], *path.split(".")) for module, _, path in patches]
    return [vars(getattr(module, name))[method] for module, name, method in paths]


@both
def test_twice_is_as_once(instrumentor: Any, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    import fastapi  # noqa: F401  (one of the places)

    before = replaced(instrumentor)
    with instrumented(instrumentor):
        once = replaced(instrumentor)
        instrumentor.instrument()
        assert replaced(instrumentor) == once
        assert not set(map(id, once)) & set(map(id, before))
    assert list(map(id, replaced(instrumentor))) == list(map(id, before))


@both
async def test_on_and_off_and_on(instrumentor: Any, make: Make, spans: CapturedSpans) -> None:
    app = make()
    for is_on in (True, False, True):
        spans.clear()
        with instrumented(instrumentor):
            if not is_on:
                instrumentor.uninstrument()
            await converse(app)
        assert len(spans.named("GET")) == is_on


@both
async def test_what_somebody_has_wrapped_meanwhile_stays(
    instrumentor: Any, make: Make, spans: CapturedSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(make())
    calls = []
    with instrumented(instrumentor):
        ours = kind.__call__

        async def theirs(self: Any, scope: Any, receive: Any, send: Any) -> None:
            calls.append(scope["type"])
            await ours(self, scope, receive, send)

        monkeypatch.setattr(kind, "__call__", theirs)
    await converse(make())
    assert spans.named("GET") == []
    with instrumented(instrumentor):
        await converse(make())
    assert len(spans.named("GET")) == 1
    assert len(calls) == 2
    instrumentor.__dict__.pop("_patches")  # what it knows of that is not for the next test


@both
async def test_a_connection_that_is_open_is_traced_to_its_end(
    instrumentor: Any, make: Make, spans: CapturedSpans
) -> None:
    app = make()

    async def off_at_the_first_message(scope: Any, receive: Any, send: Any) -> None:
        async def received() -> Any:
            message = await receive()
            if message["type"] == "websocket.receive":
                instrumentor.uninstrument()
            return message

        await app(scope, received, send)

    with instrumented(instrumentor):
        await converse(off_at_the_first_message)
    assert len(spans.named("websocket.close")) == 1
    assert all(span.end_time for span in spans)


@both
async def test_nothing_is_held_of_an_application(instrumentor: Any, make: Make) -> None:
    with instrumented(instrumentor):
        app = make()
        await converse(app)
        kind, number = type(app), id(app)
        del app
        gc.collect()
        assert number not in {id(each) for each in gc.get_objects() if type(each) is kind}


# --- settings -----------------------------------------------------------------------------------


@both
async def test_keywords_are_settings(instrumentor: Any, make: Make, spans: CapturedSpans) -> None:
    with instrumented(instrumentor, model="connection", trace_sends=False):
        await converse(make())
    assert (
        spans
        == """
        GET /room
          websocket.connection /room
            websocket.open /room
            websocket.receive /room
              work
            websocket.close
    """
    )


@both
def test_a_wrong_keyword_is_said_at_once(instrumentor: Any, make: Make) -> None:
    with pytest.raises(ConfigError, match="expected 'session' or 'connection'"):
        instrumentor.instrument(model="none")
    assert not instrumentor.is_instrumented_by_opentelemetry


@both
async def test_the_environment_sets_what_keywords_do_not(
    instrumentor: Any, make: Make, spans: CapturedSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_WS_TRACE_SENDS", "false")
    with instrumented(instrumentor):
        await converse(make())
    assert spans.named("websocket.send") == []


@both
async def test_a_wrong_variable_leaves_the_application_alone(
    instrumentor: Any, make: Make, our_log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_WS_MODEL", "none")
    with instrumented(instrumentor):
        for _ in range(2):
            sent = await converse(make())
            assert sent[-1]["text"] == "hello"
    assert our_log == ["Instrumentor._beginning failed; the application is unaffected"]


async def test_djangos_settings_are_read_when_a_connection_opens(
    settings: Any, spans: CapturedSpans
) -> None:
    with instrumented(ChannelsInstrumentor()):
        for names in (True, False):
            settings.OTEL_WS_TRACE_SENDS = names
            await converse(channels_app())
    assert len(spans.named("websocket.send")) == 1


@both
async def test_providers_are_keywords(instrumentor: Any, make: Make, spans: CapturedSpans) -> None:
    tracers, reader = TracerProvider(), InMemoryMetricReader()
    meters = MeterProvider([reader])
    with (
        instrumented(instrumentor, tracer_provider=tracers, meter_provider=meters),
        capture_spans(tracers) as ours,
    ):
        await converse(make())
    assert [span.name for span in spans] == ["work"]
    assert len(ours.named("websocket.receive")) == 1
    assert reader.get_metrics_data() is not None
    meters.shutdown()


async def test_keywords_hold_for_layers_too(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    from channels.layers import get_channel_layer

    tracers = TracerProvider()
    with (
        instrumented(ChannelsInstrumentor(), tracer_provider=tracers),
        capture_spans(tracers) as ours,
        capture_spans() as others,
    ):
        await get_channel_layer().send("painters", {"type": "paint"})
    assert (str(ours), str(others)) == ("send paint", "")


# --- the session on the application's own spans and records ---------------------------------------


@both
async def test_the_applications_own_spans_have_the_session(
    instrumentor: Any, make: Make, spans: CapturedSpans
) -> None:
    with instrumented(instrumentor):
        await converse(make())
    [handshake], [work] = spans.named("GET"), spans.named("work")
    assert work.attributes["websocket.session.id"] == handshake.attributes["websocket.session.id"]


@both
async def test_without_an_instrumentor_they_have_none(
    instrumentor: Any, make: Make, spans: CapturedSpans
) -> None:
    with instrumented(instrumentor):
        await converse(make())
    before = processors()
    with instrumented(instrumentor):
        await converse(make())
        assert processors() == before
    with own.start_as_current_span("alone"):
        pass
    assert "websocket.session.id" not in spans.named("alone")[0].attributes


def processors() -> int:
    return len(trace.get_tracer_provider()._active_span_processor._span_processors)


@pytest.fixture
def global_provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], None]]:
    """Set the global provider as if for the first time, and take it back."""
    yield lambda provider: monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)


@both
async def test_a_provider_that_is_set_later(
    instrumentor: Any, make: Make, global_provider: Callable[[Any], None]
) -> None:
    global_provider(None)
    with instrumented(instrumentor):
        global_provider(provider := TracerProvider())
        with capture_spans(provider) as spans:
            await converse(make())
            with own.start_as_current_span("alone"):
                pass
    assert len({s.attributes["websocket.session.id"] for s in spans.named("websocket.")}) == 1


class _Kept:
    def __init__(self) -> None:
        self.attributes: list[Any] = []

    def export(self, batch: Any) -> Any:
        self.attributes += [dict(each.log_record.attributes or {}) for each in batch]

    def shutdown(self) -> None:
        pass


@both
async def test_log_records_have_the_session_whatever_exports_them(
    instrumentor: Any, make: Make, spans: CapturedSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, provider = _Kept(), LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    log = provider.get_logger("application")
    app = make()

    async def logging_app(scope: Any, receive: Any, send: Any) -> None:
        async def logged(message: Any) -> None:
            if message["type"] == "websocket.send":
                log.emit(LogRecord(body="said", severity_number=_logs.SeverityNumber.INFO))
            await send(message)

        await app(scope, receive, logged)

    with instrumented(instrumentor, logger_provider=provider):
        await converse(logging_app)
    [handshake] = spans.named("GET")
    session = handshake.attributes["websocket.session.id"]
    assert kept.attributes == [{"websocket.session.id": session}]


# --- what may be broken -------------------------------------------------------------------------


@both
@pytest.mark.parametrize("method", ["_beginning", "middleware", "is_traced", "_attach_marks"])
async def test_a_broken_instrumentor_leaves_the_application_alone(
    instrumentor: Any, make: Make, method: str, our_log: list[str], monkeypatch: Any
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise LookupError("a bug of ours")

    if method == "_beginning":
        from otel_ws._log import shielded

        broken = shielded(broken)
    with instrumented(instrumentor):
        monkeypatch.setattr(type(instrumentor), method, broken)
        sent = await converse(make())
    assert sent[-1]["text"] == "hello"
    assert len(our_log) == 1


async def test_a_broken_adapter_leaves_the_application_alone(
    our_log: list[str], monkeypatch: Any, settings: Any
) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    for module in ("_losses", "_dispatch", "layers"):
        monkeypatch.setitem(sys.modules, f"otel_ws_channels.{module}", None)

    class Own(Room):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await super().__call__(scope, receive, send)

    with instrumented(ChannelsInstrumentor()):
        sent = await converse(
            ProtocolTypeRouter({"websocket": URLRouter([path("room", Own.as_asgi())])})
        )
    assert sent[-1]["text"] == "hello"
    assert our_log


def test_a_replacement_that_cannot_be_made_leaves_the_method(our_log: list[str]) -> None:
    def broken(original: Any) -> Any:
        raise LookupError("a bug of ours")

    before = Starlette.__call__
    patch = Patch("starlette.applications:Starlette.__call__", broken)
    patch.apply()
    assert Starlette.__call__ is before
    patch.undo()
    assert our_log == ["Patch._replace failed; the application is unaffected"]


def test_a_place_that_is_missing_is_said(our_log: list[str]) -> None:
    patch = Patch("starlette.applications:Starlette.no_such_method", lambda original: original)
    patch.apply()
    patch.undo()
    assert our_log == [
        "there is no starlette.applications:Starlette.no_such_method, and so nothing to trace there"
    ]


@pytest.mark.parametrize(
    ("requires", "lines"),
    [
        ("channels >= 99", 1),
        ("a-framework-that-nobody-has >= 1", 0),
    ],
)
def test_a_version_that_is_not_traced(
    requires: str, lines: int, our_log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ChannelsInstrumentor, "requires", requires)
    before = replaced(ChannelsInstrumentor())
    ChannelsInstrumentor().instrument(skip_dep_check=True)
    assert replaced(ChannelsInstrumentor()) == before
    ChannelsInstrumentor().uninstrument()
    assert len(our_log) == lines
