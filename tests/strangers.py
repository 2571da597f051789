"""Strangers who visit an application as they like, and the series that their visits make.

    python -m tests.strangers [handshakes]

Random paths, close codes, schemes, subprotocols, headers and texts, on routers as people write
them, by default in 20,000 handshakes. Prints how many series each metric has.
Exit status: 0, or 1 if there are too many of one, or a value that is none of ours.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path, re_path
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.routing import Host, Mount, WebSocketRoute

import otel_ws_channels
import otel_ws_starlette
from otel_ws import _semconv
from otel_ws.streams import StreamMeter
from otel_ws_channels import TracedConsumerMixin

from .measured import Metrics

MAX_SERIES = 200
"""The bound for a metric, of which a router of four templates needs less."""

STATUSES = {*_semconv.CLOSE_STATUS_BY_CODE.values(), "timeout", "application"}
VALUES = {
    "url.scheme": {"ws", "wss"},
    "http.response.status_code": {101, 200, 403},
    "error.type": {"LookupError", "OverflowError", "TypeError", "ValueError", "500", "1011"},
    "websocket.close.status": STATUSES,
    "websocket.message.direction": {"received", "sent"},
    "websocket.message.type": {"text", "binary"},
    "websocket.stream.name": {"reply"},
    "websocket.stream.end_reason": {"complete", "cancelled", "disconnected", "error"},
}


# --- applications as people write them ----------------------------------------------------------


def reply(text: str) -> str:
    """Fail where a client knows how to make the application fail."""
    if text.startswith("7"):
        raise LookupError(text)
    return text


class Endpoint(WebSocketEndpoint):
    async def on_connect(self, websocket: Any) -> None:
        if websocket.headers.get("x-refuse"):
            await websocket.close(4003)
            return
        await websocket.accept(next(iter(websocket.scope["subprotocols"]), None))

    async def on_receive(self, websocket: Any, data: Any) -> None:
        with StreamMeter("reply"):
            await websocket.send_text(reply(str(data)))


class Consumer(TracedConsumerMixin, AsyncWebsocketConsumer):
    async def connect(self) -> None:
        if any(name == b"x-refuse" for name, _ in self.scope["headers"]):
            await self.close(4003)
            return
        await self.accept(next(iter(self.scope["subprotocols"]), None))

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        with StreamMeter("reply"):
            await self.send(reply(str(text_data or bytes_data)))


def starlette(**settings: Any) -> Any:
    inner = [WebSocketRoute("/notes/{note:int}", Endpoint)]
    app = Starlette(
        routes=[
            WebSocketRoute("/rooms/{room}", Endpoint),
            WebSocketRoute("/files/{path:path}", Endpoint),
            Mount("/users/{user}", routes=inner),
            Host("{tenant}.example.org", app=Starlette(routes=inner)),
        ]
    )
    return otel_ws_starlette.TracingMiddleware(app, **settings)


def channels(**settings: Any) -> Any:
    consumer = Consumer.as_asgi()
    router = URLRouter(
        [
            path("rooms/<room>", consumer),
            re_path(r"^files/(?P<path>.*)$", consumer),
            path("users/<user>/", URLRouter([path("notes/<int:note>", consumer)])),
        ]
    )
    app = ProtocolTypeRouter({"websocket": router})
    return otel_ws_channels.TracingMiddleware(app, **settings)


ROUTES = {
    starlette: {
        *("/rooms/{room}", "/files/{path:path}"),
        *("/users/{user}/notes/{note:int}", "/notes/{note:int}"),
    },
    channels: {
        *("/rooms/<room>", "/files/<path>"),
        *("/users/<user>/notes/<int:note>", "/users/<user>/"),
    },
}


# --- strangers ----------------------------------------------------------------------------------


class Strangers:
    """Clients that send what they like, and servers that pass it on."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._codes = count()

    def text(self, longest: int = 12) -> str:
        some = self._random.randrange(longest)
        return "".join(chr(self._random.choice((47, 55, 97, 233, 0x4E00, 0))) for _ in range(some))

    def any_of(self, *choices: Callable[[], Any]) -> Any:
        return self._random.choice(choices)()

    def path(self) -> str:
        any_text, number = self.text, lambda: self._random.randrange(10**9)
        return self.any_of(
            lambda: f"/rooms/{any_text()}",
            lambda: f"/files/{any_text(60)}",
            lambda: f"/users/{any_text()}/notes/{number()}",
            lambda: f"/notes/{number()}",
            lambda: f"/{any_text(40)}",
        )

    def scope(self) -> dict[str, Any]:
        host = f"{self._random.randrange(10**6)}.example.org".encode()
        headers = [(b"host", host), (self.text().encode(), self.text().encode())]
        if self._random.random() < 0.05:
            headers.append((b"x-refuse", b"1"))
        return {
            "type": "websocket",
            "path": self.path(),
            "root_path": "",
            "scheme": self.any_of(self.text, lambda: "wss", lambda: "ws", lambda: None),
            "http_version": self.any_of(self.text, lambda: "1.1", lambda: "2", lambda: None),
            "query_string": self.text().encode(),
            "headers": headers,
            "subprotocols": [self.text() for _ in range(self._random.randrange(3))],
            "client": (self.text(), self._random.randrange(10**5)),
            "server": None,
            "extensions": {},
        }

    def code(self) -> Any:
        """Every code that fits into a frame, and what no server should tell."""
        odd = (None, True, 1e300, float("nan"), "1000", self.text(), b"x", -1, 2**70, object())
        if self._random.random() < 0.2:
            return self._random.choice(odd)
        return self.any_of(
            lambda: next(self._codes) * 31 % 65536, lambda: self._random.randrange(999, 1017)
        )

    def messages(self) -> Iterator[dict[str, Any]]:
        yield {"type": "websocket.connect"}
        for _ in range(self._random.randrange(3)):
            content = self.any_of(
                lambda: {"text": self.text(), "bytes": None},
                lambda: {"bytes": self.text().encode()},
            )
            yield {"type": "websocket.receive", **content}
        reason = self.any_of(self.text, lambda: "keepalive ping timeout", lambda: None)
        yield {"type": "websocket.disconnect", "code": self.code(), "reason": reason}


async def visit(app: Any, strangers: Strangers) -> None:
    messages = strangers.messages()

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "websocket.disconnect", "code": 1006})

    async def send(message: Any) -> None:
        """Take what comes."""

    with suppress(Exception):  # what an application makes of it is its own affair
        await app(strangers.scope(), receive, send)


# --- what their visits make ---------------------------------------------------------------------


class Visits:
    """So many handshakes, and what was measured of them."""

    def __init__(self, build: Any, sampler: Sampler, handshakes: int) -> None:
        self.series: Counter[str] = Counter()
        """How many series each metric has."""
        self.values: defaultdict[str, set[Any]] = defaultdict(set)
        """What each attribute was."""
        self.open = 0
        """How many connections are still taken for open."""
        self._build = build
        metrics = Metrics()
        app = build(
            metrics="message",
            meter_provider=metrics.provider,
            tracer_provider=TracerProvider(sampler=sampler, shutdown_on_exit=False),
            message_name=lambda scope, message: str(message.get("text")),
        )
        asyncio.run(self._play(app, handshakes))
        for name, point in metrics.points():
            self.series[name] += 1
            if name == "websocket.server.connection.active":
                self.open += point.value
            for attribute, value in point.attributes.items():
                self.values[attribute].add(value)

    async def _play(self, app: Any, handshakes: int) -> None:
        strangers = Strangers(7)
        for _ in range(handshakes):
            await visit(app, strangers)

    def faults(self) -> list[str]:
        """Return what there is too much of."""
        allowed = VALUES | {"http.route": ROUTES[self._build]}
        many = [f"{name}: {number}" for name, number in self.series.items() if number > MAX_SERIES]
        strange = {name: values - allowed.get(name, set()) for name, values in self.values.items()}
        left = [f"{self.open} connections are taken for open"] if self.open else []
        return left + many + [f"{name}: {values}" for name, values in strange.items() if values]


RUNS = [(build, sampler) for build in (starlette, channels) for sampler in (ALWAYS_ON, ALWAYS_OFF)]


def main(handshakes: int) -> int:
    """Play them on each of the applications, recorded and not."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "testproject.settings")
    django.setup()
    faults: list[str] = []
    print(f"{handshakes} handshakes")
    for build, sampler in RUNS:
        visits = Visits(build, sampler, handshakes // len(RUNS))
        print(
            f"{build.__name__}, {sampler.get_description()}: {handshakes // len(RUNS)} handshakes"
        )
        for name, number in sorted(visits.series.items()):
            print(f"  {number:>4} series  {name}")
        faults += visits.faults()
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
