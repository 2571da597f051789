"""What the server saw of each connection, asked for over HTTP once the application has ended."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from tests.wire.plain import Application, Message, Receive, Scope, Send


@dataclass
class Visit:
    """One connection as seen from between the server and everything above it."""

    lifespan: bool = False
    """Whether the server has spoken the lifespan protocol."""
    extensions: list[str] = field(default_factory=list)
    transcript: list[str] = field(default_factory=list)
    """What the server told, what it was sent, and what it raised, in order."""
    disconnect: str | None = None
    """The code and the reason of the disconnect that it was told of."""
    error: str | None = None
    """What the application raised into the server."""


class Recorder:
    """Passes every connection on to the application that its path names, and takes notes.

    A path is `/{variant}/{framework}/{rest}`, and the application sees `/{rest}` alone.
    A connection is known by the trace id that its client sent.
    """

    def __init__(
        self,
        applications: dict[str, Application],
        lifespan: Application,
        flush: Callable[[], object] = lambda: None,
    ) -> None:
        self.applications = applications
        self.lifespan = lifespan
        self.flush = flush
        self.has_lifespan = False
        self.visits: dict[str, Visit] = defaultdict(Visit)
        self.ended: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self.has_lifespan = True
            await self.lifespan(scope, receive, send)
        elif scope["type"] == "http":
            await self.report(scope["path"], send)
        else:
            await self.record(scope, receive, send)

    async def record(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, variant, framework, rest = scope["path"].split("/", 3)
        key = trace_id(scope)
        visit = self.visits[key]
        visit.lifespan = self.has_lifespan
        visit.extensions = sorted(scope.get("extensions", {}))
        path = f"/{rest}"
        inner = {**scope, "path": path, "raw_path": path.encode()}
        application = self.applications[f"{variant}/{framework}"]
        try:
            await application(inner, listen(receive, visit), speak(send, visit))
        except BaseException as error:
            visit.error = type(error).__name__
            raise
        finally:
            self.ended[key].set()
            print(f"ended {key} {json.dumps(asdict(visit))}", flush=True)

    async def report(self, path: str, send: Send) -> None:
        """Answer for `/visits/{key}`, once its application has ended and its spans are exported."""
        key = path.removeprefix("/visits/")
        if key != path:
            await self.ended[key].wait()
            await asyncio.to_thread(self.flush)
        body = json.dumps(asdict(self.visits.get(key, Visit()))).encode()
        headers = [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def trace_id(scope: Scope) -> str:
    return str(dict(scope["headers"])[b"traceparent"].decode().split("-")[1])


def listen(receive: Receive, visit: Visit) -> Receive:
    async def recorded() -> Message:
        message = await receive()
        visit.transcript.append(f"< {text_of(message)}")
        if message["type"] == "websocket.disconnect" and visit.disconnect is None:
            visit.disconnect = closing_of(message)
        return message

    return recorded


def speak(send: Send, visit: Visit) -> Send:
    async def recorded(message: Message) -> None:
        visit.transcript.append(f"> {text_of(message)}")
        try:
            await send(message)
        except BaseException as error:
            visit.transcript.append(f"! {type(error).__name__}")
            raise

    return recorded


def text_of(message: Message) -> str:
    """Write a message as `disconnect code=1000 reason='done'`, whatever type its numbers have."""
    kind = message["type"].removeprefix("websocket.")
    fields = [f"{key}={value_of(message[key])}" for key in sorted(message) if key != "type"]
    return " ".join([kind, *fields])


def closing_of(message: Message) -> str:
    code = message.get("code")
    return f"{'no code' if code is None else int(code)} {message.get('reason') or ''}".strip()


def value_of(value: object) -> str:
    return str(int(value)) if isinstance(value, int) else repr(value)


async def acknowledge_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand in for an application with a lifespan of its own, where nothing is traced."""
    kind = ""
    while kind != "lifespan.shutdown":
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
