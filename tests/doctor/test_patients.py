"""Each thing that may be wrong, in a real application: `more` has the rest."""

from __future__ import annotations

import json

import pytest

from .patients import Doctor

HELLO = ("--send", "hello")


def test_nothing_is_wrong_with_an_application_that_is_well(doctor: Doctor) -> None:
    report = doctor("healthy", "/ws/echo", "--send", "hello", "--send-json", '{"a": 1}')
    assert (report.status, report.wrong, report.notes) == (0, {}, {})
    assert json.dumps(report.said).isascii()
    assert {"url", "status", "checks", "connection", "spans", "tree"} == report.said.keys()
    assert report.said["tree"] == [
        "GET /ws/echo <- the doctor {http.response.status_code=101}",
        "websocket.open /ws/echo -> GET /ws/echo",
        "websocket.receive /ws/echo -> GET /ws/echo",
        "  websocket.send /ws/echo",
        "websocket.receive /ws/echo -> GET /ws/echo",
        "  websocket.send /ws/echo",
        "websocket.close -> GET /ws/echo {websocket.close.status=normal_closure, "
        "websocket.received.message_count=2, websocket.sent.message_count=2}",
    ]


def test_no_middleware(doctor: Doctor) -> None:
    report = doctor("untraced", "/ws/echo", *HELLO)
    assert (report.status, report.wrong) == (1, {"exported": "nothing"})
    assert "application = TracingMiddleware(application)" in report.advice


def test_no_provider(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTORED_PROVIDER", "none")
    report = doctor("healthy", "/ws/echo", *HELLO)
    assert (report.status, report.wrong) == (1, {"exported": "nothing"})
    assert "TracerProvider with an OTLP exporter" in report.advice


def test_spans_that_are_printed_are_read(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTORED_PROVIDER", "printed")
    report = doctor("healthy", "/ws/echo", *HELLO)
    assert (report.status, report.wrong) == (0, {})
    assert report.notes == {
        "exported": "6 spans were printed by the application, and none came over OTLP"
    }
    assert report.said["tree"] == [
        "GET /ws/echo <- the doctor {http.response.status_code=101}",
        "websocket.open /ws/echo -> GET /ws/echo",
        "websocket.receive /ws/echo -> GET /ws/echo",
        "  websocket.send /ws/echo",
        "websocket.close -> GET /ws/echo {websocket.close.status=normal_closure, "
        "websocket.received.message_count=1, websocket.sent.message_count=1}",
    ]


def test_a_consumer_without_the_mixin(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    report = doctor("tests.doctor.channels_application:application", "/ws/untraced", *HELLO)
    assert (report.status, set(report.wrong)) == (1, {"messages"})
    assert "class Chat(TracedConsumerMixin, ...)" in report.advice


def test_an_origin_that_is_checked(doctor: Doctor) -> None:
    report = doctor("tests.doctor.channels_application:application", "/checked/echo", *HELLO)
    assert report.status == 1
    assert "403 without an Origin, and an accepted one with http://127.0.0.1" in str(report.wrong)


def test_a_middleware_that_is_too_deep(doctor: Doctor) -> None:
    report = doctor("too_deep", "/ws/echo", *HELLO)
    assert (report.status, set(report.wrong)) == (1, {"outermost"})
    assert "The middleware is too deep" in report.advice
