"""How the subjects trace an application: not at all, with otel-ws, with the contrib middleware.

Nothing is imported before a subject is used: a tracer that is merely installed must not weigh on
the others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

Framework = Literal["starlette", "channels"]
Send = Callable[[str], Awaitable[None]]
GroupSend = Callable[[str, dict[str, Any]], Awaitable[None]]

GROUP = "room"


class Untraced:
    """How a subject traces an application; this one does not."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def around(self, app: Any, framework: Framework) -> Any:
        return app

    def consumer(self, consumer: type[Any]) -> type[Any]:
        return consumer

    def layer(self, backend: str, **config: Any) -> dict[str, Any]:
        """Return what stands in the setting `CHANNEL_LAYERS`."""
        return {"BACKEND": backend, "CONFIG": config}

    async def reply(self, send: Send, text: str) -> None:
        """Do what each handler does with a message."""
        await send(text)

    def reply_sync(self, send: Callable[[str], None], text: str) -> None:
        send(text)

    async def publish(self, group_send: GroupSend, text: str) -> None:
        """Do what the handler of a message does that many are to hear."""
        await group_send(GROUP, {"type": "chat.message", "text": text})

    async def handle(self, send: Send, event: dict[str, Any]) -> None:
        """Do what each handler does with an event."""
        await send(event["text"])


class Ours(Untraced):
    """otel-ws, put around the application as its documentation says."""

    def around(self, app: Any, framework: Framework) -> Any:
        if framework == "channels":
            from otel_ws_channels import TracingMiddleware as Channels

            return Channels(app, **self.settings)
        from otel_ws_starlette import TracingMiddleware as Starlette

        return Starlette(app, **self.settings)

    def consumer(self, consumer: type[Any]) -> type[Any]:
        from otel_ws_channels import TracedConsumerMixin

        return type(consumer.__name__, (TracedConsumerMixin, consumer), {})

    def layer(self, backend: str, **config: Any) -> dict[str, Any]:
        traced = "otel_ws_channels.layers.TracedChannelLayer"
        return {"BACKEND": traced, "CONFIG": {"backend": backend, **config}}


class ContribAsgi(Untraced):
    """opentelemetry-instrumentation-asgi, which knows no framework."""

    def around(self, app: Any, framework: Framework) -> Any:
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

        return OpenTelemetryMiddleware(app)
