"""What each server tells an application and its client, untraced: the ground of all the rest.

A server that has changed fails here, on the cell of the table that is no longer true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import pytest

from tests.wire import client
from tests.wire.client import Caller, Script, Take
from tests.wire.process import APPLICATION, ROOT, ServerProcess
from tests.wire.servers import LEFT_OPEN, SERVERS, Facts, Server
from tests.wire.shutdown import last_close, last_words, shut_down
from tests.wire.tables import tables


@dataclass(frozen=True)
class Check:
    """How a fact is found out: by a script on a path, and a look at what came of it."""

    path: str
    script: Script
    look: Callable[[Take], str]


def status(take: Take) -> str:
    return str(take.observed.status or "no answer")


def close(take: Take) -> str:
    return str(take.observed.close)


def told(take: Take) -> str:
    return str(take.visit["disconnect"])


def raised(take: Take) -> str:
    return take.visit["error"] or "nothing"


def lifespan(take: Take) -> str:
    return "yes" if take.visit["lifespan"] else "no"


def close_if_any(take: Take) -> str:
    return LEFT_OPEN if take.observed.left_open else close(take)


CHECKS = {
    "lifespan": Check("/ws/echo", client.close_with_reason, lifespan),
    "denial": Check("/ws/deny-with-response", client.just_connect, status),
    "denial_late": Check("/ws/deny-with-late-body", client.just_connect, status),
    "told_denied": Check("/ws/deny-and-listen", client.just_connect, told),
    "crash_early": Check("/ws/crash-early", client.just_connect, status),
    "crash": Check("/ws/crash", client.say, close),
    "leave": Check("/ws/leave", client.outstay, close_if_any),
    "close": Check("/ws/close", client.say, close),
    "told_after_close": Check("/ws/close", client.say, told),
    "told_done": Check("/ws/echo", client.exchange_text_and_binary, told),
    "told_close": Check("/ws/echo", client.close_with_reason, told),
    "echoed_close": Check("/ws/echo", client.close_with_reason, close),
    "told_codeless": Check("/ws/echo", client.close_without_code, told),
    "told_vanish": Check("/ws/echo", client.vanish, told),
    "send_late": Check("/ws/send-late", client.vanish, raised),
    "told_malformed": Check("/ws/echo", client.send_malformed, told),
    "malformed": Check("/ws/echo", client.send_malformed, close),
}
ELSEWHERE = {"denial_unheard", "told_shutdown", "shutdown", "exit_status"}
"""The facts that have a test of their own."""


@pytest.fixture(scope="module", params=SERVERS, ids=str)
def process(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    with ServerProcess(request.param, APPLICATION) as process:
        yield process


def test_every_fact_is_checked() -> None:
    assert {fact.name for fact in fields(Facts)} == CHECKS.keys() | ELSEWHERE


@pytest.mark.parametrize("fact", CHECKS)
async def test_the_table_is_true(process: ServerProcess, fact: str) -> None:
    check = CHECKS[fact]
    take = await Caller(process, f"/untraced/plain{check.path}").take(check.script)
    assert check.look(take) == getattr(process.server.facts, fact)


@pytest.mark.parametrize("server", SERVERS, ids=str)
async def test_what_sigterm_does_to_an_open_connection(server: Server) -> None:
    with ServerProcess(server, APPLICATION) as process:
        caller = Caller(process, "/untraced/plain/ws/echo")
        exit_status, [observed] = await shut_down(process, [caller])
        words = process.last_words(caller.key)
    assert observed.close == last_close(server)
    assert exit_status == int(server.facts.exit_status)
    assert words in last_words(server)


@pytest.mark.parametrize("server", SERVERS, ids=str)
async def test_a_denial_by_who_has_not_asked_for_the_connection(server: Server) -> None:
    """In a process of its own: one of the servers dies of it."""
    with ServerProcess(server, APPLICATION) as process:
        caller = Caller(process, "/untraced/plain/ws/deny-unheard")
        observed = await caller.call(client.just_connect)
    assert str(observed.status or "no answer") == server.facts.denial_unheard


def test_the_documentation_shows_the_tables() -> None:
    page = (ROOT / "docs" / "servers.md").read_text()
    assert [table for table in tables() if table not in page] == []
