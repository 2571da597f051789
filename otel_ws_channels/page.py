"""The trace page in a Django project: `otel_ws.page`, with Django's URLs.

    urlpatterns += [path("traces/", include("otel_ws_channels.page"))]
    websocket_urlpatterns += [path("traces/", URLRouter(page.websocket_urlpatterns))]

Needs the extra ``page``. Whoever wants to give the page options makes one, and says
``http_urls(page)`` and ``websocket_urls(page)``.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from otel_ws import Scope
from otel_ws.page import TracePage

__all__ = ["http_urls", "urlpatterns", "websocket_urlpatterns", "websocket_urls"]


def http_urls(page: TracePage) -> list[URLPattern]:
    """Return the routes of a page, for Django's ``include``."""

    @csrf_exempt  # there are no forms; the page checks the origin of what changes anything
    def view(request: HttpRequest, rest: str = "") -> HttpResponse:
        response = page.answer(_scope(request, rest), request.read)
        body = b"" if request.method == "HEAD" else response.body
        return HttpResponse(body, status=response.status, headers=dict(response.headers))

    return [path("", view), path("<path:rest>", view)]


def websocket_urls(page: TracePage) -> list[URLPattern]:
    """Return the route of a page's socket, for the ``URLRouter`` of Channels."""
    route: Any = path
    return [route(page.socket_path.removeprefix("/"), page)]


def _scope(request: HttpRequest, rest: str) -> Scope:
    """Return a request in the words of ASGI, whichever server it came through."""
    scope = dict(getattr(request, "scope", None) or _from_wsgi(request))
    return {**scope, "path": f"/{rest}", "root_path": "", "user": getattr(request, "user", None)}


def _from_wsgi(request: HttpRequest) -> Scope:
    headers = [(n.lower().encode(), v.encode("latin-1")) for n, v in request.headers.items()]
    return {
        "type": "http",
        "http_version": request.META.get("SERVER_PROTOCOL", "").removeprefix("HTTP/"),
        "method": request.method,
        "headers": headers,
        "client": (request.META.get("REMOTE_ADDR"), 0),
    }


_page = TracePage()
urlpatterns = http_urls(_page)
websocket_urlpatterns = websocket_urls(_page)
