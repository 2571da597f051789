"""Consumers as people write them, and the templates of their routes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, JsonWebsocketConsumer
from channels.layers import InMemoryChannelLayer, channel_layers, get_channel_layer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path, re_path
from opentelemetry import trace

from otel_ws.testing import CapturedSpans
from otel_ws_channels import (
    TracedConsumer,
    TracedConsumerMixin,
    TracedJsonConsumer,
    TracingMiddleware,
)

from .drivers.say import converse
from .drivers.script import Hear, Leave, Say

own = trace.get_tracer("application")
ECHO = """
    GET /room
    websocket.open /room -> GET /room
    websocket.receive /room -> GET /room
      websocket.send /room
    websocket.close -> GET /room
"""


class Echo(TracedConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data)


def application(consumer: Any, **settings: Any) -> TracingMiddleware:
    urls = [path("room", consumer.as_asgi())]
    return TracingMiddleware(ProtocolTypeRouter({"websocket": URLRouter(urls)}), **settings)


class EchoJson(TracedJsonConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.send_json(content)


class EchoJsonSync(TracedConsumerMixin, JsonWebsocketConsumer):
    def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.send_json(content)


class OwnDispatch(TracedConsumerMixin, AsyncConsumer):
    """Overrides `dispatch` and never calls super."""

    async def dispatch(self, message: Any) -> None:
        if message["type"] == "websocket.connect":
            await self.send({"type": "websocket.accept"})
        elif message["type"] == "websocket.receive":
            await self.send({"type": "websocket.send", "text": message["text"]})
        else:
            raise asyncio.CancelledError


class HandlersOnly(TracedConsumerMixin, SyncConsumer):
    def websocket_connect(self, message: Any) -> None:
        self.send({"type": "websocket.accept"})

    def websocket_receive(self, message: Any) -> None:
        self.send({"type": "websocket.send", "text": message["text"]})

    def websocket_disconnect(self, message: Any) -> None:
        from channels.exceptions import StopConsumer

        raise StopConsumer


class TaskPerMessage(TracedConsumerMixin, AsyncWebsocketConsumer):
    async def dispatch(self, message: Any) -> None:
        await asyncio.gather(asyncio.create_task(super().dispatch(message)))

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data)


@pytest.mark.parametrize("consumer", [Echo, EchoJson, EchoJsonSync, HandlersOnly, TaskPerMessage])
async def test_any_consumer_is_traced(consumer: Any, spans: CapturedSpans) -> None:
    sent = await converse(application(consumer), Say('"hi"'), Hear('"hi"'), Leave())
    assert [message.get("text") for message in sent] == [None, '"hi"']
    assert spans == ECHO


async def test_a_consumer_with_its_own_dispatch_is_traced(spans: CapturedSpans) -> None:
    with pytest.raises(asyncio.CancelledError):
        await converse(application(OwnDispatch))
    assert spans == ECHO


async def test_a_consumer_without_the_mixin_has_all_but_its_turns(spans: CapturedSpans) -> None:
    class Plain(AsyncWebsocketConsumer):
        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            with own.start_as_current_span("think"):
                await self.send(text_data)

    await converse(application(Plain))
    assert spans.tree("websocket.received.message_count") == (
        "GET /room\n"
        "websocket.open /room -> GET /room\n"
        "think\n"
        "  websocket.send /room\n"
        "websocket.close -> GET /room {websocket.received.message_count=1}"
    )


async def test_an_event_of_an_untraced_sender_is_processed_on_its_own(
    spans: CapturedSpans,
) -> None:
    class Room(TracedConsumer):
        async def connect(self) -> None:
            await self.channel_layer.group_add("news", self.channel_name)
            await self.accept()

        async def news_item(self, event: Any) -> None:
            await self.send(event["text"])

    channel_layers.set("default", InMemoryChannelLayer())
    app = application(Room)
    playing = asyncio.create_task(converse(app, Hear("extra"), Leave()))
    while len(spans) < 2:
        await asyncio.sleep(0)
    await get_channel_layer().group_send("news", {"type": "news.item", "text": "extra"})
    await playing
    channel_layers.backends.clear()
    assert (
        spans
        == """
        GET /room
        websocket.open /room -> GET /room
        process news.item -> GET /room
          websocket.send /room
        websocket.close -> GET /room
    """
    )


def _nested() -> ProtocolTypeRouter:
    rooms = URLRouter([path("room/<int:id>/", Echo.as_asgi()), path("", Echo.as_asgi())])
    urls = [
        path("tenants/<slug:tenant>/", AuthMiddlewareStack(rooms)),
        re_path(r"^old/(?P<name>\w+)/(?:sub/)?$", Echo.as_asgi()),
        re_path(r"^plain/(\d+)/$", Echo.as_asgi()),
        path("<path:anything>", Echo.as_asgi()),
    ]
    websocket = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(urls)))
    return ProtocolTypeRouter({"websocket": websocket})


@pytest.mark.parametrize(
    ("taken", "template"),
    [
        ("/old/ada/", "/old/<name>/"),
        ("/plain/5/", "/plain/<var>/"),
        ("/se/cret", "/<path:anything>"),
    ],
)
def test_a_route_is_its_template(taken: str, template: str) -> None:
    assert TracingMiddleware(_nested()).find_route({"path": taken})() == template


def test_nested_routers_make_one_template() -> None:
    rooms = URLRouter([path("room/<int:id>/", Echo.as_asgi()), path("", Echo.as_asgi())])
    app = TracingMiddleware(URLRouter([path("tenants/<slug:tenant>/", rooms)]))
    assert (
        app.find_route({"path": "/tenants/acme/room/5/"})()
        == "/tenants/<slug:tenant>/room/<int:id>/"
    )
    assert app.find_route({"path": "/tenants/acme/"})() == "/tenants/<slug:tenant>/"
    assert (
        app.find_route({"path": "/app/tenants/a/", "root_path": "/app"})()
        == "/tenants/<slug:tenant>/"
    )
    assert app.find_route({"path": "/tenants/a/", "root_path": "/app"})() is None
    assert app.find_route({"path": "/nowhere/"})() is None


def test_a_route_is_found_through_wrappers_of_every_kind() -> None:
    class WithSlots:
        __slots__ = ("app",)

    class MadeUp:
        def __init__(self, app: Any) -> None:
            self.app = app

        def __getattr__(self, name: str) -> Any:
            return "made up"

    wrapper = WithSlots()
    wrapper.app = MadeUp(URLRouter([path("room", Echo.as_asgi())]))
    assert TracingMiddleware(wrapper).find_route({"path": "/room"})() == "/room"
    assert TracingMiddleware(WithSlots()).find_route({"path": "/room"})() is None


async def test_a_path_without_a_route_is_an_error_of_the_handshake(spans: CapturedSpans) -> None:
    with pytest.raises(ValueError, match="No route found"):
        await converse(application(Echo), path="/nowhere")
    assert spans == "GET ! ValueError"
