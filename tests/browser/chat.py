"""A click in the chat of the test project, and what became of it in two pages and two servers.

Ada's page is from server 1, and Grace's from server 2; the servers share nothing but a Redis. All
four send their spans to one collector.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from otel_ws.testing import format_trace
from testproject.otlp import OTLPReceiver, ReceivedSpan
from testproject.scenes import wait_for_page
from testproject.servers import App, clean_environment, listen, serve_together
from testproject.trees import INSTANCE_ID

# In the order in which they have their turn, by what their spans say who they are.
PLACES = {"Ada": "Ada's page", "1": "server 1", "2": "server 2", "Grace": "Grace's page"}
WITH_CODEC = {"OTEL_WS_MESSAGE_CODEC": "json", "OTEL_WS_INJECT_SENDS": "true"}
TRUSTED = {**WITH_CODEC, "OTEL_WS_MESSAGE_TRUST": "parent"}
SIZE = {"width": 430, "height": 350}
SCALE = 1.5  # sharp on most screens, and the picture of both pages stays small
_SECONDS = 30
# What each click leads to, however it is told.
_ALWAYS = Counter({"click": 1, "websocket.send": 1, "process chat.message": 2, "show": 2})


@dataclass(frozen=True)
class Click:
    """What became of a click."""

    spans: list[ReceivedSpan]
    """Those of the click, in the order of their places, and there in the order of their start."""
    earlier: list[ReceivedSpan]
    """What they link to that was there before it: the handshakes."""
    pages: Mapping[str, bytes]
    """A picture of each page, by the name of who looks at it."""

    @property
    def tree(self) -> str:
        spans = [*self.earlier, *self.spans]
        placed = [replace(s, attributes={**s.attributes, "at": place_of(s)}) for s in spans]
        # The tree knows the names of the handshakes, but what is told begins with the click.
        return "\n".join(format_trace(placed, "at").split("\n")[len(self.earlier) :])


def click(
    app: App, settings: Mapping[str, str], redis_url: str, browser: Any, script: str
) -> Click:
    """Let Ada click on "Send", in a page into which `script` brings OpenTelemetry."""
    with OTLPReceiver() as receiver:
        shared = {**receiver.environment, "REDIS_URL": redis_url, **settings}
        listeners = [listen(), listen()]
        ports = [listener.getsockname()[1] for listener in listeners]
        with serve_together(app, listeners, clean_environment() | shared), ExitStack() as stack:
            for port in ports:
                wait_for_page(port)
            ada, grace = (
                stack.enter_context(_page(browser, script, who, port, receiver.endpoint))
                for who, port in zip(("Ada", "Grace"), ports, strict=True)
            )
            _join(ada, "Ada", ada)
            _join(grace, "Grace", ada, grace)
            begun = _send(ada, "Milk?", ada, grace)
            receiver.wait_for(lambda spans: _is_whole(_started(spans, begun)), _SECONDS)
            ended = time.time_ns()
            pages = {"Ada": ada.screenshot(), "Grace": grace.screenshot()}
        # The servers ended, and nothing is under way any more.
        spans = _started(receiver.spans, begun, ended)
        linked = {link.context.span_id for span in spans for link in span.links}
        earlier = _started(receiver.spans, 0, begun)
        return Click(spans, [span for span in earlier if span.span_id in linked], pages)


@contextmanager
def _page(browser: Any, script: str, who: str, port: int, collector: str) -> Iterator[Any]:
    """Open the chat, in a window that has nothing in common with the other one."""
    telemetry = {
        "url": f"{collector}/v1/traces",
        "resource": {"service.name": "chat-page", INSTANCE_ID: who},
    }
    window = browser.new_context(viewport=SIZE, color_scheme="light", device_scale_factor=SCALE)
    try:
        window.add_init_script(f"window.telemetry = {json.dumps(telemetry)}")
        window.add_init_script(path=script)
        page = window.new_page()
        page.set_default_timeout(_SECONDS * 1000)
        page.goto(f"http://127.0.0.1:{port}/?room=tea")
        yield page
    finally:
        window.close()


def _join(page: Any, name: str, *everybody: Any) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Join").click()
    _wait_for(f"{name} joined the room", everybody)


def _send(page: Any, text: str, *everybody: Any) -> int:
    """Say something, and return the time just before, as coarse as that of a page."""
    page.get_by_label("Message", exact=True).fill(text)
    begun = time.time_ns() // 1_000_000 * 1_000_000
    page.get_by_role("button", name="Send").click()
    _wait_for(text, everybody)
    return begun


def _wait_for(text: str, pages: Iterable[Any]) -> None:
    for page in pages:
        page.get_by_role("log").get_by_text(text).wait_for()


def place_of(span: ReceivedSpan) -> str:
    return PLACES[str(span.resource.attributes[INSTANCE_ID])]


def _started(spans: Iterable[ReceivedSpan], begun: int, ended: float = inf) -> list[ReceivedSpan]:
    places = list(PLACES.values())
    return sorted(
        (span for span in spans if begun <= span.start_time < ended),
        key=lambda span: (places.index(place_of(span)), span.start_time),
    )


def _is_whole(spans: Iterable[ReceivedSpan]) -> bool:
    spans = list(spans)
    known = {span.span_id for span in spans}
    parents = {span.parent_id for span in spans} - {None}
    return Counter(span.name for span in spans) >= _ALWAYS and parents <= known
