"""The trace page as people run it: `python -m otel_ws page`, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import ProxyHandler, build_opener

from testproject.trace_page import running_trace_page

_SECONDS = 30
_direct = build_opener(ProxyHandler({}))  # a proxy of the environment is not for this


class PageServer:
    """A trace page, and where the spans for it go."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a child process send its spans here, and soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "no_proxy": "127.0.0.1",
        }

    def export(self, kind: str, identifier: str) -> Any:
        """Return what the page exports: OTLP JSON of a `trace` or a `session`."""
        with _direct.open(f"{self.url}/export/{kind}/{identifier}", timeout=_SECONDS) as answer:
            return json.load(answer)


@contextmanager
def running_page(port: int = 0, *options: str) -> Iterator[PageServer]:
    """Run a trace page for as long as the block lasts, by default on a free port."""
    with running_trace_page(port, *options) as address:
        yield PageServer(address.rstrip("/"))


def spans_of(exported: Any) -> list[dict[str, Any]]:
    """Return the spans of an export, with their attributes as a dict of plain values."""
    return [
        {**span, "attributes": {each["key"]: _plain(each["value"]) for each in span["attributes"]}}
        for resource in exported["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def _plain(value: dict[str, Any]) -> Any:
    [(kind, plain)] = value.items()
    if kind == "arrayValue":
        return [_plain(each) for each in plain["values"]]
    return int(plain) if kind == "intValue" else plain
