"""The application of the project, and of its worker."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.layers.project.settings")
from tests.layers.project import telemetry

telemetry.configure()
django = get_asgi_application()

from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from otel_ws_channels import TracingMiddleware  # noqa: E402
from tests.layers.project.consumers import Room, Worker  # noqa: E402

application = TracingMiddleware(
    ProtocolTypeRouter(
        {
            "http": django,
            "websocket": URLRouter([path("room", Room.as_asgi())]),
            "channel": ChannelNameRouter({"jobs": Worker.as_asgi()}),
        }
    )
)
