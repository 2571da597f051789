"""Where traces are sent to: a server on 127.0.0.1, in another process, that drops them.

    python -m benchmarks.sink

It says its port on stdout, and ends when its stdin does. Whoever starts it stays on a core of his
own, and the sink on the others.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the connection is kept

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_PUT = do_GET

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def start() -> str:
    """Start a sink that lives as long as this process, and return its address."""
    command = [sys.executable, "-m", __spec__.name]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    _running.append(running)
    assert running.stdout is not None
    return f"http://127.0.0.1:{int(running.stdout.readline())}"


_running: list[subprocess.Popen[str]] = []  # none is to be collected before the process ends


def _leave_its_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        others = set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0)
        if others:
            os.sched_setaffinity(0, others)


def main() -> None:
    _leave_its_core()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
