"""What a setting may be: one rule per kind of value, with the words for its error."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from inspect import iscoroutinefunction
from typing import Any


class ConfigError(ValueError):
    """A setting is wrong. The message says what was expected, what came, and what to do."""


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


def positive_seconds() -> Rule:
    def accept(value: Any) -> float:
        if isinstance(value, bool) or not 0 < float(value) < float("inf"):
            raise ValueError
        return float(value)

    return Rule("a positive number of seconds", accept)


def strings(expected: str, words: tuple[str, ...] = ()) -> Rule:
    def accept(value: Any) -> tuple[str, ...]:
        items = tuple(value)
        if isinstance(value, str) or not all(isinstance(item, str) and item for item in items):
            raise TypeError
        if words and not set(items) <= set(words):
            raise ValueError
        return items

    return Rule(expected, accept, _items, words)


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


def _function(value: Any) -> Any:
    """Return `value` if it can be called, or what its dotted path names."""
    if isinstance(value, str):
        module, dot, name = value.rpartition(".")
        if not dot:
            raise ValueError
        value = getattr(import_module(module), name)
    if not callable(value):
        raise TypeError
    if iscoroutinefunction(value) or iscoroutinefunction(type(value).__call__):
        raise NotImplementedError("an async function cannot be called where no one awaits it")
    return value


def _detail(error: Exception) -> str:
    """Say what happened, where it is more than that the value is not of the right kind."""
    if isinstance(error, ValueError | TypeError | OverflowError):
        return ""
    return f" ({type(error).__name__}: {error})"
