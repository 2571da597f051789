"""No code at all: every instrumentor of contrib is on, and ours, over one unchanged application."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from textwrap import dedent

import pytest

from testproject.redis_server import RedisServer
from tests.zero_code.launching import CHANNELS, FASTAPI, STARLETTE, App, launched, tree_of

from .applications import TREE
from .programs import EXPORTS_NOTHING, run

OURS = "otel_ws_channels,otel_ws_starlette"
CONTRIB = ("asgi", "celery", "django", "fastapi", "redis", "starlette", "threading")
missing = [name for name in CONTRIB if not find_spec(f"opentelemetry.instrumentation.{name}")]
if missing:
    pytest.skip(f"not installed: {', '.join(missing)}", allow_module_level=True)
if not hasattr(import_module("opentelemetry.instrumentation.redis"), "is_instrumentation_enabled"):
    pytest.skip("this Redis instrumentation cannot be suppressed", allow_module_level=True)


def launch(redis_server: RedisServer, **environ: str) -> dict[str, str]:
    environ |= {"REDIS_URL": redis_server.url, **EXPORTS_NOTHING}
    return run("everything", "opentelemetry-instrument", **environ)


@pytest.fixture(scope="module")
def found(redis_server: RedisServer) -> dict[str, str]:
    return launch(redis_server)


@pytest.fixture(scope="module")
def without_us(redis_server: RedisServer) -> dict[str, str]:
    """What the others make of it, and so what the claims are worth."""
    return launch(redis_server, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=OURS)


def test_all_are_on(found: dict[str, str]) -> None:
    expected = {*CONTRIB, *OURS.split(",")} - {"asgi"}  # which has no instrumentor of its own
    assert expected <= {*found["instrumentors"].split()}


@pytest.mark.parametrize(
    "application",
    ["starlette", "fastapi", "channels", "channels sync", "channels, traced consumers"],
)
def test_one_handshake_is_one_span_and_a_message_has_its_children(
    application: str, found: dict[str, str]
) -> None:
    assert found[application] == TREE


@pytest.mark.parametrize("application", ["starlette", "fastapi"])
def test_contrib_alone_spans_the_connection_and_the_waits(
    application: str, without_us: dict[str, str]
) -> None:
    assert without_us[application].count("/room websocket receive") == 3


def test_threads_and_pools_stay_in_the_message(found: dict[str, str]) -> None:
    assert "websocket.receive /room -> GET /room\n  in a thread\n  in a pool\n" in found["threads"]


def test_redis_commands_belong_to_who_sends_and_waiting_has_none(found: dict[str, str]) -> None:
    said = """
        group_send room.said
          process room.said -> GET /room
            websocket.send /room
    """
    tree = dedent(said).strip()
    assert tree in found["redis"]
    assert found["commands under nothing"] == ""
    assert {*found["commands under"].splitlines()} == {
        "GET /room",
        "group_send room.said",
        "websocket.close",
    }


def test_redis_alone_makes_a_trace_of_each_poll(without_us: dict[str, str]) -> None:
    assert without_us["commands under nothing"].count("BZPOPMIN") > 1


def test_http_is_theirs(found: dict[str, str], without_us: dict[str, str]) -> None:
    assert found["http"] == without_us["http"] == "GET"


# Django's instrumentation makes settings of its own where the environment names none.
SETTINGS = "DJANGO_SETTINGS_MODULE=mysite.settings"
ALL_ON = ("env", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=", SETTINGS)


@pytest.mark.skipif(
    not find_spec("opentelemetry.distro"),
    reason="for `scripts/test --part neighbours`, which installs opentelemetry-distro",
)
@pytest.mark.parametrize("app", [CHANNELS, STARLETTE, FASTAPI], ids=str)
def test_on_a_server_too(app: App) -> None:
    with launched(app, *ALL_ON, "uvicorn", "--port={port}", "{app}") as server:
        server.converse()
        server.stop()
        assert server.trees() == [tree_of(app)]
        others = [s.name for s in server.receiver.spans if not s.scope_name.startswith("otel_ws")]
    assert any(name.startswith("GET") for name in others)  # of the requests that we have made
    assert [name for name in others if "ws" in name] == []
