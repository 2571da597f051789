"""Quart: it reads in a task of its own, and handlers take from a queue."""

from __future__ import annotations

from quart import Quart, Websocket, abort, got_websocket_exception, websocket

from otel_ws import asgi, readahead

from .answers import answer


class TracedWebsocket(Websocket):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.scope["quart"] = self

    async def receive(self):
        await self.accept()
        return await readahead.take(super().receive)


class TracingMiddleware(readahead.TracingMiddleware):
    def find_route(self, scope):
        return lambda: getattr(getattr(scope.get("quart"), "url_rule", None), "rule", None)


@got_websocket_exception.connect
async def failed(sender, exception):
    readahead.failed(exception)


host = Quart(__name__)
host.websocket_class = TracedWebsocket


@host.websocket("/ws/<name>")
async def loop(name: str) -> None:
    while True:
        with answer(await websocket.receive()) as said:
            await websocket.send(said)


@host.websocket("/closed")
async def closed() -> None:
    abort(403)


# Where the object itself is wanted, the middleware stands inside of it.
inside = Quart(__name__)
inside.websocket_class = TracedWebsocket
inside.add_websocket("/ws/<name>", view_func=loop)
inside.asgi_app = TracingMiddleware(inside.asgi_app)
# Without the middleware that knows of it, what reads ahead traces as it would by itself.
bare, app = asgi.TracingMiddleware(host), TracingMiddleware(host)
