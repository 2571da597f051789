"""The settings: a frozen value, checked when it is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from . import _rules as rules
from ._hooks import RULE as hooks_rule
from ._hooks import Hooks
from ._log import report, run_hook
from ._rules import Rule
from ._settings import (
    ExcludedMessages,
    Fanout,
    MessageName,
    MetricsLevel,
    Model,
    Neighbours,
    Trust,
    Volume,
    VolumeLevel,
)
from ._sources import collect
from ._types import Scope
from .codecs import PRESETS, Codec, codec_of

PAGE_SOCKET: Final = "/.otel-ws/live"
"""How the path of the trace page's own socket ends, wherever the page is mounted."""


def _provider(method: str) -> Callable[[Any], Any]:
    def accept(value: Any) -> Any:
        if value is None or (hasattr(value, method) and not isinstance(value, type)):
            return value
        raise TypeError

    return accept


_PROVIDER = Rule("a TracerProvider, or None for the global one", _provider("get_tracer"), None)
_METER_PROVIDER = Rule("a MeterProvider, or None for the global one", _provider("get_meter"), None)
_CODEC = Rule(
    f"one of {', '.join(map(repr, PRESETS))}, an object with read and write, the dotted path of "
    "one, or None",
    lambda value: None if value is None else codec_of(rules.imported(value, PRESETS)),
    words=tuple(PRESETS),
)
_TRUST = rules.choice_or_function("parent", "link", "ignore")
_FANOUT = rules.choice_or_function("auto", "parent", "link")


def _setting(default: Any, rule: Rule, says: str) -> Any:
    return field(default=default, metadata={"rule": rule, "says": says})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting of otel-ws. Raises ConfigError when a value is wrong."""

    model: Model = _setting(
        "session",
        rules.choice("session", "connection"),
        "one trace per message (`session`), or one per connection (`connection`)",
    )
    trace_sends: bool = _setting(True, rules.flag(), "make a span of every outbound message")
    metrics: MetricsLevel = _setting(
        "connection",
        rules.choice("off", "connection", "message"),
        "the finest level at which metrics are recorded",
    )
    carriers: tuple[str, ...] = _setting(
        ("headers",),
        rules.strings(
            "a collection of 'headers', 'subprotocol' and 'query'",
            ("headers", "subprotocol", "query"),
        ),
        "where the context of a handshake is read from",
    )
    handshake_trust: Trust = _setting(
        "parent", _TRUST, "what a trace context in the handshake's headers becomes"
    )
    browser_trust: Trust = _setting(
        "link", _TRUST, "what one in a subprotocol or a query parameter becomes"
    )
    message_trust: Trust = _setting("link", _TRUST, "what a trace context in a message becomes")
    edge: Literal["private", "public"] = _setting(
        "private",
        rules.choice("private", "public"),
        "`public`: trust no client; every context becomes a link, baggage is dropped",
    )
    message_codec: str | Codec | None = _setting(
        None, _CODEC, "how a trace context travels in messages; None: not at all"
    )
    inject_sends: bool = _setting(
        False, rules.flag(), "put the trace context into what is sent, by the codec"
    )
    strip_carriers: bool = _setting(
        False, rules.flag(), "take it out of what is received, before the application sees that"
    )
    fanout: Fanout = _setting(
        "auto", _FANOUT, "what the sender of an event becomes to those who process it"
    )
    neighbours: Neighbours = _setting(
        "replace",
        rules.choice("replace", "reuse"),
        "what other tracers make of a handshake becomes ours (`replace`), or stays (`reuse`)",
    )
    inherit_sampling: bool = _setting(
        True, rules.flag(), "an unsampled handshake silences its whole connection"
    )
    excluded_routes: tuple[str, ...] = _setting(
        (),
        rules.strings("a collection of routes or paths, `*` matches anything"),
        "routes or paths that are not traced; `*` matches anything",
    )
    volume: Volume = _setting(
        (),
        rules.levels_or_function("off", "handshake", "messages"),
        "how much is traced of a route; a function `(scope, route)` is asked when one opens",
    )
    max_message_age: float = _setting(
        60.0,
        rules.positive("number of seconds"),
        "seconds after which the span of a message is cut",
    )
    message_rate: float | None = _setting(
        None,
        rules.or_none(rules.positive("number of messages a second")),
        "messages a second that get spans, on each connection",
    )
    excluded_messages: ExcludedMessages = _setting(
        (),
        rules.strings_or_function("a collection of message names"),
        "names of messages that get no spans, or a function `(scope, message)` that tells",
    )
    slow_message: float | None = _setting(
        None,
        rules.or_none(rules.positive("number of seconds")),
        "seconds from which on a message gets its span all the same",
    )
    meter_turns: bool = _setting(
        False, rules.flag(), "measure as a stream what a message is answered with"
    )
    rollover_seconds: float | None = _setting(
        None,
        rules.or_none(rules.positive("number of seconds")),
        "seconds after which the span of a connection gives way to the next",
    )
    rollover_messages: int | None = _setting(
        None,
        rules.or_none(rules.positive("number of messages", int)),
        "received messages after which it does",
    )
    error_close_codes: frozenset[int] = _setting(
        frozenset(), rules.close_codes(), "further close codes that count as errors"
    )
    record_close_reason: bool = _setting(
        False, rules.flag(), "record the reason of a close, which the peer may have written"
    )
    record_chunk_times: bool = _setting(
        False, rules.flag(), "record when each chunk of a stream was sent, up to a thousand"
    )
    query_allow: tuple[str, ...] = _setting(
        (),
        rules.strings("a collection of query parameter names"),
        "query parameters whose values may be recorded",
    )
    message_name: MessageName | None = _setting(
        None,
        rules.function_or_none(),
        "names a message: `(scope, message)` to a short, fixed name",
    )
    destination_template: Callable[[str], str | None] | None = _setting(
        None,
        rules.function_or_none(),
        "names the kind of a group or channel: `(name)` to a short, fixed name",
    )
    lean_spans: bool = _setting(
        True, rules.flag(), "make our spans at less cost, where the SDK is one this is proven with"
    )
    hooks: Hooks = _setting(Hooks(), hooks_rule, "functions that see our spans")
    tracer_provider: TracerProvider | None = _setting(
        None, _PROVIDER, "the provider to use instead of the global one"
    )
    meter_provider: MeterProvider | None = _setting(None, _METER_PROVIDER, "the same, for metrics")

    def __post_init__(self) -> None:
        for name, rule in rules_of(type(self)).items():
            object.__setattr__(self, name, rule.check(name, getattr(self, name)))

    def excludes(self, path: str, route: str | None) -> bool:
        """Tell whether `excluded_routes` names this path or the route that it takes.

        The trace page's own socket is never traced: it would tell the page of itself for ever.
        A route that matches anything is not the page's, whatever a client has put at its end.
        """
        if path.endswith(PAGE_SOCKET) and (route is None or route.endswith(PAGE_SOCKET)):
            return True
        targets = (path,) if route is None else (path, route)
        return any(fnmatchcase(t, pattern) for t in targets for pattern in self.excluded_routes)

    @property
    def has_tracer(self) -> bool:
        """Tell whether there are spans at all: where there is the API alone, nobody gives way."""
        provider = self.tracer_provider or trace.get_tracer_provider()
        return not type(provider).__module__.startswith("opentelemetry.trace")

    def volume_of(self, scope: Scope, route: str | None) -> VolumeLevel:
        """Return how much is traced of a connection; a pattern that comes first wins."""
        if not callable(self.volume):
            targets = (scope.get("path", ""), route or "")
            levels = dict(self.volume).items()
            found = (v for p, v in levels if any(fnmatchcase(each, p) for each in targets))
            return next(found, "messages")
        level: object = run_hook(self.volume, scope, route)
        if level == "off" or level == "handshake" or level == "messages":
            return level
        report("volume did not return 'off', 'handshake' or 'messages'; all is traced")
        return "messages"

    @classmethod
    def load(
        cls,
        keywords: Mapping[str, Any],
        settings: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> Config:
        """Make a Config: keyword before Django setting before environment before default.

        `settings` maps upper-case names (``OTEL_WS_MODEL``) to values.
        Raises ConfigError for a wrong value or an unknown keyword, and names where it came from.
        """
        return cls(**collect(rules_of(cls), keywords, settings or {}, environ))


def rules_of(settings: type[Config]) -> dict[str, Rule]:
    """Return the rule of each setting, by its name."""
    return {each.name: each.metadata["rule"] for each in fields(settings)}
