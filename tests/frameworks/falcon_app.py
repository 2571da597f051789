"""Falcon: it reads ahead by default, and can be told not to."""

from __future__ import annotations

import falcon.asgi
from falcon import WebSocketDisconnected

from otel_ws import asgi

from .answers import answer


class KeepTemplate:
    async def process_resource_ws(self, req, ws, resource, params):
        req.scope["template"] = req.uri_template


class TracingMiddleware(asgi.TracingMiddleware):
    def find_route(self, scope):
        return lambda: scope.get("template")


class Loop:
    async def on_websocket(self, req, ws, name: str) -> None:
        await ws.accept()
        while True:
            try:
                text = await ws.receive_text()
            except WebSocketDisconnected:
                return
            with answer(text) as said:
                await ws.send_text(said)


class Closed:
    async def on_websocket(self, req, ws) -> None:
        raise falcon.HTTPForbidden


def host() -> falcon.asgi.App:
    made = falcon.asgi.App(middleware=[KeepTemplate()])
    made.add_route("/ws/{name}", Loop())
    made.add_route("/closed", Closed())
    return made


bare, app = asgi.TracingMiddleware(host()), TracingMiddleware(host())
app.app.ws_options.max_receive_queue = 0
