"""A server that runs every framework with the middleware and without it, and a collector."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from otel_ws.testing import format_trace
from testproject.otlp import OTLPReceiver, ReceivedSpan
from tests.wire.client import Caller, Take
from tests.wire.process import APPLICATION, ServerProcess
from tests.wire.scenarios import Scenario
from tests.wire.servers import SERVERS, Facts, Server

STAGES = tuple((server, model) for server in SERVERS for model in ("session", "connection"))
SHOWN = (
    "http.response.status_code",
    "websocket.close.code",
    "websocket.close.status",
    "websocket.close.initiator",
    "error.type",
)
SHORTENED = (
    "http.response.",
    "websocket.close.",
    "tests.wire.plain.",
    "uvicorn.protocols.utils.",
)
SESSION = "websocket.session.id"


def stage_name(parameter: tuple[Server, str]) -> str:
    return "-".join(map(str, parameter))


@dataclass(frozen=True)
class Performance:
    """A scenario, played both ways."""

    traced: Take
    untraced: Take
    tree: str


@dataclass
class Stage:
    """Where scenarios are played."""

    process: ServerProcess
    receiver: OTLPReceiver
    model: str
    performances: dict[tuple[str, str], Performance] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def of(
        cls, server: Server, model: str, lifespan: str = "channels", **more: str
    ) -> Iterator[Stage]:
        """Start `server`; `lifespan` is the framework that answers for the lifespan."""
        with OTLPReceiver() as receiver:
            environment = receiver.environment | {
                "WIRE_MODEL": model,
                "WIRE_LIFESPAN": lifespan,
                # Only a flush exports: what has arrived is then all that there is.
                "OTEL_BSP_SCHEDULE_DELAY": "3600000",
                **more,
            }
            with ServerProcess(server, APPLICATION, environment) as process:
                yield cls(process, receiver, model)

    @property
    def facts(self) -> Facts:
        return self.process.server.facts

    async def perform(self, scenario: Scenario, framework: str) -> Performance:
        """Play `scenario`, or return what came of it when it was played before."""
        played = (scenario.name, framework)
        if played not in self.performances:
            self.performances[played] = await self._play(scenario, framework)
        return self.performances[played]

    async def _play(self, scenario: Scenario, framework: str) -> Performance:
        traced = self.caller(framework, scenario.path)
        untraced = self.caller(framework, scenario.path, "untraced")
        takes = await asyncio.gather(traced.take(scenario.script), untraced.take(scenario.script))
        return Performance(*takes, self.tree_of(traced))

    def caller(self, framework: str, path: str, variant: str = "traced") -> Caller:
        return Caller(self.process, f"/{variant}/{framework}{path}")

    def tree_of(self, caller: Caller) -> str:
        return tree(self.spans_of(caller))

    def spans_of(self, caller: Caller) -> list[ReceivedSpan]:
        """Return the spans of a connection, known by the trace id that its client sent."""
        spans = self.receiver.spans
        own = [span for span in spans if f"{span.trace_id:032x}" == caller.key]
        sessions = {span.attributes.get(SESSION) for span in own} - {None}
        return [span for span in spans if span in own or span.attributes.get(SESSION) in sessions]


def tree(spans: Iterable[ReceivedSpan]) -> str:
    """Return the tree with what matters of a handshake and of a close, in short words.

    The type of an error that failed the span is not repeated as an attribute.
    """
    text = format_trace(spans, *SHOWN)  # type: ignore[arg-type]
    for prefix in SHORTENED:
        text = text.replace(prefix, "")
    text = re.sub(r"(! (\S+) \{.*?)(, )?error\.type=\2", r"\1", text)
    return text.replace(" {}", "")
