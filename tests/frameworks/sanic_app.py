"""Sanic, on a server of ASGI in place of its own."""

from __future__ import annotations

from sanic import Request, Sanic, Websocket

from otel_ws import asgi

from .answers import answer


async def keep_template(request):
    request.scope["template"] = request.uri_template


class TracingMiddleware(asgi.TracingMiddleware):
    def find_route(self, scope):
        return lambda: scope.get("template")


host = Sanic("host")
host.on_request(keep_template)


@host.websocket("/ws/<name>")
async def loop(request: Request, websocket: Websocket, name: str) -> None:
    while (text := await websocket.recv()) is not None:
        with answer(text) as said:
            await websocket.send(said)


bare, app = asgi.TracingMiddleware(host), TracingMiddleware(host)
