"""Each framework on a real server: what a connection to it looks like, and what the page says."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from otel_ws.testing import format_trace
from testproject.otlp import ReceivedSpan
from tests.interop.peers import Scene, scene, uvicorn, written
from tests.pages import PAGES, blocks, tables

HERE = Path(__file__).parent
PAGE = PAGES["docs/frameworks.md"].read_text()
CLIENT = (sys.executable, "-m", "tests.frameworks.client")
ROUTES = {
    "plain": "/ws/{name}",
    "litestar": "/ws/{name}",
    "quart": "/ws/<name>",
    "falcon": "/ws/{name}",
    "blacksheep": "/ws/{name}",
    "sanic": "/ws/<name:str>",
    "ninja": "/ws/<name>",
}
TALK = """
GET /ws/{name} {http.response.status_code=101}
websocket.open /ws/{name} -> GET /ws/{name}
websocket.receive /ws/{name} -> GET /ws/{name}
  work
    websocket.send /ws/{name}
websocket.receive /ws/{name} -> GET /ws/{name}
  work
    websocket.send /ws/{name}
websocket.close -> GET /ws/{name} {websocket.close.code=1000}
"""
# What becomes of an exception in a handler: the status of the message, then the close.
CRASHES = {
    "plain": ("! RuntimeError", " ! RuntimeError"),
    "litestar": ("", "  {websocket.close.code=4500}"),
    "quart": ("! RuntimeError", " {websocket.close.code=1000}"),
    "falcon": ("", "  ! 1011 {websocket.close.code=1011}"),
    "blacksheep": ("", "  ! 1011 {websocket.close.code=1011}"),
    "sanic": ("", " "),
    "ninja": ("! RuntimeError", " ! RuntimeError"),
}
CLOSED = {"plain": 403, "litestar": 403, "quart": 403, "falcon": 403, "blacksheep": 403}
UNKNOWN = {"litestar": 403, "quart": 404, "falcon": 403, "blacksheep": 403}

every_host = pytest.mark.parametrize("host", ROUTES)


def served(host: str, which: str = "app"):
    command = uvicorn(f"tests.frameworks.{host}_app:{which}")
    return scene(*command, DJANGO_SETTINGS_MODULE="tests.frameworks.ninja_settings")


def play(server: Scene, *arguments: str) -> list[str]:
    """Play a connection, and wait for its last span."""
    server.receiver.clear()
    heard: list[str] = server.play(*CLIENT, *arguments)
    return heard


def spans(server: Scene, last: str = "websocket.close") -> list[ReceivedSpan]:
    return server.receiver.wait_for(
        lambda found: any(span.name.startswith(last) for span in found), 20
    )


def talk(route: str) -> str:
    return TALK.strip().replace("/ws/{name}", route)


def tree(found: list[ReceivedSpan]) -> str:
    shown = ("http.response.status_code", "websocket.close.code")
    return format_trace(found, *shown)  # type: ignore[arg-type]


@every_host
def test_a_host_is_traced_like_any_other(host: str) -> None:
    route = ROUTES[host]
    with served(host) as server:
        assert play(server, "/ws/lobby", "hello", "again") == ["HELLO", "AGAIN"]
        assert tree(spans(server)) == talk(route)

        assert play(server, "/ws/lobby", "crash") == []
        status, close = CRASHES[host]
        assert tree_of_crash(spans(server)) == (status, close.strip(), close.startswith("  "))

        for path, statuses in (("/closed", CLOSED), ("/nothing", UNKNOWN)):
            if host in statuses:
                assert play(server, path) == [str(statuses[host])]
                (refused,) = spans(server, "GET")
                assert refused.attributes["http.response.status_code"] == statuses[host]


def test_quart_is_traced_from_inside_too() -> None:
    with served("quart", "inside") as server:
        assert play(server, "/ws/lobby", "hello", "again") == ["HELLO", "AGAIN"]
        assert tree(spans(server)) == talk(ROUTES["quart"])


def test_the_http_of_django_ninja_is_untouched() -> None:
    with served("ninja") as server:
        opener = build_opener(ProxyHandler({}))
        with opener.open(f"http://{server.address}/api/hello", timeout=20) as response:
            assert response.read() == b'"hello"'
        assert play(server, "/ws/lobby", "hello") == ["HELLO"]
        assert "api" not in tree(spans(server))


def tree_of_crash(found: list[ReceivedSpan]) -> tuple[str, str, bool]:
    """Return the status of the message, what is told of the close, and whether that is below."""
    lines = tree(found).splitlines()
    (receive,) = (line for line in lines if line.startswith("websocket.receive"))
    (close,) = (line for line in lines if line.lstrip().startswith("websocket.close"))
    assert "  work ! error" in lines[lines.index(receive) + 1]
    told = re.sub(r"^ *websocket\.close( -> GET \S+)? ?", "", close)
    return "".join(re.findall(r"! \w+", receive)), told, close.startswith(" ")


@pytest.mark.parametrize("host", set(ROUTES) - {"ninja"} | {"socketio"})
def test_the_page_says_what_works_with_the_middleware_alone(host: str) -> None:
    texts = ("websocket", "hello") if host == "socketio" else ("/ws/lobby", "hello")
    with served(host, "bare") as server:
        play(server, *texts)
        found = spans(server)
    (work,) = (span for span in found if span.name == "work")
    (parent,) = (span.name for span in found if span.span_id == work.parent_id)
    assert parent == ("websocket.receive" if row(host)[2] == "yes" else "websocket.open")


@pytest.mark.parametrize("transport", ["websocket", "polling+websocket"])
def test_the_events_of_socket_io_are_its_messages(transport: str) -> None:
    with served("socketio") as server:
        assert play(server, transport, "hello") == ["HELLO", "taken"]
        found = [span for span in spans(server) if not span.name.startswith("websocket.open")]
        (opening,) = (s for s in server.receiver.spans if s.name.startswith("websocket.open"))
        found = [span for span in found if span.parent_id != opening.span_id]
    shown = tree(found).replace("remote", "GET /socket.io/")
    assert shown.replace("websocket.send /socket.io/ -> GET /socket.io/\n", "") == written("""
        GET /socket.io/ {http.response.status_code=101}
        websocket.receive /socket.io/ -> GET /socket.io/
        websocket.receive say -> GET /socket.io/
          work
        websocket.close -> GET /socket.io/ {websocket.close.code=1000}
    """)


def test_long_polling_is_http_and_not_ours() -> None:
    with served("socketio") as server:
        assert play(server, "polling", "hello") == ["HELLO", "taken"]
        assert [span.name for span in spans(server, "work")] == ["work"]


def test_a_listener_is_traced_like_a_loop() -> None:
    with served("litestar") as server:
        assert play(server, "/listen/lobby", "hello") == ["HELLO"]
        assert tree(spans(server)) == written("""
            GET /listen/{name} {http.response.status_code=101}
            websocket.open /listen/{name} -> GET /listen/{name}
            websocket.receive /listen/{name} -> GET /listen/{name}
              work
              websocket.send /listen/{name}
            websocket.close -> GET /listen/{name} {websocket.close.code=1000}
        """)


# --- the page -----------------------------------------------------------------------------------


def row(host: str) -> list[str]:
    """Return what the page's table says of a host."""
    rows = next(rows for heading, rows in tables(PAGE) if heading[0] == "Framework")
    names = {"socketio": "python-socketio", "ninja": "Django Ninja", "plain": "none"}
    return next(row for row in rows if row[0].lower() == names.get(host, host).lower())


@pytest.mark.parametrize("host", {*ROUTES, "socketio"} - {"plain"})
def test_the_page_names_the_versions_that_ran(host: str) -> None:
    package = {"socketio": "python-socketio", "ninja": "django-ninja"}.get(host, host)
    assert row(host)[1] == version(package)


def test_what_the_page_shows_is_what_ran() -> None:
    sources = "".join(path.read_text() for path in HERE.glob("*_app.py"))
    trees = set(map(talk, ROUTES.values()))
    for block in blocks(PAGE):
        if block.language == "text":
            assert block.text.strip() in trees
        elif block.language == "python":
            for part in re.split(r"\n{2,}(?=\S)", block.text.strip()):
                assert part.startswith(("import", "from")) or part in sources, part
