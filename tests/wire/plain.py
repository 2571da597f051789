"""The scenarios as an ASGI application without any framework."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

DENIAL_EXTENSION = "websocket.http.response"
DENIAL = (
    {
        "type": "websocket.http.response.start",
        "status": 401,
        "headers": [(b"content-type", b"text/plain"), (b"content-length", b"8")],
    },
    {"type": "websocket.http.response.body", "body": b"no entry"},
)


class Crash(Exception):
    """What the scenarios raise: no framework and no server knows it."""


async def accept(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(receive, send)
    while (message := await receive())["type"] == "websocket.receive":
        data = {key: message[key] for key in ("text", "bytes") if message.get(key) is not None}
        await send({"type": "websocket.send", **data})


async def crash(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(receive, send)
    await receive()
    raise Crash("boom")


async def crash_early(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    raise Crash("boom")


async def deny(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close"})


async def deny_with_response(scope: Scope, receive: Receive, send: Send) -> None:
    if DENIAL_EXTENSION not in scope.get("extensions", {}):
        return await deny(scope, receive, send)
    await receive()
    for message in DENIAL:
        await send(dict(message))


async def deny_with_late_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Let the server have its turn between the start of the response and its body."""

    async def send_later(message: Message) -> None:
        await asyncio.sleep(0)
        await send(message)

    await deny_with_response(scope, receive, send_later)


async def deny_and_listen(scope: Scope, receive: Receive, send: Send) -> None:
    await deny(scope, receive, send)
    await receive()


async def deny_unheard(scope: Scope, receive: Receive, send: Send) -> None:
    """Deny without having asked for the event of the connection, as class endpoints may."""
    await send({"type": "websocket.close"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def close(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(receive, send)
    await receive()
    await send({"type": "websocket.close", "code": 4001, "reason": "enough"})
    await receive()


async def leave(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(receive, send)
    await receive()


async def send_late(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(receive, send)
    await receive()
    await send({"type": "websocket.send", "text": "too late"})


HANDLERS: dict[str, Application] = {
    "/ws/echo": echo,
    "/ws/crash": crash,
    "/ws/crash-early": crash_early,
    "/ws/deny": deny,
    "/ws/deny-with-response": deny_with_response,
    "/ws/deny-with-late-body": deny_with_late_body,
    "/ws/deny-and-listen": deny_and_listen,
    "/ws/deny-unheard": deny_unheard,
    "/ws/close": close,
    "/ws/leave": leave,
    "/ws/send-late": send_late,
}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "websocket":
        raise ValueError(f"this application knows no {scope['type']}")
    await HANDLERS[scope["path"]](scope, receive, send)
