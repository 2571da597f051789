"""Django Ninja, which speaks HTTP alone: its WebSockets are those of Channels."""

from __future__ import annotations

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.http import HttpRequest
from django.urls import path
from ninja import NinjaAPI

from otel_ws_channels import TracedConsumer, TracingMiddleware

from .answers import answer

api = NinjaAPI()


@api.get("/hello")
def hello(request: HttpRequest) -> str:
    return "hello"


class Loop(TracedConsumer):
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        with answer(text_data or "") as said:
            await self.send(said)


class Closed(TracedConsumer):
    async def connect(self) -> None:
        await self.close()


urlpatterns = [path("api/", api.urls)]
routes = [path("ws/<name>", Loop.as_asgi()), path("closed", Closed.as_asgi())]
app = TracingMiddleware(
    ProtocolTypeRouter({"http": get_asgi_application(), "websocket": URLRouter(routes)})
)
