"""The page bridge: a page tells its sockets in which trace it was made.

Django's ``MIDDLEWARE`` never sees a WebSocket. What stands there is for pages, because a browser
lets no script set the headers of a handshake: the context goes into the page, by
``{% otel_ws_page_context %}``, and from there into the handshake and the messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from otel_ws import browser

__all__ = ["PageContextMiddleware", "traceparent_of"]

_ATTRIBUTE: Final = "_otel_ws_traceparent"
_Response = HttpResponseBase | Awaitable[HttpResponseBase]


class PageContextMiddleware:
    """Remember the span that is current where a request arrives: the server's.

    It opens no span and changes no response. Where the template is rendered, a span of the view
    may be current, or, in a streamed response, none any more.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], _Response]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> _Response:
        setattr(request, _ATTRIBUTE, browser.traceparent())
        return self._get_response(request)


def traceparent_of(request: HttpRequest | None) -> str:
    """Return the context that was remembered for a request, or else the current one."""
    return getattr(request, _ATTRIBUTE, "") or browser.traceparent()
