"""The tables of `docs/servers.md`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields

from tests.wire.scenarios import SCENARIOS, SHUTDOWN, Scenario
from tests.wire.servers import SENT, SERVERS, TOLD, Facts, Server


def tables() -> Iterator[str]:
    """Return what the application is told, what the client gets, and what the traces say."""
    for group in (TOLD, SENT):
        shown = (fact for fact in fields(Facts) if fact.metadata["group"] == group)
        yield table(
            (fact.metadata["label"], [server.cell(fact.name) for server in SERVERS])
            for fact in shown
        )
    rows = [
        (each.name.replace("-", " "), [outcome(each, server) for server in SERVERS])
        for each in SCENARIOS
    ]
    yield table([*rows, ("sigterm", [shutdown(server) for server in SERVERS])])


def table(rows: Iterable[tuple[str, list[str]]]) -> str:
    head = ["", *(server.name for server in SERVERS)]
    lines = [
        head,
        ["---"] * len(head),
        *([label, *cells] for label, cells in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


def outcome(scenario: Scenario, server: Server) -> str:
    """Return what a trace says in the end: the close, or the answer to the handshake."""
    lines = scenario.trace("session", "starlette", server.base).splitlines()
    close = next((line for line in lines if "websocket.close" in line), None)
    return words(close or lines[0])


def shutdown(server: Server) -> str:
    base = " or ".join(words(SHUTDOWN[told]) for told in server.base.told_shutdown.split(" or "))
    return base + ("; since Python 3.12 the client's close" if server.since_python_3_12 else "")


def words(line: str) -> str:
    """Return the attributes of a line of a tree, and whether it failed."""
    shown = dict(re.findall(r"(\w+)=(\w+)", line))
    named = " ".join(shown[name] for name in ("status_code", "code", "status") if name in shown)
    by = [f"by {shown['initiator']}"] if "initiator" in shown else []
    error = ["error"] if "!" in line else []
    return ", ".join(filter(None, [named, *by, *error])) or "no close"
