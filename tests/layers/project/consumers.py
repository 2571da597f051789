"""The room, and those who work for it."""

from __future__ import annotations

import os
from typing import Any

from asgiref.sync import async_to_sync
from channels.consumer import SyncConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

from otel_ws_channels import TracedConsumerMixin
from tests.layers.project import jobs


class Room(TracedConsumerMixin, AsyncWebsocketConsumer):
    """Tells everybody what one says; `job ...` and `hand ...` go to workers instead."""

    groups = ("room",)

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        if text_data.startswith("job "):
            job = {"type": "job.run", "text": text_data, "reply": self.channel_name}
            await self.channel_layer.send("jobs", job)
        elif text_data.startswith("hand "):
            await jobs.hand_over(text_data)
        elif text_data == "who?":
            await self.send(f"{os.getpid()}")
        else:
            await self.channel_layer.group_send("room", {"type": "room.said", "text": text_data})

    async def room_said(self, event: dict[str, Any]) -> None:
        assert event.keys() == {"type", "text"}
        await self.send(event["text"])


class Worker(TracedConsumerMixin, SyncConsumer):
    """Does the jobs, and tells the one who has asked."""

    def job_run(self, event: dict[str, Any]) -> None:
        assert event.keys() == {"type", "text", "reply"}
        done = {"type": "room.said", "text": f"done: {event['text']}"}
        async_to_sync(self.channel_layer.send)(event["reply"], done)
