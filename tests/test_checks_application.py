"""System checks of the ASGI application, whatever that is."""

from __future__ import annotations

from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator

from otel_ws import asgi
from otel_ws_channels import TracingMiddleware

from .project import Project, Traced, routes


@pytest.fixture
def project(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(settings, monkeypatch)


def test_w001_no_middleware(project: Project) -> None:
    project.application = ProtocolTypeRouter({"websocket": routes(Traced)})
    assert project.check() == [
        (
            "W001",
            "ASGI_APPLICATION has no TracingMiddleware around it: no handshake is traced.",
            "Wrap it: application = TracingMiddleware(ProtocolTypeRouter({...})).",
        )
    ]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda app: ProtocolTypeRouter({"websocket": app}),
        AllowedHostsOriginValidator,
        AuthMiddlewareStack,
        lambda app: ProtocolTypeRouter({"websocket": AuthMiddlewareStack(app)}),
    ],
    ids=["protocol router", "origin validator", "auth", "both"],
)
def test_w002_middleware_that_is_not_outermost(wrap: Any, project: Project) -> None:
    project.application = wrap(TracingMiddleware(routes(Traced)))
    ((number, text, hint),) = project.check()
    assert number == "W002"
    assert text.startswith("TracingMiddleware is not the outermost part of ASGI_APPLICATION")
    assert hint == "Put it around everything: TracingMiddleware(ProtocolTypeRouter({...}))."


def test_the_cores_middleware_counts_as_well(project: Project) -> None:
    project.application = asgi.TracingMiddleware(routes(Traced))
    assert project.check() == []


@pytest.mark.parametrize(
    "application",
    [
        lambda scope, receive, send: None,
        object(),
        None,
        ProtocolTypeRouter({}),
        ProtocolTypeRouter({"websocket": URLRouter([])}),
    ],
    ids=["function", "object", "none", "no websocket", "no routes"],
)
def test_an_application_of_any_kind_can_be_checked(application: Any, project: Project) -> None:
    project.application = application
    assert project.ids() in ([], ["W001"])
    project.application = TracingMiddleware(application)
    assert project.check() == []


def test_an_application_that_wraps_itself_can_be_checked(project: Project) -> None:
    application: Any = type("Loop", (), {})()
    application.inner = application
    project.application = application
    assert project.ids() == ["W001"]


@pytest.mark.parametrize("name", [None, "", "no_dot", "no.such.module", "project_asgi.missing"])
def test_an_application_that_cannot_be_found_is_left_to_channels(
    name: Any, project: Project
) -> None:
    project.settings.ASGI_APPLICATION = name
    assert project.check() == []


@pytest.mark.parametrize("error", ["ImportError()", "RuntimeError('no database')", "KeyError('X')"])
def test_an_application_that_cannot_be_imported_stops_no_command(
    error: str, project: Project, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_asgi.py").write_text(f"raise {error}\n")
    monkeypatch.syspath_prepend(tmp_path)
    project.settings.ASGI_APPLICATION = "broken_asgi.application"
    assert project.check() == []
