"""Contexts in messages: what is put into what is sent, and taken out of what is received."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis.asyncio
from asgiref.testing import ApplicationCommunicator
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from channels.layers import channel_layers
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler, SamplingResult
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

import otel_ws_starlette
from otel_ws.asgi import TracingMiddleware
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumer, TracedConsumerMixin
from otel_ws_channels.layers import TracedChannelLayer
from otel_ws_starlette.fanout import RedisFanout
from testproject.redis_server import RedisServer

from .carrying import (
    PLAIN,
    TRACEPARENT,
    Room,
    both_models,
    carried,
    converse,
    every_framework,
    writers,
    written,
)
from .drivers.script import Commands, Metered, Send
from .playing import ACCEPT, CONNECT, LEAVE, Told, play, scope_of
from .test_channels import application
from .test_scenarios import DRIVERS, Driver

ASGI = DRIVERS[1]
ANSWER = '{"answer": 1}'
UNSAMPLED = {"tracer_provider": TracerProvider(sampler=ALWAYS_OFF)}


def say(text: Any) -> dict[str, Any]:
    key = "text" if isinstance(text, str) else "bytes"
    return {"type": "websocket.receive", key: text}


def answer(data: Any) -> Commands:
    yield Send(ANSWER)


# --- what is sent -------------------------------------------------------------------------------


@both_models
@every_framework
@pytest.mark.parametrize(
    ("settings", "writer"),
    [({}, "websocket.send /room"), ({"trace_sends": False}, "websocket.receive /room")],
    ids=["sends are traced", "sends are not"],
)
def test_what_is_sent_says_where_it_comes_from(
    driver: Driver, settings: Any, writer: str, model: str, spans: CapturedSpans
) -> None:
    sent = converse(driver, answer, PLAIN, PLAIN, inject_sends=True, model=model, **settings)
    assert writers(spans, sent) == [writer] * 2
    assert len(set(sent)) == 2
    # Nothing else is in it: no tracestate, no baggage.
    parents = [written(each) for each in sent]
    assert [json.loads(each) for each in sent] == [
        {"answer": 1, "_meta": {"traceparent": parent}} for parent in parents
    ]


@both_models
@every_framework
def test_a_trusted_message_is_answered_in_its_trace_and_without_its_baggage(
    driver: Driver, model: str, spans: CapturedSpans
) -> None:
    said = carried(tracestate="a=1", baggage="tenant=acme")
    settings = {"message_trust": "parent", "handshake_trust": "ignore"}
    (sent,) = converse(driver, answer, said, inject_sends=True, model=model, **settings)
    (send,) = spans.named("websocket.send")
    assert send.context is not None
    is_one_trace = f"{send.context.trace_id:032x}" == TRACEPARENT.split("-")[1]
    assert is_one_trace == (model == "session")
    assert json.loads(sent)["_meta"].keys() == {"traceparent"}


@both_models
@every_framework
def test_the_chunks_of_a_stream_say_which_it_is(
    driver: Driver, model: str, spans: CapturedSpans
) -> None:
    def stream(data: Any) -> Commands:
        yield Metered("reply", (Send(ANSWER), Send(ANSWER)))
        yield Send(ANSWER)

    sent = converse(driver, stream, PLAIN, inject_sends=True, model=model)
    assert writers(spans, sent) == [*["websocket.stream reply"] * 2, "websocket.send /room"]


@every_framework
@pytest.mark.parametrize(
    "message",
    [
        carried(),
        '{"_meta": {"tracestate": "a=1"}}',
        '{"_meta": null}',
        "hello",
        "",
        "[1]",
        '{"a":',
        b"\0\xff",
        '{"a": "' + "x" * 65_536 + '"}',
    ],
    ids=lambda message: repr(message)[:20],
)
def test_a_message_without_a_place_is_sent_as_it_is(
    driver: Driver, message: Any, spans: CapturedSpans
) -> None:
    def tell(data: Any) -> Commands:
        yield Send(message)

    assert converse(driver, tell, PLAIN, inject_sends=True) == [message]
    assert len(spans.named("websocket.send")) == 1


class HandshakesAlone(Sampler):
    def should_sample(self, *arguments: Any, **more: Any) -> SamplingResult:
        sampler = ALWAYS_ON if arguments[2] == "GET" else ALWAYS_OFF
        return sampler.should_sample(*arguments, **more)

    def get_description(self) -> str:
        return "handshakes alone"


ALONE = {"tracer_provider": TracerProvider(sampler=HandshakesAlone())}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"inject_sends": True, "message_codec": None},
        {"inject_sends": True, **UNSAMPLED},
        {"inject_sends": True, **UNSAMPLED, "metrics": "off"},
        {"inject_sends": True, **UNSAMPLED, "inherit_sampling": False},
        {"inject_sends": True, **ALONE},
        {"inject_sends": True, **ALONE, "inherit_sampling": False},
        {"inject_sends": True, "excluded_messages": lambda scope, message: True},
        {"inject_sends": True, "volume": {"/room": "off"}},
        {"inject_sends": True, "volume": {"/room": "handshake"}},
        {"inject_sends": True, "excluded_routes": ["/room"]},
    ],
    ids=[
        *("not wanted", "no codec", "unsampled", "silent", "no inheritance"),
        *("messages unsampled", "without inheritance", "quiet", "off", "handshake", "excluded"),
    ],
)
def test_what_is_not_recorded_is_not_written(settings: Any, spans: CapturedSpans) -> None:
    own = {"type": "websocket.send", "text": ANSWER}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(dict(ACCEPT))
        await receive()
        await send(own)

    settings = {"message_codec": "json", **settings}
    *_, sent = play(TracingMiddleware(app, **settings), CONNECT, say(carried()))
    assert sent is own
    assert own == {"type": "websocket.send", "text": ANSWER}


def test_the_message_of_the_application_stays_its_own(spans: CapturedSpans) -> None:
    own = {"type": "websocket.send", "text": ANSWER, "bytes": None}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(dict(ACCEPT))
        await send(own)

    _, sent = play(TracingMiddleware(app, message_codec="json", inject_sends=True), CONNECT)
    assert own == {"type": "websocket.send", "text": ANSWER, "bytes": None}
    assert sent == {**own, "text": sent["text"]}
    assert written(sent["text"])


@both_models
def test_what_is_counted_is_what_the_application_sends_and_gets(
    model: str, spans: CapturedSpans
) -> None:
    settings = {"inject_sends": True, "strip_carriers": True, "model": model}
    sent = converse(ASGI, answer, carried(), **settings)
    stripped, own = len('{"say": "hello"}'), len(ANSWER)
    assert len(sent[0]) > own
    size = "websocket.message.size"
    (message,), (send,) = spans.named("websocket.receive"), spans.named("websocket.send")
    assert ((message.attributes or {})[size], (send.attributes or {})[size]) == (stripped, own)
    (close,) = spans.named("websocket.close")
    totals = close.attributes or {}
    assert totals["websocket.received.size"] == stripped
    assert (totals["websocket.sent.size"], totals["websocket.sent.message_count"]) == (own, 1)


# --- what is pushed: the way back ---------------------------------------------------------------


class Chat(TracedConsumer):
    groups = ("room",)

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.channel_layer.group_send("room", {"type": "room.said", "text": text_data})

    async def room_said(self, event: Any) -> None:
        await self.send(json.dumps({"text": event["text"]}))


class SyncChat(TracedConsumerMixin, WebsocketConsumer):
    groups = ("room",)

    def room_said(self, event: Any) -> None:
        self.send(json.dumps({"text": event["text"]}))


async def opened(app: Any) -> ApplicationCommunicator:
    """Return a client of a server, which has accepted it."""
    client = ApplicationCommunicator(app, scope_of())
    await client.send_input(dict(CONNECT))
    assert (await client.receive_output(timeout=5))["type"] == "websocket.accept"
    return client


async def close(*clients: ApplicationCommunicator) -> None:
    for client in clients:
        await client.send_input(dict(LEAVE))
        await client.wait(timeout=5)


@both_models
@pytest.mark.parametrize("listener", [Chat, SyncChat])
async def test_a_push_over_the_layer_carries_its_context_to_the_client(
    listener: Any, model: Any, spans: CapturedSpans
) -> None:
    channel_layers.set("default", TracedChannelLayer("channels.layers.InMemoryChannelLayer"))
    settings = {"message_codec": "json", "inject_sends": True, "model": model}
    here, there = application(Chat, **settings), application(listener, **settings)
    try:
        asks, hears = await opened(here), await opened(there)
        await asks.send_input(say("hello"))
        pushed = [(await each.receive_output(timeout=5))["text"] for each in (asks, hears)]
        await close(asks, hears)
    finally:
        channel_layers.backends.clear()
    assert writers(spans, pushed) == ["websocket.send /room"] * 2
    (cause,) = spans.named("websocket.receive")
    assert cause.context is not None
    traces = [
        str(written(each)).split("-")[1] == f"{cause.context.trace_id:032x}" for each in pushed
    ]
    # In the other model each of them is in the trace of its own connection.
    assert traces == [True, model == "session"]


async def test_a_push_over_redis_carries_its_context_to_the_client(
    redis_server: RedisServer, spans: CapturedSpans
) -> None:
    async def ask(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.app.state.fanout.publish("room", {"type": "said", "text": text})

    async def hear(websocket: WebSocket) -> None:
        async with websocket.app.state.fanout.subscribe("room") as events:
            await websocket.accept()
            async for event in events:
                await websocket.send_json(event.message)
                break

    async with (
        redis.asyncio.from_url(redis_server.url) as one,
        redis.asyncio.from_url(redis_server.url) as other,
    ):
        servers = []
        for endpoint, client in ((ask, one), (hear, other)):
            app = Starlette(routes=[WebSocketRoute("/room", endpoint)])
            app.state.fanout = RedisFanout(client)
            servers.append(
                otel_ws_starlette.TracingMiddleware(app, message_codec="json", inject_sends=True)
            )
        asks, hears = await opened(servers[0]), await opened(servers[1])
        await asks.send_input(say("hello"))
        pushed = (await hears.receive_output(timeout=5))["text"]
        await close(asks)
        await hears.wait(timeout=5)
    assert writers(spans, [pushed]) == ["websocket.send /room"]
    (cause,) = spans.named("websocket.receive")
    assert cause.context is not None
    assert str(written(pushed)).split("-")[1] == f"{cause.context.trace_id:032x}"


# --- what is taken out --------------------------------------------------------------------------

STRIPPED = {
    "sampled": {},
    "unsampled": UNSAMPLED,
    "silent": {**UNSAMPLED, "metrics": "off"},
    "no inheritance": {**UNSAMPLED, "inherit_sampling": False},
    "without metrics": {"metrics": "off"},
    "only handshakes": {"volume": {"/room": "handshake"}},
    "quiet": {"excluded_messages": lambda scope, message: True},
    "ignored": {"message_trust": "ignore"},
    "trusted": {"message_trust": "parent"},
}


@both_models
@every_framework
@pytest.mark.parametrize("settings", STRIPPED.values(), ids=STRIPPED)
def test_the_application_never_sees_a_carrier_that_is_to_be_taken_out(
    driver: Driver, settings: Any, model: str, spans: CapturedSpans
) -> None:
    said = [carried(), carried(5), carried().encode(), "hello", PLAIN, b"\0"]
    room = Room()
    converse(driver, room, *said, strip_carriers=True, model=model, **settings)
    assert room.got == [PLAIN, PLAIN, PLAIN.encode(), "hello", PLAIN, b"\0"]


@every_framework
def test_without_the_setting_the_application_gets_what_was_sent(
    driver: Driver, spans: CapturedSpans
) -> None:
    said = [carried(), carried(5), carried().encode(), "hello", PLAIN, b"\0"]
    room = Room()
    converse(driver, room, *said)
    assert room.got == said


def consumer(kind: type, seen: list[Any]) -> Any:
    """Return an application with a consumer that knows nothing of us."""

    async def receive(self: Any, text_data: Any = None, bytes_data: Any = None) -> None:
        seen.append(text_data)

    def receive_sync(self: Any, text_data: Any = None, bytes_data: Any = None) -> None:
        seen.append(text_data)

    async def receive_json(self: Any, content: Any, **_: Any) -> None:
        seen.append(json.dumps(content))

    def receive_json_sync(self: Any, content: Any, **_: Any) -> None:
        seen.append(json.dumps(content))

    handlers = {
        AsyncWebsocketConsumer: {"receive": receive},
        WebsocketConsumer: {"receive": receive_sync},
        AsyncJsonWebsocketConsumer: {"receive_json": receive_json},
        JsonWebsocketConsumer: {"receive_json": receive_json_sync},
    }
    return type("Room", (kind,), handlers[kind])


@pytest.mark.parametrize("settings", [{}, UNSAMPLED], ids=["sampled", "unsampled"])
@pytest.mark.parametrize(
    "kind",
    [AsyncWebsocketConsumer, WebsocketConsumer, AsyncJsonWebsocketConsumer, JsonWebsocketConsumer],
)
def test_it_is_taken_out_for_a_consumer_without_the_mixin_too(
    kind: Any, settings: Any, spans: CapturedSpans
) -> None:
    seen: list[Any] = []
    app = application(consumer(kind, seen), message_codec="json", strip_carriers=True, **settings)
    play(app, CONNECT, say(carried()), LEAVE)
    assert seen == [PLAIN]


def test_the_core_returns_what_is_to_be_handed_on(spans: CapturedSpans) -> None:
    told = Told(message_codec="json", strip_carriers=True, inject_sends=True)
    told.receive(CONNECT).send(ACCEPT)
    message, plain = say(carried()), say(PLAIN)
    assert told.connection.received(message) == say(PLAIN)
    assert message == say(carried())
    assert told.connection.received(plain) is plain
    own = {"type": "websocket.send", "text": ANSWER}
    sending = told.connection.sending(own)
    assert sending is not None
    told.connection.sent(own, sending)
    told.end()
    assert writers(spans, [sending.message["text"]]) == ["websocket.send /room"]


def test_a_message_of_no_type_is_the_applications(spans: CapturedSpans, our_log: list[str]) -> None:
    """No server sends one, and a codec that is asked about each message minds none."""
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(await receive())

    play(TracingMiddleware(app, message_codec="json"), {"text": "traceparent"})
    assert seen == [{"text": "traceparent"}]
    assert our_log
