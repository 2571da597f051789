"""Every consumer and every layer of an application that never heard of us."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from channels.layers import InMemoryChannelLayer, channel_layers, get_channel_layer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from otel_ws import asgi
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumer, TracedConsumerMixin, TracingMiddleware
from otel_ws_channels.layers import TracedChannelLayer
from tests.drivers.say import converse
from tests.drivers.script import Hear, Leave, Say
from tests.playing import CONNECT, LEAVE, play

from .conftest import ChannelsInstrumentor

ECHO = """
    GET /room
    websocket.open /room -> GET /room
    websocket.receive /room -> GET /room
      websocket.send /room
    websocket.close -> GET /room
"""

pytestmark = pytest.mark.usefixtures("on_channels")


@pytest.fixture(autouse=True)
def no_layer(settings: Any) -> Iterator[None]:
    settings.CHANNEL_LAYERS = {}
    yield
    channel_layers.backends.clear()


@pytest.fixture
def layer(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


def routed(consumer: Any) -> Any:
    return ProtocolTypeRouter({"websocket": URLRouter([path("room", consumer.as_asgi())])})


# --- consumers ----------------------------------------------------------------------------------


class Async(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data)


class Sync(WebsocketConsumer):
    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        self.send(text_data)


class Bare(AsyncConsumer):
    async def websocket_connect(self, message: Any) -> None:
        await self.send({"type": "websocket.accept"})

    async def websocket_receive(self, message: Any) -> None:
        await self.send({"type": "websocket.send", "text": message["text"]})

    async def websocket_disconnect(self, message: Any) -> None:
        raise StopConsumer


class BareSync(SyncConsumer):
    def websocket_connect(self, message: Any) -> None:
        self.send({"type": "websocket.accept"})

    def websocket_receive(self, message: Any) -> None:
        self.send({"type": "websocket.send", "text": message["text"]})

    def websocket_disconnect(self, message: Any) -> None:
        raise StopConsumer


class OwnDispatch(Async):
    """Without super."""

    async def dispatch(self, message: Any) -> None:
        await getattr(self, message["type"].replace(".", "_"))(message)


class OwnCall(Async):
    """Without super, and without a layer."""

    groups = ()
    channel_layer = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self.base_send = scope, send
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            pass


class OwnCallWithSuper(Async):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await super().__call__(dict(scope), receive, send)


class TaskPerMessage(Async):
    async def dispatch(self, message: Any) -> None:
        await asyncio.create_task(super().dispatch(message))


class WithArguments(Async):
    def __init__(self, greeting: str) -> None:
        super().__init__()
        assert greeting == "hello"


class Mixed(TracedConsumerMixin, WebsocketConsumer):
    """Traced by hand as well."""

    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        self.send(text_data)


class Traced(TracedConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data)


CONSUMERS = [
    *(Async, Sync, Bare, BareSync, OwnDispatch, OwnCall, OwnCallWithSuper, TaskPerMessage),
    *(Mixed, Traced),
]


@pytest.mark.parametrize("consumer", CONSUMERS)
async def test_every_consumer(consumer: Any, spans: CapturedSpans) -> None:
    await converse(routed(consumer))
    assert spans == ECHO


@pytest.mark.parametrize("consumer", [AsyncJsonWebsocketConsumer, JsonWebsocketConsumer])
async def test_consumers_of_json(consumer: Any, spans: CapturedSpans) -> None:
    class Echo(consumer):
        def receive_json(self, content: Any) -> Any:
            return self.send_json(content)

    await converse(routed(Echo), Say("[1]"), Hear("[1]"), Leave())
    assert spans == ECHO


async def test_a_consumer_with_arguments(spans: CapturedSpans) -> None:
    app = WithArguments.as_asgi(greeting="hello")
    await converse(ProtocolTypeRouter({"websocket": URLRouter([path("room", app)])}))
    assert spans == ECHO


async def test_a_consumer_is_known_by_its_class_and_arguments() -> None:
    app = OwnCall.as_asgi(some="argument")
    assert app.consumer_class is OwnCall
    assert app.consumer_initkwargs == {"some": "argument"}
    assert (app.__name__, app.__wrapped__) == ("OwnCall", OwnCall)
    assert inspect.iscoroutinefunction(app)


# --- where a handshake begins -------------------------------------------------------------------


async def test_a_refusal_by_what_stands_around_the_consumer(spans: CapturedSpans) -> None:
    inner = URLRouter([path("room", Async.as_asgi())])
    app = ProtocolTypeRouter({"websocket": AllowedHostsOriginValidator(inner)})
    await converse(app, Leave())
    assert spans.tree("http.response.status_code") == "GET /room {http.response.status_code=403}"


async def test_a_router_without_a_protocol(spans: CapturedSpans) -> None:
    await converse(URLRouter([path("room", Async.as_asgi())]))
    assert spans == ECHO


@pytest.mark.parametrize("consumer", [Async, OwnCall])
async def test_a_consumer_without_a_router(consumer: Any, spans: CapturedSpans) -> None:
    await converse(consumer.as_asgi())
    assert spans == ECHO.replace(" /room", "")


async def test_nested_routers(spans: CapturedSpans) -> None:
    inner = URLRouter([path("room", Async.as_asgi())])
    await converse(URLRouter([path("house/", inner)]), path="/house/room")
    assert spans == ECHO.replace("/room", "/house/room")


@pytest.mark.parametrize(
    "middleware", [asgi.TracingMiddleware, TracingMiddleware], ids=["any", "Channels"]
)
async def test_a_middleware_around_the_application_goes_first(
    middleware: Any, spans: CapturedSpans
) -> None:
    await converse(middleware(routed(Async), model="connection"))
    assert [span.name.split()[0] for span in spans][:2] == ["GET", "websocket.connection"]
    assert len(spans.named("GET")) == 1
    assert len(spans.named("websocket.receive")) == 1


async def test_a_middleware_inside_keeps_its_settings(spans: CapturedSpans) -> None:
    inner = TracingMiddleware(URLRouter([path("room", Async.as_asgi())]), model="connection")
    await converse(ProtocolTypeRouter({"websocket": inner}))
    assert len(spans.named("GET")) == len(spans.named("websocket.connection")) == 1


async def test_a_router_returns_what_its_application_returns() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> int:
        return 1

    for kind in ("websocket", "http"):
        router = ProtocolTypeRouter({kind: URLRouter([path("room", app)])})
        assert await router({"type": kind, "path": "/room", "headers": []}, None, None) == 1


# --- what is no WebSocket -----------------------------------------------------------------------


async def test_http_passes_through(spans: CapturedSpans) -> None:
    class Page(AsyncHttpConsumer):
        async def handle(self, body: bytes) -> None:
            await self.send_response(200, b"page")

    app = ProtocolTypeRouter({"http": URLRouter([path("", Page.as_asgi())])})
    scope = {"type": "http", "path": "/", "headers": []}
    sent = await asyncio.to_thread(play, app, {"type": "http.request"}, scope=scope)
    assert [message.get("body") for message in sent] == [None, b"page"]
    assert spans == ""
    assert "otel_ws" not in scope


async def test_lifespan_is_answered_for_routers_that_have_none() -> None:
    messages = ({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    app = ProtocolTypeRouter({})
    sent = await asyncio.to_thread(play, app, *messages, scope={"type": "lifespan"})
    assert [m["type"] for m in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_worker_processes_what_is_sent_to_it(layer: None, spans: CapturedSpans) -> None:
    seen = asyncio.Event()

    class Worker(AsyncConsumer):
        async def paint(self, message: Any) -> None:
            seen.set()

    app = ChannelNameRouter({"painters": Worker.as_asgi()})
    sent = asyncio.Queue[Any]()
    layer = get_channel_layer()
    await layer.send("painters", {"type": "paint"})
    await sent.put(await layer.receive("painters"))
    serving = asyncio.create_task(app({"type": "channel", "channel": "painters"}, sent.get, None))
    await asyncio.wait_for(seen.wait(), 5)
    await asyncio.sleep(0)
    serving.cancel()
    assert (
        spans
        == """
        send paint
          process paint
    """
    )


# --- layers -------------------------------------------------------------------------------------


class Speaker(AsyncWebsocketConsumer):
    groups = ("room",)

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.channel_layer.group_send("room", {"type": "said", "text": text_data})

    async def said(self, event: dict[str, Any]) -> None:
        assert event.keys() == {"type", "text"}
        await self.send(event["text"])


SAID = """
    GET /room
    websocket.open /room -> GET /room
    websocket.receive /room -> GET /room
      group_send said
        process said -> GET /room
          websocket.send /room
    websocket.close -> GET /room
"""


async def test_a_layer_of_the_settings(layer: None, spans: CapturedSpans) -> None:
    await converse(routed(Speaker))
    assert spans == SAID


async def test_a_layer_that_exists_already(
    layer: None, on_channels: ChannelsInstrumentor, spans: CapturedSpans
) -> None:
    on_channels.uninstrument()
    plain = get_channel_layer()
    assert type(plain) is InMemoryChannelLayer
    on_channels.instrument()
    await converse(routed(Speaker))
    assert spans == SAID
    assert get_channel_layer() is get_channel_layer()
    assert get_channel_layer().__wrapped__ is plain


async def test_a_layer_that_somebody_has_set(spans: CapturedSpans) -> None:
    channel_layers.set("default", InMemoryChannelLayer())
    await converse(routed(Speaker))
    assert spans == SAID


async def test_a_layer_that_is_traced_already(settings: Any, spans: CapturedSpans) -> None:
    name = "otel_ws_channels.layers.TracedChannelLayer"
    config = {"backend": "channels.layers.InMemoryChannelLayer"}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": name, "CONFIG": config}}
    await converse(routed(Speaker))
    assert spans == SAID
    assert type(get_channel_layer().__wrapped__) is InMemoryChannelLayer


async def test_a_layer_that_is_missing_is_missing(settings: Any) -> None:
    assert get_channel_layer("other") is None


async def test_the_layer_stays_what_it_is(layer: None) -> None:
    found = get_channel_layer()
    assert isinstance(found, InMemoryChannelLayer)
    assert isinstance(found, TracedChannelLayer)
    assert found.capacity == 100


# --- undone -------------------------------------------------------------------------------------


async def test_layers_are_released(layer: None, on_channels: ChannelsInstrumentor) -> None:
    assert isinstance(get_channel_layer(), TracedChannelLayer)
    on_channels.uninstrument()
    assert type(get_channel_layer()) is InMemoryChannelLayer


async def test_what_holds_a_layer_meanwhile_goes_on(
    layer: None, on_channels: ChannelsInstrumentor, spans: CapturedSpans
) -> None:
    held = get_channel_layer()
    on_channels.uninstrument()
    await held.send("painters", {"type": "paint"})
    assert await held.receive("painters") == {"type": "paint"}
    assert spans == ""


@pytest.mark.parametrize("consumer", CONSUMERS[:8])
def test_applications_that_were_made_meanwhile_are_traced_no_more(
    consumer: Any, on_channels: ChannelsInstrumentor, spans: CapturedSpans
) -> None:
    app = routed(consumer)
    called = app.__call__
    on_channels.uninstrument()
    for each in (app, called):
        sent = play(each, CONNECT, {"type": "websocket.receive", "text": "hello"}, LEAVE)
        assert sent[-1]["text"] == "hello"
    assert spans == ""
