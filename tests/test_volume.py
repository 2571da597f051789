"""How much is traced of a route: nothing, the connection, or its messages as well."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from channels.layers import channel_layers
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute

from otel_ws import Config, ConfigError
from otel_ws.streams import StreamMeter
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumer
from otel_ws_channels.layers import TracedChannelLayer
from otel_ws_starlette import TracingMiddleware as StarletteMiddleware

from .clocked import Clocked
from .drivers import channels, starlette
from .drivers.say import converse
from .drivers.script import Accept, Background, Hear, Leave, Say, Send, Server, Wake, Work
from .drivers.wire import Stage
from .measured import Metrics
from .playing import scope_of
from .test_channels import Echo, application

own = trace.get_tracer("application")
ADAPTERS = [
    starlette.build_function,
    starlette.build_class,
    starlette.build_fastapi,
    channels.build_async,
    channels.build_sync,  # whose consumer starts no tasks
]
every_adapter = pytest.mark.parametrize("build", ADAPTERS, ids=lambda build: build.__name__)
BUSY = Server(
    connect=lambda: (Work("greet"), Accept(), Work("prepare")),
    message=lambda data: (Work("query"), Send(data)),
)


async def play(build: Any, server: Server = BUSY, *steps: Any, **settings: Any) -> None:
    stage = Stage()
    await converse(build(server, stage, **settings), *steps, stage=stage)


# --- the three levels ---------------------------------------------------------------------------


@every_adapter
async def test_off_leaves_an_application_as_it_is_without_us(
    build: Any, spans: CapturedSpans
) -> None:
    await play(build, volume={"/room": "off"})
    assert (
        spans
        == """
        greet
        prepare
        query
    """
    )


@every_adapter
async def test_handshake_makes_spans_of_the_connection_alone(
    build: Any, spans: CapturedSpans
) -> None:
    await play(build, volume={"/room": "handshake"})
    assert spans.tree("websocket.received.message_count", "websocket.sent.message_count") == (
        "GET /room\n"
        "  greet\n"
        "prepare\n"
        "query\n"
        "websocket.close -> GET /room "
        "{websocket.received.message_count=1, websocket.sent.message_count=1}"
    )


@every_adapter
async def test_in_the_other_model_its_span_holds_what_the_application_does(
    build: Any, spans: CapturedSpans
) -> None:
    await play(build, model="connection", volume={"/room": "handshake"})
    assert (
        spans
        == """
        GET /room
          greet
          websocket.connection /room
            prepare
            query
            websocket.close
    """
    )


@every_adapter
async def test_messages_is_what_there_is_without_the_setting(
    build: Any, spans: CapturedSpans
) -> None:
    await play(build)
    expected = str(spans)
    assert "websocket.receive /room" in expected
    for volume in ({"/room": "messages"}, {"/other": "off"}, {}, ()):
        spans.clear()
        await play(build, volume=volume)
        assert str(spans) == expected


@pytest.mark.parametrize("model", ["session", "connection"])
@pytest.mark.parametrize("build", ADAPTERS[:-1], ids=lambda build: build.__name__)
async def test_tasks_of_the_handshake_do_not_feed_it_for_hours(
    build: Any, model: Any, spans: CapturedSpans
) -> None:
    later = Server(connect=lambda: (Accept(), Background((Work("tick"), Send("tick")))))
    stage = Stage()
    app = build(later, stage, model=model, volume={"/room": "handshake"})
    await converse(app, Wake(), Hear("tick"), Leave(), stage=stage)
    [tick] = spans.named("tick")
    assert tick.parent is None or tick.parent == spans.named("websocket.connection")[0].context


@pytest.mark.parametrize("model", ["session", "connection"])
async def test_handshake_is_quiet_about_events_at_both_of_their_ends(
    model: Any, spans: CapturedSpans
) -> None:
    layer = TracedChannelLayer("channels.layers.InMemoryChannelLayer")
    channel_layers.set("default", layer)

    class Room(TracedConsumer):
        groups = ("room",)

        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            await self.channel_layer.group_send("room", {"type": "said", "text": text_data})

        async def said(self, event: Any) -> None:
            with own.start_as_current_span("render"):
                await self.send(event["text"])

    try:
        await converse(application(Room, model=model, volume={"/room": "handshake"}))
    finally:
        channel_layers.backends.clear()
    names = {span.name for span in spans}
    assert names == {"GET /room", "render", "websocket.close"} | (
        {"websocket.connection /room"} if model == "connection" else set()
    )


async def test_a_stream_is_measured_at_every_level_but_off() -> None:
    for level in ("handshake", "messages"):
        metrics = Metrics()
        client = Clocked(detailed=level == "messages", meter_provider=metrics.provider)
        client.hear("hello")
        client.clock.forward(0.25)
        with StreamMeter("reply") as meter:
            client.clock.forward(0.25)
            client.say("a", "b")
        client.leave()
        assert meter.measures.time_to_first_chunk == 0.5, level
        [(attributes, _)] = metrics.read()["websocket.server.stream.time_to_first_chunk"]
        assert attributes["websocket.stream.end_reason"] == "complete"


async def heard(build: Any, level: str) -> dict[str, list[Any]]:
    """Return what is measured of a conversation at a volume."""
    metrics = Metrics()
    settings: Any = {"metrics": "message", "meter_provider": metrics.provider}
    steps = (Say("one"), Hear("one"), Say(b"two"), Hear(b"two"), Leave(1001))
    await play(build, Server(), *steps, volume={"/room": level}, **settings)
    return metrics.read()


@every_adapter
async def test_handshake_measures_all_that_messages_does(build: Any) -> None:
    assert await heard(build, "handshake") == await heard(build, "messages")
    assert await heard(build, "off") == {}


async def test_handshake_measures_events_as_messages_does(settings: Any) -> None:
    found = []
    settings.OTEL_WS_METRICS = "message"
    for level in ("messages", "handshake"):
        metrics = Metrics()
        settings.OTEL_WS_METER_PROVIDER = metrics.provider
        settings.OTEL_WS_VOLUME = {"/room": level}
        layer = TracedChannelLayer("channels.layers.InMemoryChannelLayer")
        channel_layers.set("default", layer)

        class Room(TracedConsumer):
            groups = ("room",)

            async def said(self, event: Any) -> None:
                await self.send(event["text"])

        playing = asyncio.create_task(converse(application(Room), Hear("hi"), Leave()))
        while not layer.groups.get("room"):
            await asyncio.sleep(0)
        await layer.group_send("room", {"type": "said", "text": "hi"})
        await playing
        channel_layers.backends.clear()
        found.append(metrics.read())
    assert found[0] == found[1]
    assert found[0]["messaging.process.duration"][0][1] == 1


# --- where the level comes from -----------------------------------------------------------------


def family(spans: CapturedSpans) -> str:
    """Return the level that the spans of one connection speak of."""
    names = {span.name.partition(" ")[0] for span in spans}
    levels = {
        frozenset(): "off",
        frozenset({"GET", "websocket.close"}): "handshake",
        frozenset({"GET", "websocket.close", "websocket.open"}): "messages",
    }
    return levels[frozenset(names)]


async def quiet(websocket: Any) -> None:
    await websocket.accept()
    await websocket.receive()


def routed(**settings: Any) -> StarletteMiddleware:
    routes = [
        WebSocketRoute("/ws/{name}", quiet),
        Mount("/in", routes=[WebSocketRoute("/ws/{name}", quiet)]),
    ]
    return StarletteMiddleware(Starlette(routes=routes), **settings)


async def level_of(app: Any, path: str, spans: CapturedSpans) -> str:
    spans.clear()
    await converse(app, Leave(), path=path)
    return family(spans)


async def test_a_pattern_names_a_template_or_a_path_and_the_first_wins(
    spans: CapturedSpans,
) -> None:
    app = routed(
        volume={
            "/ws/ticker": "off",
            "/in/ws/{name}": "handshake",
            "/ws/t*": "handshake",
            "*/trace": "messages",
            "/ws/*": "off",
        }
    )
    levels = {
        "/ws/ticker": "off",
        "/ws/tea": "handshake",
        "/ws/trace": "handshake",
        "/in/ws/ticker": "handshake",
        "/ws/x": "off",
    }
    assert {path: await level_of(app, path, spans) for path in levels} == levels


async def test_a_function_is_asked_when_a_connection_opens(spans: CapturedSpans) -> None:
    asked: list[Any] = []
    level = "off"

    def volume(scope: Any, route: str | None) -> str:
        asked.append((scope["path"], route))
        return level

    app = routed(volume=volume)
    for level in ("off", "handshake", "messages"):
        assert await level_of(app, "/ws/7", spans) == level
    assert asked == [("/ws/7", "/ws/{name}")] * 3


@pytest.mark.parametrize("wrong", [None, "of", 7, ["off"]])
async def test_a_function_that_answers_something_else_lowers_nothing(
    wrong: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    assert await level_of(routed(volume=lambda scope, route: wrong), "/ws/7", spans) == "messages"
    assert our_log == ["volume did not return 'off', 'handshake' or 'messages'; all is traced"]


async def test_a_function_that_raises_lowers_nothing(
    spans: CapturedSpans, our_log: list[str]
) -> None:
    def volume(scope: Any, route: str | None) -> str:
        raise LookupError("a bug of the user")

    assert await level_of(routed(volume=volume), "/ws/7", spans) == "messages"
    assert our_log[0] == f"{volume.__qualname__} failed; tracing goes on without it"


async def test_a_django_setting_counts_from_the_next_connection_on(
    settings: Any, spans: CapturedSpans
) -> None:
    app = application(Echo)
    levels = ["messages", "handshake", "off", "messages"]
    for level in levels:
        settings.OTEL_WS_VOLUME = {"/room": level}
        assert await level_of(app, "/room", spans) == level
    del settings.OTEL_WS_VOLUME
    assert await level_of(app, "/room", spans) == "messages"


async def test_an_open_connection_keeps_its_level(settings: Any, spans: CapturedSpans) -> None:
    class Changing(Echo):
        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            settings.OTEL_WS_VOLUME = {"/room": "off"}
            await super().receive(text_data, bytes_data)

    steps = (Say("one"), Hear("one"), Say("two"), Hear("two"), Leave())
    await converse(application(Changing), *steps)
    assert len(spans.named("websocket.receive")) == 2


def volume_from(text: str) -> Any:
    return Config.load({}, {}, {"OTEL_WS_VOLUME": text}).volume


def test_the_environment_names_levels_in_a_list() -> None:
    assert volume_from("/ws/a=off,/ws/b*=handshake") == (
        ("/ws/a", "off"),
        ("/ws/b*", "handshake"),
    )
    assert volume_from(" /ws/a = off , ") == (("/ws/a", "off"),)
    assert volume_from("/ws/a=b=off") == (("/ws/a=b", "off"),)
    assert volume_from(f"{__name__}.routed") is routed


@pytest.mark.parametrize("text", ["/ws/a", "/ws/a=of", "/ws/a=off,/ws/b", "=", ",", "a.b.c", "=="])
def test_what_the_environment_cannot_mean_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        volume_from(text)
    assert str(raised.value).startswith("environment variable OTEL_WS_VOLUME: expected a mapping")


@pytest.mark.parametrize(
    "value", [{"/ws": "of"}, {7: "off"}, {"/ws": None}, {"/ws": ["off"]}, 7, "off", None, [1, 2]]
)
def test_a_wrong_volume_is_an_error(value: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        Config(volume=value)
    assert str(raised.value).startswith("volume: expected a mapping of routes or paths to 'off'")


fuzzed = settings(max_examples=100, derandomize=True, database=None, deadline=None)
LEVELS = st.sampled_from(["off", "handshake", "messages"])
PATHS = st.text(max_size=12).map(lambda text: f"/{text}")


PATTERNS = st.text(max_size=8).filter(lambda pattern: pattern.strip("*") or not pattern)


@fuzzed
@given(volume=st.dictionaries(PATTERNS, LEVELS, max_size=4), path=PATHS)
def test_any_path_has_a_level_and_no_pattern_means_messages(volume: Any, path: str) -> None:
    config = Config(volume=volume)
    level = config.volume_of(scope_of(path=path), None)
    assert level in {"messages", *volume.values()}
    assert Config(volume={**volume, "*": "off"}).volume_of(scope_of(path=path), None) == (
        level if any_matches(volume, path) else "off"
    )


def any_matches(volume: Any, path: str) -> bool:
    marked = {pattern: "handshake" for pattern in volume}
    return Config(volume=marked).volume_of(scope_of(path=path), None) == "handshake"
