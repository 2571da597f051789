"""The same chat on Starlette: `uvicorn testproject.starlette_app:app`."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from otel_ws_starlette import TracingMiddleware
from otel_ws_starlette.pages import browser_files

from . import telemetry
from .connections import lifespan
from .endpoints import Chat, echo

HERE = Path(__file__).parent


async def page(request: Request) -> FileResponse:
    return FileResponse(HERE / "templates" / "chat.html")


telemetry.configure("chat-starlette")

app = Starlette(
    routes=[
        Route("/", page),
        browser_files("/static/otel-ws"),
        Mount("/static", StaticFiles(directory=HERE / "static")),
        WebSocketRoute("/ws/echo", echo),
        WebSocketRoute("/ws/chat/{room}", Chat),
    ],
    middleware=[Middleware(TracingMiddleware)],
    lifespan=lifespan,
)
