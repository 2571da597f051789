"""One message whose work goes through a queue, a pool and a Celery task: still one trace.

    python -m examples.handed_off

Serves a shop on uvicorn, with a worker task, a pool of threads, and a Celery worker in a process
of its own, on a Redis; orders a print, and prints what all of them have exported.
Needs celery, and the dependency groups `demo` and `redis`.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from celery import Celery
from celery.signals import worker_init
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from websockets.sync.client import connect

from examples.serving import served
from otel_ws.asgi import TracingMiddleware
from otel_ws.handoff import Receipt, handoff
from otel_ws.testing import format_trace
from testproject.otlp import OTLPReceiver
from testproject.redis_server import running_redis
from testproject.servers import stop

tracer = trace.get_tracer("shop")
pool = ThreadPoolExecutor(2)
celery = Celery("shop")
celery.conf.update(broker_connection_retry_on_startup=True)
celery.conf.update({key: os.environ.get("REDIS") for key in ("broker_url", "result_backend")})


# --- the server ---------------------------------------------------------------------------------


async def shop(scope, receive, send):
    """Take orders, and leave them to the worker that was there before."""
    await receive()
    await send({"type": "websocket.accept"})
    orders = asyncio.Queue()
    worker = asyncio.create_task(work(orders, send))
    while (message := await receive())["type"] == "websocket.receive":
        await orders.put((handoff(), message["text"]))
    worker.cancel()


async def work(orders, send):
    loop = asyncio.get_running_loop()
    while True:
        receipt, order = await orders.get()
        with receipt.resume("prepare"):
            await loop.run_in_executor(pool, handoff().call, "scale", scale, order)
            printing = print_photo.delay(handoff().to_dict(), order)
            printed = await asyncio.to_thread(printing.get, timeout=30)
            await send({"type": "websocket.send", "text": printed})


def scale(order):
    with tracer.start_as_current_span("resample"):
        pass


# --- the Celery worker --------------------------------------------------------------------------


@celery.task(name="print_photo")
def print_photo(receipt, order):
    with Receipt.from_dict(receipt).resume("print"), tracer.start_as_current_span("mix colours"):
        return f"{order}: printed"


@worker_init.connect
def export(**_):
    """Export as any process does: to the collector that the environment names."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


@contextmanager
def celery_worker():
    options = ["--pool=solo", "--loglevel=error", "--without-gossip", "--without-mingle"]
    command = ["celery", "--quiet", "--app=examples.handed_off:celery", "worker", *options]
    python = [sys.executable, "-W", "ignore", "-m"]
    process = subprocess.Popen([*python, *command], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        stop(process)


# --- a customer ---------------------------------------------------------------------------------


def main():
    with running_redis() as redis, OTLPReceiver() as collector:
        os.environ.update(collector.environment, REDIS=redis.url)
        celery.conf.update(broker_url=redis.url, result_backend=redis.url)
        export()
        with celery_worker(), served(TracingMiddleware(shop)) as url:
            with connect(url, proxy=None) as client:
                client.send("A-17")
                print(client.recv(30))
            spans = collector.wait_for(lambda spans: len(spans) >= 9, timeout=30)
    print(format_trace(spans))


if __name__ == "__main__":
    main()
