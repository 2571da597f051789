"""What a codec costs, whose object an application gets, and codecs of an application's own."""

from __future__ import annotations

import json
import sys
from asyncio import CancelledError
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from opentelemetry.sdk.trace import TracerProvider
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

import otel_ws_starlette
from otel_ws import ConfigError
from otel_ws.asgi import TracingMiddleware, found_in
from otel_ws.codecs import Data, Found
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumerMixin, TracedJsonConsumer
from otel_ws_starlette import TracedWebSocketEndpoint

from .carrying import (
    PLAIN,
    RECEIVED,
    TRACEPARENT,
    Room,
    both_models,
    carried,
    converse,
    every_framework,
    received,
    traceparent_of,
)
from .playing import CONNECT, LEAVE, echo, play
from .test_channels import application
from .test_scenarios import DRIVERS, Driver

ASGI = DRIVERS[1]


def say(data: Any) -> dict[str, Any]:
    return {"type": "websocket.receive", "text" if isinstance(data, str) else "bytes": data}


# --- what a message costs -----------------------------------------------------------------------


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was parsed as JSON, by whomever."""
    texts: list[str] = []
    loads = json.loads

    def counting(text: Any, *arguments: Any, **more: Any) -> Any:
        texts.append(text)
        return loads(text, *arguments, **more)

    monkeypatch.setattr(json, "loads", counting)
    yield texts


class Consumer(TracedJsonConsumer):
    seen: list[Any]

    async def receive_json(self, content: Any, **_: Any) -> None:
        self.seen.append(content)


class Endpoint(TracedWebSocketEndpoint):
    encoding = "json"
    seen: list[Any]

    async def on_receive(self, websocket: Any, data: Any) -> None:
        self.seen.append(data)


def with_consumer(seen: list[Any], kind: Any = Consumer, **settings: Any) -> Any:
    return application(type("Room", (kind,), {"seen": seen}), **settings)


def with_endpoint(seen: list[Any], kind: Any = Endpoint, **settings: Any) -> Any:
    room = type("Room", (kind,), {"seen": seen})
    app = Starlette(routes=[WebSocketRoute("/room", room)])
    return otel_ws_starlette.TracingMiddleware(app, **settings)


both_readers = pytest.mark.parametrize("build", [with_consumer, with_endpoint])
WHOLE, BARE = json.loads(carried()), json.loads(PLAIN)


@both_models
@both_readers
@pytest.mark.parametrize(
    ("settings", "content"),
    [
        ({}, WHOLE),
        ({"strip_carriers": True}, BARE),
        ({"message_trust": "parent"}, WHOLE),
        ({"message_trust": "ignore"}, WHOLE),
        ({"message_trust": "ignore", "strip_carriers": True}, BARE),
        ({"excluded_messages": lambda scope, message: True}, WHOLE),
    ],
    ids=["linked", "stripped", "trusted", "ignored", "ignored and stripped", "quiet"],
)
def test_a_message_with_a_carrier_is_parsed_once(
    build: Any,
    settings: Any,
    content: Any,
    model: str,
    parsed: list[str],
    spans: CapturedSpans,
) -> None:
    seen: list[Any] = []
    app = build(seen, message_codec="json", model=model, **settings)
    play(app, CONNECT, say(carried()), say(carried(5)), LEAVE)
    assert parsed == [carried(), carried(5)]
    bare = settings.get("strip_carriers")
    assert seen == [content, BARE if bare else json.loads(carried(5))]


@both_readers
def test_a_message_without_one_is_parsed_by_the_application_alone(
    build: Any, parsed: list[str], spans: CapturedSpans
) -> None:
    seen: list[Any] = []
    mentions = '{"text": "what is a traceparent?"}'
    app = build(seen, message_codec="json", strip_carriers=True)
    play(app, CONNECT, say(PLAIN), say(mentions), LEAVE)
    # One that only mentions the word is looked at: that is the price of a substring test.
    assert parsed == [PLAIN, mentions, mentions]
    assert seen == [BARE, {"text": "what is a traceparent?"}]


class Own(Consumer):
    """Has its own idea of JSON."""

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        return text_data.upper()


class OwnEndpoint(Endpoint):
    async def decode(self, websocket: Any, message: Any) -> Any:
        return message["text"].upper()


@pytest.mark.parametrize(("build", "kind"), [(with_consumer, Own), (with_endpoint, OwnEndpoint)])
@pytest.mark.parametrize("strips", [False, True])
def test_a_decoder_of_the_users_is_asked_as_before(
    build: Any, kind: Any, strips: bool, spans: CapturedSpans
) -> None:
    seen: list[Any] = []
    app = build(seen, kind, message_codec="json", strip_carriers=strips)
    play(app, CONNECT, say(carried()), LEAVE)
    assert seen == [(PLAIN if strips else carried()).upper()]


class Twice(Consumer):
    """Looks at a message before its handler does."""

    async def receive(self, text_data: Any = None, bytes_data: Any = None, **more: Any) -> None:
        (await self.decode_json(text_data)).clear()
        await super().receive(text_data, bytes_data, **more)


def test_who_parses_twice_gets_two_objects(parsed: list[str], spans: CapturedSpans) -> None:
    seen: list[Any] = []
    play(with_consumer(seen, Twice, message_codec="json"), CONNECT, say(carried()), LEAVE)
    assert seen == [WHOLE]
    assert parsed == [carried()] * 2


class Another(Consumer):
    """Parses something else in its handler."""

    async def receive(self, text_data: Any = None, bytes_data: Any = None, **more: Any) -> None:
        self.seen.append(await self.decode_json(PLAIN))
        self.seen.append(await self.decode_json(carried().replace("hello", "other")))


def test_only_the_message_itself_is_known(spans: CapturedSpans) -> None:
    seen: list[Any] = []
    play(with_consumer(seen, Another, message_codec="json"), CONNECT, say(carried()), LEAVE)
    assert seen == [BARE, {**WHOLE, "say": "other"}]


def test_outside_of_a_message_nothing_was_parsed() -> None:
    assert found_in(carried()) is None


class Untraced(TracedConsumerMixin, AsyncJsonWebsocketConsumer):
    """The mixin alone: its JSON is Channels' to parse."""

    seen: list[Any]

    async def receive_json(self, content: Any, **_: Any) -> None:
        self.seen.append(content)


def test_the_mixin_alone_leaves_parsing_to_channels(
    parsed: list[str], spans: CapturedSpans
) -> None:
    seen: list[Any] = []
    play(with_consumer(seen, Untraced, message_codec="json"), CONNECT, say(carried()), LEAVE)
    assert (seen, len(parsed)) == ([WHOLE], 2)


def calls(message: Any, **settings: Any) -> Counter[str]:
    """Return how often each function of ours is called while a message is received."""
    found: Counter[str] = Counter()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()  # from here on all has been called before
        sys.setprofile(note)
        await receive()
        sys.setprofile(None)

    def note(frame: Any, event: str, argument: Any) -> None:
        name = frame.f_globals.get("__name__", "")
        if event == "call" and name.partition(".")[0] in ("otel_ws", "json"):
            found[f"{name.removeprefix('otel_ws.')}.{frame.f_code.co_name}"] += 1

    provider = TracerProvider()
    app = TracingMiddleware(app, tracer_provider=provider, metrics="off", **settings)
    play(app, CONNECT, message, message)
    return found


@pytest.mark.parametrize("message", [PLAIN, PLAIN.encode(), "hello", "x" * 60_000], ids=range(4))
@pytest.mark.parametrize("codec", ["json", "jsonrpc", "graphql-ws", "signalr", "stomp"])
def test_a_message_without_a_carrier_pays_a_substring_test(
    codec: str, message: Any, spans: CapturedSpans
) -> None:
    """Counted in calls: five to know that it may not be read, one that nobody has sent it."""
    settings = {"strip_carriers": True, "message_trust": "parent"}
    more = calls(say(message), message_codec=codec, **settings) - calls(say(message))
    assert more == {
        "_log.guarded": 1,
        "_carriers.read": 1,
        "_carriers._content": 1,
        "codecs._preset.read": 1,
        "codecs._preset._plain": 1,
        "codecs._preset._mentions": 1,
        "_carriers.sender": 1,
    }


def test_a_message_that_is_too_long_is_not_even_searched(spans: CapturedSpans) -> None:
    message = say("x" * 65_537)
    more = calls(message, message_codec="json") - calls(message)
    assert "codecs._preset._mentions" not in more
    assert more["codecs._preset.read"] == 1


# --- codecs of an application's own -------------------------------------------------------------


class Packets:
    """Binary messages: a byte that says whether a context follows, and the rest."""

    def read(self, data: Data) -> Found | None:
        if not isinstance(data, bytes) or data[:1] != b"T":
            return None
        return Found({"traceparent": data[1:56].decode()}, strip=lambda: b"-" + data[56:])

    def write(self, data: Data, carrier: Mapping[str, str]) -> Data:
        if not isinstance(data, bytes) or data[:1] != b"-":
            return data
        return b"T" + carrier["traceparent"].encode() + data[1:]


@both_models
@every_framework
def test_binary_messages_carry_contexts_by_a_codec_of_the_users(
    driver: Driver, model: str, spans: CapturedSpans
) -> None:
    room = Room()
    said = [b"T" + TRACEPARENT.encode() + b"\0\xff", b"-\0", "hello"]
    settings = {"message_codec": Packets(), "inject_sends": True, "strip_carriers": True}
    sent = converse(driver, room, *said, message_trust="parent", model=model, **settings)
    assert room.got == [b"-\0\xff", b"-\0", "hello"]
    lines = RECEIVED[model]
    assert received(spans) == [lines["parent"], lines["ignore"], lines["ignore"]]
    own = [traceparent_of(each.context).encode() for each in spans.named("websocket.send")]  # type: ignore[arg-type]
    assert sent == [b"T" + own[0] + b"\0\xff", b"T" + own[1] + b"\0", "hello"]


def test_a_codec_may_be_named_by_its_path(spans: CapturedSpans) -> None:
    room = Room()
    path = f"{__name__}.PACKETS"
    converse(ASGI, room, b"T" + TRACEPARENT.encode(), message_codec=path)
    assert received(spans) == [RECEIVED["session"]["link"]]


PACKETS = Packets()


class IsAsync(Packets):
    async def write(self, data: Any, carrier: Any) -> Any:  # type: ignore[override]
        return data


def test_a_codec_that_must_be_awaited_is_refused() -> None:
    with pytest.raises(ConfigError, match="message_codec: expected one of 'json'"):
        TracingMiddleware(echo, message_codec=IsAsync())


class Broken:
    """Does what it is made to do."""

    def __init__(self, read: Any = lambda data: None, write: Any = lambda data, _: data) -> None:
        self.read = read
        self.write = write


class Awaitable:
    def __await__(self) -> Any:
        return iter(())


def crash(*_: Any) -> Any:
    raise LookupError("a bug of the codec")


def cancel(*_: Any) -> Any:
    raise CancelledError


def too_deep(*_: Any) -> Any:
    raise RecursionError


FOUND = {"traceparent": TRACEPARENT}
BROKEN_READERS: dict[str, Any] = {
    "raises": crash,
    "is cancelled": cancel,
    "goes too deep": too_deep,
    "True": lambda data: True,
    "a number": lambda data: 5,
    "a text": lambda data: "traceparent",
    "a mapping": lambda data: FOUND,
    "an awaitable": lambda data: Awaitable(),
    "nothing found": lambda data: Found(None),  # type: ignore[arg-type]
    "a text found": lambda data: Found("traceparent"),  # type: ignore[arg-type]
    "strips to nothing": lambda data: Found(FOUND, strip=lambda: None),  # type: ignore[arg-type, return-value]
    "strips to bytes": lambda data: Found(FOUND, strip=data.encode),
    "strips to an awaitable": lambda data: Found(FOUND, strip=Awaitable),  # type: ignore[arg-type]
    "fails to strip": lambda data: Found(FOUND, strip=crash),
    "strips what it is not": lambda data: Found(FOUND, strip=5),  # type: ignore[arg-type]
    "fails to parse": lambda data: Found(FOUND, {}, lambda: data, crash),
}
BROKEN_WRITERS: dict[str, Any] = {
    "raises": crash,
    "is cancelled": cancel,
    "goes too deep": too_deep,
    "nothing": lambda data, carrier: None,
    "a number": lambda data, carrier: 5,
    "bytes": lambda data, carrier: data.encode(),
    "an awaitable": lambda data, carrier: Awaitable(),
    "takes too little": lambda data: data,
}


@every_framework
@pytest.mark.parametrize("read", BROKEN_READERS.values(), ids=BROKEN_READERS)
def test_a_codec_that_cannot_read_hurts_nobody(
    driver: Driver, read: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    room = Room()
    said = [PLAIN, carried(), "hello"]
    settings = {"message_codec": Broken(read=read), "strip_carriers": True}
    assert converse(driver, room, *said, **settings) == room.got == said
    assert received(spans) == [RECEIVED["session"]["ignore"]] * 3
    assert our_log == ["the codec could not read a message; it is handed on as it is"]


@every_framework
@pytest.mark.parametrize("write", BROKEN_WRITERS.values(), ids=BROKEN_WRITERS)
def test_a_codec_that_cannot_write_hurts_nobody(
    driver: Driver, write: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    said = [PLAIN, carried(), "hello"]
    settings = {"message_codec": Broken(write=write), "inject_sends": True}
    assert converse(driver, Room(), *said, **settings) == said
    assert len(spans.named("websocket.send")) == 3
    assert our_log == ["the codec could not write into a message; it is sent as it is"]


def test_what_a_codec_finds_beyond_the_limits_is_ignored(spans: CapturedSpans) -> None:
    finds = iter([{}, {"b3": "0"}, {**FOUND, "baggage": 5}, {**FOUND, "other": object()}])
    codec = Broken(read=lambda data: Found(next(finds)))
    converse(ASGI, Room(), *["hello"] * 4, message_codec=codec, message_trust="parent")
    lines = RECEIVED["session"]
    assert received(spans) == [*[lines["ignore"]] * 3, lines["parent"]]
