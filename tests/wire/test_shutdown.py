"""SIGTERM while connections are open: what was traced until then is not lost.

uvicorn and Granian end without `atexit`, so that only the flush at the lifespan's end saves it,
which the middleware does for an application that has a lifespan and for one that refuses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

import pytest

from tests.wire.scenarios import FRAMEWORKS, SHUTDOWN, for_framework
from tests.wire.servers import SERVERS, Server
from tests.wire.shutdown import last_close, last_words, shut_down
from tests.wire.stage import Stage

TREES = {
    "session": """
        GET /ws/echo <- remote {status_code=101}
        websocket.open /ws/echo -> GET /ws/echo
        websocket.receive /ws/echo -> GET /ws/echo
          websocket.send /ws/echo
        websocket.close -> GET /ws/echo {close}
    """,
    "connection": """
        GET /ws/echo <- remote {status_code=101}
          websocket.connection /ws/echo
            websocket.open /ws/echo
            websocket.receive /ws/echo
              websocket.send /ws/echo
            websocket.close {close}
    """,
}
# What remains when the application is never told, and never comes to its end.
UNFINISHED = {
    "session": """
        GET /ws/echo <- remote {status_code=101}
        websocket.open /ws/echo -> GET /ws/echo
        websocket.receive /ws/echo -> GET /ws/echo
          websocket.send /ws/echo
    """,
    "connection": """
        GET /ws/echo <- remote {status_code=101}
        websocket.open /ws/echo <- remote
        websocket.receive /ws/echo <- remote
          websocket.send /ws/echo
    """,
}


def tree(model: str, told: str) -> str:
    if told == "nothing":
        return dedent(UNFINISHED[model]).strip()
    return dedent(TREES[model]).strip().replace("{close}", SHUTDOWN[told])


@dataclass(frozen=True)
class Ending:
    """What is left of a server."""

    exit_status: int
    closes: set[str | None]
    trees: dict[str, str]
    has_panicked: bool


async def end(server: Server, model: str, lifespan: str) -> Ending:
    with Stage.of(server, model, lifespan) as stage:
        callers = {stage.caller(name, "/ws/echo"): name for name in FRAMEWORKS}
        exit_status, observed = await shut_down(stage.process, list(callers))
        assert stage.process.complaints() == []
        return Ending(
            exit_status,
            {each.close for each in observed},
            {name: stage.tree_of(caller) for caller, name in callers.items()},
            "panicked" in stage.process.log,
        )


@pytest.mark.parametrize("server", SERVERS, ids=str)
@pytest.mark.parametrize(
    ("model", "lifespan"), [("session", "channels"), ("connection", "fastapi")]
)
async def test_sigterm_loses_no_span_that_has_ended(
    server: Server, model: str, lifespan: str
) -> None:
    ending = await end(server, model, lifespan)
    while ending.has_panicked:  # one shutdown of Granian in fifty; nobody is asked to flush then
        ending = await end(server, model, lifespan)

    expected = [tree(model, told) for told in last_words(server)]
    for name, found in ending.trees.items():
        assert found in [for_framework(each, name, "/ws/echo") for each in expected]
    assert ending.closes == {last_close(server)}
    assert ending.exit_status == int(server.facts.exit_status)
