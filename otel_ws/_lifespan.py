"""The lifespan protocol, for what tracing needs of it: a flush before the server goes.

Under SIGTERM most servers re-raise the signal once the application has shut down: ``atexit`` does
not run, and what the batch processor still holds is lost.
An application that refuses the protocol (Channels' router does) is answered for.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from opentelemetry import metrics, trace

from ._config import Config
from ._log import report, shielded
from ._types import ASGIApp, Message, Receive, Scope, Send

FLUSH_SECONDS: Final = 5.0
_is_served: ContextVar[bool] = ContextVar("otel_ws.lifespan", default=False)


async def serve_lifespan(
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
    config: Callable[[], Config],
    *,
    answers: bool = True,
) -> None:
    """Run the application's lifespan, or if it has none one in its place, and flush at its end.

    Within another of ours there is nothing to do: one flush is enough.
    """
    if _is_served.get():
        await app(scope, receive, send)
        return
    lifespan = _Lifespan(receive, send, config)
    _is_served.set(True)
    try:
        await app(scope, lifespan.receive, lifespan.send)
    except Exception:
        if lifespan.is_used or not answers:
            raise
    finally:
        _is_served.set(False)  # by no token: whoever closes this may do so in another context
    if answers and not lifespan.is_used:
        await lifespan.answer()


class _Lifespan:
    def __init__(self, receive: Receive, send: Send, config: Callable[[], Config]) -> None:
        self._receive = receive
        self._send = send
        self._config = config
        self.is_used = False
        """The application speaks the protocol: what it raises is its own."""

    async def receive(self) -> Message:
        self.is_used = True
        return await self._receive()

    async def send(self, message: Message) -> None:
        self.is_used = True
        if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            try:
                await flush(self._config())
            except Exception as error:  # The application's shutdown is not to hang on ours.
                report("telemetry could not be flushed at shutdown", error)
        await self._send(message)

    async def answer(self) -> None:
        while True:
            kind = (await self._receive())["type"]
            if kind not in ("lifespan.startup", "lifespan.shutdown"):
                return
            await self.send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return


async def flush(config: Config) -> None:
    """Flush spans and metrics, in a thread and for five seconds at the most.

    The SDK's flush may block for 30 seconds when the collector is dead.
    """
    providers = (
        config.tracer_provider or trace.get_tracer_provider(),
        config.meter_provider or metrics.get_meter_provider(),
    )
    flushes = [f for f in (getattr(p, "force_flush", None) for p in providers) if callable(f)]
    if flushes and not await _run_in_thread(lambda: [shielded(each)() for each in flushes]):
        report(f"telemetry could not be flushed within {FLUSH_SECONDS:g} s at shutdown")


async def _run_in_thread(work: Callable[[], object]) -> bool:
    """Run `work` in a thread that nobody has to join; tell whether it was done in time."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # Another event loop; at shutdown there is nobody left to block.
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(FLUSH_SECONDS)
        return not thread.is_alive()
    done = asyncio.Event()

    def run() -> None:
        work()
        with contextlib.suppress(RuntimeError):  # The loop is gone: we were too late.
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, daemon=True).start()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(done.wait(), FLUSH_SECONDS)
    return done.is_set()
