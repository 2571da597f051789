"""What is done about what somebody said: the intents that act, and the model for all else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

EXAMPLES: Final[Mapping[str, Sequence[str]]] = {
    "time": (
        "What time is it?",
        "Can you tell me the time?",
        "How late is it?",
        "What is the date today?",
    ),
    "timer": (
        "Set a timer for ten minutes.",
        "Start a timer of thirty seconds.",
        "Remind me in five minutes.",
        "Wake me up in one hour.",
    ),
    "sum": (
        "What is two plus three?",
        "How much is twelve times seven?",
        "What is nine minus four?",
        "Divide twenty by five.",
    ),
    # What is near to these is for the model, and so is what is near to none at all.
    "chat": (
        "What is the capital of Spain?",
        "Tell me something about dogs.",
        "Tell me a joke.",
        "Why is the grass green?",
        "Who wrote that book?",
        "How old is the moon?",
        "How does an engine work?",
        "Who are you?",
        "Thank you very much.",
    ),
}
CHAT: Final = "chat"
MAX_TIMER: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say, and what to do."""

    text: str
    timer: float | None = None
    """Seconds after which to ring."""


def act(intent: str, text: str, now: datetime) -> Answer | None:
    """Return the answer to what acts; None if it lacks what that needs, such as a number."""
    match intent:
        case "time":
            clock = f"{now:%I:%M %p}".lstrip("0")
            return Answer(f"It is {clock} on {now:%A, %B} {now.day}.")
        case "timer":
            return _timer(text)
        case "sum":
            return _sum(text)
    return None


# --- numbers ------------------------------------------------------------------------------------

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen
fourteen fifteen sixteen seventeen eighteen nineteen"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS: Final = {word: value for value, word in enumerate(_SMALL.split())} | {
    word: 10 * value for value, word in enumerate(_TENS.split(), 2)
}
_MAX: Final = 10**9


def numbers(text: str) -> list[int]:
    """Return the numbers in a text, be they words or digits: forty two, 42, three hundred."""
    found: list[int] = []
    is_open = False  # the last one goes on
    for word in re.findall(r"[a-z]+|\d+", text.lower()):
        if word.isdigit():
            found.append(min(int(word[:12]), _MAX))
            is_open = False
        elif word in _WORDS and is_open and _continues(found[-1], _WORDS[word]):
            found[-1] += _WORDS[word]
        elif word in _WORDS:
            found.append(_WORDS[word])
            is_open = True
        elif word in ("hundred", "thousand") and found:
            found[-1] = min(found[-1] * (100 if word == "hundred" else 1000), _MAX)
            is_open = True
        else:
            is_open = is_open and word == "and"
    return found


def _continues(number: int, small: int) -> bool:
    """Tell whether a word makes a number greater, as in forty two, and begins no other one."""
    is_tens = number % 100 >= 20 and number % 10 == 0
    return (is_tens and 0 < small < 10) or (number >= 100 and number % 100 == 0)


# --- what acts ----------------------------------------------------------------------------------

_UNITS: Final = {"second": 1, "minute": 60, "hour": 3600}
# "And" comes last: it is in numbers, too.
_OPERATIONS: Final[Sequence[tuple[str, str, Callable[[float, float], float]]]] = (
    # A hyphen between letters is in a number, as in twenty-five.
    (r"minus|less|subtract|(?<![a-z])-|-(?![a-z])", "minus", lambda a, b: a - b),
    (r"times|multipl\w+|x|\*", "times", lambda a, b: a * b),
    (r"divided?|over|/", "divided by", lambda a, b: a / b),
    (r"plus|add|\+|and", "plus", lambda a, b: a + b),
)


def _timer(text: str) -> Answer | None:
    found = numbers(text)
    unit = next((unit for unit in _UNITS if unit in text.lower()), None)
    if not found or unit is None:
        return None
    seconds = found[0] * _UNITS[unit]
    if not 0 < seconds <= MAX_TIMER:
        return Answer("I can set timers of up to one hour.")
    many = "" if found[0] == 1 else "s"
    return Answer(f"All right, {found[0]} {unit}{many}, starting now.", float(seconds))


def _sum(text: str) -> Answer | None:
    found, words = numbers(text), text.lower()
    if len(found) != 2:
        return None
    first, second = reversed(found) if "from" in words.split() else found
    for pattern, name, operation in _OPERATIONS:
        if re.search(rf"(?:\b|\s|\d)(?:{pattern})(?:\b|\s|\d)", words):
            if name == "divided by" and second == 0:
                return Answer("Nothing can be divided by zero.")
            return Answer(f"{first} {name} {second} is {_spoken(operation(first, second))}.")
    return None


def _spoken(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.2f}".rstrip("0")
