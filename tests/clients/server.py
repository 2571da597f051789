"""What the traced clients talk to: a Starlette application, traced, on a real server."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.utils import accept_key

from otel_ws import ASGIApp, Receive, Scope, Send
from otel_ws_starlette import TracingMiddleware

PATIENCE = 10.0
_CLOSE_FRAME = 0x88
_SWITCHING = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: {}\r\n\r\n"
)


async def answer(websocket: WebSocket) -> None:
    """Answer each question, in a message of its own making."""
    await websocket.accept()
    async for message in websocket.iter_json():
        await websocket.send_json({"answer": message["question"]})


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    while (message := await websocket.receive())["type"] == "websocket.receive":
        await websocket.send({**message, "type": "websocket.send"})


async def push(websocket: WebSocket) -> None:
    """Send three messages, and close as the query says."""
    await websocket.accept()
    for number in range(3):
        await websocket.send_json({"number": number})
    await websocket.close(int(websocket.query_params["code"]), "enough")


async def crash(websocket: WebSocket) -> None:
    """Vanish, after a first message."""
    await websocket.accept()
    await websocket.receive()
    raise ConnectionAbortedError


async def hold(websocket: WebSocket) -> None:
    """Say nothing until the client leaves."""
    await websocket.accept()
    while (await websocket.receive())["type"] == "websocket.receive":
        pass


async def headers(websocket: WebSocket) -> None:
    """Tell the client what it has sent."""
    await websocket.accept(next(iter(websocket.scope["subprotocols"]), None))
    await websocket.send_json(dict(websocket.headers))
    await websocket.close()


async def ready(request: Request) -> JSONResponse:
    return JSONResponse("yes")


async def refuse(websocket: WebSocket) -> None:
    await websocket.close()


async def deny(websocket: WebSocket) -> None:
    status = int(websocket.query_params["status"])
    await websocket.send_denial_response(PlainTextResponse("no", status_code=status))


async def move(websocket: WebSocket) -> None:
    """Send the client elsewhere, or in circles."""
    await websocket.send_denial_response(RedirectResponse(websocket.query_params.get("to", "move")))


async def ask_once(websocket: WebSocket) -> None:
    """Ask first, and hear what is said to that."""
    await websocket.accept()
    await websocket.send_json({"question": "milk?"})
    try:
        await websocket.receive_json()
    except WebSocketDisconnect:
        return
    await websocket.close()


ENDPOINTS = (answer, echo, push, crash, hold, headers, refuse, deny, move, ask_once)


def application(**settings: Any) -> TracingMiddleware:
    """Return an application that is traced by these settings, a path for each endpoint."""
    routes = [WebSocketRoute(f"/{each.__name__}", each) for each in ENDPOINTS]
    return TracingMiddleware(Starlette(routes=[Route("/ready", ready), *routes]), **settings)


alone = application()
"""For a server in a process of its own."""


class Served:
    """An application that is served; `settle` waits until it has nothing left to do."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._busy = 0
        self._changed = threading.Condition()
        self.port = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._changed:
            self._busy += scope["type"] == "websocket"
        try:
            await self._app(scope, receive, send)
        finally:
            with self._changed:
                self._busy -= scope["type"] == "websocket"
                self._changed.notify_all()

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    async def settle(self) -> None:
        """Wait until every connection has ended for the application too."""
        assert await asyncio.to_thread(self.has_settled)

    def has_settled(self) -> bool:
        """Wait for that, and tell whether it has come."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, PATIENCE)


@contextmanager
def serving(app: ASGIApp) -> Iterator[Served]:
    """Serve an application on a free port, on uvicorn in a thread."""
    served = Served(app)
    config = uvicorn.Config(served, "127.0.0.1", 0, log_level="critical", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = threading.Event()
    while not server.started and thread.is_alive():
        deadline.wait(0.01)
    served.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


@asynccontextmanager
async def raw_server(*frames: bytes, answers: bool = True) -> AsyncIterator[int]:
    """Serve one connection: shake hands, write `frames`, and be deaf to all but a close.

    Yield its port.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        serving = asyncio.create_task(asyncio.to_thread(_serve_raw, listener, frames, answers))
        yield listener.getsockname()[1]
        await serving


def _serve_raw(listener: socket.socket, frames: tuple[bytes, ...], answers: bool) -> None:
    with suppress(OSError), listener.accept()[0] as connection, connection.makefile("rb") as heard:
        request = []
        while line := heard.readline().strip():
            request.append(line)
        if answers:
            (key,) = (line for line in request if line.lower().startswith(b"sec-websocket-key:"))
            accept = accept_key(key.split(b":")[1].strip().decode())
            connection.sendall(_SWITCHING.format(accept).encode() + b"".join(frames))
        while len(header := heard.read(2)) == 2 and header[0] != _CLOSE_FRAME:
            heard.read(4 + (header[1] & 0x7F))  # the mask, and what is short enough
