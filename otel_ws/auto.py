"""Zero-code instrumentation: what the instrumentors of the adapters have in common.

An instrumentor replaces the ``__call__`` of the framework's applications. There the handshake is
as far outside as can be reached, and objects that exist already are reached as well. Nothing of
the framework is imported before the program does so, and of the adapter not before the first
connection. Needs the extra ``auto``.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Collection
from copy import copy
from typing import Any, ClassVar, cast

from opentelemetry.instrumentation.dependencies import get_dependency_conflicts
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from ._config import Config
from ._log import report, shielded
from ._marks import Marks
from ._neighbours import let_in
from ._patches import Patch
from ._session import SCOPE_KEY
from ._settings import Settings
from ._types import Receive, Scope, Send
from .asgi import TracingMiddleware

__all__ = ["Instrumentor", "Patch", "shielded"]

_TRACED = ("websocket", "lifespan")
_on: set[Instrumentor] = set()
_marks = Marks(lambda: bool(_on))


class Instrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Trace the WebSockets of applications that know nothing of it.

    `instrument` takes the fields of `otel_ws.Config` as keywords, and a `logger_provider`.
    It raises `otel_ws.ConfigError` when a keyword is wrong, and for nothing else.
    """

    requires: ClassVar[str]
    """The framework and the versions of it that are traced."""

    is_on = False
    """Whether anything is traced; who has got hold of a replaced method is not, if not."""

    settings: Settings
    """The keywords that `instrument` was given."""

    _prototype: TracingMiddleware | None = None
    _logger_provider: Any = None

    @abstractmethod
    def patches(self) -> tuple[Patch, ...]:
        """Return what is to be replaced; asked once."""

    @abstractmethod
    def middleware(self) -> type[TracingMiddleware]:
        """Return the adapter's middleware, which is not to be imported earlier."""

    def is_traced(self, app: Any) -> bool:
        """Tell whether somebody has put a middleware of ours inside `app` by hand."""
        return False

    def instrumentation_dependencies(self) -> Collection[str]:
        return (self.requires,)

    def calling(
        self, original: Callable[..., Any], where: Callable[[Config], bool] = lambda config: True
    ) -> Callable[..., Any]:
        """Return what calls an application as `original` does, and traces its WebSockets.

        That begins here `where` the settings say so, else further inside.
        """

        # Servers ask whether this is a coroutine function.
        @functools.wraps(original)
        async def __call__(self_: Any, scope: Scope, receive: Receive, send: Send) -> Any:
            middleware = self._beginning(self_, scope, where)
            if middleware is None:
                return await original(self_, scope, receive, send)
            middleware.app = app = _Original(self_, original)
            await middleware(scope, receive, send)
            return app.result

        return __call__

    def _instrument(self, **keywords: Any) -> None:
        logger_provider = keywords.pop("logger_provider", None)
        Config.load(keywords, environ={})
        # `opentelemetry-instrument` may be told to skip this.
        conflict = get_dependency_conflicts(self.instrumentation_dependencies())
        if conflict is not None and conflict.found:
            report(f"{self.requires} is needed to trace, and {conflict.found} is installed")
        if conflict is not None:
            return
        self.settings = cast(Settings, keywords)
        self._prototype, self._logger_provider = None, logger_provider
        self.is_on = True
        _on.add(self)
        self._attach_marks()
        for patch in self._patches:
            patch.apply()

    def _uninstrument(self, **_: Any) -> None:
        self.is_on = False
        _on.discard(self)
        for patch in self._patches:
            patch.undo()
        if not _on:
            let_in()  # what we have done to others; a middleware by hand does it again

    @functools.cached_property
    def _patches(self) -> tuple[Patch, ...]:
        return self.patches()

    def _attach_marks(self) -> None:
        _marks.attach(self.settings.get("tracer_provider"), self._logger_provider)

    @shielded
    def _beginning(
        self, app: Any, scope: Scope, where: Callable[[Config], bool]
    ) -> TracingMiddleware | None:
        """Return a middleware for `app`, if this is where tracing has to begin."""
        if not self.is_on or scope["type"] not in _TRACED or SCOPE_KEY in scope:
            return None
        self._attach_marks()
        if self._prototype is None:
            self._prototype = self.middleware()(_nothing, **self.settings)
        if self.is_traced(app) or not where(self._prototype.config()):
            return None
        return copy(self._prototype)


class _Original:
    """An application, called as before; its routes are found through `app`."""

    def __init__(self, app: Any, call: Callable[..., Any]) -> None:
        self.app = app
        self._call = call
        self.result: Any = None
        """What it has returned. ASGI asks for nothing, but others may."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.result = await self._call(self.app, scope, receive, send)


async def _nothing(*_: Any) -> None:
    """What a middleware is around before it is around an application."""
