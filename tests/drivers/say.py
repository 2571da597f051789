"""A short way to play one conversation against an application, for tests of one thing."""

from __future__ import annotations

from typing import Any

from .script import Hear, Leave, Say, Scenario
from .wire import Stage, play


async def converse(
    application: Any, *steps: Any, path: str = "/room", stage: Stage | None = None
) -> list[dict[str, Any]]:
    """Play `steps`, by default one message that is echoed and a farewell."""
    scenario = Scenario(
        "a conversation",
        session="",
        connection="",
        client=steps or (Say("hello"), Hear("hello"), Leave()),
    )
    return await play(application, scenario, stage or Stage(), path=path)
