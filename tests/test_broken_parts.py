"""What a user or the SDK adds may raise: the application works, and one line names the cause."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from opentelemetry import propagate
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import TracerProvider

from otel_ws import Config, Connection, Hooks, asgi
from otel_ws.testing import CapturedSpans

from .playing import ACCEPT, CONNECT, HELLO, LEAVE, echo, play, scope_of
from .stories import HEADERS, tell_all, untraced

expected = cache(untraced)


class Broken(Exception):
    """What a user or the SDK has added is broken."""


def broken(*_: Any, **__: Any) -> Any:
    raise Broken


FULL = """
    GET
    websocket.open -> GET
    websocket.receive -> GET
      websocket.send
    websocket.close -> GET
"""


@pytest.fixture
def use() -> Iterator[Callable[[TextMapPropagator], None]]:
    """Set the global propagator for the time of a test."""
    before = propagate.get_global_textmap()
    yield propagate.set_global_textmap
    propagate.set_global_textmap(before)


class BrokenPropagator(TextMapPropagator):
    extract = inject = broken
    fields: Any = frozenset()


def test_a_broken_propagator_costs_the_remote_parent_alone(
    spans: CapturedSpans, our_log: list[str], use: Callable[[TextMapPropagator], None]
) -> None:
    use(BrokenPropagator())
    play(asgi.TracingMiddleware(echo), headers=HEADERS)
    assert spans == FULL
    assert our_log == ["the trace context of a handshake could not be read; it is ignored"]


class StrangePropagator(BrokenPropagator):
    def extract(self, *_: Any, **__: Any) -> Any:
        return None


def test_a_propagator_that_returns_no_context_hurts_nobody(
    our_log: list[str], use: Callable[[TextMapPropagator], None]
) -> None:
    use(StrangePropagator())
    assert tell_all(tracer_provider=TracerProvider()) == expected()
    assert len(our_log) == 1


HOOKS = {
    "on_handshake": {"hooks": Hooks(on_handshake=broken)},
    "on_message": {"hooks": Hooks(on_message=broken)},
    "on_send": {"hooks": Hooks(on_send=broken)},
    "message_name": {"message_name": broken},
}


@pytest.mark.parametrize("hook", HOOKS)
def test_a_broken_hook_costs_nothing_but_itself(
    hook: str, spans: CapturedSpans, our_log: list[str]
) -> None:
    sent = play(asgi.TracingMiddleware(echo, **HOOKS[hook]), CONNECT, HELLO, HELLO, LEAVE)
    assert [message["type"] for message in sent] == ["websocket.accept", *["websocket.send"] * 2]
    assert (
        spans
        == """
        GET
        websocket.open -> GET
        websocket.receive -> GET
          websocket.send
        websocket.receive -> GET
          websocket.send
        websocket.close -> GET
    """
    )
    assert our_log == ["broken failed; tracing goes on without it"]


@pytest.mark.parametrize("hook", HOOKS)
def test_broken_hooks_hurt_nobody(hook: str, our_log: list[str]) -> None:
    assert tell_all(**HOOKS[hook], tracer_provider=TracerProvider()) == expected()
    assert our_log == ["broken failed; tracing goes on without it"]


class Nameless:
    """A name that cannot be shown."""

    __str__ = __repr__ = broken


@pytest.mark.parametrize(
    "name", [7, b"chat", ["chat"], object(), Nameless()], ids=lambda name: type(name).__name__
)
def test_a_name_that_is_no_string_is_not_used(
    name: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    play(asgi.TracingMiddleware(echo, message_name=lambda scope, message: name))
    assert spans == FULL
    (line,) = our_log
    assert "message_name" in line


@pytest.mark.parametrize("name", [None, ""], ids=["none", "empty"])
def test_a_message_may_have_no_name(name: Any, spans: CapturedSpans) -> None:
    play(asgi.TracingMiddleware(echo, message_name=lambda scope, message: name))
    assert spans == FULL


def test_a_broken_trust_function_costs_the_context_it_judged(
    spans: CapturedSpans, our_log: list[str]
) -> None:
    play(asgi.TracingMiddleware(echo, handshake_trust=broken), headers=HEADERS)
    assert spans == FULL
    assert our_log == ["a trust function failed; the context it judged is ignored"]


@pytest.mark.parametrize(
    "verdict",
    [None, True, "Parent", ["link"], Nameless()],
    ids=lambda verdict: type(verdict).__name__,
)
def test_a_verdict_of_another_kind_costs_the_context_it_judged(
    verdict: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    app = asgi.TracingMiddleware(echo, handshake_trust=lambda scope: verdict)
    play(app, headers=HEADERS)
    assert spans == FULL
    (line,) = our_log
    assert line.startswith("a trust function returned ")


ROUTE_LOOKUPS = {"at once": broken, "when asked": lambda self, scope: broken}


@pytest.mark.parametrize("when", ROUTE_LOOKUPS)
def test_a_broken_route_lookup_costs_the_route(
    when: str, spans: CapturedSpans, our_log: list[str]
) -> None:
    class Middleware(asgi.TracingMiddleware):
        find_route = ROUTE_LOOKUPS[when]

    sent = play(Middleware(echo, excluded_routes=["/health"]))
    assert len(sent) == 2
    assert spans == FULL
    assert our_log == ["broken failed; the application is unaffected"]


@pytest.mark.parametrize("method", ["config", "outer_span"])
def test_a_broken_method_of_a_middleware_hurts_nobody(method: str, our_log: list[str]) -> None:
    middleware = asgi.TracingMiddleware(echo)
    setattr(middleware, method, broken)
    assert len(play(middleware)) == 2
    assert len(our_log) == 1


@pytest.mark.parametrize("model", ["session", "connection"])
def test_a_broken_clock_hurts_nobody(model: Any, our_log: list[str]) -> None:
    def story() -> None:
        config = Config(model=model, tracer_provider=TracerProvider())
        readings = [broken, lambda: 0]  # it works once, when the connection is made
        connection = Connection(
            scope_of(), config, clock=lambda: readings.pop()() if readings else broken()
        )
        connection.received(CONNECT)
        connection.sent(ACCEPT, connection.sending(ACCEPT))
        connection.receiving()
        connection.received(HELLO)
        connection.sent(HELLO, connection.sending({"type": "websocket.send", "text": "hello"}))
        connection.cut()
        connection.received(LEAVE)
        connection.ended()

    contextvars.copy_context().run(story)
    assert our_log
    assert len(our_log) == len(set(our_log))


class BrokenInstrument:
    add = record = broken


class BrokenMeter:
    """Makes instruments that fail, or fails itself."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self.create_up_down_counter = self.create_histogram = make
        self.create_observable_counter = make

    def get_meter(self, *_: Any, **__: Any) -> Any:
        return self


METERS = {
    "its instruments": lambda: BrokenMeter(lambda *_, **__: BrokenInstrument()),
    "the meter": lambda: BrokenMeter(broken),
}


@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("level", ["connection", "message"])
def test_a_broken_meter_costs_no_span(
    meter: str, level: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    provider: Any = METERS[meter]()
    play(asgi.TracingMiddleware(echo, meter_provider=provider, metrics=level))
    assert spans == FULL
    assert our_log
    assert len(our_log) == len(set(our_log))


def test_an_async_hook_is_refused_at_the_start() -> None:
    async def on_message(*_: Any) -> None: ...

    with pytest.raises(ValueError, match=r"hooks\.on_message: .*async"):
        Config(hooks=Hooks(on_message=on_message))  # type: ignore[arg-type]
