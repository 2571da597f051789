"""The one table of what each server can express, as an application and a client meet it.

Every cell is verified untraced, and every trace is expected after it: what a server cannot express
is asserted as what it does instead. The documentation shows this table.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import Any

TOLD = "The application"
SENT = "The client"
LEFT_OPEN = "left open"


def row(group: str, label: str) -> Any:
    """Declare a fact with its place and its words in the documentation."""
    return field(metadata={"group": group, "label": label})


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A close is written as its code and its reason: `4000 bye`."""

    lifespan: str = row(TOLD, "lifespan events")
    told_done: str = row(TOLD, "the client closes with `1000 done`")
    told_close: str = row(TOLD, "the client closes with `4000 bye`")
    told_codeless: str = row(TOLD, "the client's close frame has no code")
    told_vanish: str = row(TOLD, "the client vanishes")
    send_late: str = row(TOLD, "it sends after that: what is raised")
    told_malformed: str = row(TOLD, "the client sends a malformed frame")
    told_after_close: str = row(TOLD, "it has closed with `4001 enough`")
    told_denied: str = row(TOLD, "it has denied")
    told_shutdown: str = row(TOLD, "SIGTERM, while it waits for a message")
    denial: str = row(SENT, "a denial with 401 and a body")
    denial_late: str = row(SENT, "the same, the body in a later turn of the event loop")
    denial_unheard: str = row(SENT, "a denial by an application that has not asked for `connect`")
    crash_early: str = row(SENT, "an exception before acceptance")
    crash: str = row(SENT, "an exception after acceptance")
    leave: str = row(SENT, "the application returns and does not close")
    close: str = row(SENT, "the application closes with `4001 enough`")
    echoed_close: str = row(SENT, "the answer to its own `4000 bye`")
    malformed: str = row(SENT, "the answer to a malformed frame")
    shutdown: str = row(SENT, "SIGTERM")
    exit_status: str = row(SENT, "exit status of the server then (below zero: a signal)")


@dataclass(frozen=True, kw_only=True)
class Server:
    """How a server is started, and what is known of it."""

    name: str
    command: tuple[str, ...]
    base: Facts
    since_python_3_12: tuple[tuple[str, str], ...] = ()
    """The facts that are different there."""

    def __str__(self) -> str:
        return self.name

    @property
    def facts(self) -> Facts:
        """What is true on the Python that runs."""
        is_newer = sys.version_info >= (3, 12)
        return replace(self.base, **dict(self.since_python_3_12)) if is_newer else self.base

    @property
    def may_outlive_sigterm(self) -> bool:
        """Whether the server waits for its clients, however long they stay."""
        return self.facts.shutdown == LEFT_OPEN

    def cell(self, fact: str) -> str:
        """Return what the documentation says of a fact."""
        newer = dict(self.since_python_3_12).get(fact)
        return str(getattr(self.base, fact)) + (f"; since Python 3.12 {newer}" if newer else "")


def uvicorn(protocol: str, **facts: str) -> Server:
    same = {
        "lifespan": "yes",
        "denial": "401",
        "denial_late": "401",
        "told_denied": "1006",
        "denial_unheard": "403",
        "crash_early": "500",
        "crash": "1006",
        "leave": "1006",
        "close": "4001 enough",
        "told_done": "1000 done",
        "told_close": "4000 bye",
        "echoed_close": "4000 bye",
        "told_codeless": "1005",
        "told_shutdown": "1012",
        "shutdown": "1012",
        "exit_status": "-15",
    }
    return Server(
        name=f"uvicorn-{protocol}",
        command=("uvicorn", "--ws", protocol, "--port", "{port}", "{app}"),
        base=Facts(**same | facts),
    )


SERVERS = (
    Server(
        name="daphne",
        command=("tests.wire.patient_daphne", "-b", "127.0.0.1", "-p", "{port}", "{app}"),
        base=Facts(
            lifespan="no",
            denial="403",
            denial_late="403",
            told_denied="1006",
            denial_unheard="403",
            crash_early="500",
            crash="1011",
            leave=LEFT_OPEN,
            close="4001",
            told_after_close="4001",
            told_done="1000",
            told_close="4000",
            echoed_close="1000",
            told_codeless="no code",
            told_vanish="1006",
            send_late="nothing",
            told_malformed="1006",
            malformed="1006",
            told_shutdown="cancelled",
            shutdown="1006",
            exit_status="0",
        ),
    ),
    uvicorn(
        "websockets",
        denial_late="no answer",
        told_after_close="1005",
        told_vanish="1006",
        send_late="RuntimeError",
        told_malformed="1006",
        malformed="1002",
    ),
    uvicorn(
        "websockets-sansio",
        told_after_close="4001 enough",
        told_vanish="1005",
        send_late="ClientDisconnected",
        told_malformed="1002 invalid opcode",
        malformed="1002 invalid opcode",
    ),
    uvicorn(
        "wsproto",
        told_after_close="4001 enough",
        told_vanish="1005",
        send_late="ClientDisconnected",
        told_malformed="1002 Invalid opcode 0x3",
        malformed="1006",
    ),
    Server(
        name="hypercorn",
        command=("hypercorn", "-b", "127.0.0.1:{port}", "--graceful-timeout", "1", "{app}"),
        base=Facts(
            lifespan="yes",
            denial="401",
            denial_late="401",
            told_denied="1000",
            denial_unheard="403",
            crash_early="500",
            crash="1011",
            leave="1011",
            close="4001 enough",
            told_after_close="1000",
            told_done="1006",
            told_close="1006",
            echoed_close="4000 bye",
            told_codeless="1006",
            told_vanish="1006",
            send_late="nothing",
            told_malformed="1006",
            malformed="1006",
            told_shutdown="cancelled",
            shutdown="1011",
            exit_status="0",
        ),
        since_python_3_12=(("told_shutdown", "nothing"), ("shutdown", LEFT_OPEN)),
    ),
    Server(
        name="granian",
        command=(
            *("granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", "{port}"),
            "{app}",
        ),
        base=Facts(
            lifespan="yes",
            denial="401",
            denial_late="401",
            told_denied="1005",
            denial_unheard="no answer",
            crash_early="403",
            crash="1005",
            leave="1005",
            close="4001 enough",
            told_after_close="1005",
            told_done="1000",
            told_close="4000",
            echoed_close="4000 bye",
            told_codeless="1005",
            told_vanish="1005",
            send_late="nothing",
            told_malformed="1005",
            malformed="1005",
            told_shutdown="1005 or nothing",
            shutdown="1006",
            exit_status="0",
        ),
    ),
)
