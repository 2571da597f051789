"""The traced channel layer: a proxy that carries trace context with every event."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import wrapt
from channels.exceptions import ChannelFull
from django.utils.module_loading import import_string

from otel_ws import envelope
from otel_ws.events import publish, unobserved

from ._losses import count_full, events, watch_log

if TYPE_CHECKING:
    _Proxy = wrapt.ObjectProxy[Any]
else:
    _Proxy = wrapt.ObjectProxy

__all__ = ["TracedChannelLayer"]


class TracedChannelLayer(_Proxy):
    """Any channel layer, traced.

    As a ``BACKEND`` it takes the dotted path of the layer's class as `backend`, and hands every
    other option of ``CONFIG`` to it; in code, `wrap` takes the layer itself. Whatever is not
    overridden here is the layer's own.
    """

    _self_is_on: Callable[[], bool] | None = None

    def __init__(self, backend: str, **config: Any) -> None:
        super().__init__(import_string(backend)(**config))
        watch_log(self.__wrapped__)

    @classmethod
    def wrap(cls, layer: Any, is_on: Callable[[], bool] | None = None) -> TracedChannelLayer:
        """Return `layer`, traced as long as `is_on` says so; a traced one as it is."""
        if isinstance(layer, TracedChannelLayer):
            return layer
        proxy = cls.__new__(cls)
        wrapt.ObjectProxy.__init__(proxy, layer)
        proxy._self_is_on = is_on
        watch_log(layer)
        return proxy

    def _self_is_passive(self) -> bool:  # so named, it hides nothing of the layer's own
        return self._self_is_on is not None and not self._self_is_on()

    # What a layer takes beyond the specification (channels-lite: `expiry`) is passed on.
    async def send(self, channel: str, message: dict[str, Any], *args: Any, **more: Any) -> None:
        def call(channel: str, message: dict[str, Any]) -> Any:
            return self.__wrapped__.send(channel, message, *args, **more)

        if self._self_is_passive():
            await call(channel, message)
            return
        try:
            await publish(events, "send", call, channel, message)
        except ChannelFull:
            events.dropped("send", is_told=True)
            raise

    async def group_send(
        self, group: str, message: dict[str, Any], *args: Any, **more: Any
    ) -> None:
        def call(group: str, message: dict[str, Any]) -> Any:
            return self.__wrapped__.group_send(group, message, *args, **more)

        if self._self_is_passive():
            await call(group, message)
            return
        full = count_full(self.__wrapped__, group)
        await publish(events, "group_send", call, group, message)
        if full:
            events.dropped("group_send", full)

    async def receive(self, channel: str) -> dict[str, Any]:
        with unobserved():
            message: dict[str, Any] = await self.__wrapped__.receive(channel)
        return envelope.unseal(message)

    async def new_channel(self, *args: Any, **kwargs: Any) -> str:
        with unobserved():
            channel: str = await self.__wrapped__.new_channel(*args, **kwargs)
        return channel
