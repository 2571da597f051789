"""The echo on Channels, in a Django project without a database."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import URLRouter
from django.urls import path

from . import django_project
from .tracing import Untraced
from .workloads import PATH


def asynchronous(tracing: Untraced) -> Any:
    django_project.set_up(tracing)

    class Echo(AsyncWebsocketConsumer):
        async def receive(
            self, text_data: str | None = None, bytes_data: bytes | None = None
        ) -> None:
            await tracing.reply(self.send, text_data or "")

    return _routed(tracing, Echo)


def synchronous(tracing: Untraced) -> Any:
    django_project.set_up(tracing)

    class Echo(WebsocketConsumer):
        def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            tracing.reply_sync(self.send, text_data or "")

    return _routed(tracing, Echo)


def _routed(tracing: Untraced, consumer: type[Any]) -> Any:
    application = tracing.consumer(consumer).as_asgi()
    return tracing.around(URLRouter([path(PATH[1:], application)]), "channels")
