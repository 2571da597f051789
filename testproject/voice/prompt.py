"""What the language model is given beside the question."""

from __future__ import annotations

from collections.abc import Iterable

from .engines import ChatMessage

_SAYS = "A friendly voice assistant answers each question in one or two short sentences."
# A model that goes on with texts learns from these how to answer; another one, in what tone.
_SHOWN = (
    ("Who are you?", "I am a small assistant that runs on your own machine. Ask me something."),
    (
        "What is the capital of Italy?",
        "The capital of Italy is Rome. People go there to see the Colosseum.",
    ),
    (
        "Why do leaves turn yellow?",
        "In autumn the green in them breaks down. What you see then is the yellow below it.",
    ),
    ("Thank you.", "You are welcome. Ask me another one whenever you like."),
)
REMEMBERED = 2
Exchange = tuple[str, str]


def prompt(question: str, before: Iterable[Exchange] = ()) -> list[ChatMessage]:
    """Return the conversation with what was said before, up to the question."""
    messages: list[ChatMessage] = [{"role": "system", "content": _SAYS}]
    for asked, answered in (*_SHOWN, *before):
        messages.append({"role": "user", "content": asked})
        messages.append({"role": "assistant", "content": answered})
    return [*messages, {"role": "user", "content": question}]
