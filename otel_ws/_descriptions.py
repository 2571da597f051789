"""How the span of a message is named, and what it says of the message."""

from __future__ import annotations

from opentelemetry.util.types import AttributeValue

from . import _semconv as names
from ._frame import Frame
from ._log import report, run_hook
from ._types import Message


class Descriptions:
    """Describes the messages of one direction; `span_name` says which."""

    __slots__ = ("_common", "_default", "_name_of", "_scope", "_span_name")

    def __init__(self, span_name: str, frame: Frame) -> None:
        self._common = frame.spans.common
        self._span_name = span_name
        self._default = frame.spans.named(span_name)
        self._name_of = frame.config.message_name
        self._scope = frame.scope

    def describe(
        self, message: Message, kind: str, size: int, sequence: int
    ) -> tuple[str, dict[str, AttributeValue]]:
        """Return the span's name and all of its attributes."""
        attributes: dict[str, AttributeValue] = {
            **self._common,
            names.MESSAGE_TYPE: kind,
            names.MESSAGE_SIZE: size,
            names.MESSAGE_SEQUENCE: sequence,
        }
        if self._name_of is None or not (name := self._ask(message)):
            return self._default, attributes
        attributes[names.MESSAGE_NAME] = name
        return f"{self._span_name} {name}", attributes

    def _ask(self, message: Message) -> str:
        name: object = run_hook(self._name_of, self._scope, message)
        if isinstance(name, str):
            return name
        if name is not None:
            report("message_name returned neither a text nor None; the default name is used")
        return ""
