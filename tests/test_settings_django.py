"""Django's settings: read when a connection opens, after a keyword, before the environment."""

from __future__ import annotations

from typing import Any

import pytest
from channels.routing import URLRouter
from django.urls import path
from opentelemetry.sdk.trace import TracerProvider

import otel_ws_starlette
from otel_ws import ConfigError, asgi
from otel_ws.testing import CapturedSpans, capture_spans
from otel_ws_channels import TracedConsumer, TracingMiddleware, conf

from .playing import ACCEPT, echo, play

ACCEPTED = {**ACCEPT, "subprotocol": None}


class Echo(TracedConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data)


def build(**keywords: Any) -> TracingMiddleware:
    return TracingMiddleware(URLRouter([path("room", Echo.as_asgi())]), **keywords)


def noted(span: Any, scope: Any, message: Any) -> None:
    """A hook that a dotted path in the settings can name."""
    span.set_attribute("app.noted", True)


SESSION = """
    GET /room
    websocket.open /room -> GET /room
    websocket.receive /room -> GET /room
      websocket.send /room
    websocket.close -> GET /room
"""
CONNECTION = """
    GET /room
      websocket.connection /room
        websocket.open /room
        websocket.receive /room
          websocket.send /room
        websocket.close
"""


def test_a_setting_is_read(settings: Any, spans: CapturedSpans) -> None:
    settings.OTEL_WS_MODEL = "connection"
    play(build())
    assert spans == CONNECTION


def test_a_setting_is_read_when_a_connection_opens(settings: Any, spans: CapturedSpans) -> None:
    app = build()
    play(app)
    assert spans == SESSION
    settings.OTEL_WS_MODEL = "connection"
    spans.clear()
    play(app)
    assert spans == CONNECTION
    del settings.OTEL_WS_MODEL
    spans.clear()
    play(app)
    assert spans == SESSION


def test_a_keyword_stands_before_a_setting(settings: Any, spans: CapturedSpans) -> None:
    settings.OTEL_WS_MODEL = "connection"
    play(build(model="session"))
    assert spans == SESSION


def test_a_setting_stands_before_the_environment(
    settings: Any, spans: CapturedSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_WS_MODEL", "session")
    settings.OTEL_WS_MODEL = "connection"
    play(build())
    assert spans == CONNECTION


def test_the_environment_stands_before_the_default(
    spans: CapturedSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_WS_MODEL", "connection")
    play(build())
    assert spans == CONNECTION


@pytest.mark.parametrize("package", [asgi, otel_ws_starlette])
def test_other_middleware_knows_no_django_settings(
    package: Any, settings: Any, spans: CapturedSpans
) -> None:
    settings.OTEL_WS_MODEL = "connection"
    play(package.TracingMiddleware(echo))
    assert spans == SESSION.replace(" /room", "")


def test_excluded_routes_and_hooks_can_be_set(settings: Any, spans: CapturedSpans) -> None:
    settings.OTEL_WS_HOOKS = {"on_message": f"{__name__}.noted"}
    app = build()
    play(app)
    assert spans.tree("app.noted").count("{app.noted=True}") == 1
    spans.clear()
    settings.OTEL_WS_EXCLUDED_ROUTES = ["/room"]
    play(app)
    assert spans == ""


def test_a_provider_can_be_set(settings: Any, spans: CapturedSpans) -> None:
    settings.OTEL_WS_TRACER_PROVIDER = TracerProvider()
    with capture_spans(settings.OTEL_WS_TRACER_PROVIDER) as captured:
        play(build())
    assert captured == SESSION
    assert spans == ""


def test_a_wrong_setting_stops_at_the_start(settings: Any) -> None:
    settings.OTEL_WS_MODEL = "conection"
    with pytest.raises(ConfigError) as raised:
        build()
    assert str(raised.value) == (
        "OTEL_WS_MODEL: expected 'session' or 'connection', got 'conection'. "
        "Did you mean 'connection'?"
    )


def test_a_wrong_keyword_stops_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"^trace_sends: expected True or False, got 'no'\."):
        build(trace_sends="no")


def test_an_unknown_keyword_stops_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"^modle: there is no such setting\. .*'model'"):
        build(modle="session")


def test_a_wrong_environment_variable_stops_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_WS_EDGE", "pubic")
    with pytest.raises(ConfigError, match=r"environment variable OTEL_WS_EDGE: .* mean 'public'"):
        build()


def test_a_setting_that_turns_wrong_leaves_the_connection_alone(
    settings: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    app = build()
    settings.OTEL_WS_MODEL = "conection"
    assert play(app) == [ACCEPTED, {"type": "websocket.send", "text": "hello"}]
    assert spans == ""
    (line,) = our_log
    assert "failed; the application is unaffected" in line


def test_a_wrong_setting_leaves_a_consumer_outside_the_middleware_alone(
    settings: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    settings.OTEL_WS_MODEL = "conection"
    sent = play(Echo.as_asgi())
    assert sent == [ACCEPTED, {"type": "websocket.send", "text": "hello"}]
    assert spans == ""
    assert our_log[-1] == "TracingMiddleware failed; the application is unaffected"


def test_only_what_the_project_has_set_is_found(settings: Any) -> None:
    assert conf.found() == {}
    settings.OTEL_WS_MODEL = "session"
    settings.OTEL_WS_UNKNOWN = 1
    assert conf.found() == {"OTEL_WS_MODEL": "session"}


def test_every_setting_has_its_name_in_django() -> None:
    assert {"OTEL_WS_MODEL", "OTEL_WS_EXCLUDED_ROUTES", "OTEL_WS_HOOKS"} <= set(conf.NAMES)
    assert all(name.startswith("OTEL_WS_") and name.isupper() for name in conf.NAMES)
