"""Run the trace page beside the servers, in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .servers import ROOT, clean_environment, stop


@contextmanager
def running_trace_page(port: int = 0, *options: str) -> Iterator[str]:
    """Serve the trace page for as long as the block lasts; yield its address.

    Raises RuntimeError if it does not start.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "otel_ws", "page", f"--port={port}", *options],
        cwd=ROOT,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for us alone; we end our children ourselves
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        address = re.search(r"http://\S+", said)
        if address is None:
            raise RuntimeError(f"the trace page has not started: it said {said!r}")
        yield address[0]
    finally:
        stop(process)
        process.stdout.close()
