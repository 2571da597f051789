"""Work that is handed to other processes with a receipt, and what those do."""

from __future__ import annotations

import asyncio
import json
import os

import redis
import redis.asyncio
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from otel_ws.handoff import Receipt, handoff

LIST = "jobs in a list"


async def hand_over(text: str) -> None:
    """Hand it to Celery, or to whoever takes from a list in Redis, by what it says."""
    receipt = handoff().to_dict()
    if "celery" in text:
        from tests.layers.project.celery import render

        await asyncio.to_thread(render.delay, receipt, text)
        return
    async with redis.asyncio.from_url(os.environ["CELERY_BROKER"]) as client:
        await client.lpush(LIST, json.dumps([receipt, text]))


def work(receipt: dict[str, str], text: str) -> None:
    with Receipt.from_dict(receipt).resume("render"):
        event = {"type": "room.said", "text": f"done: {text}"}
        async_to_sync(get_channel_layer().group_send)("room", event)


def take() -> None:
    """Take one job after another from the list, until we are stopped."""
    with redis.Redis.from_url(os.environ["CELERY_BROKER"]) as client:
        while True:
            if found := client.brpop([LIST], timeout=1):
                work(*json.loads(found[1]))
