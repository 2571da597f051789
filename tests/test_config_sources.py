"""Where settings come from: keywords, Django's settings, the environment."""

from __future__ import annotations

from typing import Any

import pytest

from otel_ws import Config, ConfigError

LEAVE_OUT = "Correct the value, or leave it out."


def on_message(*_: object) -> None:
    """A function that a dotted path can name."""


def test_an_unknown_keyword_names_the_nearest_setting() -> None:
    with pytest.raises(ConfigError) as raised:
        Config.load({"excluded_urls": ["/health"]})
    assert str(raised.value) == (
        "excluded_urls: there is no such setting. Did you mean 'excluded_routes'?"
    )


def test_keyword_stands_before_setting_before_environment_before_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Config.load({}).max_message_age == 60
    monkeypatch.setenv("OTEL_WS_MAX_MESSAGE_AGE", "1")
    assert Config.load({}).max_message_age == 1
    settings = {"OTEL_WS_MAX_MESSAGE_AGE": 2}
    assert Config.load({}, settings).max_message_age == 2
    assert Config.load({"max_message_age": 3}, settings).max_message_age == 3


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("OTEL_WS_MODEL", "connection", "model", "connection"),
        ("OTEL_WS_TRACE_SENDS", "false", "trace_sends", False),
        ("OTEL_WS_TRACE_SENDS", " Off ", "trace_sends", False),
        ("OTEL_WS_INHERIT_SAMPLING", "0", "inherit_sampling", False),
        ("OTEL_WS_INHERIT_SAMPLING", "TRUE", "inherit_sampling", True),
        (
            "OTEL_WS_EXCLUDED_ROUTES",
            "/health, /ws/admin/*,",
            "excluded_routes",
            ("/health", "/ws/admin/*"),
        ),
        ("OTEL_WS_ERROR_CLOSE_CODES", "4001,4002", "error_close_codes", frozenset({4001, 4002})),
        ("OTEL_WS_MAX_MESSAGE_AGE", "1.5", "max_message_age", 1.5),
        ("OTEL_WS_MESSAGE_NAME", f"{__name__}.on_message", "message_name", on_message),
        ("OTEL_WS_MODEL", "", "model", "session"),
        ("OTEL_WS_TRACE_SENDS", "", "trace_sends", True),
    ],
)
def test_environment_variables_are_read_as_text(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, field: str, value: Any
) -> None:
    monkeypatch.setenv(variable, text)
    assert getattr(Config.load({}), field) == value


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        (
            "OTEL_WS_MODEL",
            "conection",
            "expected 'session' or 'connection', got 'conection'. Did you mean 'connection'?",
        ),
        ("OTEL_WS_TRACE_SENDS", "maybe", f"expected True or False, got 'maybe'. {LEAVE_OUT}"),
        (
            "OTEL_WS_MAX_MESSAGE_AGE",
            "1m",
            f"expected a positive number of seconds, got '1m'. {LEAVE_OUT}",
        ),
    ],
)
def test_a_wrong_environment_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, message: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(ConfigError) as raised:
        Config.load({})
    assert str(raised.value) == f"environment variable {variable}: {message}"


def test_a_wrong_django_setting_is_named() -> None:
    with pytest.raises(
        ConfigError, match=r"^OTEL_WS_EDGE: expected 'private' or 'public', got 1\."
    ):
        Config.load({}, {"OTEL_WS_EDGE": 1})


def test_objects_do_not_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_WS_HOOKS", "anything")
    monkeypatch.setenv("OTEL_WS_TRACER_PROVIDER", "anything")
    assert Config.load({}) == Config()
