"""The two adapters by themselves, and a client that leaves them in mid-sentence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from autobahn.exception import Disconnected

import otel_ws_channels
import otel_ws_starlette
from otel_ws.testing import capture_spans
from testproject.voice.consumer import VoiceConsumer
from testproject.voice.endpoint import Voice
from testproject.voice.messages import PATH

from . import small

App = Callable[[Any, Any, Any], Awaitable[None]]
CHANNELS: App = otel_ws_channels.TracingMiddleware(VoiceConsumer.as_asgi())
STARLETTE: App = otel_ws_starlette.TracingMiddleware(Voice)


class Server:
    """What serves one of them, and refuses to send once the client has gone."""

    def __init__(self, refusal: Exception) -> None:
        self._refusal = refusal
        self._received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.is_ready = asyncio.Event()
        self.is_gone = False
        self.has_refused = asyncio.Event()
        self.receive = self._received.get

    def got(self, kind: str, **content: Any) -> None:
        self._received.put_nowait({"type": f"websocket.{kind}", **content})

    def asks(self, kind: str) -> None:
        self.got("receive", text=json.dumps({"kind": kind}))

    async def send(self, message: Any) -> None:
        if self.is_gone:
            self.has_refused.set()
            raise self._refusal
        if json.loads(message.get("text") or "{}").get("kind") == "ready":
            self.is_ready.set()


@pytest.mark.parametrize(
    ("app", "refusal"),
    [(CHANNELS, Disconnected("gone")), (STARLETTE, OSError("gone"))],
    ids=["channels", "starlette"],
)
async def test_who_leaves_while_something_is_told_has_left(
    app: App, refusal: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told is told by the handler of a message: the next one is the end."""
    for name, engine in small.ENVIRONMENT.items():
        monkeypatch.setenv(name, engine)
    server = Server(refusal)
    scope = {"type": "websocket", "path": PATH, "headers": [], "subprotocols": []}
    with capture_spans() as spans:
        async with asyncio.timeout(20):
            served = asyncio.ensure_future(app(scope, server.receive, server.send))
            server.got("connect")
            await server.is_ready.wait()
            server.asks("start")
            server.is_gone = True
            server.asks("stop")
            await server.has_refused.wait()
            server.got("disconnect", code=1001)
            await served
    assert [span.name for span in spans if not span.status.is_ok] == []
    (close,) = spans.named("websocket.close")
    assert (close.attributes or {})["websocket.close.initiator"] == "client"
