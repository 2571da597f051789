"""A chat on Channels: what one says, all who have joined the group hear."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
from django.urls import path

from . import django_project
from .tracing import GROUP, Untraced
from .workloads import LISTEN, SPEAK


def chat(tracing: Untraced, layer: str) -> Any:
    """Return the application on the channel layer of this alias."""
    django_project.set_up(tracing)

    class Speaker(AsyncWebsocketConsumer):
        channel_layer_alias = layer

        async def receive(
            self, text_data: str | None = None, bytes_data: bytes | None = None
        ) -> None:
            await tracing.publish(self.channel_layer.group_send, text_data or "")

    class Listener(AsyncWebsocketConsumer):
        channel_layer_alias = layer
        groups = [GROUP]  # noqa: RUF012  # as Channels has it

        async def chat_message(self, event: dict[str, Any]) -> None:
            await tracing.handle(self.send, event)

    routes = [
        path(SPEAK[1:], tracing.consumer(Speaker).as_asgi()),
        path(LISTEN[1:], tracing.consumer(Listener).as_asgi()),
    ]
    return tracing.around(URLRouter(routes), "channels")
