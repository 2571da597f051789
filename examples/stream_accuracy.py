"""How well a stream is measured: scripted streams, with known gaps, against what was measured.

    python -m examples.stream_accuracy [times]

An application on uvicorn sends each chunk when the script says, to a client at a socket, and stops
the time of each send itself. Shown is what otel-ws has measured, in the median of so many runs;
its error against the script, the median and the worst; and the worst against the stopwatch, which
knows how late the machine was.
"""

from __future__ import annotations

import asyncio
import sys
import time
from itertools import accumulate, pairwise
from statistics import mean, median

from websockets.sync.client import connect

from examples.serving import served
from otel_ws.asgi import TracingMiddleware
from otel_ws.streams import StreamMeter
from otel_ws.testing import capture_spans

# The seconds from the message to the first chunk, and from each chunk to the next.
SCRIPTS = {
    "a steady model": [0.15, *[0.02] * 20],
    "a stall in the middle": [0.05, *[0.01] * 5, 0.25, *[0.01] * 5],
    "a burst, and a tail": [0.1, *[0.002] * 30, 0.1],
    "a single chunk": [0.08],
}
MEASURES = (
    "time_to_first_chunk",
    "time_to_last_chunk",
    "average_chunk_interval",
    "max_chunk_interval",
)
stopped = []


async def scripted(scope, receive, send):
    """Answer the name of a script with its chunks, each at its time."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        asked = time.perf_counter()
        times = []
        with StreamMeter(message["text"]):
            for at in accumulate(SCRIPTS[message["text"]]):
                await asyncio.sleep(asked + at - time.perf_counter())
                await send({"type": "websocket.send", "text": "chunk"})
                times.append(time.perf_counter() - asked)
        stopped.append(times)


def measures(times):
    """Return the measures of a stream by their definitions; `times` count from the message."""
    gaps = [after - before for before, after in pairwise(times)]
    found = [times[0], times[-1], *([mean(gaps), max(gaps)] if gaps else [])]
    return dict(zip(MEASURES, found, strict=False))


def runs(times):
    """Yield of each stream its name, what was measured, and what the stopwatch says."""
    app = TracingMiddleware(scripted)
    with capture_spans() as spans, served(app) as url, connect(url, proxy=None) as client:
        for name in times * list(SCRIPTS):
            spans.clear(), stopped.clear()
            client.send(name)
            for _ in SCRIPTS[name]:
                client.recv(10)
            while not stopped:
                time.sleep(0.001)
            (span,) = spans.named("websocket.stream")
            yield name, span.attributes, measures(stopped[0])


def main(times):
    found = {}
    for name, attributes, by_stopwatch in runs(times):
        for each, true in measures(list(accumulate(SCRIPTS[name]))).items():
            value = attributes[f"websocket.stream.{each}"]
            errors = (value - true, value - by_stopwatch[each])
            found.setdefault((name, each, true), []).append(errors)
    print(f"{'':<46}  script  measured  error: median     worst  by stopwatch")
    for (name, each, true), errors in found.items():
        to_script, to_stopwatch = zip(*errors, strict=True)
        middle, worst = median(to_script), max(to_script, key=abs)
        by_stopwatch = max(to_stopwatch, key=abs)
        print(
            f"{f'{name}: {each}':<46}  {true:.3f}s  {true + middle:>7.4f}s"
            f"  {1000 * middle:>+11.2f}ms {1000 * worst:>+7.2f}ms  {1000 * by_stopwatch:>+10.3f}ms"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
