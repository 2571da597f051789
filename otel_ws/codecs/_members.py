"""Edits of JSON text that leave every other character as it is.

Parsing and dumping would round numbers, drop duplicate keys, and rewrite what was escaped.
The text has been parsed before: what stands here does not look for mistakes in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from json import JSONDecoder
from typing import Final, NamedTuple

_WHITESPACE: Final = " \t\n\r"
_brace = re.compile(rf"[{_WHITESPACE}]*\{{[{_WHITESPACE}]*")
_colon = re.compile(rf"[{_WHITESPACE}]*:[{_WHITESPACE}]*")
_comma = re.compile(rf"[{_WHITESPACE}]*,?[{_WHITESPACE}]*")
_decode = JSONDecoder().raw_decode


class Member(NamedTuple):
    """A member of an object: where its key starts, its value starts, and its value ends."""

    key: str
    start: int
    value: int
    end: int


def objects_along(text: str, path: Sequence[str]) -> list[list[Member]]:
    """Return the members of the outermost object, and of each object that `path` leads to.

    Raises ValueError if a key of the path is there twice: parsers differ in which one counts.
    """
    found = [_members(text, 0)]
    for key in path:
        found.append(_members(text, only(key, found[-1]).value))
    return found


def only(key: str, members: Sequence[Member]) -> Member:
    """Return the one member that has this key."""
    (member,) = [each for each in members if each.key == key]
    return member


def end_of(text: str, path: Sequence[str]) -> int:
    """Return where the object that `path` leads to ends."""
    if not path:
        return len(text.rstrip(_WHITESPACE))
    *above, last = path
    return only(last, objects_along(text, above)[-1]).end


def inserted(text: str, member: str, end: int, *, is_first: bool) -> str:
    """Return `text` with one more member in the object that ends at `end`."""
    at = len(text[: end - 1].rstrip(_WHITESPACE))
    comma = "" if is_first else ","
    return f"{text[:at]}{comma}{member}{text[at:]}"


def without(text: str, members: Sequence[Member], doomed: Collection[Member]) -> str:
    """Return `text` without some of the members of one object."""
    pieces, copied, is_first = [], 0, True
    for index, member in enumerate(members):
        if member not in doomed:
            is_first = False
            continue
        # A comma goes along: the one before, or, where nothing stays before, the one after.
        is_last = index + 1 == len(members)
        start = member.start if is_first else members[index - 1].end
        pieces.append(text[copied:start])
        copied = members[index + 1].start if is_first and not is_last else member.end
    return "".join((*pieces, text[copied:]))


def _members(text: str, start: int) -> list[Member]:
    found = []
    at = _after(_brace, text, start)
    while text[at] != "}":
        key, end = _decode(text, at)
        value = _after(_colon, text, end)
        _, end = _decode(text, value)
        found.append(Member(key, at, value, end))
        at = _after(_comma, text, end)
    return found


def _after(token: re.Pattern[str], text: str, at: int) -> int:
    """Return where a token ends that starts at `at`, the space around it included."""
    found = token.match(text, at)
    if found is None:
        raise ValueError
    return found.end()
