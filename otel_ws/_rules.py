"""What a setting may be: one rule per kind of value, with the words for its error."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from importlib import import_module
from inspect import iscoroutinefunction
from typing import Any


class ConfigError(ValueError):
    """A setting is wrong. The message says what was expected, what came, and what to do."""


class _Unusable(Exception):
    """A value is of the right kind, and yet of no use: its text says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Accepts the right values of one setting, in their final form, and refuses the others."""

    expected: str
    accept: Callable[[Any], Any]
    """Returns the value in its final form, or raises ValueError or TypeError."""
    parse: Callable[[str], Any] | None = str
    """Turns the text of an environment variable into a value; None: not to be set there."""
    words: tuple[str, ...] = ()

    def check(self, name: str, value: Any) -> Any:
        """Return `value` in its final form, or raise ConfigError with `name` in front."""
        try:
            return self.accept(value)
        except ConfigError:
            raise
        except Exception as error:  # A dotted path runs the module that it names.
            raise ConfigError(
                f"{name}: expected {self.expected}, got {shorten(repr(value), 200)}. "
                f"{suggestion(value, self.words)}{_detail(error)}"
            ) from None


def shorten(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}..."


def suggestion(value: object, words: Iterable[str]) -> str:
    """Name the nearest of `words`, or tell what can be done without one."""
    near = difflib.get_close_matches(str(value), tuple(words), n=1)
    return f"Did you mean {near[0]!r}?" if near else "Correct the value, or leave it out."


def choice(*words: str) -> Rule:
    def accept(value: Any) -> str:
        if value not in words:
            raise ValueError
        return str(value)

    return Rule(_one_of(words), accept, words=words)


def choice_or_function(*words: str) -> Rule:
    def accept(value: Any) -> Any:
        return value if value in words else _function(value)

    expected = f"{_one_of(words)}, a function, or the dotted path of one"
    return Rule(expected, accept, words=words)


def flag() -> Rule:
    def accept(value: Any) -> bool:
        if not isinstance(value, bool):
            raise TypeError
        return value

    words = {"true": True, "1": True, "on": True, "yes": True}
    words |= {"false": False, "0": False, "off": False, "no": False}
    return Rule("True or False", accept, lambda text: words.get(text.strip().lower(), text))


def positive(of: str, kind: type[int] | type[float] = float) -> Rule:
    def accept(value: Any) -> float:
        number = kind(value)
        if isinstance(value, bool) or not 0 < number < float("inf") or number != float(value):
            raise ValueError
        return number

    return Rule(f"a positive {of}", accept)


def or_none(rule: Rule) -> Rule:
    def accept(value: Any) -> Any:
        return None if value is None else rule.accept(value)

    return Rule(f"{rule.expected}, or None", accept, rule.parse)


def strings(expected: str, words: tuple[str, ...] = ()) -> Rule:
    def accept(value: Any) -> tuple[str, ...]:
        items = tuple(value)
        if isinstance(value, str) or not all(isinstance(item, str) and item for item in items):
            raise TypeError
        if words and not set(items) <= set(words):
            raise ValueError
        return items

    return Rule(expected, accept, _items, words)


def strings_or_function(expected: str) -> Rule:
    names = strings(expected)

    def accept(value: Any) -> Any:
        return _function(value) if callable(value) else names.accept(value)

    return Rule(f"{expected}, or a function", accept, _items)


def levels_or_function(*words: str) -> Rule:
    """Accept a level for each pattern: in the environment as ``/ws/a=off,/ws/b*=handshake``."""

    def accept(value: Any) -> Any:
        if isinstance(value, str) or callable(value):
            return _function(value)
        levels = dict(value)
        if not all(isinstance(each, str) for each in levels) or not {*levels.values()} <= {*words}:
            raise ValueError
        return tuple(levels.items())

    def parse(text: str) -> Any:
        if "=" not in text:
            return text
        pairs = (item.rpartition("=") for item in _items(text))  # a path may have one of its own
        return {pattern.strip(): level.strip() for pattern, _, level in pairs}

    mapping = f"a mapping of routes or paths to {_one_of(words)}"
    return Rule(f"{mapping}, a function, or the dotted path of one", accept, parse, words)


def close_codes() -> Rule:
    def accept(value: Any) -> frozenset[int]:
        if isinstance(value, str) or any(isinstance(code, float | bool) for code in value):
            raise TypeError
        codes = frozenset(int(code) for code in value)
        if not all(1000 <= code <= 4999 for code in codes):
            raise ValueError
        return codes

    return Rule("a collection of close codes from 1000 to 4999", accept, _items)


def function_or_none() -> Rule:
    def accept(value: Any) -> Any:
        return None if value is None else _function(value)

    return Rule("a function, or the dotted path of one", accept)


def _one_of(words: tuple[str, ...]) -> str:
    *most, last = map(repr, words)
    return f"{', '.join(most)} or {last}" if most else last


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def imported(value: Any, words: Container[str] = ()) -> Any:
    """Return what a dotted path names; what is no text, or one of `words`, as it is."""
    if not isinstance(value, str) or value in words:
        return value
    module, dot, name = value.rpartition(".")
    if not dot:
        raise ValueError
    return getattr(import_module(module), name)


def _function(value: Any) -> Any:
    """Return `value` if it can be called, or what its dotted path names."""
    value = imported(value)
    if not callable(value):
        raise TypeError
    if iscoroutinefunction(value) or iscoroutinefunction(type(value).__call__):
        raise _Unusable("an async function cannot be called where no one awaits it")
    return value


def _detail(error: Exception) -> str:
    """Say what happened, where it is more than that the value is not of the right kind."""
    if isinstance(error, _Unusable):
        return f" ({error})"
    if isinstance(error, ValueError | TypeError | OverflowError):
        return ""
    return f" ({type(error).__name__}: {error})"
