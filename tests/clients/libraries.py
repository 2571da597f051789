"""The client libraries that are traced, each with its own words.

A conversation is a generator: it yields what is to be said, or `HEAR`, and gets what is heard.
It runs where the library's calls are made, so that its own spans are where a user's would be.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Coroutine, Generator, Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
import httpx_ws
import websockets.asyncio.client
import websockets.sync.client
from opentelemetry.sdk.trace import ReadableSpan
from websockets.exceptions import ConnectionClosed

from otel_ws.client import aiohttp as our_aiohttp
from otel_ws.client import httpx_ws as our_httpx_ws
from otel_ws.client import websockets as our_websockets
from otel_ws.client import websockets_sync as our_websockets_sync
from otel_ws.testing import format_trace


class Hear:
    """Wait for a message."""


@dataclass
class Close:
    code: int = 1000
    reason: str = ""


class Gone(Exception):
    """There is no message to come; the code and the reason are what the library has of them."""


HEAR = Hear()
TLS = ssl.create_default_context()  # what takes the longest about a client of httpx
Step = str | bytes | Hear | Close
Conversation = Generator[Step, Any, None]
Play = Callable[..., Coroutine[Any, Any, None]]


async def talk(conversation: Conversation, do: Callable[[Step], Coroutine[Any, Any, Any]]) -> None:
    """Do what a conversation wants; what that raises, the conversation gets."""
    step = next(conversation, None)
    while step is not None:
        try:
            result = await do(step)
        except Exception as error:
            step = _next(conversation, conversation.throw, error)
        else:
            step = _next(conversation, conversation.send, result)


def talk_sync(conversation: Conversation, do: Callable[[Step], Any]) -> None:
    step = next(conversation, None)
    while step is not None:
        try:
            result = do(step)
        except Exception as error:
            step = _next(conversation, conversation.throw, error)
        else:
            step = _next(conversation, conversation.send, result)


def _next(conversation: Conversation, resume: Callable[[Any], Step], value: Any) -> Step | None:
    try:
        return resume(value)
    except StopIteration:
        return None


# --- the libraries: the same lines, traced and untraced ------------------------------------------


async def play_websockets(connect: Any, url: str, conversation: Conversation, **more: Any) -> None:
    async with connect(url, proxy=None, **more) as websocket:

        async def do(step: Step) -> Any:
            match step:
                case Hear():
                    try:
                        return await websocket.recv()
                    except ConnectionClosed as error:
                        raise Gone(websocket.close_code, websocket.close_reason) from error
                case Close():
                    await websocket.close(step.code, step.reason)
                case _:
                    await websocket.send(step)

        await talk(conversation, do)


async def play_websockets_sync(
    connect: Any, url: str, conversation: Conversation, **more: Any
) -> None:
    """Block the test's loop, so that all is in one context; the server is in another thread."""
    with connect(url, proxy=None, **more) as websocket:

        def do(step: Step) -> Any:
            match step:
                case Hear():
                    try:
                        return websocket.recv()
                    except ConnectionClosed as error:
                        raise Gone(websocket.close_code, websocket.close_reason) from error
                case Close():
                    websocket.close(step.code, step.reason)
                case _:
                    websocket.send(step)

        talk_sync(conversation, do)


async def play_aiohttp(connect: Any, url: str, conversation: Conversation, **more: Any) -> None:
    async with aiohttp.ClientSession() as session, connect(session, url, **more) as websocket:

        async def do(step: Step) -> Any:
            match step:
                case Hear():
                    message = await websocket.receive()
                    if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                        return message.data
                    raise Gone(websocket.close_code, message.extra or "")
                case Close():
                    await websocket.close(code=step.code, message=step.reason.encode())
                case str():
                    await websocket.send_str(step)
                case _:
                    await websocket.send_bytes(step)

        await talk(conversation, do)


async def play_httpx_ws(connect: Any, url: str, conversation: Conversation, **more: Any) -> None:
    async with (
        httpx.AsyncClient(verify=TLS, trust_env=False) as http,
        connect(url, http, **more) as websocket,
    ):

        async def do(step: Step) -> Any:
            match step:
                case Hear():
                    try:
                        return (await websocket.receive()).data
                    except httpx_ws.WebSocketDisconnect as error:
                        raise Gone(error.code, error.reason) from error
                    except httpx_ws.WebSocketNetworkError as error:
                        raise Gone(1006, "") from error
                case Close():
                    await websocket.close(step.code, step.reason)
                case str():
                    await websocket.send_text(step)
                case _:
                    await websocket.send_bytes(step)

        await talk(conversation, do)


async def play_httpx_ws_sync(
    connect: Any, url: str, conversation: Conversation, **more: Any
) -> None:
    with (
        httpx.Client(verify=TLS, trust_env=False) as http,
        connect(url, http, **more) as websocket,
    ):

        def do(step: Step) -> Any:
            match step:
                case Hear():
                    try:
                        return websocket.receive().data
                    except httpx_ws.WebSocketDisconnect as error:
                        raise Gone(error.code, error.reason) from error
                    except httpx_ws.WebSocketNetworkError as error:
                        raise Gone(1006, "") from error
                case Close():
                    websocket.close(step.code, step.reason)
                case str():
                    websocket.send_text(step)
                case _:
                    websocket.send_bytes(step)

        talk_sync(conversation, do)


@dataclass(frozen=True)
class Library:
    name: str
    _play: Play
    _traced: Any
    _untraced: Any

    def __str__(self) -> str:
        return self.name

    async def play(
        self, url: str, conversation: Conversation, tracing: Any = None, **more: Any
    ) -> None:
        """Play a conversation, traced by the settings of `tracing`."""
        await self._play(self._traced, url, conversation, tracing=tracing or {}, **more)

    async def play_untraced(self, url: str, conversation: Conversation, **more: Any) -> None:
        await self._play(self._untraced, url, conversation, **more)


def _ws_connect(session: aiohttp.ClientSession, url: str, **more: Any) -> Any:
    return session.ws_connect(url, **more)


WEBSOCKETS = Library(
    "websockets",
    play_websockets,
    our_websockets.connect,
    websockets.asyncio.client.connect,
)
WEBSOCKETS_SYNC = Library(
    "websockets-sync",
    play_websockets_sync,
    our_websockets_sync.connect,
    websockets.sync.client.connect,
)
AIOHTTP = Library("aiohttp", play_aiohttp, our_aiohttp.ws_connect, _ws_connect)
HTTPX_WS = Library("httpx-ws", play_httpx_ws, our_httpx_ws.aconnect_ws, httpx_ws.aconnect_ws)
HTTPX_WS_SYNC = Library(
    "httpx-ws-sync", play_httpx_ws_sync, our_httpx_ws.connect_ws, httpx_ws.connect_ws
)
LIBRARIES = (WEBSOCKETS, WEBSOCKETS_SYNC, AIOHTTP, HTTPX_WS, HTTPX_WS_SYNC)


# --- what is seen -------------------------------------------------------------------------------


async def raised(played: Coroutine[Any, Any, None]) -> Exception | None:
    """Return what a conversation has raised out of the library's block, if anything."""
    try:
        await played
    except Exception as error:
        return error
    return None


def of_client(spans: Iterable[ReadableSpan], *attributes: str) -> str:
    """Return the tree of what the client's process has: all but the server's spans."""
    return format_trace(
        [span for span in spans if span.instrumentation_scope.name != "otel_ws"], *attributes
    )


def of_one_trace(spans: Iterable[ReadableSpan], name: str, *attributes: str) -> str:
    """Return the tree of the trace in which a span has this name, on whichever side."""
    (trace_id,) = {span.context.trace_id for span in spans if span.name == name}
    return format_trace([s for s in spans if s.context.trace_id == trace_id], *attributes)
