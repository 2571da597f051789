"""System checks of settings and consumers: each has its id, and says what is wrong."""

from __future__ import annotations

import io
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.management import CommandError, call_command
from django.urls import path
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, TraceIdRatioBased
from opentelemetry.trace import ProxyTracerProvider

from otel_ws.sampling import HandshakeSampler, SessionRatioSampler
from otel_ws_channels import TracingMiddleware

from .project import Between, Late, OwnCall, OwnDispatch, Project, Traced, Untraced, routes


@pytest.fixture
def project(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(settings, monkeypatch)


def test_a_project_in_order_has_nothing_to_hear(project: Project) -> None:
    project.serve(Traced, OwnCall, OwnDispatch, Between)
    assert project.check() == []


def test_the_test_project_is_in_order() -> None:
    out = io.StringIO()
    call_command("check", fail_level="WARNING", stdout=out)
    assert "no issues" in out.getvalue()


def test_e001_a_wrong_value(project: Project) -> None:
    project.settings.OTEL_WS_MODEL = "conection"
    project.settings.OTEL_WS_TRACE_SENDS = "no"
    assert project.check() == [
        (
            "E001",
            "OTEL_WS_MODEL: expected 'session' or 'connection', got 'conection'. "
            "Did you mean 'connection'?",
            None,
        ),
        (
            "E001",
            "OTEL_WS_TRACE_SENDS: expected True or False, got 'no'. "
            "Correct the value, or leave it out.",
            None,
        ),
    ]


def test_e001_a_wrong_environment_variable_is_told_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_WS_MODEL", "conection")
    text = (
        "environment variable OTEL_WS_MODEL: expected 'session' or 'connection', "
        "got 'conection'. Did you mean 'connection'?"
    )
    assert project.check() == [("E001", text, None)]
    project.settings.OTEL_WS_METRICS = "off"
    project.settings.OTEL_WS_EDGE = "public"
    assert project.check() == [("E001", text, None)]
    project.settings.OTEL_WS_MODEL = "session"
    assert project.check() == []


def test_e002_an_unknown_setting(project: Project) -> None:
    project.settings.OTEL_WS_EXCLUDED_URLS = ["/health"]
    assert project.check() == [
        (
            "E002",
            "There is no setting OTEL_WS_EXCLUDED_URLS.",
            "Did you mean OTEL_WS_EXCLUDED_ROUTES?",
        )
    ]


def test_e002_an_unknown_setting_like_no_other_tells_which_there_are(project: Project) -> None:
    project.settings.OTEL_WS_42 = True
    ((_, _, hint),) = project.check()
    assert hint is not None
    assert "OTEL_WS_MODEL, OTEL_WS_TRACE_SENDS" in hint


@pytest.mark.parametrize(
    "name", ["otel_ws_channels.TracingMiddleware", "otel_ws.asgi.TracingMiddleware"]
)
def test_e003_middleware_among_that_for_pages(name: str, project: Project) -> None:
    project.settings.MIDDLEWARE = [*project.settings.MIDDLEWARE, name]
    assert project.check() == [
        (
            "E003",
            f"{name} is ASGI middleware, but stands in MIDDLEWARE, which never sees a WebSocket.",
            "Take it out, and put TracingMiddleware(...) around the ASGI application.",
        )
    ]


def test_other_middleware_of_that_name_is_none_of_our_business(project: Project) -> None:
    project.settings.MIDDLEWARE = ["somebody.else.TracingMiddleware"]
    assert project.check() == []


def test_e004_a_mixin_too_late_among_the_bases(project: Project) -> None:
    project.serve(Late)
    assert project.check() == [
        (
            "E004",
            "Late does not get to TracedConsumerMixin: a base before it answers the call.",
            "class Late(TracedConsumerMixin, ...): name the mixin first.",
        )
    ]


def test_w003_an_untraced_consumer(project: Project) -> None:
    project.serve(Untraced, Traced)
    assert project.check() == [
        (
            "W003",
            "Untraced is not traced: its messages have no spans.",
            "Name otel_ws_channels.TracedConsumerMixin first among its bases.",
        )
    ]


CUT = (
    "W004",
    "The sampler decides about each message on its own: sessions are cut apart.",
    "Sample by the session: with sampler=otel_ws.sampling.SessionRatioSampler(ratio) where "
    "your code makes the provider, with OTEL_TRACES_SAMPLER=otel_ws_session_ratio where "
    "opentelemetry-instrument does.",
)


def test_w004_a_sampler_that_cuts_sessions_apart(project: Project) -> None:
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(0.1)))
    project.application = TracingMiddleware(routes(Traced), tracer_provider=provider)
    assert project.check() == [CUT]
    project.application = TracingMiddleware(
        routes(Traced), tracer_provider=provider, model="connection"
    )
    assert project.check() == []


def test_a_sampler_that_keeps_sessions_whole_is_in_order(project: Project) -> None:
    for sampler in SessionRatioSampler(0.1), HandshakeSampler(TraceIdRatioBased(0.1)), ALWAYS_ON:
        provider = TracerProvider(sampler=sampler)
        project.application = TracingMiddleware(routes(Traced), tracer_provider=provider)
        assert project.check() == []


def test_w004_is_told_from_the_environment_before_there_is_a_provider(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.1")
    router, unset = routes(Traced), ProxyTracerProvider()
    project.application = TracingMiddleware(router, tracer_provider=unset)
    assert project.check() == [CUT]
    project.settings.OTEL_WS_MODEL = "connection"
    assert project.check() == []


def test_w004_waits_for_settings_that_are_right(project: Project) -> None:
    provider = TracerProvider(sampler=TraceIdRatioBased(0.1))
    project.application = TracingMiddleware(routes(Traced), tracer_provider=provider)
    project.settings.OTEL_WS_MODEL = "conection"
    assert project.ids() == ["E001"]


def test_consumers_are_found_below_routers_and_middleware(project: Project) -> None:
    nested = URLRouter(
        [path("in/", AuthMiddlewareStack(routes(Untraced))), path("out", Late.as_asgi())]
    )
    inner = AllowedHostsOriginValidator(AuthMiddlewareStack(nested))
    project.application = TracingMiddleware(ProtocolTypeRouter({"websocket": inner}))
    assert project.ids() == ["W003", "E004"]


def test_a_command_stops_at_an_error(project: Project) -> None:
    project.settings.OTEL_WS_MODEL = "conection"
    with pytest.raises(CommandError, match=r"otel_ws_channels\.E001"):
        call_command("check", stderr=io.StringIO())


def test_a_warning_can_be_silenced(project: Project) -> None:
    project.serve(Untraced)
    project.settings.SILENCED_SYSTEM_CHECKS = ["otel_ws_channels.W003"]
    err = io.StringIO()
    call_command("check", fail_level="WARNING", stdout=io.StringIO(), stderr=err)
    assert "W003" not in err.getvalue()
