"""Open a WebSocket to a running application, and say what its tracing lacks, and how to mend it.

    otel-ws doctor --run "uvicorn app:app --port 8000" --send hello ws://127.0.0.1:8000/ws

What it finds is data: `examine` is told what came of a visit and returns a list of findings.
Needs the extra ``doctor``: ``websockets`` to visit, ``opentelemetry-proto`` to read the spans.
"""

from __future__ import annotations

from ._evidence import Evidence, Visit
from ._examine import examine
from ._findings import Finding

__all__ = ["Evidence", "Finding", "Visit", "examine"]
