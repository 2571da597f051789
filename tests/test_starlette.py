"""Starlette and FastAPI: routes and mounts, and FastAPI's own tracing beside ours.

FastAPI traces WebSockets itself since 0.142: there is still one span for the handshake.
"""

from __future__ import annotations

from typing import Any

import fastapi
import pytest
import starlette
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Host, Mount, Router, WebSocketRoute

from otel_ws.testing import CapturedSpans
from otel_ws_starlette import TracedWebSocketEndpoint, TracingMiddleware

from .drivers.say import converse
from .drivers.script import Leave

TELLS_ITS_ROUTE = tuple(map(int, starlette.__version__.split(".")[:2])) >= (1, 6)
TRACES_ITSELF = tuple(map(int, fastapi.__version__.split(".")[:2])) >= (0, 142)
ECHO = """
    GET /room
    websocket.open /room -> GET /room
    websocket.receive /room -> GET /room
      websocket.send /room
    websocket.close -> GET /room
"""


def _application() -> FastAPI:
    app = FastAPI()

    async def user() -> str:
        return "somebody"

    @app.websocket("/room")
    async def room(websocket: WebSocket, name: str = Depends(user)) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    return app


async def test_outside_our_span_is_the_only_one(spans: CapturedSpans) -> None:
    await converse(TracingMiddleware(_application()))
    assert spans == ECHO


@pytest.mark.skipif(not TRACES_ITSELF, reason="this FastAPI does not trace WebSockets")
@pytest.mark.parametrize(
    ("model", "tree"),
    [
        (
            "session",
            """
            WS /room
              fastapi.dependencies
              fastapi.endpoint
            websocket.open /room -> WS /room
            websocket.receive /room -> WS /room
              websocket.send /room
            websocket.close -> WS /room
            """,
        ),
        (
            "connection",
            """
            WS /room
              fastapi.dependencies
              fastapi.endpoint
              websocket.connection /room
                websocket.open /room
                websocket.receive /room
                  websocket.send /room
                websocket.close
            """,
        ),
    ],
)
async def test_inside_the_span_of_fastapi_is_the_handshake(
    model: Any, tree: str, spans: CapturedSpans, our_log: list[str]
) -> None:
    app = _application()
    app.add_middleware(TracingMiddleware, model=model)
    await converse(app)
    assert spans == tree
    assert len({span.attributes["websocket.session.id"] for span in spans.named("W")}) == 1
    assert spans[0].attributes["websocket.session.id"] == _session_id(spans)


@pytest.mark.skipif(not TRACES_ITSELF, reason="this FastAPI does not trace WebSockets")
async def test_inside_the_better_place_is_said_once(our_log: list[str]) -> None:
    app = _application()
    app.add_middleware(TracingMiddleware)
    await converse(app)
    await converse(app)
    assert our_log == [
        "the handshake has a span already, which is used in place of our own; "
        "put TracingMiddleware around the application to get one that ends at accept"
    ]


async def test_a_class_endpoint_needs_no_middleware(
    spans: CapturedSpans, our_log: list[str]
) -> None:
    app = Starlette(routes=[WebSocketRoute("/room", Echo)])
    await converse(app)
    # An older Starlette leaves no word of the route that a handler was reached by.
    assert spans == (ECHO if TELLS_ITS_ROUTE else ECHO.replace(" /room", ""))
    assert our_log == [
        "Echo is traced, but no TracingMiddleware is around its application: "
        "refused handshakes are not seen, and nothing is flushed at shutdown"
    ]


class Echo(TracedWebSocketEndpoint):
    encoding = "text"

    async def on_receive(self, websocket: Any, data: str) -> None:
        await websocket.send_text(data)


def _nested() -> FastAPI:
    inner = APIRouter(prefix="/rooms")

    @inner.websocket("/{room}")
    async def room(websocket: WebSocket, room: str) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    outer = APIRouter(prefix="/v1")
    outer.include_router(inner)
    app = FastAPI()
    app.include_router(outer, prefix="/api")
    return app


def _mounted() -> Starlette:
    routes = [
        Mount("/tenants/{tenant}", routes=[WebSocketRoute("/room/{id:int}", Echo)]),
        Mount("/nested/{tenant}", app=GZipMiddleware(_nested())),
        Host("chat.example", app=Router([WebSocketRoute("/elsewhere", Echo)])),
        WebSocketRoute("/{anything}", Echo),
    ]
    return Starlette(routes=routes, middleware=[Middleware(GZipMiddleware)])


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/tenants/acme/room/5", "/tenants/{tenant}/room/{id:int}"),
        ("/nested/acme/api/v1/rooms/5", "/nested/{tenant}/api/v1/rooms/{room}"),
        ("/secret-token", "/{anything}"),
    ],
)
async def test_a_route_is_its_template(path: str, template: str, spans: CapturedSpans) -> None:
    await converse(TracingMiddleware(_mounted()), path=path)
    assert {span.attributes["http.route"] for span in spans} == {template}
    assert spans[0].name == f"GET {template}"
    assert path not in str(spans)


async def test_a_path_without_a_route_has_no_target(spans: CapturedSpans) -> None:
    sent = await converse(TracingMiddleware(_mounted()), Leave(1006), path="/no/such/path")
    assert [message["type"] for message in sent] == ["websocket.close"]
    assert spans == "GET"


async def test_middleware_inside_the_application_knows_the_route_as_well(
    spans: CapturedSpans,
) -> None:
    app = Starlette(
        routes=[Mount("/rooms", routes=[WebSocketRoute("/{id}", Echo)])],
        middleware=[Middleware(TracingMiddleware, model="connection")],
    )
    await converse(app, path="/rooms/7")
    assert (
        spans
        == """
        GET /rooms/{id}
          websocket.connection /rooms/{id}
            websocket.open /rooms/{id}
            websocket.receive /rooms/{id}
              websocket.send /rooms/{id}
            websocket.close
    """
    )


def _session_id(spans: CapturedSpans) -> Any:
    return spans.named("websocket.open")[0].attributes["websocket.session.id"]
