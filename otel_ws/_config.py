"""The settings: a frozen value, checked when it is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any, Literal, TypedDict

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, TracerProvider

from . import _rules as rules
from ._rules import ConfigError, Rule
from ._sources import collect
from ._types import Message, Scope

Model = Literal["session", "connection"]
MetricsLevel = Literal["off", "connection", "message"]
TrustLevel = Literal["parent", "link", "ignore"]
Trust = TrustLevel | Callable[[Scope], TrustLevel]
Fanout = Literal["auto", "parent", "link"] | Callable[[Mapping[str, Any]], str]
MessageName = Callable[[Scope, Message], str | None]


@dataclass(frozen=True, slots=True)
class Hooks:
    """Functions that see our spans. What they raise goes to our log: they cannot hurt."""

    on_handshake: Callable[[Span, Scope], None] | None = None
    on_message: Callable[[Span, Scope, Message], None] | None = None
    on_send: Callable[[Span, Scope, Message], None] | None = None

    def __post_init__(self) -> None:
        rule = rules.function_or_none()
        for each in fields(self):
            value = rule.check(f"hooks.{each.name}", getattr(self, each.name))
            object.__setattr__(self, each.name, value)


def _hooks(value: Any) -> Hooks:
    if isinstance(value, Hooks):
        return value
    if not isinstance(value, Mapping):
        raise TypeError
    known = [each.name for each in fields(Hooks)]
    for name in value.keys() - known:
        near = rules.suggestion(name, known)
        raise ConfigError(f"hooks.{name}: there is no such hook. {near}")
    return Hooks(**value)


def _provider(method: str) -> Callable[[Any], Any]:
    def accept(value: Any) -> Any:
        if value is None or (hasattr(value, method) and not isinstance(value, type)):
            return value
        raise TypeError

    return accept


_HOOKS = Rule("Hooks(...), or a mapping of hook names to functions or dotted paths", _hooks, None)
_PROVIDER = Rule("a TracerProvider, or None for the global one", _provider("get_tracer"), None)
_METER_PROVIDER = Rule("a MeterProvider, or None for the global one", _provider("get_meter"), None)
_TRUST = rules.choice_or_function("parent", "link", "ignore")
_FANOUT = rules.choice_or_function("auto", "parent", "link")


def _rule(rule: Rule, says: str) -> Mapping[str, Any]:
    return {"rule": rule, "says": says}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting of otel-ws. Raises ConfigError when a value is wrong."""

    model: Model = field(
        default="session",
        metadata=_rule(
            rules.choice("session", "connection"),
            "one trace per message (`session`), or one per connection (`connection`)",
        ),
    )
    trace_sends: bool = field(
        default=True, metadata=_rule(rules.flag(), "make a span of every outbound message")
    )
    metrics: MetricsLevel = field(
        default="connection",
        metadata=_rule(
            rules.choice("off", "connection", "message"),
            "the finest level at which metrics are recorded",
        ),
    )
    handshake_trust: Trust = field(
        default="parent", metadata=_rule(_TRUST, "what a trace context in the handshake becomes")
    )
    message_trust: Trust = field(
        default="link", metadata=_rule(_TRUST, "what a trace context in a message becomes")
    )
    edge: Literal["private", "public"] = field(
        default="private",
        metadata=_rule(
            rules.choice("private", "public"),
            "`public`: trust no client; every context becomes a link, baggage is dropped",
        ),
    )
    carriers: tuple[str, ...] = field(
        default=("headers",),
        metadata=_rule(
            rules.strings("a collection of carriers ('headers')", ("headers",)),
            "where a trace context is read from",
        ),
    )
    fanout: Fanout = field(
        default="auto",
        metadata=_rule(_FANOUT, "what the sender of an event becomes to those who process it"),
    )
    inherit_sampling: bool = field(
        default=True,
        metadata=_rule(rules.flag(), "an unsampled handshake silences its whole connection"),
    )
    excluded_routes: tuple[str, ...] = field(
        default=(),
        metadata=_rule(
            rules.strings("a collection of routes or paths, `*` matches anything"),
            "routes or paths that are not traced; `*` matches anything",
        ),
    )
    max_message_age: float = field(
        default=60.0,
        metadata=_rule(
            rules.positive_seconds(), "seconds after which the span of a message is cut"
        ),
    )
    error_close_codes: frozenset[int] = field(
        default=frozenset(),
        metadata=_rule(rules.close_codes(), "further close codes that count as errors"),
    )
    record_close_reason: bool = field(
        default=False,
        metadata=_rule(
            rules.flag(), "record the reason of a close, which the peer may have written"
        ),
    )
    query_allow: tuple[str, ...] = field(
        default=(),
        metadata=_rule(
            rules.strings("a collection of query parameter names"),
            "query parameters whose values may be recorded",
        ),
    )
    message_name: MessageName | None = field(
        default=None,
        metadata=_rule(
            rules.function_or_none(), "names a message: `(scope, message)` to a short, fixed name"
        ),
    )
    destination_template: Callable[[str], str | None] | None = field(
        default=None,
        metadata=_rule(
            rules.function_or_none(),
            "names the kind of a group or channel: `(name)` to a short, fixed name",
        ),
    )
    hooks: Hooks = field(
        default_factory=Hooks, metadata=_rule(_HOOKS, "functions that see our spans")
    )
    tracer_provider: TracerProvider | None = field(
        default=None, metadata=_rule(_PROVIDER, "the provider to use instead of the global one")
    )
    meter_provider: MeterProvider | None = field(
        default=None, metadata=_rule(_METER_PROVIDER, "the same, for metrics")
    )

    def __post_init__(self) -> None:
        for name, rule in rules_of(type(self)).items():
            object.__setattr__(self, name, rule.check(name, getattr(self, name)))

    def excludes(self, path: str, route: str | None) -> bool:
        """Tell whether `excluded_routes` names this path or the route that it takes."""
        targets = (path,) if route is None else (path, route)
        return any(fnmatchcase(t, pattern) for t in targets for pattern in self.excluded_routes)

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


class Settings(TypedDict, total=False):
    """The keywords of every `TracingMiddleware`: the fields of Config."""

    model: Model
    trace_sends: bool
    metrics: MetricsLevel
    handshake_trust: Trust
    message_trust: Trust
    edge: Literal["private", "public"]
    carriers: tuple[str, ...]
    fanout: Fanout
    inherit_sampling: bool
    excluded_routes: tuple[str, ...]
    max_message_age: float
    error_close_codes: frozenset[int]
    record_close_reason: bool
    query_allow: tuple[str, ...]
    message_name: MessageName | None
    destination_template: Callable[[str], str | None] | None
    hooks: Hooks
    tracer_provider: TracerProvider | None
    meter_provider: MeterProvider | None


def rules_of(settings: type[Config]) -> dict[str, Rule]:
    """Return the rule of each setting, by its name."""
    return {each.name: each.metadata["rule"] for each in fields(settings)}
