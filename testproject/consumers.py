"""The chat and two echoes as Channels consumers."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import WebsocketConsumer

from otel_ws_channels import TracedConsumer, TracedConsumerMixin, TracedJsonConsumer

from .messages import ChatMessage, message_of, name_from, text_from


class EchoConsumer(TracedConsumer):
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(text_data, bytes_data)


class SyncEchoConsumer(TracedConsumerMixin, WebsocketConsumer):
    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.send(text_data, bytes_data)


class ChatConsumer(TracedJsonConsumer):
    async def connect(self) -> None:
        self.name = name_from(self.scope["query_string"])
        self.group = f"chat.{self.scope['url_route']['kwargs']['room']:.80}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        await self.tell({"kind": "joined", "name": self.name, "text": ""})

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if text := text_from(content):
            await self.tell({"kind": "said", "name": self.name, "text": text})

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)
        await self.tell({"kind": "left", "name": self.name, "text": ""})

    async def tell(self, message: ChatMessage) -> None:
        await self.channel_layer.group_send(self.group, {"type": "chat.message", **message})

    async def chat_message(self, event: dict[str, str]) -> None:
        await self.send_json(message_of(event))
