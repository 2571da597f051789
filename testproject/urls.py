"""The routes of the Django project: the pages, and the sockets."""

from __future__ import annotations

from django.urls import path
from django.views.generic import TemplateView

from .consumers import ChatConsumer, EchoConsumer, SyncEchoConsumer
from .voice.consumer import VoiceConsumer

urlpatterns = [
    path("", TemplateView.as_view(template_name="chat.html")),
    path("voice", TemplateView.as_view(template_name="voice.html")),
]

websocket_urlpatterns = [
    path("ws/echo", EchoConsumer.as_asgi()),
    path("ws/echo/sync", SyncEchoConsumer.as_asgi()),
    path("ws/voice", VoiceConsumer.as_asgi()),
    path("ws/chat/<slug:room>", ChatConsumer.as_asgi()),
]
