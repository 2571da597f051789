"""What goes over the wire of the chat, the same in both frameworks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict
from urllib.parse import parse_qs


class ChatMessage(TypedDict):
    """What the server says to everybody in a room."""

    kind: Literal["joined", "said", "left"]
    name: str
    text: str


def name_from(query_string: bytes) -> str:
    """Return the name that a client gave in `?name=Ada`."""
    names = parse_qs(query_string.decode(errors="replace")).get("name", [""])
    return names[0].strip()[:40] or "Anonymous"


def text_from(content: Any) -> str | None:
    """Return what a client said in `{"text": "Hello"}`, or None if it said something else."""
    match content:
        case {"text": str(text)} if text.strip():
            return text[:1000]
    return None


def message_of(event: Mapping[str, Any]) -> ChatMessage:
    """Return the part of an event that is for the clients."""
    return {"kind": event["kind"], "name": event["name"], "text": event["text"]}
