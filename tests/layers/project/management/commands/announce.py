from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.core.management.base import BaseCommand, CommandParser

from tests.layers.project import telemetry


class Command(BaseCommand):
    """Tell the room from the command line, or through a Celery worker."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--celery", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["celery"]:
            from tests.layers.project import celery

            celery.start()
            with telemetry.own.start_as_current_span("announce"):
                celery.tell_room.delay("from celery")
            return
        telemetry.configure()
        with telemetry.own.start_as_current_span("announce"):
            event = {"type": "room.said", "text": "announce"}
            async_to_sync(get_channel_layer().group_send)("room", event)
