"""The echo on Channels, in a Django project without a database or a channel layer."""

from __future__ import annotations

from typing import Any

import django
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import URLRouter
from django.conf import settings
from django.urls import path

from .subjects import Untraced
from .workloads import PATH


def asynchronous(tracing: Untraced) -> Any:
    _set_up_django()

    class Echo(AsyncWebsocketConsumer):
        async def receive(
            self, text_data: str | None = None, bytes_data: bytes | None = None
        ) -> None:
            await tracing.reply(self.send, text_data or "")

    return _routed(tracing, Echo)


def synchronous(tracing: Untraced) -> Any:
    _set_up_django()

    class Echo(WebsocketConsumer):
        def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            tracing.reply_sync(self.send, text_data or "")

    return _routed(tracing, Echo)


def _routed(tracing: Untraced, consumer: type[Any]) -> Any:
    application = tracing.consumer(consumer).as_asgi()
    return tracing.around(URLRouter([path(PATH[1:], application)]), "channels")


def _set_up_django() -> None:
    if not settings.configured:
        settings.configure(SECRET_KEY="not a secret", LOGGING_CONFIG=None)
        django.setup()
