"""Functions of the user that see our spans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from opentelemetry.trace import Span

from . import _rules as rules
from ._rules import ConfigError, Rule
from ._types import Message, Scope


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


def _accept(value: Any) -> Hooks:
    if isinstance(value, Hooks):
        return value
    if not isinstance(value, Mapping):
        raise TypeError
    known = [each.name for each in fields(Hooks)]
    for name in value.keys() - known:
        near = rules.suggestion(name, known)
        raise ConfigError(f"hooks.{name}: there is no such hook. {near}")
    return Hooks(**value)


RULE = Rule("Hooks(...), or a mapping of hook names to functions or dotted paths", _accept, None)
