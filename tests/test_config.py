"""Settings: what they are, where they come from, and what is said of a wrong one."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from math import inf, nan
from typing import Any, get_type_hints

import pytest
from opentelemetry.sdk.trace import TracerProvider

from otel_ws import Config, ConfigError, Hooks, Settings

LEAVE_OUT = "Correct the value, or leave it out."


def on_message(*_: object) -> None:
    """A hook that a dotted path can name."""


class Opaque:
    """A value that shows as ``<opaque>``."""

    def __repr__(self) -> str:
        return "<opaque>"


DEFAULTS = {
    "model": "session",
    "trace_sends": True,
    "metrics": "connection",
    "handshake_trust": "parent",
    "message_trust": "link",
    "edge": "private",
    "carriers": ("headers",),
    "fanout": "auto",
    "neighbours": "replace",
    "inherit_sampling": True,
    "excluded_routes": (),
    "max_message_age": 60.0,
    "error_close_codes": frozenset(),
    "query_allow": (),
    "message_name": None,
    "hooks": Hooks(None, None, None),
    "tracer_provider": None,
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_default_is_a_promise(name: str) -> None:
    assert getattr(Config(), name) == DEFAULTS[name]


def test_keywords_of_the_middlewares_are_the_fields_of_config() -> None:
    assert get_type_hints(Settings) == get_type_hints(Config)


def test_a_config_and_its_hooks_do_not_change() -> None:
    config = Config()
    with pytest.raises(FrozenInstanceError):
        config.model = "connection"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        config.hooks.on_message = on_message  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "final"),
    [
        ("excluded_routes", ["/health"], ("/health",)),
        ("query_allow", (name for name in ["room"]), ("room",)),
        ("carriers", [], ()),
        ("error_close_codes", [4001, 4002, 4001], frozenset({4001, 4002})),
        ("max_message_age", 5, 5.0),
        ("message_name", f"{__name__}.on_message", on_message),
        ("handshake_trust", on_message, on_message),
        ("handshake_trust", f"{__name__}.on_message", on_message),
        ("hooks", {"on_message": on_message}, Hooks(on_message=on_message)),
        ("hooks", {"on_send": f"{__name__}.on_message"}, Hooks(on_send=on_message)),
        ("hooks", {}, Hooks()),
    ],
)
def test_a_value_is_kept_in_its_final_form(name: str, value: Any, final: Any) -> None:
    assert getattr(Config(**{name: value}), name) == final


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("model", "sesion", "'session' or 'connection', got 'sesion'. Did you mean 'session'?"),
        ("model", None, f"'session' or 'connection', got None. {LEAVE_OUT}"),
        ("model", ["session"], "'session' or 'connection', got ['session']."),
        ("trace_sends", "yes", f"True or False, got 'yes'. {LEAVE_OUT}"),
        ("trace_sends", 1, f"True or False, got 1. {LEAVE_OUT}"),
        ("inherit_sampling", None, f"True or False, got None. {LEAVE_OUT}"),
        ("metrics", "none", "'off', 'connection' or 'message', got 'none'."),
        (
            "handshake_trust",
            "parents",
            "'parent', 'link' or 'ignore', a function, or the dotted path of one, "
            "got 'parents'. Did you mean 'parent'?",
        ),
        (
            "fanout",
            100,
            "'auto', 'parent' or 'link', a function, or the dotted path of one, got 100",
        ),
        ("edge", "Public", "'private' or 'public', got 'Public'. Did you mean 'public'?"),
        (
            "carriers",
            ["header"],
            "a collection of 'headers', 'subprotocol' and 'query', got ['header'].",
        ),
        (
            "carriers",
            "headers",
            "a collection of 'headers', 'subprotocol' and 'query', got 'headers'.",
        ),
        ("excluded_routes", "/health", "a collection of routes or paths, `*` matches anything"),
        ("excluded_routes", ["/health", 5], "got ['/health', 5]."),
        ("excluded_routes", b"/health", "got b'/health'."),
        ("query_allow", [""], "a collection of query parameter names, got ['']."),
        ("max_message_age", 0, f"a positive number of seconds, got 0. {LEAVE_OUT}"),
        ("max_message_age", "soon", f"a positive number of seconds, got 'soon'. {LEAVE_OUT}"),
        ("max_message_age", nan, f"a positive number of seconds, got nan. {LEAVE_OUT}"),
        ("max_message_age", inf, f"a positive number of seconds, got inf. {LEAVE_OUT}"),
        ("max_message_age", True, f"a positive number of seconds, got True. {LEAVE_OUT}"),
        ("max_message_age", 10**400, "a positive number of seconds, got 1000000"),
        ("error_close_codes", 4001, "a collection of close codes from 1000 to 4999, got 4001."),
        ("error_close_codes", "4001", "a collection of close codes from 1000 to 4999, got '4001'."),
        ("error_close_codes", [999], "a collection of close codes from 1000 to 4999, got [999]."),
        ("error_close_codes", [inf], "a collection of close codes from 1000 to 4999, got [inf]."),
        ("error_close_codes", [4001.7], "from 1000 to 4999, got [4001.7]."),
        ("message_name", "no_dot", "a function, or the dotted path of one, got 'no_dot'."),
        ("message_name", "no.such.module", "got 'no.such.module'."),
        ("message_name", f"{__name__}.missing", "has no attribute 'missing'"),
        ("message_name", f"{__name__}.LEAVE_OUT", "a function, or the dotted path of one"),
        ("message_name", Opaque(), f"the dotted path of one, got <opaque>. {LEAVE_OUT}"),
        ("hooks", 5, "Hooks(...), or a mapping of hook names to functions or dotted paths, got 5."),
        ("tracer_provider", "otlp", "a TracerProvider, or None for the global one, got 'otlp'."),
        ("tracer_provider", TracerProvider, "a TracerProvider, or None for the global one"),
    ],
)
def test_a_wrong_value_says_what_was_expected_and_what_came(
    name: str, value: Any, expected: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        Config(**{name: value})
    message = str(raised.value)
    assert message.startswith(f"{name}: expected ")
    assert expected in message


@pytest.mark.parametrize(
    ("hooks", "expected"),
    [
        (
            {"on_message": 5},
            "hooks.on_message: expected a function, or the dotted path of one, got 5",
        ),
        ({"on_send": "no.such"}, "hooks.on_send: expected a function"),
        ({"on_mesage": on_message}, "'on_message'"),
    ],
)
def test_a_wrong_hook_is_named(hooks: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Config(hooks=hooks)  # type: ignore[arg-type]
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    ("pattern", "path", "route", "excluded"),
    [
        ("/health", "/health", None, True),
        ("/health", "/healthy", None, False),
        ("/ws/*", "/ws/chat/1", None, True),
        ("/ws/chat/{room}", "/ws/chat/1", "/ws/chat/{room}", True),
        ("/ws/chat/{room}", "/ws/chat/1", None, False),
        ("/WS/*", "/ws/chat/1", None, False),
        ("*", "", None, True),
    ],
)
def test_excluded_routes_match_the_path_or_the_route(
    pattern: str, path: str, route: str | None, excluded: bool
) -> None:
    config = Config(excluded_routes=(pattern,))
    assert config.excludes(path, route) is excluded
