"""A Celery worker with Celery's own instrumentation."""

from __future__ import annotations

import os

import django
from asgiref.sync import async_to_sync
from celery import Celery
from celery.signals import worker_init
from channels.layers import get_channel_layer
from opentelemetry.instrumentation.celery import CeleryInstrumentor

from tests.layers.project import jobs, telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.layers.project.settings")
app = Celery("project", broker=os.environ.get("CELERY_BROKER"))
app.conf.task_ignore_result = True
app.conf.broker_connection_retry_on_startup = True


@worker_init.connect
def start(**_: object) -> None:
    django.setup()
    telemetry.configure()
    CeleryInstrumentor().instrument()


@app.task
def tell_room(text: str) -> None:
    event = {"type": "room.said", "text": text}
    async_to_sync(get_channel_layer().group_send)("room", event)


@app.task
def render(receipt: dict[str, str], text: str) -> None:
    jobs.work(receipt, text)
