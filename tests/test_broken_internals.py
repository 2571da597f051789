"""Whatever breaks in our own code, the application sees exactly what it sees without us.

Each function and method below `Connection` is made to raise, one by one.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from .stories import EVERYTHING, tell_all, untraced

MODULES = [
    import_module(f"otel_ws.{name}")
    for name in (
        *(
            "_carriers",
            "_causes",
            "_chunks",
            "_close",
            "_connection",
            "_descriptions",
            "_fanout",
            "_frame",
        ),
        *("_handshake", "_live", "_measures", "_metrics", "_models", "_policy"),
        *(
            "_propagation",
            "_request",
            "_sends",
            "_session",
            "_spans",
            "_streams",
            "_tallies",
            "_turn",
            "_w3c",
        ),
        *("envelope", "events"),
    )
]
NOT_TO_BREAK = {
    "_metrics.Instruments.__init__",  # runs once for a provider
    "_metrics.Instruments._make",
    "_metrics.Count.__init__",  # runs once for a route
    "_metrics.Instruments.count",
    "_metrics._nothing",  # where nobody measures: see test_metrics_late
    "_handshake.ambient",  # without a tracer of ours: see neighbours/test_fastapi
    "_spans._lean",  # runs once for a provider: see test_lean
    "_spans._tracer",
    "_sends.OutboundHalf.parent",  # abstract
    "_metrics._read",  # a reader calls it, and hears of its failures
    "_close.Ending.refused",  # a send to a peer that has left: see test_turns
    "_close.left_by_peer",
    "_close._is_of_a_lost_peer",
    "_causes.cause",  # a publication, or a hand-off: see test_layers, test_handoff
    "_connection.Connection.parent",  # a publication from an ended span: see test_layers
    "_spans.Spans.forgive",  # a send to a peer that has left: see test_turns
    "_measures.Measures.unsent",  # a server that refuses a send: see test_broken_parts
    "_fanout.Recipients.__init__",  # runs at import
    "envelope.unseal",  # the call itself; what it calls is shielded
    "events.publish",  # the call itself
    "events.Events.__init__",  # runs at import
    "events.Events.dispatching",  # these belong to the fan-out: see test_fanout
    "events.Events.dispatched",
    "events.Events.dropped",
    "events.Handling.__init__",
    "events.Handling.begin",
    "events.Handling.end",
    "_session.Session.trust",  # the application calls it
    "_handshake.Handshake._describe",  # a span that was taken over: see neighbours/test_contrib
    "_carriers.Carriers.write",  # changes what is sent: see test_message_carriers
    "_carriers.found_in",  # a traced JSON consumer or endpoint: see test_message_carriers
    "_w3c.tracestate",  # no story carries one: see test_trust
    "_w3c.baggage",
    "_w3c._tight",
    "_connection.Connection.received",  # the call itself; what it calls is shielded
    "_connection.Connection.receiving",
    "_session.session_id",  # the processors ask it: see test_processors
    "_session.current_session",  # the application calls it, and hears of its failures
    "_connection.Connection.is_turning",  # reads one attribute, at every message: nothing can fail
    "_propagation._HeadersGetter.keys",  # for propagators that a user has chosen
}


class Broken(Exception):
    """Our code is broken."""


@dataclass(frozen=True)
class Part:
    """A function of a module, or a method of a class."""

    owner: Any
    name: str

    def __str__(self) -> str:
        owner = self.owner
        module = owner if isinstance(owner, ModuleType) else sys.modules[owner.__module__]
        short = module.__name__.removeprefix("otel_ws.")
        return ".".join([short, *([owner.__name__] if owner is not module else []), self.name])

    def break_it(self, monkeypatch: pytest.MonkeyPatch) -> list[None]:
        """Make the part raise; return a list that grows with each call of it."""
        calls: list[None] = []

        def broken(*_: Any, **__: Any) -> Any:
            calls.append(None)
            raise Broken

        part = vars(self.owner)[self.name]
        written = getattr(part, "__func__", part)
        broken.__qualname__ = getattr(part, "__qualname__", self.name)
        cells = getattr(written, "__closure__", None) or ()
        shield = [cell for cell in cells if cell.cell_contents is inspect.unwrap(written)]
        if shield:
            monkeypatch.setattr(shield[0], "cell_contents", broken)
        elif isinstance(self.owner, ModuleType):
            for module in _ours():
                for name, value in list(vars(module).items()):
                    if value is part:
                        monkeypatch.setattr(module, name, broken)
        else:
            wrap: Any = type(part) if isinstance(part, staticmethod | property) else None
            monkeypatch.setattr(self.owner, self.name, wrap(broken) if wrap else broken)
        return calls


def _ours() -> list[ModuleType]:
    return [m for name, m in sys.modules.items() if name.partition(".")[0].startswith("otel_ws")]


def _parts() -> Iterator[Part]:
    for module in MODULES:
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(value):
                yield from _methods(value)
            elif callable(value):
                yield Part(module, name)


def _methods(owner: type) -> Iterator[Part]:
    for name, value in vars(owner).items():
        written = inspect.isroutine(value) or isinstance(value, property | staticmethod)
        if written and (
            not name.startswith("__") or (name == "__init__" and not is_dataclass(owner))
        ):
            yield Part(owner, name)


PARTS = [part for part in _parts() if str(part) not in NOT_TO_BREAK]
expected = cache(untraced)


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_a_broken_part_hurts_nobody_and_is_named(
    part: Part,
    monkeypatch: pytest.MonkeyPatch,
    our_log: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    wanted = expected()
    calls = part.break_it(monkeypatch)
    assert tell_all(**EVERYTHING) == wanted
    assert calls, "no story reaches this part"
    assert our_log
    assert len(our_log) == len(set(our_log)), "a cause is logged once a minute"
    for record in caplog.records:
        assert "<locals>" not in record.getMessage()
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], Broken)


def test_parts_are_found() -> None:
    found = {str(part) for part in PARTS}
    assert {
        "_connection.Connection.sending",
        "_sends.OutboundHalf.begin_send",
        "_turn.disown",
    } <= found
    assert len(found) > 60
