"""Hostile handshakes and frames through the whole middleware, with every carrier and codec on.

What is asked: no exception, nothing changed but carriers and tokens, no span in the trace of a
stranger who is not trusted, no span that does not end, and no line in anybody's log but our few.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle, islice, product
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_ws.asgi import TracingMiddleware
from otel_ws.codecs import PRESETS, Codec, Data, Found, accepted

from .frames import PARENT, Frame
from .handshakes import OFFER, SECRET, TOKEN, Handshake, Scope, offered_in

FRAMES_EACH = 200
"""So many frames come over one connection."""
FORGED = int(PARENT.split("-")[1], 16)
ACCEPT = {"type": "websocket.accept"}
LEAVE = {"type": "websocket.disconnect", "code": 1006, "reason": ""}
HELLO = {"type": "websocket.receive", "text": f'{{"_meta":{{"traceparent":"{PARENT}"}}}}'}


class Careless:
    """A codec as one might write it at first: it raises at most of what comes."""

    def read(self, data: Data) -> Found | None:
        message = json.loads(data)
        return Found(message["_meta"], strip=lambda: message["text"])

    def write(self, data: Data, carrier: Mapping[str, str]) -> Data:
        return {**json.loads(data), "_meta": carrier}  # type: ignore[return-value]


CODECS: tuple[Codec, ...] = (*dict.fromkeys(PRESETS.values()), Careless())


def never(scope: Scope) -> Any:
    raise LookupError("a bug of the application")


# What a middleware may be told about trust, and whether that is to trust strangers.
TRUST: tuple[tuple[dict[str, Any], bool], ...] = (
    ({"browser_trust": "parent", "message_trust": "parent"}, True),
    ({"handshake_trust": "link"}, False),
    ({"edge": "public", "browser_trust": "parent", "message_trust": lambda _: "parent"}, False),
    ({"handshake_trust": never, "browser_trust": never, "message_trust": never}, False),
    ({"handshake_trust": lambda _: 5, "browser_trust": "ignore", "message_trust": "link"}, False),
)
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"strip_carriers": True},
    {"inject_sends": True},
    {"inject_sends": True, "strip_carriers": True, "model": "connection", "metrics": "off"},
    {"inject_sends": True, "trace_sends": False, "meter_turns": True, "rollover_messages": 50},
    {"strip_carriers": True, "inherit_sampling": False, "excluded_messages": lambda *_: True},
    {"strip_carriers": True, "metrics": "off", "tracer_provider": TracerProvider(ALWAYS_OFF)},
)


class Watch(SpanProcessor):
    """Counts spans, and looks whose trace they are in."""

    def __init__(self) -> None:
        self.started = self.ended = self.joined = 0
        self.leaks: set[str] = set()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.started += 1
        if span.context is not None and span.context.trace_id == FORGED:
            self.joined += 1

    def on_end(self, span: ReadableSpan) -> None:
        self.ended += 1
        query = str((span.attributes or {}).get("url.query", ""))
        if SECRET in query or re.search(r"(^|&)(traceparent|tracestate)=", query):
            self.leaks.add(query)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class Lines(logging.Handler):
    """Counts the lines of all logs, by what they say."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.ours: Counter[str] = Counter()
        self.others: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "otel_ws":
            self.others[f"{record.name}: {record.msg}"] += 1
            return
        kind = record.exc_info and record.exc_info[0]
        cause = re.sub(r" \(\d+ more in between\)", "", record.getMessage())
        self.ours[f"{cause}: {kind and kind.__name__}"] += 1

    def excess(self, seconds: float) -> dict[str, int]:
        """Return what was logged more often than once a minute."""
        return {cause: n for cause, n in self.ours.items() if n > 1 + seconds / 60}


class Theatre:
    """Plays connections, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.watch = Watch()
        self.lines = Lines()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(self.watch)
        self.meter_provider = MeterProvider(shutdown_on_exit=False)
        self._began = time.monotonic()
        self._stages = cycle(tuple(self._all_stages()))

    def _all_stages(self) -> Iterator[Stage]:
        """Yield a middleware for each codec in each way: with all settings, and every trust."""
        for settings, (trust, trusts_strangers), codec in product(SETTINGS, TRUST, CODECS):
            yield Stage(self, codec, trusts_strangers, {**trust, **settings})

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Count what is logged meanwhile, and let nobody print it."""
        root = logging.getLogger()
        before = root.handlers[:]
        root.handlers[:] = [self.lines]
        try:
            yield
        finally:
            root.handlers[:] = before

    def fault(self, what: str, example: object) -> None:
        self.faults[what] += 1
        self.examples.setdefault(what, f"{example!r:.600}")

    async def play_frames(self, frames: Iterable[Frame]) -> None:
        """Play frames, so many over each of a row of connections."""
        left = iter(frames)
        while batch := list(islice(left, FRAMES_EACH)):
            messages = [_message(number, frame) for number, frame in enumerate(batch)]
            await self._visit(plain_scope(), messages, is_broken=False)

    async def play_handshakes(self, handshakes: Iterable[Handshake]) -> None:
        for scope, is_broken in handshakes:
            await self._visit(scope, [dict(HELLO)], is_broken=is_broken)

    async def _visit(self, scope: Scope, messages: list[Any], *, is_broken: bool) -> None:
        visit = Visit(self, next(self._stages), scope, messages, is_broken)
        others, joined = self.lines.others.total(), self.watch.joined
        await visit.play()
        await asyncio.sleep(0)  # the loop drops the timers that were cancelled
        if self.lines.others.total() > others and not is_broken:
            self.fault("somebody else's log was written to", scope)
        if self.watch.joined > joined and not visit.stage.trusts_strangers:
            self.fault("a stranger's trace was joined", scope)

    def conclude(self) -> None:
        """Look at what has been counted."""
        if self.watch.started != self.watch.ended:
            self.fault("spans did not end", (self.watch.started, self.watch.ended))
        for leak in self.watch.leaks:
            self.fault("a query was recorded", leak)
        for cause, count in self.lines.excess(time.monotonic() - self._began).items():
            self.fault("our log has a line too often", (cause, count))


class Stage:
    """A middleware with its settings, around the application."""

    def __init__(
        self, theatre: Theatre, codec: Codec, trusts_strangers: bool, settings: dict[str, Any]
    ) -> None:
        self.codec = codec
        self.trusts_strangers = trusts_strangers
        self.strips = settings.get("strip_carriers", False)
        self.writes = settings.get("inject_sends", False)
        self.app = TracingMiddleware(
            application,
            **{
                "tracer_provider": theatre.provider,
                "meter_provider": theatre.meter_provider,
                "carriers": ("headers", "subprotocol", "query"),
                "message_codec": codec,
                **settings,
            },
        )


def plain_scope() -> Scope:
    headers = [(b"host", b"example.org")]
    return {"type": "websocket", "path": "/", "headers": headers, "subprotocols": []}


def _message(number: int, frame: Frame) -> dict[str, Any]:
    """Return a frame as servers hand it over: some with both keys."""
    key, other = ("text", "bytes") if isinstance(frame, str) else ("bytes", "text")
    more = {other: None} if number % 2 else {}
    return {"type": "websocket.receive", key: frame, **more}


async def application(scope: Scope, receive: Any, send: Any) -> None:
    """Accept, and send back what comes."""
    visit: Visit = scope["visit"]
    visit.enters(scope)
    await receive()
    await send(dict(ACCEPT))
    while (message := await receive())["type"] == "websocket.receive":
        visit.gets(message)
        own = {**message, "type": "websocket.send"}
        given = dict(own)
        await send(own)
        visit.has_sent(own, given)


class Visit:
    """One connection: between the server and the middleware, and below that."""

    def __init__(
        self,
        theatre: Theatre,
        stage: Stage,
        scope: Scope,
        messages: list[dict[str, Any]],
        is_broken: bool,
    ) -> None:
        self.stage = stage
        self._theatre = theatre
        self._given = scope
        self._is_broken = is_broken
        self._messages = iter([{"type": "websocket.connect"}, *messages, LEAVE])
        self._count = len(messages)
        self._last: Any = None
        self._taken: Any = None
        self._got = 0

    async def play(self) -> None:
        scope = {**self._given, "visit": self}
        try:
            await self.stage.app(scope, self._receive, self._send)
        except Exception as error:
            self._theatre.fault(f"exception {type(error).__name__}", (error, self._last))
        if self._got != self._count:
            self._theatre.fault("a message was lost", self._last)

    async def _receive(self) -> dict[str, Any]:
        self._last = next(self._messages)
        return dict(self._last)

    async def _send(self, message: dict[str, Any]) -> None:
        self._taken = message

    def enters(self, scope: Scope) -> None:
        """The application sees the scope: as it came, but for tokens of ours."""
        if self._is_broken:
            return
        seen = {**scope}
        del seen["visit"], seen["otel_ws"]
        if seen.keys() != self._given.keys():
            self._theatre.fault("the scope has other keys", seen)
        for key in seen.keys() - {"headers", "subprotocols"}:
            if seen[key] is not self._given[key]:
                self._theatre.fault(f"altered: {key}", (seen[key], self._given[key]))
        if seen["subprotocols"] != without_tokens(self._given["subprotocols"]):
            self._theatre.fault("altered: subprotocols", (seen, self._given))
        if offered_in(seen["headers"]) != without_tokens(offered_in(self._given["headers"])):
            self._theatre.fault("altered: offered subprotocols", (seen, self._given))
        if _others(seen["headers"]) != _others(self._given["headers"]):
            self._theatre.fault("altered: headers", (seen, self._given))

    def gets(self, message: dict[str, Any]) -> None:
        """The application gets a message: the server's content, or what is left of that."""
        self._got += 1
        frame, got = _content(self._last), _content(message)
        if message.keys() != self._last.keys():
            self._theatre.fault("a message has other keys", (message, self._last))
        if self._is_broken:
            return  # it may not be traced at all
        expected = self._stripped(frame) if self.stage.strips else frame
        if expected is frame and got is not frame:
            self._theatre.fault("altered: a message", (frame, got))
        elif type(got) is not type(expected) or got != expected:
            self._theatre.fault("a carrier was not taken out", (frame, got))

    def has_sent(self, own: dict[str, Any], given: dict[str, Any]) -> None:
        """The server has got what the application sent, or that with a context in it."""
        taken = self._taken
        if own != given:
            self._theatre.fault("altered: the application's own message", (own, given))
        if taken is own:
            return
        frame, sent = _content(own), _content(taken)
        found = self.stage.codec.read(sent)
        parent = found.carrier["traceparent"] if found else ""
        if not self.stage.writes or not parent.endswith(("-01", "-03")):
            self._theatre.fault("altered: a sent message", (frame, sent))
        elif self.stage.codec.write(frame, {"traceparent": parent}) != sent:
            self._theatre.fault("altered: by writing", (frame, sent))
        elif {**taken, _key(taken): frame} != own:
            self._theatre.fault("a sent message has other keys", (own, taken))

    def _stripped(self, frame: Frame) -> Frame:
        try:
            found = self.stage.codec.read(frame) if frame else None
            if found is None or found.strip is None:
                return frame
            accepted(found.carrier)
            stripped = found.strip()
        except Exception:  # the careless codec's
            return frame
        return stripped if isinstance(stripped, type(frame)) else frame


def without_tokens(offered: list[str]) -> list[str]:
    return [each for each in offered if not each.startswith(TOKEN)]


def _others(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [header for header in headers if header[0].lower() != OFFER]


def _key(message: Mapping[str, Any]) -> str:
    return "bytes" if message.get("text") is None else "text"


def _content(message: Mapping[str, Any]) -> Any:
    return message[_key(message)]
