"""How the span of a message is named, and what it says of the message."""

from __future__ import annotations

from opentelemetry.util.types import AttributeValue

from . import _semconv as names
from ._frame import Frame
from ._log import report, run_hook
from ._types import Message


def describe(
    frame: Frame, span_name: str, message: Message, kind: str, size: int, sequence: int
) -> tuple[str, dict[str, AttributeValue]]:
    """Return the name of a message's span, which begins with `span_name`, and its attributes."""
    spans = frame.spans
    attributes: dict[str, AttributeValue] = {
        names.SESSION_ID: spans.session_id,
        names.MESSAGE_TYPE: kind,
        names.MESSAGE_SIZE: size,
        names.MESSAGE_SEQUENCE: sequence,
    }
    if spans.route is not None:
        attributes[names.HTTP_ROUTE] = spans.route
    if frame.config.message_name is None or not (name := _ask(frame, message)):
        return spans.named(span_name), attributes
    attributes[names.MESSAGE_NAME] = name
    return f"{span_name} {name}", attributes


def _ask(frame: Frame, message: Message) -> str:
    name: object = run_hook(frame.config.message_name, frame.scope, message)
    if isinstance(name, str):
        return name
    if name is not None:
        report("message_name returned neither a text nor None; the default name is used")
    return ""
