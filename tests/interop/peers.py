"""A server of ours and a peer that is not ours, each in a process of its own; one collector."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from textwrap import dedent
from typing import IO, Any

from opentelemetry.sdk.resources import SERVICE_NAME

from otel_ws.testing import format_trace
from testproject.otlp import OTLPReceiver, ReceivedSpan
from testproject.servers import ROOT, App, clean_environment, listen, serve

PATIENCE = 60
"""Seconds until something that must happen counts as not happening."""
QUIET = {"NODE_NO_WARNINGS": "1"}  # newer ones warn of what its packages still use


@dataclass
class Scene:
    """A running server, and the spans of all who talk to it."""

    address: str
    receiver: OTLPReceiver
    output: IO[str] = field(repr=False)

    def play(self, *command: str) -> Any:
        """Run a peer to its end with our address as its last argument; return what it printed."""
        done = subprocess.run(
            [*command, self.address],
            cwd=ROOT,
            env=clean_environment() | self.receiver.environment | QUIET,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert (done.returncode, done.stderr) == (0, ""), f"{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def spans(self) -> list[ReceivedSpan]:
        """Return all spans, once the server has exported the close of the connection."""
        spans = self.receiver.wait_for(
            lambda spans: any(span.name == "websocket.close" for span in spans), PATIENCE
        )
        self.output.seek(0)
        assert self.output.read() == "", "the server has complained"
        return spans

    def tree(self) -> str:
        """Return the trace of both sides."""
        return tree(self.spans())


@contextmanager
def scene(*command: str, **environment: str) -> Iterator[Scene]:
    """Run a server, with settings of otel-ws in its environment."""
    listener = listen()
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    with OTLPReceiver() as receiver, tempfile.TemporaryFile("a+") as output:
        variables = clean_environment() | receiver.environment | environment
        with serve(App("interop", "", command), listener, variables, output):
            yield Scene(address, receiver, output)


def tree(spans: Sequence[ReceivedSpan]) -> str:
    """Return the trace of both sides, each line with the name of its process.

    What the peer did stands first: the clocks of two processes put nothing in order.
    """
    named = [replace(span, name=f"{service(span)}: {span.name}") for span in spans]
    named.sort(key=lambda span: service(span) == "server")
    return format_trace(named, "websocket.subprotocol")  # type: ignore[arg-type]


def written(tree: str) -> str:
    """Return a tree as it stands in a test without its indentation."""
    return dedent(tree).strip()


def service(span: ReceivedSpan) -> str:
    return str(span.resource.attributes[SERVICE_NAME])


def uvicorn(application: str) -> tuple[str, ...]:
    return ("uvicorn", "--log-level=warning", application)


def python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"tests.interop.{module}")
