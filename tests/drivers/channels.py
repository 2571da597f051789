"""Channels with an async and with a sync consumer."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from otel_ws_channels import TracedConsumer, TracedConsumerMixin, TracingMiddleware

from .behave import behave, behave_sync
from .script import Accept, Close, Send, Server
from .wire import PATH, Stage

CAN_ASYNC = frozenset({"tasks"})
CAN_SYNC: frozenset[str] = frozenset()


def build_async(server: Server, stage: Stage, **settings: Any) -> Any:
    return _application(async_room(TracedConsumer, server, stage), settings)


def build_sync(server: Server, stage: Stage, **settings: Any) -> Any:
    class Base(TracedConsumerMixin, WebsocketConsumer):
        pass

    return _application(sync_room(Base, server), settings)


def async_room(base: Any, server: Server, stage: Stage) -> Any:
    """Return a consumer of the kind of `base`."""

    class Room(base):
        async def perform(self, command: Any) -> None:
            match command:
                case Accept(subprotocol):
                    await self.accept(subprotocol)
                case Send(str(data)):
                    await self.send(data)
                case Send(bytes(data)):
                    await self.send(bytes_data=data)
                case Close(code, reason):
                    await self.close(code, reason)

        async def connect(self) -> None:
            stage.push = self.send
            await behave(server.connect(), self.perform, stage)

        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            await behave(server.message(text_data or bytes_data), self.perform, stage)

        async def disconnect(self, code: Any) -> None:
            await behave(server.disconnect(), self.perform, stage)

    return Room


def sync_room(base: Any, server: Server) -> Any:
    """Return a consumer of the kind of `base`, which has no tasks."""

    class Room(base):
        def perform(self, command: Any) -> None:
            match command:
                case Accept(subprotocol):
                    self.accept(subprotocol)
                case Send(str(data)):
                    self.send(data)
                case Send(bytes(data)):
                    self.send(bytes_data=data)
                case Close(code, reason):
                    self.close(code, reason)

        def connect(self) -> None:
            behave_sync(server.connect(), self.perform)

        def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            behave_sync(server.message(text_data or bytes_data), self.perform)

        def disconnect(self, code: Any) -> None:
            behave_sync(server.disconnect(), self.perform)

    return Room


def application(consumer: Any) -> Any:
    urls = [path(PATH.removeprefix("/"), consumer.as_asgi())]
    return ProtocolTypeRouter({"websocket": URLRouter(urls)})


def _application(consumer: Any, settings: Any) -> Any:
    return TracingMiddleware(application(consumer), **settings)
