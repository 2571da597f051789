"""The instrumentor for Channels.

$ opentelemetry-instrument daphne mysite.asgi:application
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from otel_ws import asgi
from otel_ws.auto import Instrumentor, Patch, shielded

__all__ = ["ChannelsInstrumentor"]


class ChannelsInstrumentor(Instrumentor):
    """Trace the WebSockets of every Channels application, its consumers and its channel layers.

    The handshake begins at the first router that is met, which sees what the authentication and
    the check of the origin refuse; without a router at the consumer itself.
    Django's ``OTEL_WS_*`` settings are read when a connection opens.
    """

    requires = "channels >= 4.2"

    def patches(self) -> tuple[Patch, ...]:
        return (
            Patch("channels.routing:ProtocolTypeRouter.__call__", self.calling),
            Patch("channels.routing:URLRouter.__call__", self.calling),
            Patch("channels.consumer:AsyncConsumer.__call__", self._consuming),
            Patch("channels.consumer:AsyncConsumer.as_asgi", self._serving),
            Patch("channels.layers:ChannelLayerManager.__getitem__", self._getting),
        )

    def middleware(self) -> type[asgi.TracingMiddleware]:
        from .middleware import TracingMiddleware

        return TracingMiddleware

    def is_traced(self, app: Any) -> bool:
        from ._routes import layers

        return any(isinstance(each, asgi.TracingMiddleware) for each in layers(app))

    def _uninstrument(self, **keywords: Any) -> None:
        super()._uninstrument(**keywords)
        self._release_layers()

    def _consuming(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return what calls a consumer as `original` does, and traces what it dispatches."""

        @functools.wraps(original)
        async def __call__(consumer: Any, scope: Any, receive: Any, send: Any) -> Any:
            dispatching = self._dispatching()
            if dispatching is None:
                return await original(consumer, scope, receive, send)
            with dispatching(consumer, scope):
                return await original(consumer, scope, receive, send)

        return self.calling(__call__)

    def _serving(self, original: classmethod[Any, ..., Any]) -> classmethod[Any, ..., Any]:
        """Return an ``as_asgi`` that reaches consumers with a ``__call__`` of their own as well."""

        @functools.wraps(original.__func__)
        def as_asgi(cls: Any, **initkwargs: Any) -> Any:
            app = original.__func__(cls, **initkwargs)
            return self._serve_own(app, cls, initkwargs) or app

        return classmethod(as_asgi)

    @shielded
    def _serve_own(self, app: Any, consumer_class: Any, initkwargs: dict[str, Any]) -> Any:
        from channels.consumer import AsyncConsumer

        if not self.is_on or consumer_class.__call__ is AsyncConsumer.__call__:
            return None
        call = self._consuming(consumer_class.__call__)

        async def serve(scope: Any, receive: Any, send: Any) -> Any:
            if self.is_on:
                return await call(consumer_class(**initkwargs), scope, receive, send)
            return await app(scope, receive, send)

        functools.update_wrapper(serve, app)
        vars(serve).update(vars(app))  # `__wrapped__` as well: the class, as Channels has it
        return serve

    @shielded
    def _dispatching(self) -> Callable[..., Any] | None:
        if not self.is_on:
            return None
        from ._dispatch import Dispatching

        self._tell_events()
        return Dispatching

    def _getting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return what finds a channel layer as `original` does, and traces it.

        Layers that exist already, and those that somebody has set, come by here too.
        """

        @functools.wraps(original)
        def __getitem__(manager: Any, key: Any) -> Any:
            layer = original(manager, key)
            traced = self._trace_layer(manager, key, layer)
            return layer if traced is None else traced

        return __getitem__

    @shielded
    def _trace_layer(self, manager: Any, key: Any, layer: Any) -> Any:
        if not self.is_on:
            return None
        from .layers import TracedChannelLayer

        self._tell_events()
        traced = TracedChannelLayer.wrap(layer, self._is_on)
        if traced is not layer:
            manager.backends[key] = traced
        return traced

    def _tell_events(self) -> None:
        """Let events be traced by the settings that this was given."""
        from ._losses import source

        source.use(self.settings)

    @shielded
    def _release_layers(self) -> None:
        """Take the proxies off the layers again; those that are held elsewhere are passive."""
        if f"{__package__}.layers" not in sys.modules:
            return
        from channels.layers import channel_layers

        from ._losses import source

        source.use({})
        backends: dict[str, Any] = channel_layers.backends
        for key, layer in backends.items():
            if getattr(layer, "_self_is_on", None) == self._is_on:
                backends[key] = layer.__wrapped__

    def _is_on(self) -> bool:
        return self.is_on
