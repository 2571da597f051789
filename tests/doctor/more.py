"""Further applications that lack something: for `scripts/test --part doctor`."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from .patients import Doctor, call, free_port, uvicorn

HELLO = ("--send", "hello")


def test_an_application_without_a_line_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    instrument = Path(sys.executable).with_name("opentelemetry-instrument")
    port = free_port()
    command = f"{instrument} {uvicorn('untraced', port)}"
    report = call(capsys, "--run", command, *HELLO, f"ws://127.0.0.1:{port}/ws/echo")
    assert (report.status, report.wrong, report.notes) == (0, {}, {})


def test_a_mixin_without_a_middleware(doctor: Doctor) -> None:
    channels = "tests.doctor.channels_application:without_middleware"
    report = doctor(channels, "/ws/traced", *HELLO)
    came = "a handler that is traced, from where it stands, and no middleware"
    assert report.wrong["middleware"] == came
    assert set(report.wrong) == {"middleware", "outermost"}
    assert report.notes == {"route": "the route is not known"}


def test_fastapi_with_the_middleware_inside(doctor: Doctor) -> None:
    report = doctor("tests.doctor.fastapi_application:inside", "/ws/echo", *HELLO)
    assert (report.status, report.wrong) == (0, {})
    assert report.notes == {"handshake": "its span was opened by fastapi"}


def test_fastapi_which_traces_by_itself(doctor: Doctor) -> None:
    report = doctor("tests.doctor.fastapi_application:untraced", "/ws/echo", *HELLO)
    assert report.wrong == {"middleware": "no span of the handshake by otel_ws"}


def test_two_middlewares_are_one(doctor: Doctor) -> None:
    report = doctor("twice", "/ws/echo", *HELLO)
    assert (report.status, report.wrong, report.notes) == (0, {}, {})


def test_spans_that_are_printed(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTORED_PROVIDER", "printed")
    report = doctor("routeless", "/ws/echo", *HELLO)
    assert (report.status, report.wrong) == (0, {})
    assert set(report.notes) == {"exported", "route"}


def test_a_trace_that_is_printed_in_another_form(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTORED_PROVIDER", "named")
    report = doctor("healthy", "/ws/echo", *HELLO)
    came = "the application prints our trace, in a form that is not read here"
    assert report.wrong == {"exported": came}


def test_an_exporter_that_leads_elsewhere(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTORED_PROVIDER", "elsewhere")
    report = doctor("healthy", "/ws/echo", *HELLO)
    assert "the application exports elsewhere, and fails" in report.wrong["exported"]


def test_a_sampler_that_decides_about_each_message(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handshake follows its sampled parent, and every message is a trace of its own."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    report = doctor("healthy", "/ws/echo", *HELLO)
    assert set(report.wrong) == {"messages", "close"}
    assert "OTEL_TRACES_SAMPLER=otel_ws_session_ratio" in report.advice


def test_an_excluded_route(doctor: Doctor) -> None:
    report = doctor("excluding", "/ws/echo", *HELLO)
    came = "none, though that of another path has one"
    assert (report.status, report.wrong) == (1, {"middleware": came})
    assert "excluded_routes" in report.advice


def test_messages_that_are_left_out(doctor: Doctor) -> None:
    report = doctor("quiet", "/ws/echo", *HELLO)
    assert (report.status, set(report.wrong)) == (1, {"messages"})
    assert "excluded_messages" in report.advice


def test_another_instrumentation_around(doctor: Doctor) -> None:
    report = doctor("beside", "/ws/echo", *HELLO)
    came = "its span was opened by opentelemetry.instrumentation.asgi"
    assert (report.status, report.notes) == (0, {"handshake": came})


def test_two_spans_for_a_handshake(doctor: Doctor) -> None:
    report = doctor("doubled", "/ws/echo", *HELLO)
    assert (report.status, report.wrong) == (1, {"handshake": "2, by otel_ws, hand-made"})


def test_a_route_that_is_not_known(doctor: Doctor) -> None:
    report = doctor("routeless", "/ws/echo", *HELLO)
    assert (report.status, report.notes) == (0, {"route": "the route is not known"})


@pytest.mark.skipif(
    find_spec("grpc") is None, reason="for `scripts/test --part doctor`, which installs gRPC"
)
def test_an_exporter_of_grpc(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTORED_PROVIDER", "grpc")
    report = doctor("healthy", "/ws/echo", *HELLO)
    assert report.wrong == {"exported": "an exporter that speaks gRPC"}
    assert "opentelemetry-exporter-otlp-proto-http" in report.advice


@pytest.mark.parametrize("application", ["ignoring", "linking"])
def test_a_context_that_is_not_continued(doctor: Doctor, application: str) -> None:
    """The handshake is found all the same: by its link, or by what the doctor calls itself."""
    report = doctor(application, "/ws/echo", *HELLO)
    assert (report.status, "context" in report.notes) == (0, application == "ignoring")


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/ws/deny", 403, "The route /ws/deny was taken, and refused it"),
        ("/ws/nothing", 403, "The application closed before it accepted"),
        ("/ws/crash", 500, "The application has raised before it accepted"),
    ],
)
def test_a_handshake_that_is_refused(doctor: Doctor, path: str, status: int, says: str) -> None:
    report = doctor("healthy", path)
    assert (report.status, report.wrong) == (1, {"accepted": str(status)})
    assert says in report.advice


def test_a_redirect(doctor: Doctor) -> None:
    report = doctor("redirecting")
    assert report.wrong["accepted"] == "301"
    assert "It leads to https://127.0.0.1/ws/there" in report.advice


def test_a_handler_that_raises(doctor: Doctor) -> None:
    report = doctor("healthy", "/ws/echo", "--send", "crash")
    assert report.wrong == {"closed": "it was lost, without a close"}


@pytest.mark.parametrize(("offered", "is_wrong"), [("chat", False), ("other", True)])
def test_a_subprotocol(doctor: Doctor, offered: str, is_wrong: bool) -> None:
    report = doctor("healthy", "/ws/echo", "--subprotocol", offered)
    assert ("subprotocol" in report.wrong) == is_wrong


def test_an_application_that_never_answers(doctor: Doctor) -> None:
    report = doctor("stuck", "/ws/echo", "--timeout=0.5")
    assert (report.status, set(report.wrong)) == (2, {"reachable"})
    assert "an application that never accepts" in report.advice


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_TRACES_SAMPLER", "always_off"), ("OTEL_SDK_DISABLED", "true")]
)
def test_a_variable_that_silences_everything(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    report = doctor("healthy", "/ws/echo", *HELLO)
    assert (report.status, report.wrong) == (1, {"exported": f"{name}={value}"})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate that nobody has signed but its owner."""
    folder = tmp_path_factory.mktemp("tls")
    key, file = str(folder / "key.pem"), str(folder / "certificate.pem")
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    options = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run(
            [*openssl, *options, "-keyout", key, "-out", file], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("openssl is not here to make a certificate")
    return key, file


def test_a_certificate_of_ones_own(
    capsys: pytest.CaptureFixture[str], certificate: tuple[str, str]
) -> None:
    key, file = certificate
    port = free_port()
    command = uvicorn("healthy", port, f"--ssl-keyfile={key}", f"--ssl-certfile={file}")
    url = f"wss://127.0.0.1:{port}/ws/echo"
    refused = call(capsys, "--run", command, "--patience=0.3", url)
    assert (refused.status, set(refused.wrong)) == (2, {"reachable"})
    assert "--insecure" in refused.advice
    assert call(capsys, "--run", command, f"--ca={file}", url).status == 0
    plain = call(capsys, "--run", command, "--patience=0.3", url.replace("wss:", "ws:"))
    assert (plain.status, set(plain.wrong)) == (2, {"reachable"})


def test_tls_where_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    report = call(
        capsys,
        "--run",
        uvicorn("healthy", port := free_port()),
        "--patience=0.3",
        f"wss://127.0.0.1:{port}/ws/echo",
    )
    assert (report.status, set(report.wrong)) == (2, {"reachable"})
    assert "Try ws://" in report.advice
