"""Middleware in the wrong place, or there twice: one trace all the same."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path
from fastapi import FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute

import otel_ws_channels
import otel_ws_starlette
from otel_ws import asgi
from otel_ws.testing import CapturedSpans

from .playing import ACCEPT, echo, play
from .test_outside_middleware import ECHOED, FULL, WITHOUT_ROUTE, Async, replies, without_route


def channels_around() -> Any:
    return otel_ws_channels.TracingMiddleware(URLRouter([path("room", Async.as_asgi())]))


def channels_in_the_protocol_router() -> Any:
    return ProtocolTypeRouter({"websocket": channels_around()})


def channels_in_the_url_router() -> Any:
    inner = otel_ws_channels.TracingMiddleware(Async.as_asgi())
    return URLRouter([path("room", inner)])


def channels_twice() -> Any:
    return otel_ws_channels.TracingMiddleware(channels_around())


def channels_twice_apart() -> Any:
    return otel_ws_channels.TracingMiddleware(channels_in_the_url_router())


def starlette_routes() -> list[WebSocketRoute]:
    async def room(websocket: Any) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    return [WebSocketRoute("/room", room)]


def starlette_around() -> Any:
    return otel_ws_starlette.TracingMiddleware(Starlette(routes=starlette_routes()))


def starlette_inside() -> Any:
    middleware = [Middleware(otel_ws_starlette.TracingMiddleware)]
    return Starlette(routes=starlette_routes(), middleware=middleware)


def starlette_in_the_route() -> Any:
    middleware = [Middleware(otel_ws_starlette.TracingMiddleware)]
    (route,) = starlette_routes()
    return Starlette(routes=[WebSocketRoute("/room", route.endpoint, middleware=middleware)])


def starlette_twice() -> Any:
    return otel_ws_starlette.TracingMiddleware(starlette_inside())


def core_around_starlette() -> Any:
    return asgi.TracingMiddleware(starlette_around())


def fastapi_twice() -> Any:
    app = FastAPI()

    @app.websocket("/room")
    async def room(websocket: WebSocket) -> None:
        await starlette_routes()[0].endpoint(websocket)

    app.add_middleware(otel_ws_starlette.TracingMiddleware)
    return otel_ws_starlette.TracingMiddleware(app)


def starlettes_around_channels() -> Any:
    return otel_ws_starlette.TracingMiddleware(URLRouter([path("room", Async.as_asgi())]))


@pytest.mark.parametrize(
    ("build", "tree"),
    [
        (channels_around, FULL),
        (channels_in_the_protocol_router, FULL),
        (channels_in_the_url_router, WITHOUT_ROUTE),
        (channels_twice, FULL),
        (channels_twice_apart, FULL),
        (starlette_around, FULL),
        (starlette_inside, FULL),
        (starlette_twice, FULL),
        (core_around_starlette, WITHOUT_ROUTE),
        (fastapi_twice, FULL),
        (starlettes_around_channels, WITHOUT_ROUTE),
    ],
)
def test_wherever_the_middleware_stands_there_is_one_trace(
    build: Callable[[], Any], tree: str, spans: CapturedSpans
) -> None:
    assert replies(build()) == ECHOED
    assert spans == tree


def test_middleware_of_a_route_makes_one_trace(spans: CapturedSpans) -> None:
    assert replies(starlette_in_the_route()) == ECHOED
    assert without_route(spans) == dedent(WITHOUT_ROUTE).strip()


def test_an_application_that_copies_its_scope_is_traced_once(spans: CapturedSpans) -> None:
    inner = asgi.TracingMiddleware(echo)

    async def copying(scope: Any, receive: Any, send: Any) -> None:
        await inner(dict(scope), receive, send)

    assert play(asgi.TracingMiddleware(copying))[0] == ACCEPT
    assert spans == WITHOUT_ROUTE
