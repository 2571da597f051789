"""Why a connection ended: its status, who began it, and whether it is an error."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterator
from enum import IntEnum
from http import HTTPStatus
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from otel_ws import _semconv as names
from otel_ws.testing import CapturedSpans

from .playing import ACCEPT, CONNECT, HELLO, LEAVE, Told

Tell = Callable[[Callable[[Told], Any]], ReadableSpan]


class Code(IntEnum):
    """As `websockets` has it, and so uvicorn."""

    GOING_AWAY = 1001


class Crash(Exception):
    """A bug of the application."""


@pytest.fixture(params=["session", "connection"])
def tell(request: pytest.FixtureRequest, spans: CapturedSpans) -> Iterator[Tell]:
    """Tell an accepted connection a story; return its close span, of which there is one."""

    def accepted(story: Callable[[Told], Any], **settings: Any) -> ReadableSpan:
        told = Told(model=request.param, **settings).receive(CONNECT).send(ACCEPT)
        story(told)
        (close,) = spans.named("websocket.close")
        assert close.end_time is not None
        return close

    yield lambda story, **settings: contextvars.copy_context().run(accepted, story, **settings)


def facts(close: ReadableSpan) -> tuple[Any, Any, Any]:
    """Return the code, the status and the initiator."""
    found = close.attributes or {}
    return tuple(
        found.get(n) for n in (names.CLOSE_CODE, names.CLOSE_STATUS, names.CLOSE_INITIATOR)
    )


def error(close: ReadableSpan) -> Any:
    """Return the type of the error, or None where there is none; both ways to tell agree."""
    found = (close.attributes or {}).get(names.ERROR_TYPE)
    assert (found is None) == close.status.is_unset
    return found


def client_closes(code: Any, **more: Any) -> Callable[[Told], Any]:
    message = {"type": "websocket.disconnect", "code": code, **more}
    return lambda told: told.receive(message).end()


def server_closes(**message: Any) -> Callable[[Told], Any]:
    return lambda told: told.send({"type": "websocket.close", **message}).end()


STATUS_OF_CODE = {
    1000: "normal_closure",
    1001: "going_away",
    1002: "protocol_error",
    1003: "unsupported_data",
    1004: "protocol_error",
    1005: "no_status",
    1006: "abnormal_closure",
    1007: "invalid_payload",
    1008: "policy_violation",
    1009: "message_too_big",
    1010: "mandatory_extension",
    1011: "internal_error",
    1012: "app_shutdown",
    1013: "try_again_later",
    1014: "bad_gateway",
    1015: "tls_handshake",
    1016: "protocol_error",
    2999: "protocol_error",
    3000: "application",
    4999: "application",
    0: "protocol_error",
    -1: "protocol_error",
}


@pytest.mark.parametrize("code", STATUS_OF_CODE)
def test_what_the_client_closes_with_is_never_an_error(code: int, tell: Tell) -> None:
    close = tell(client_closes(code))
    # No client says that the service restarts: a server tells the application so at its shutdown.
    initiator = "server" if code == 1012 else "client"
    assert facts(close) == (code, STATUS_OF_CODE[code], initiator)
    assert error(close) is None


@pytest.mark.parametrize("code", STATUS_OF_CODE)
def test_of_what_the_server_closes_with_some_codes_are_errors(code: int, tell: Tell) -> None:
    close = tell(server_closes(code=code))
    assert facts(close) == (code, STATUS_OF_CODE[code], "server")
    assert error(close) == (str(code) if code in (1011, 1013, 1014, 1015) else None)


def test_a_close_without_a_code_is_a_normal_one(tell: Tell) -> None:
    assert facts(tell(server_closes())) == (1000, "normal_closure", "server")


def test_a_close_with_the_code_none_is_a_normal_one(tell: Tell) -> None:
    assert facts(tell(server_closes(code=None))) == (1000, "normal_closure", "server")


@pytest.mark.parametrize("code", [None, "gone", object(), float("inf"), float("nan"), [1000]])
def test_a_disconnect_without_a_usable_code_has_no_status(code: Any, tell: Tell) -> None:
    assert facts(tell(client_closes(code))) == (None, "no_status", "client")


def test_a_disconnect_may_have_no_code_at_all(tell: Tell) -> None:
    close = tell(lambda told: told.receive({"type": "websocket.disconnect"}).end())
    assert facts(close) == (None, "no_status", "client")


@pytest.mark.parametrize("code", [Code.GOING_AWAY, "1001", 1001.0], ids=repr)
def test_a_code_is_recorded_as_a_plain_integer(code: Any, tell: Tell) -> None:
    close = tell(client_closes(code))
    assert facts(close) == (1001, "going_away", "client")
    assert type((close.attributes or {})[names.CLOSE_CODE]) is int


def test_a_missing_pong_is_a_timeout(tell: Tell) -> None:
    close = tell(client_closes(1011, reason="keepalive ping timeout"))
    assert facts(close) == (1011, "timeout", "client")
    assert error(close) is None


@pytest.mark.parametrize("reason", [None, 5, b"ping timeout", "", "bye"])
def test_another_reason_changes_nothing(reason: Any, tell: Tell) -> None:
    assert facts(tell(client_closes(1000, reason=reason))) == (1000, "normal_closure", "client")


def test_further_codes_can_be_errors_whoever_sends_them(tell: Any) -> None:
    close = tell(client_closes(4001), error_close_codes=[4001])
    assert error(close) == "4001"


def test_further_codes_leave_the_others_as_they_are(tell: Any) -> None:
    close = tell(client_closes(4002), error_close_codes=[4001])
    assert error(close) is None


def test_the_servers_close_wins_over_the_disconnect_after_it(tell: Tell) -> None:
    def story(told: Told) -> None:
        told.send({"type": "websocket.close", "code": 4001})
        told.receive({"type": "websocket.disconnect", "code": 1005}).end()

    assert facts(tell(story)) == (4001, "application", "server")


def test_the_disconnect_wins_over_a_close_after_it(tell: Tell) -> None:
    def story(told: Told) -> None:
        told.receive({"type": "websocket.disconnect", "code": 1001})
        told.send({"type": "websocket.close", "code": 1011}, error=OSError("gone")).end()

    close = tell(story)
    assert facts(close) == (1001, "going_away", "client")
    assert error(close) is None


def test_the_first_disconnect_wins_over_a_second(tell: Tell) -> None:
    def story(told: Told) -> None:
        told.receive({"type": "websocket.disconnect", "code": 1001})
        told.receive({"type": "websocket.disconnect", "code": 1005}).end()

    assert facts(tell(story)) == (1001, "going_away", "client")


def test_the_first_of_two_closes_wins(tell: Tell) -> None:
    def story(told: Told) -> None:
        told.send({"type": "websocket.close", "code": 4001})
        told.send({"type": "websocket.close", "code": 1011}, error=RuntimeError("closed")).end()

    close = tell(story)
    assert facts(close) == (4001, "application", "server")
    assert error(close) is None


def test_an_exception_after_the_disconnect_is_an_error_of_the_close(tell: Tell) -> None:
    close = tell(lambda told: told.receive(LEAVE).end(Crash("in disconnect")))
    assert facts(close) == (1000, "normal_closure", "client")
    assert error(close) == f"{__name__}.Crash"


def test_a_crash_is_an_internal_error_without_a_code(tell: Tell) -> None:
    close = tell(lambda told: told.receive(HELLO).end(Crash()))
    assert facts(close) == (None, "internal_error", "server")
    assert error(close) == f"{__name__}.Crash"


def test_a_cancelled_application_is_shut_down(tell: Tell) -> None:
    close = tell(lambda told: told.end(asyncio.CancelledError()))
    assert facts(close) == (None, "app_shutdown", "server")
    assert error(close) is None


def test_an_application_that_returns_leaves_the_connection_abnormally(tell: Tell) -> None:
    close = tell(lambda told: told.end())
    assert facts(close) == (None, "abnormal_closure", "server")
    assert error(close) is None


def test_the_reason_is_not_recorded(tell: Tell) -> None:
    close = tell(client_closes(4000, reason="user 42 was banned"))
    assert "banned" not in repr(close.attributes)


def test_an_http_status_is_no_close_status(tell: Tell) -> None:
    assert facts(tell(server_closes(code=HTTPStatus.OK))) == (200, "protocol_error", "server")


def test_totals_are_on_the_close(tell: Tell) -> None:
    def story(told: Told) -> None:
        told.receive(HELLO, {"type": "websocket.receive", "bytes": b"\0" * 10, "text": None})
        told.send({"type": "websocket.send", "text": "grüße"})
        told.send({"type": "websocket.send", "text": "lost"}, error=OSError("gone"))
        told.receive(LEAVE).end()

    found = tell(story).attributes or {}
    assert {name: found[name] for name in found if "received" in name or "sent" in name} == {
        "websocket.received.message_count": 2,
        "websocket.received.size": 15,
        "websocket.sent.message_count": 1,
        "websocket.sent.size": 7,
    }
    assert found["websocket.connection.duration"] >= 0


def test_a_denied_handshake_has_no_close(spans: CapturedSpans) -> None:
    def story() -> None:
        Told().receive(CONNECT).send({"type": "websocket.close", "code": 4401}).end()

    contextvars.copy_context().run(story)
    assert spans == "GET /room"
