"""Views that tell the room, async and sync, and one that does it from a thread."""

from __future__ import annotations

from contextvars import copy_context
from threading import Thread
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpRequest, HttpResponse

from tests.layers.project.telemetry import own


def event(text: str) -> dict[str, Any]:
    return {"type": "room.said", "text": text}


async def async_view(request: HttpRequest) -> HttpResponse:
    with own.start_as_current_span("async view"):
        await get_channel_layer().group_send("room", event("async view"))
    return HttpResponse()


def sync_view(request: HttpRequest) -> HttpResponse:
    with own.start_as_current_span("sync view"):
        async_to_sync(get_channel_layer().group_send)("room", event("sync view"))
    return HttpResponse()


def thread_view(request: HttpRequest) -> HttpResponse:
    """A thread starts without context: whoever wants its work in the trace takes it along."""
    with own.start_as_current_span("thread view"):
        tell = async_to_sync(get_channel_layer().group_send)
        for run in (copy_context().run, lambda call, *args: call(*args)):
            thread = Thread(target=run, args=(tell, "room", event("thread view")))
            thread.start()
            thread.join()
    return HttpResponse()
