"""The Django project: `daphne testproject.asgi:application`."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

from otel_ws_channels import TracingMiddleware

from . import telemetry
from .voice.messages import QUIET, name_of

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "testproject.settings")
telemetry.configure("chat-channels")
django = get_asgi_application()

from .urls import websocket_urlpatterns  # noqa: E402  (needs the apps that Django just loaded)

application = TracingMiddleware(
    ProtocolTypeRouter(
        {
            "http": ASGIStaticFilesHandler(django),
            "websocket": URLRouter(websocket_urlpatterns),
        }
    ),
    message_name=name_of,
    excluded_messages=QUIET,
)
