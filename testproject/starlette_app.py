"""The same on Starlette: `uvicorn testproject.starlette_app:app`."""

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
from .voice.endpoint import Voice
from .voice.messages import QUIET, name_of

HERE = Path(__file__).parent


async def chat_page(request: Request) -> FileResponse:
    return FileResponse(HERE / "templates" / "chat.html")


async def voice_page(request: Request) -> FileResponse:
    return FileResponse(HERE / "templates" / "voice.html")


telemetry.configure("chat-starlette")

app = Starlette(
    routes=[
        Route("/", chat_page),
        Route("/voice", voice_page),
        browser_files("/static/otel-ws"),
        Mount("/static/voice/samples", StaticFiles(directory=HERE / "voice" / "samples")),
        Mount("/static", StaticFiles(directory=HERE / "static")),
        WebSocketRoute("/ws/echo", echo),
        WebSocketRoute("/ws/voice", Voice),
        WebSocketRoute("/ws/chat/{room}", Chat),
    ],
    middleware=[Middleware(TracingMiddleware, message_name=name_of, excluded_messages=QUIET)],
    lifespan=lifespan,
)
