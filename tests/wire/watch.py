"""Ends a server whose tests have gone without ending it."""

from __future__ import annotations

import os
import signal
import threading
import time


def end_after(pid: int) -> None:
    """End this process group, which is the server's own, soon after the process `pid` has gone."""
    threading.Thread(target=_watch, args=(pid,), daemon=True).start()


def _watch(pid: int) -> None:
    while _is_there(pid):
        time.sleep(1)
    os.killpg(0, signal.SIGTERM)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
