"""The scenarios as consumers of Django Channels, async and sync."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from tests.wire.plain import DENIAL, DENIAL_EXTENSION, Crash


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data=text_data, bytes_data=bytes_data)


class CrashOnReceive(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        raise Crash("boom")


class CrashEarly(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        raise Crash("boom")


class Deny(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.close()


class DenyWithResponse(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        if DENIAL_EXTENSION not in self.scope.get("extensions", {}):
            return await self.close()
        for message in DENIAL:
            await AsyncConsumer.send(self, dict(message))
        raise StopConsumer


class Close(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.close(4001, "enough")


class Leave(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        raise StopConsumer


class SendLate(AsyncWebsocketConsumer):
    async def disconnect(self, code: int) -> None:
        await self.send(text_data="too late")


class Chat(AsyncWebsocketConsumer):
    groups = ("chat",)

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.channel_layer.group_send("chat", {"type": "chat.message", "text": text_data})

    async def chat_message(self, event: dict[str, str]) -> None:
        await self.send(event["text"])


class SyncEcho(WebsocketConsumer):
    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        self.send(text_data=text_data, bytes_data=bytes_data)


class SyncCrashOnReceive(WebsocketConsumer):
    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        raise Crash("boom")


class SyncCrashEarly(WebsocketConsumer):
    def connect(self) -> None:
        raise Crash("boom")


class SyncDeny(WebsocketConsumer):
    def connect(self) -> None:
        self.close()


class SyncDenyWithResponse(WebsocketConsumer):
    def connect(self) -> None:
        if DENIAL_EXTENSION not in self.scope.get("extensions", {}):
            return self.close()
        for message in DENIAL:
            SyncConsumer.send(self, dict(message))
        raise StopConsumer


class SyncClose(WebsocketConsumer):
    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        self.close(4001, "enough")


class SyncLeave(WebsocketConsumer):
    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        raise StopConsumer


class SyncSendLate(WebsocketConsumer):
    def disconnect(self, code: int) -> None:
        self.send(text_data="too late")


class SyncChat(WebsocketConsumer):
    groups = ("chat",)

    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        event = {"type": "chat.message", "text": text_data}
        async_to_sync(self.channel_layer.group_send)("chat", event)

    def chat_message(self, event: dict[str, str]) -> None:
        self.send(event["text"])


ASYNC: dict[str, type[AsyncConsumer]] = {
    "ws/echo": Echo,
    "ws/crash": CrashOnReceive,
    "ws/crash-early": CrashEarly,
    "ws/deny": Deny,
    "ws/deny-with-response": DenyWithResponse,
    "ws/close": Close,
    "ws/leave": Leave,
    "ws/send-late": SendLate,
    "ws/chat": Chat,
}
SYNC: dict[str, type[AsyncConsumer]] = {
    "ws/echo": SyncEcho,
    "ws/crash": SyncCrashOnReceive,
    "ws/crash-early": SyncCrashEarly,
    "ws/deny": SyncDeny,
    "ws/deny-with-response": SyncDenyWithResponse,
    "ws/close": SyncClose,
    "ws/leave": SyncLeave,
    "ws/send-late": SyncSendLate,
    "ws/chat": SyncChat,
}


def consumers(table: dict[str, type[AsyncConsumer]], *mixins: type) -> ProtocolTypeRouter:
    """Route to the consumers of `table`, each with `mixins` before it."""
    urls = [
        path(route, type(consumer.__name__, (*mixins, consumer), {}).as_asgi())
        for route, consumer in table.items()
    ]
    return ProtocolTypeRouter({"websocket": URLRouter(urls)})
