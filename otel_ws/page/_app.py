"""The page as an ASGI application: for any framework, or on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import ClassVar

from .._config import PAGE_SOCKET
from .._log import report
from .._types import Receive, Scope, Send
from ._access import Access, Allow
from ._buffer import DEFAULT, SpanBuffer
from ._http import FAILED, MAX_BODY, TOO_LARGE, Desk, Response
from ._live import Viewer
from ._own import own_work
from ._threads import in_thread

_INTERNAL_ERROR = 1011
_MAX_VIEWERS = 32


class TracePage:
    """Show the spans of a buffer in a browser.

    It answers this machine alone, unless `allow` is given: a function of the ASGI scope that
    returns True for who may look, which stands in place of that rule.
    `origins` are further origins whose pages may open its socket and send it spans.
    """

    socket_path: ClassVar = PAGE_SOCKET
    """How the path of its socket ends, wherever it is mounted."""

    def __init__(
        self,
        buffer: SpanBuffer | None = None,
        *,
        allow: Allow | None = None,
        origins: Iterable[str] = (),
    ) -> None:
        self.buffer = DEFAULT if buffer is None else buffer
        self._desk = Desk(self.buffer, Access(allow, origins))
        self._viewers: set[Viewer] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind not in ("http", "websocket"):
            raise ValueError(f"the trace page serves http and websocket, not {kind!r}")
        with own_work():
            if kind == "http":
                await self._serve_http(scope, receive, send)
            else:
                await self._serve_socket(scope, receive, send)

    def answer(self, scope: Scope, read: Callable[[int], bytes]) -> Response:
        """Return the answer to an HTTP request, for what is not served over ASGI. Never raises.

        `read` returns so many bytes of the body at most.
        """
        with own_work():
            try:
                turned_away = self._desk.turned_away(scope)
                if turned_away is not None:
                    return turned_away
                body = read(MAX_BODY + 1)
                return TOO_LARGE if len(body) > MAX_BODY else self._desk.answer(scope, body)
            except Exception as error:
                return _failed(error)

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._response(scope, receive)
        except Exception as error:
            response = _failed(error)
        if response is not None:
            await _send_response(response, scope, send)

    async def _response(self, scope: Scope, receive: Receive) -> Response | None:
        """Return the answer to a request; there is none if its client leaves in the midst of it."""
        turned_away = self._desk.turned_away(scope)
        if turned_away is not None:
            return turned_away
        body = await _body(receive)
        if body is None or len(body) > MAX_BODY:
            return None if body is None else TOO_LARGE
        return await in_thread(self._desk.answer, scope, body)

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self._desk.refuses_socket(scope):
                await receive()
                await send({"type": "websocket.close"})
                return
            await self._serve_viewer(Viewer(self.buffer, receive, send))
        except Exception as error:
            _failed(error)
            with suppress(Exception):  # the peer has left, maybe, or was never let in
                await send({"type": "websocket.close", "code": _INTERNAL_ERROR})

    async def _serve_viewer(self, viewer: Viewer) -> None:
        if len(self._viewers) >= _MAX_VIEWERS:
            await viewer.send_away()
            return
        self._viewers.add(viewer)
        try:
            await viewer.serve()
        finally:
            self._viewers.discard(viewer)


def _failed(error: Exception) -> Response:
    report("the trace page failed; the application is unaffected", error)
    return FAILED


async def _body(receive: Receive) -> bytes | None:
    """Return the body, or more than `MAX_BODY` bytes of one that is too large."""
    body = bytearray()
    more = True
    while more and len(body) <= MAX_BODY:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body") or b""
        more = message.get("more_body", False)
    return bytes(body)


async def _send_response(response: Response, scope: Scope, send: Send) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.headers]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else response.body
    await send({"type": "http.response.body", "body": body})
