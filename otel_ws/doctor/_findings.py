"""A finding: what was expected, what came, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has found. A note is worth knowing, and nothing is wrong with it."""

    check: str
    state: State
    expected: str
    came: str
    advice: str = ""
    """What to do, in plain words; a line for each cause, if there may be several."""


def ok(check: str, came: str) -> Finding:
    return Finding(check, "ok", came, came)


def note(check: str, came: str, advice: str) -> Finding:
    return Finding(check, "note", came, came, advice)


def wrong(check: str, expected: str, came: str, advice: str) -> Finding:
    return Finding(check, "wrong", expected, came, advice)
