"""A project whose ASGI application a test makes, for the system checks to look at."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.checks import run_checks
from django.urls import path

from otel_ws_channels import TracedConsumer, TracedConsumerMixin, TracingMiddleware


class Traced(TracedConsumer):
    """As it should be."""


class Untraced(AsyncWebsocketConsumer):
    """Without the mixin."""


class Late(WebsocketConsumer, TracedConsumerMixin):
    """With the mixin too late among its bases."""


class OwnCall(TracedConsumer):
    """With a ``__call__`` of its own, which goes on to the mixin's."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await super().__call__(scope, receive, send)


class OwnDispatch(TracedConsumerMixin, AsyncConsumer):
    async def dispatch(self, message: Any) -> None:
        await super().dispatch(message)


class Between(TracedConsumerMixin, Untraced):
    """A traced consumer of an untraced one."""


class Project:
    """An ASGI application for the settings to name."""

    def __init__(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings = settings
        self.module = ModuleType("project_asgi")
        monkeypatch.setitem(sys.modules, "project_asgi", self.module)
        settings.ASGI_APPLICATION = "project_asgi.application"
        self.serve(Traced)

    def serve(self, *consumers: Any) -> None:
        self.application = TracingMiddleware(ProtocolTypeRouter({"websocket": routes(*consumers)}))

    @property
    def application(self) -> Any:
        return self.module.application

    @application.setter
    def application(self, application: Any) -> None:
        vars(self.module)["application"] = application

    def check(self) -> list[tuple[str, str, str | None]]:
        """Return the id, the text and the hint of each of our messages."""
        found = [message for message in run_checks() if "otel_ws" in (message.id or "")]
        return [(str(m.id).partition(".")[2], m.msg, m.hint) for m in found]

    def ids(self) -> list[str]:
        return [each[0] for each in self.check()]


def routes(*consumers: Any) -> URLRouter:
    return URLRouter([path(f"{c.__name__}", c.as_asgi()) for c in consumers])
