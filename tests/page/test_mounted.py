"""The page within applications, on the servers that people run it on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from otel_ws._otlp import JSON, decode
from otel_ws._otlp_json import to_json
from tests.wire.process import PATIENCE, ServerProcess
from tests.wire.servers import SERVERS

from .asked import TRACE, records


class NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any) -> None:
        return None


SERVER = {server.name: server for server in SERVERS}
SITES = {
    "channels on daphne": ("daphne", "tests.page.mounted:channels"),
    "channels on uvicorn": ("uvicorn-websockets", "tests.page.mounted:channels"),
    "starlette on uvicorn": ("uvicorn-websockets-sansio", "tests.page.mounted:starlette"),
}
direct = build_opener(ProxyHandler({}), NoRedirect)


@pytest.fixture(scope="module", params=SITES.values(), ids=SITES)
def site(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    name, application = request.param
    with ServerProcess(SERVER[name], application) as process:
        yield process
        assert process.complaints() == []


def ask(
    site: ServerProcess, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, Any, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(f"http://127.0.0.1:{site.port}{path}", body, named)
    try:
        answer = direct.open(request, timeout=PATIENCE)
    except HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers, answer.read()


def open_socket(site: ServerProcess, path: str, **more: Any) -> connect:
    return connect(f"ws://127.0.0.1:{site.port}{path}", proxy=None, **more)


def open_page(site: ServerProcess) -> connect:
    origin: Any = f"http://127.0.0.1:{site.port}"
    return open_socket(site, "/traces/.otel-ws/live", origin=origin)


async def until(page: ClientConnection, kind: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE):
        while not told or told[-1]["type"] != kind:
            told.append(json.loads(await page.recv()))
    return told


async def names(page: ClientConnection, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        found += [span["n"] for message in await until(page, "spans") for span in _spans(message)]
    return found


def _spans(message: dict[str, Any]) -> list[dict[str, Any]]:
    return list(message.get("spans", ()))


def test_the_page_is_in_its_folder(site: ServerProcess) -> None:
    status, headers, _ = ask(site, "/traces")
    assert status in (301, 307)
    assert headers["location"].endswith("/traces/")
    status, headers, body = ask(site, "/traces/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"static/" in body
    assert headers["content-security-policy"].startswith("default-src 'none'")
    status, headers, body = ask(site, "/traces/static/page.css")
    assert (status, headers["content-type"]) == (200, "text/css; charset=utf-8")
    again = ask(site, "/traces/static/page.css", if_none_match=headers["etag"])
    assert (again[0], again[2]) == (304, b"")
    assert ask(site, "/traces/static/other.css")[0] == 404


async def test_pages_see_what_happens_and_not_themselves(site: ServerProcess) -> None:
    async with open_page(site) as one, open_page(site) as two:
        await until(one, "ready")
        await until(two, "ready")
        await one.send('{"type":"clear"}')
        assert await until(one, "cleared")
        assert await until(two, "cleared")
        async with open_socket(site, "/ws/echo") as echo:
            await echo.send("hello")
            assert await echo.recv() == "hello"
        seen = await names(one, 5)
        assert sorted(seen) == [
            *("GET /ws/echo", "websocket.close", "websocket.open /ws/echo"),
            *("websocket.receive /ws/echo", "websocket.send /ws/echo"),
        ]
        assert sorted(await names(two, 5)) == sorted(seen)
    async with open_page(site) as three:
        told = await until(three, "ready")
    assert sum(len(_spans(message)) for message in told) == 5


def test_spans_are_taken_and_exported(site: ServerProcess) -> None:
    body = json.dumps(to_json(records(1, 2))).encode()
    status, _, answer = ask(site, "/traces/v1/traces", body, content_type=JSON)
    assert (status, answer) == (200, b"{}")
    status, headers, exported = ask(site, f"/traces/export/trace/{TRACE}")
    assert status == 200
    assert headers["content-disposition"] == f'attachment; filename="trace-{TRACE}.json"'
    assert decode(exported, JSON)[-2:] == records(1, 2)
    assert ask(site, "/traces/v1/traces", b"{", content_type=JSON)[0] == 400
    assert ask(site, "/traces/v1/traces", body, content_type="text/plain")[0] == 415


def test_a_body_that_is_too_large_is_refused(site: ServerProcess) -> None:
    """A server may close before all of it is sent: then there is no answer to read."""
    try:
        status, _, _ = ask(site, "/traces/v1/traces", b" " * 9_000_000, content_type=JSON)
    except OSError:
        return
    assert status == 413


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"x_forwarded_for": "127.0.0.1"},
        {"forwarded": "for=127.0.0.1"},
        {"via": "1.1 proxy"},
    ],
)
def test_strangers_are_refused(site: ServerProcess, headers: dict[str, str]) -> None:
    status, _, body = ask(site, "/traces/", **headers)
    assert status == 403
    assert body.startswith(b"The trace page answers ")
    assert ask(site, f"/traces/export/trace/{TRACE}", **headers)[0] == 403


def test_spans_from_foreign_pages_are_refused(site: ServerProcess) -> None:
    sent = {"content_type": JSON, "origin": "http://evil.example"}
    assert ask(site, "/traces/v1/traces", b"{}", **sent)[0] == 403


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example"])
async def test_foreign_pages_get_no_socket(site: ServerProcess, origin: Any) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(site, "/traces/.otel-ws/live", origin=origin):
            pass
    assert refused.value.response.status_code == 403
