"""A page that is asked without a server: over HTTP, and by a visitor of its socket."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Tracer

from otel_ws._records import SpanRecord
from otel_ws.page import PageSpanProcessor, SpanBuffer

TRACE = "0af7651916cd43dd8448eb211c80319c"
LOCAL = [(b"host", b"localhost:8000")]
OWN_ORIGIN = (b"origin", b"http://localhost:8000")
PATIENCE = 10.0


def record(number: int = 1, **more: Any) -> SpanRecord:
    about: dict[str, Any] = {"trace_id": TRACE, "parent_id": None, "name": f"span {number}"}
    about |= {"kind": "SERVER", "started": number * 1000, "ended": number * 1000 + 500}
    return SpanRecord(span_id=f"{number:016x}", **{**about, **more})


def records(*numbers: int) -> list[SpanRecord]:
    return [record(number) for number in numbers]


def tracer_of(buffer: SpanBuffer) -> Tracer:
    provider = TracerProvider()
    provider.add_span_processor(PageSpanProcessor(buffer))
    return provider.get_tracer("application")


def scope_of(kind: str, path: str, **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": LOCAL,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        **more,
    }


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


async def ask(page: Any, path: str, method: str = "GET", body: bytes = b"", **scope: Any) -> Answer:
    """Send a request and return its answer; `headers` come in addition to a local Host."""
    headers = [*LOCAL, *scope.pop("headers", ())]
    parts = [body[:100], body[100:]]
    inbound = [
        {"type": "http.request", "body": parts[0], "more_body": True},
        {"type": "http.request", "body": parts[1]},
    ]
    outbound: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return inbound.pop(0) if inbound else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        outbound.append(message)

    await page(scope_of("http", path, method=method, headers=headers, **scope), receive, send)
    start, end = outbound
    answered = {name.decode(): value.decode() for name, value in start["headers"]}
    assert len(answered) == len(start["headers"])
    return Answer(start["status"], answered, end["body"])


class Visitor:
    """One who has opened the page's socket, and hears as much as is let through."""

    def __init__(self, page: Any, path: str = "/.otel-ws/live", **scope: Any) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.stuck = 0
        self._heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said.put_nowait({"type": "websocket.connect"})
        scope = {"headers": [*LOCAL, OWN_ORIGIN], **scope}
        self._called = page(scope_of("websocket", path, **scope), self._said.get, self._hear)

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self._called)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()
        self.open.set()
        async with asyncio.timeout(PATIENCE):
            await self.task

    async def _hear(self, message: dict[str, Any]) -> None:
        self.stuck += 1
        await self.open.wait()
        self.stuck -= 1
        self._heard.put_nowait(message)

    async def raw(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            return await self._heard.get()

    async def next(self) -> dict[str, Any]:
        """Return the next thing that the page is told."""
        message = await self.raw()
        if message["type"] == "websocket.accept":
            message = await self.raw()
        assert message["type"] == "websocket.send", message
        told: dict[str, Any] = json.loads(message["text"])
        return told

    async def until(self, kind: str) -> list[dict[str, Any]]:
        """Return what is told, up to the first message of a kind."""
        told = [await self.next()]
        while told[-1]["type"] != kind:
            told.append(await self.next())
        return told

    async def names(self, count: int) -> list[str]:
        """Return the names of so many spans, whatever else is told."""
        names: list[str] = []
        while len(names) < count:
            names += [span["n"] for span in (await self.next()).get("spans", ())]
        return names

    def say(self, text: str) -> None:
        self._said.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self) -> None:
        self._said.put_nowait({"type": "websocket.disconnect", "code": 1001})
