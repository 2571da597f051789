"""LoongSuite's distribution: its launcher, and its bootstrap, which needs no launcher."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from testproject.redis_server import RedisServer

from .applications import TREE
from .programs import EXPORTS_NOTHING, run

pytestmark = pytest.mark.skipif(
    find_spec("loongsuite") is None,
    reason="for `scripts/test --part neighbours`, which installs loongsuite-distro",
)
CHOSEN = {"OTEL_PYTHON_DISTRO": "loongsuite", "OTEL_PYTHON_CONFIGURATOR": "loongsuite"}
LAUNCHERS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "loongsuite-instrument": (("loongsuite-instrument",), {**CHOSEN, **EXPORTS_NOTHING}),
    "the bootstrap": ((), {"LOONGSUITE_PYTHON_SITE_BOOTSTRAP": "true", **EXPORTS_NOTHING}),
}


@pytest.fixture(scope="module", params=LAUNCHERS)
def found(request: pytest.FixtureRequest, redis_server: RedisServer) -> Any:
    launcher, environ = LAUNCHERS[request.param]
    return run("everything", *launcher, REDIS_URL=redis_server.url, **environ)


def test_our_instrumentors_are_on(found: dict[str, str]) -> None:
    assert {"otel_ws_channels", "otel_ws_starlette"} <= {*found["instrumentors"].split()}
    assert "gen_ai.instrumentation.sdk.name=loongsuite" in found["resource"]


@pytest.mark.parametrize(
    "application",
    ["starlette", "fastapi", "channels", "channels sync", "channels, traced consumers"],
)
def test_an_unchanged_application_has_one_trace(application: str, found: dict[str, str]) -> None:
    assert found[application] == TREE
