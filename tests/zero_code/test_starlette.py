"""Every shape of an endpoint in an application that never heard of us."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, Router, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from otel_ws.testing import CapturedSpans
from otel_ws_starlette import TracedWebSocketEndpoint, TracingMiddleware
from tests.drivers.say import converse
from tests.drivers.script import Leave
from tests.playing import play

from .conftest import StarletteInstrumentor

ECHO = """
    GET /room
    websocket.open /room -> GET /room
    websocket.receive /room -> GET /room
      websocket.send /room
    websocket.close -> GET /room
"""

pytestmark = pytest.mark.usefixtures("on_starlette")


async def function(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


class Class(WebSocketEndpoint):
    encoding = "text"

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        await websocket.send_text(data)


class Traced(TracedWebSocketEndpoint):
    encoding = "text"

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        await websocket.send_text(data)


async def plain(scope: Any, receive: Any, send: Any) -> None:
    await function(WebSocket(scope, receive, send))


def fastapi() -> Any:
    app = FastAPI()

    async def user() -> str:
        return "somebody"

    @app.websocket("/room")
    async def room(websocket: WebSocket, name: str = Depends(user)) -> None:
        await function(websocket)

    return app


def included() -> Any:
    app, router = FastAPI(), APIRouter()
    router.add_api_websocket_route("/room", function)
    app.include_router(router)
    return app


def decorated() -> Any:
    """An application that somebody else's middleware is around and inside of."""

    class Passing:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(scope, receive, send)

    return Passing(Starlette(routes=[route(function)], middleware=[Middleware(Passing)]))


def alone() -> Any:
    router = APIRouter()
    router.add_api_websocket_route("/room", function)
    return router


def route(endpoint: Any) -> Any:
    return WebSocketRoute("/room", endpoint)


APPS = {
    "function": lambda: Starlette(routes=[route(function)]),
    "class": lambda: Starlette(routes=[route(Class)]),
    "traced class": lambda: Starlette(routes=[route(Traced)]),
    "router": lambda: Router([route(function)]),
    "FastAPI": fastapi,
    "included router": included,
    "FastAPI's router": alone,
    "mounted FastAPI": lambda: Starlette(routes=[Mount("/", fastapi())]),
    "mounted Starlette": lambda: Starlette(routes=[Mount("/", Starlette(routes=[route(Class)]))]),
    "middleware": decorated,
    "middleware of ours": lambda: TracingMiddleware(fastapi()),
    "middleware of ours, inside": lambda: Starlette(
        routes=[route(function)], middleware=[Middleware(TracingMiddleware)]
    ),
}


@pytest.mark.parametrize("app", APPS)
async def test_every_shape(app: str, spans: CapturedSpans) -> None:
    await converse(APPS[app]())
    assert spans == ECHO


async def test_a_mounted_application_of_another_kind(spans: CapturedSpans) -> None:
    await converse(Starlette(routes=[Mount("/room", plain)]), path="/room/kitchen")
    assert spans == ECHO.replace(" /room", "")


async def test_a_middleware_inside_keeps_its_settings(spans: CapturedSpans) -> None:
    middleware = [Middleware(TracingMiddleware, model="connection")]
    await converse(Starlette(routes=[route(function)], middleware=middleware))
    assert len(spans.named("GET")) == len(spans.named("websocket.connection")) == 1


async def test_a_path_that_nothing_answers(spans: CapturedSpans) -> None:
    await converse(Starlette(), Leave())
    assert spans.tree("http.response.status_code") == "GET {http.response.status_code=403}"


async def test_fastapi_keeps_its_span_where_that_is_wanted(
    on_starlette: StarletteInstrumentor, spans: CapturedSpans, our_log: list[str]
) -> None:
    on_starlette.uninstrument()
    on_starlette.instrument(neighbours="reuse")
    await converse(fastapi())
    assert len(spans.named("websocket.receive")) == 1
    assert len([span for span in spans if span.kind.name == "SERVER"]) == 1
    for line in our_log:
        assert "the handshake has a span already" in line


# --- what is no WebSocket -----------------------------------------------------------------------


def test_http_passes_through(spans: CapturedSpans) -> None:
    seen = []

    async def page(request: Request) -> PlainTextResponse:
        seen.append(request.scope)
        return PlainTextResponse("page")

    client = TestClient(Starlette(routes=[Route("/", page)]))
    assert client.get("/").text == "page"
    assert spans == ""
    assert "otel_ws" not in seen[0]


def test_a_lifespan_that_fails_is_the_applications_own() -> None:
    class Failing:
        def __init__(self, app: Any) -> None:
            pass

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            raise LookupError

    app = Starlette(middleware=[Middleware(Failing)])
    with pytest.raises(LookupError):
        play(app, {"type": "lifespan.startup"}, scope={"type": "lifespan"})


# --- undone -------------------------------------------------------------------------------------


@pytest.mark.parametrize("app", ["function", "FastAPI", "router", "FastAPI's router"])
async def test_applications_that_were_made_meanwhile_are_traced_no_more(
    app: str, on_starlette: StarletteInstrumentor, spans: CapturedSpans
) -> None:
    made = APPS[app]()
    called = made.__call__
    await converse(made)
    spans.clear()
    on_starlette.uninstrument()
    await converse(made)
    await converse(called)
    assert [span for span in spans if span.instrumentation_scope.name.startswith("otel_ws")] == []
