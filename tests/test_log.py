"""Our log: one line per cause and minute, with a count."""

from __future__ import annotations

import asyncio
import functools
import logging
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest

from otel_ws import Hooks, _log
from otel_ws._log import report, run_hook, shielded
from otel_ws.asgi import TracingMiddleware
from otel_ws.testing import CapturedSpans

from .playing import CONNECT, HELLO, LEAVE, echo, play


class Clock:
    """Seconds, as the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(_log, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_cause_is_logged_once_a_minute_with_a_count(our_log: list[str], clock: Clock) -> None:
    for _ in range(5):
        report("the sampler failed")
    clock.now += 59
    report("the sampler failed")
    assert our_log == ["the sampler failed"]
    clock.now += 1
    report("the sampler failed")
    assert our_log == ["the sampler failed", "the sampler failed (5 more in between)"]


def test_a_count_begins_anew_after_it_was_told(our_log: list[str], clock: Clock) -> None:
    for _ in range(3):
        report("the sampler failed")
        report("the sampler failed")
        clock.now += 60
    assert our_log == ["the sampler failed", *["the sampler failed (1 more in between)"] * 2]


def test_causes_do_not_hide_each_other(our_log: list[str]) -> None:
    report("the sampler failed", ValueError())
    report("the sampler failed", KeyError())
    report("the exporter failed", ValueError())
    assert our_log == ["the sampler failed", "the sampler failed", "the exporter failed"]


def test_advice_is_given_once_in_a_process(our_log: list[str], clock: Clock) -> None:
    report("put the middleware around the application", period=inf)
    clock.now += 10**9
    report("put the middleware around the application", period=inf)
    assert our_log == ["put the middleware around the application"]


def test_what_is_remembered_is_bounded(our_log: list[str]) -> None:
    for number in range(10_000):
        report(f"cause {number}")
    assert len(our_log) == 10_000
    assert len(_log._causes) <= 256


def test_a_line_is_a_warning_of_our_logger_with_the_traceback(
    our_log: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    error = ValueError("too odd")
    report("the sampler failed", error)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("otel_ws", logging.WARNING)
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_a_shielded_function_works_as_before(our_log: list[str]) -> None:
    @shielded
    def double(number: int) -> int:
        """Twice as much."""
        return number * 2

    assert double(21) == 42
    assert (double.__name__, double.__doc__) == ("double", "Twice as much.")
    assert our_log == []


def test_a_shielded_function_fails_into_the_log(our_log: list[str]) -> None:
    @shielded
    def fail() -> int:
        raise ValueError("too odd")

    assert fail() is None
    assert our_log == [
        "test_a_shielded_function_fails_into_the_log.<locals>.fail failed; "
        "the application is unaffected"
    ]


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit]
)
def test_a_shield_lets_pass_what_ends_a_task_or_the_process(
    error: type[BaseException], our_log: list[str]
) -> None:
    @shielded
    def end() -> None:
        raise error

    with pytest.raises(error):
        end()
    assert our_log == []


def _fail(*_: object) -> None:
    raise ValueError("too odd")


class Callable:
    """Something to be called that has no name of its own."""

    def __call__(self, *_: object) -> None:
        raise ValueError("too odd")


@pytest.mark.parametrize(
    ("hook", "line"),
    [
        (_fail, "_fail failed; tracing goes on without it"),
        (functools.partial(_fail), "partial failed; tracing goes on without it"),
        (Callable(), "Callable failed; tracing goes on without it"),
    ],
    ids=["function", "partial", "object"],
)
def test_a_hook_that_raises_is_named(hook: Any, line: str, our_log: list[str]) -> None:
    assert run_hook(hook) is None
    assert our_log == [line]


@pytest.mark.parametrize("function", [functools.partial(_fail), Callable()])
def test_a_shield_needs_no_name(function: Any, our_log: list[str]) -> None:
    assert shielded(function)() is None
    assert len(our_log) == 1


def test_a_hook_may_be_missing(our_log: list[str]) -> None:
    assert run_hook(None, 1, 2) is None
    assert our_log == []


def test_a_shield_is_called_as_its_function_is(our_log: list[str]) -> None:
    def plain(first: int, second: int = 2) -> Any:
        return first, second

    def wide(*args: int, third: int = 3, **more: int) -> Any:
        return args, third, more

    def placed(first: int, /, second: int, *, third: int = 3) -> Any:
        return first, second, third

    calls: list[tuple[Any, Any, dict[str, int]]] = [
        (plain, (1,), {}),
        (plain, (), {"second": 5, "first": 4}),
        (wide, (1, 2), {"third": 4, "fourth": 5}),
        (placed, (1, 2), {}),
        (placed, (1,), {"second": 2, "third": 4}),
        (functools.partial(plain, 1), (7,), {}),
        ([].append, (1,), {}),
    ]
    for function, args, more in calls:
        assert shielded(function)(*args, **more) == function(*args, **more)
    assert our_log == []
    assert shielded(plain)(nonsense=1) is None  # type: ignore[call-arg]
    assert len(our_log) == 1


def test_a_shield_of_ours_has_the_parameters_of_its_function() -> None:
    assert _log._own_code(_log.report) is None
    assert _log._own_code(_log._name) is _log._name.__code__
    assert shielded(_log._name)(function=str.upper) == "str.upper"


def test_a_thousand_messages_of_a_stranger_leave_one_line(
    our_log: list[str], clock: Clock, spans: CapturedSpans
) -> None:
    app = TracingMiddleware(echo, hooks=Hooks(on_message=_fail))
    play(app, CONNECT, *[HELLO] * 1000, LEAVE)
    assert our_log == ["_fail failed; tracing goes on without it"]
    clock.now += 60
    play(app)
    assert our_log[1:] == ["_fail failed; tracing goes on without it (999 more in between)"]


def test_a_stranger_cannot_make_causes(our_log: list[str]) -> None:
    def trust(scope: Any) -> Any:
        return dict(scope["headers"])[b"x-trust"].decode()

    app = TracingMiddleware(echo, handshake_trust=trust)
    for number in range(20):
        play(app, headers=[(b"x-trust", b"all %d" % number)])
    assert len(our_log) == 1
    assert our_log[0].startswith("a trust function returned ")
