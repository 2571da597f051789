"""Applications that never heard of us, while an instrumentor is on."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from starlette.endpoints import WebSocketEndpoint

from otel_ws_channels.instrumentor import ChannelsInstrumentor
from otel_ws_starlette.instrumentor import StarletteInstrumentor

from . import channels, starlette
from .script import Server
from .wire import Stage


def build_channels_async(server: Server, stage: Stage, **settings: Any) -> Any:
    room = channels.async_room(AsyncWebsocketConsumer, server, stage)
    return _instrumented(ChannelsInstrumentor(), channels.application(room), settings)


def build_channels_sync(server: Server, stage: Stage, **settings: Any) -> Any:
    room = channels.sync_room(WebsocketConsumer, server)
    return _instrumented(ChannelsInstrumentor(), channels.application(room), settings)


def build_starlette_function(server: Server, stage: Stage, **settings: Any) -> Any:
    return _instrumented(StarletteInstrumentor(), starlette.function_app(server, stage), settings)


def build_starlette_class(server: Server, stage: Stage, **settings: Any) -> Any:
    application = starlette.class_app(WebSocketEndpoint, server, stage)
    return _instrumented(StarletteInstrumentor(), application, settings)


def build_fastapi(server: Server, stage: Stage, **settings: Any) -> Any:
    return _instrumented(StarletteInstrumentor(), starlette.fastapi_app(server, stage), settings)


def _instrumented(instrumentor: Any, application: Any, settings: dict[str, Any]) -> Any:
    """Return `application`, instrumented as long as it runs; it was made before that."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        instrumentor.instrument(**settings)
        try:
            await application(scope, receive, send)
        finally:
            instrumentor.uninstrument()

    return serve
