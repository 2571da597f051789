"""The echo of one subject behind uvicorn: it answers lines of JSON on stdin, until that closes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from socket import socket
from time import process_time

import uvicorn

from .. import subjects, telemetry, workloads
from .cores import stay_on

WORKLOAD = "starlette-function"


class Server(uvicorn.Server):
    """A server as users run it, that can be asked what it has spent."""

    def __init__(self, subject: subjects.Subject) -> None:
        self._telemetry = telemetry.start(subject.sdk)
        application = workloads.find(WORKLOAD).application(subject.tracing())
        super().__init__(uvicorn.Config(application, port=0, log_level="warning"))

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(sys.stdin, self._answer)

    def port(self) -> Mapping[str, float]:
        return {"port": self.servers[0].sockets[0].getsockname()[1]}

    def spent(self) -> Mapping[str, float]:
        """Export what is queued, and return the CPU seconds and the spans until now."""
        spans = self._telemetry.flush()
        return {"cpu": process_time(), "spans": spans}

    def _answer(self) -> None:
        line = sys.stdin.readline()
        if line:
            print(json.dumps(getattr(self, json.loads(line)["do"])()), flush=True)
            return
        asyncio.get_running_loop().remove_reader(sys.stdin)
        self.should_exit = True


if __name__ == "__main__":
    stay_on(min)
    Server(subjects.find(sys.argv[1])).run()
