"""Goes there: one WebSocket to a stranger, with bounds on what it may do to us."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from socket import gaierror
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidMessage,
    InvalidStatus,
    NegotiationError,
    WebSocketException,
)
from websockets.typing import Origin, Subprotocol

from ._evidence import Visit

_MAX_MESSAGE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Where to go, and what to say there."""

    url: str
    headers: Sequence[tuple[str, str]] = ()
    subprotocols: Sequence[str] = ()
    origin: str | None = None
    messages: Sequence[str] = ()
    wait: float = 2.0
    """Seconds to wait for an answer to each message."""
    timeout: float = 10.0
    """Seconds that a handshake, or a close, may take."""
    context: ssl.SSLContext | None = None


async def visit(errand: Errand) -> Visit:
    """Open the connection, say what is to be said, close it, and return what came of it."""
    seen = Visit(origin=errand.origin, subprotocols=tuple(errand.subprotocols))
    try:
        async with _Connect(errand.url, **_options(errand, seen)) as websocket:
            _note_answer(seen, websocket)
            await _talk(errand, seen, websocket)
    except InvalidStatus as refusal:
        seen.status = refusal.response.status_code
        seen.location = refusal.response.headers.get("Location", "")
    except (OSError, WebSocketException, TimeoutError, ValueError) as error:
        seen.trouble, seen.says = _trouble(error), str(error)
    return seen


def _options(errand: Errand, seen: Visit) -> dict[str, Any]:
    context = {"ssl": errand.context} if errand.url.lower().startswith("wss:") else {}
    traceparent = f"00-{seen.trace_id}-{seen.span_id}-01"
    return {
        **context,
        "additional_headers": [("traceparent", traceparent), *errand.headers],
        "user_agent_header": seen.user_agent,
        "origin": None if errand.origin is None else Origin(errand.origin),
        "subprotocols": [Subprotocol(each) for each in errand.subprotocols] or None,
        "open_timeout": errand.timeout,
        "close_timeout": errand.timeout,
        "max_size": _MAX_MESSAGE,
        "proxy": None,
    }


class _Connect(connect):
    """Follows no redirect: where one leads to is for the reader to judge."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def _note_answer(seen: Visit, websocket: ClientConnection) -> None:
    seen.status = 101 if websocket.response is None else websocket.response.status_code
    seen.subprotocol = websocket.subprotocol


async def _talk(errand: Errand, seen: Visit, websocket: ClientConnection) -> None:
    try:
        for message in errand.messages:
            await websocket.send(message)
            seen.sent += 1
            await _listen(seen, websocket, errand.wait)
        await websocket.close()
    except ConnectionClosed:
        pass
    received = websocket.close_code
    seen.close_code = None if received is None else int(received)
    seen.close_reason = websocket.close_reason or ""
    if seen.close_code == 1006:
        seen.trouble, seen.says = "lost", "the connection was lost without a close"


async def _listen(seen: Visit, websocket: ClientConnection, seconds: float) -> None:
    """Wait for an answer, which need not come."""
    try:
        async with asyncio.timeout(seconds):
            await websocket.recv()
            seen.received += 1
    except TimeoutError:
        return


def _trouble(error: Exception) -> str:
    """Return in a word what kept the connection from being made."""
    match error:
        case ssl.SSLCertVerificationError():
            return "certificate"
        case ssl.SSLError():
            return "tls"
        case gaierror():
            return "unknown"
        case TimeoutError():
            return "timeout"
        case InvalidMessage():
            return "not_http"
        case NegotiationError():
            return "subprotocol"
        case WebSocketException():
            return "handshake"
        case OSError():
            return "refused"
    return "url"
