"""The command: what it takes, what it prints, and what a stranger cannot make it do."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from argparse import ArgumentParser
from pathlib import Path

import pytest

from otel_ws.__main__ import main
from otel_ws.doctor import _command, _examine
from otel_ws.doctor._application import Application, await_listener, listens
from otel_ws.doctor._urls import address, origin
from testproject.otlp import OTLPReceiver
from testproject.servers import ROOT, App, clean_environment, listen, serve
from tests.pages import PAGES, blocks, tables

from .patients import call, free_port, uvicorn

PAGE = PAGES["docs/doctor.md"].read_text()
PORT = re.compile(r"127\.0\.0\.1:\d+")


def test_what_it_prints_is_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    """Each tree and each list of the page, letter by letter; the port is any that is free."""
    *shown, _, _ = (block.text for block in blocks(PAGE) if block.language == "text")
    for application, path in (("healthy", "/ws/echo"), ("CHANNELS", "/ws/untraced")):
        port = free_port()
        if application == "CHANNELS":
            application = "tests.doctor.channels_application:application"
        command = uvicorn(application, port)
        main(["doctor", "--run", command, "--send", "hello", f"ws://127.0.0.1:{port}{path}"])
        said = PORT.sub("127.0.0.1:8000", capsys.readouterr().out)
        assert said.partition("\n\nThe last lines")[0].strip() == shown.pop(0).strip()
    assert shown == []


def test_what_it_says_of_printed_spans_is_what_the_page_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTORED_PROVIDER", "printed")
    *_, shown, _ = (block.text for block in blocks(PAGE) if block.language == "text")
    port = free_port()
    visit = ["doctor", "--run", uvicorn("healthy", port), "--send", "hello", "--patience=0.3"]
    assert main([*visit, f"ws://127.0.0.1:{port}/ws/echo"]) == 0
    assert f"\n{shown.strip()}\n" in capsys.readouterr().out


def rows_below(heading: str) -> list[list[str]]:
    return next(rows for head, rows in tables(PAGE) if head[0] == heading)


def test_the_page_names_every_check_in_its_order() -> None:
    checks = [
        check.__name__
        for row in (_examine._ON_THE_WIRE, _examine._OF_THE_EXPORT, _examine._OF_THE_TRACE)
        for check in row
    ]
    assert [row[0].strip("`") for row in rows_below("Check")] == checks


def test_the_page_names_every_option() -> None:
    parser = ArgumentParser(add_help=False)
    _command.add_arguments(parser)
    taken = {option for action in parser._actions for option in action.option_strings}
    assert set(re.findall(r"--[a-z-]+", str(rows_below("Option")))) == taken


def test_an_application_that_was_started_by_somebody_else(tmp_path: Path) -> None:
    """It waits on the port that it was told, and says what to start the application with."""
    listener = listen()
    port, url = free_port(), f"ws://127.0.0.1:{listener.getsockname()[1]}/ws/echo"
    doctor = [sys.executable, "-m", "otel_ws", "doctor", "--send=hello", "--receive", str(port)]
    app = App("app", "", ("uvicorn", "--log-level=warning", "tests.doctor.applications:healthy"))
    with subprocess.Popen(
        [*doctor, url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    ) as process:
        assert process.stderr is not None
        lines = []
        while (line := process.stderr.readline()).strip() or not lines[1:]:
            lines.append(line)
        told = dict(re.findall(r"export (\w+)=(\S+)", "".join(lines)))
        assert told["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://127.0.0.1:{port}"
        with serve(app, listener, clean_environment() | told):
            printed, _ = process.communicate(timeout=60)
    assert (process.returncode, "Nothing is wrong" in printed) == (0, True), printed


def test_without_spans_it_says_what_it_has_not_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    listener = listen()
    url = f"ws://127.0.0.1:{listener.getsockname()[1]}/ws/echo"
    app = App("app", "", ("uvicorn", "--log-level=warning", "tests.doctor.applications:healthy"))
    with (
        OTLPReceiver() as receiver,
        serve(app, listener, clean_environment() | receiver.environment),
    ):
        assert main(["doctor", url]) == 0
    assert "Nobody has looked for spans" in capsys.readouterr().out


def test_a_server_that_is_down(capsys: pytest.CaptureFixture[str]) -> None:
    report = call(capsys, f"ws://127.0.0.1:{free_port()}/ws")
    assert (report.status, set(report.wrong)) == (2, {"reachable"})
    assert "Start the application" in report.advice


def test_a_command_that_ends_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    command = f"{sys.executable} -c 'raise SystemExit(3)'"
    assert main(["doctor", "--json", "--run", command, f"ws://127.0.0.1:{free_port()}/ws"]) == 2
    printed = capsys.readouterr()
    assert "it ended with status 3" in printed.err
    assert json.loads(printed.out)["error"].startswith("it ended with status 3")


def test_the_application_ends_with_the_doctor() -> None:
    """Also with one that is itself ended."""
    port = free_port()
    url = f"ws://127.0.0.1:{port}/ws/echo"
    command = [sys.executable, "-m", "otel_ws", "doctor", "--run", uvicorn("untraced", port)]
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([*command, "--patience=60", url], cwd=ROOT, env=environment) as doctor:
        assert await_listener(url, 30)
        doctor.terminate()
        assert doctor.wait(30) == 2
    assert not listens(url)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no groups of processes here")
def test_what_has_ended_is_not_killed_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number may be another's by then."""
    killed, kill = [], os.killpg
    monkeypatch.setattr(os, "killpg", lambda *told: (killed.append(told), kill(*told)))
    with Application(f"{sys.executable} -c 'input()'", {}) as application:
        application.end()
        assert application.exit_status is not None
    assert len(killed) == 1


@pytest.mark.parametrize(
    ("url", "where", "page"),
    [
        ("ws://host/ws", ("host", 80), "http://host"),
        ("wss://me:secret@host:443/ws", ("host", 443), "https://host"),
        ("wss://host:80/ws", ("host", 80), "https://host:80"),
        ("ws://[::1]:8000/ws", ("::1", 8000), "http://[::1]:8000"),
    ],
)
def test_a_port_that_is_not_named_is_the_one_of_the_scheme(
    url: str, where: tuple[str, int], page: str
) -> None:
    assert (address(url), origin(url)) == (where, page)


def test_a_command_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--run", "no-such-program", f"ws://127.0.0.1:{free_port()}/ws"]) == 2
    assert "no-such-program" in capsys.readouterr().err


def test_a_port_that_is_taken_is_not_mistaken_for_the_application(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with listen() as taken:
        url = f"ws://127.0.0.1:{taken.getsockname()[1]}/ws"
        assert main(["doctor", "--run", "true", url]) == 2
    assert "something listens there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["http://127.0.0.1/ws"],
        ["ws:///ws"],
        ["ws://127.0.0.1:99999/ws"],
        ["ws://127.0.0.1:0/ws"],
        ["--header", "no colon", "ws://127.0.0.1/ws"],
        ["--send-json", "{", "ws://127.0.0.1/ws"],
    ],
)
def test_what_cannot_be_meant_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["doctor", *arguments])
    assert "expected" in capsys.readouterr().err


def test_words_of_a_stranger_do_nothing_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    main(["doctor", "--run", uvicorn("hostile", port), "--patience=0.3", f"ws://127.0.0.1:{port}/"])
    printed = capsys.readouterr().out
    assert r"(\x1b[2J\x07\u202eevil)" in printed
    assert [c for c in printed if not c.isprintable() and c != "\n"] == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0" * 4096,
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 4096,
        b"HTTP/1.1 101 Go\r\n\r\n",
        b"HTTP/1.1 302 Go\r\nLocation: \x1b[2J\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
def test_a_stranger_that_speaks_anything(capsys: pytest.CaptureFixture[str], answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer_once, args=(server, answer))
        thread.start()
        report = call(capsys, "--timeout=2", f"ws://127.0.0.1:{server.getsockname()[1]}/")
        thread.join(10)
    assert report.status in (1, 2)
    assert report.wrong


def _answer_once(server: socket.socket, answer: bytes) -> None:
    with server.accept()[0] as peer:
        peer.recv(4096)
        peer.sendall(answer)


def test_a_query_and_a_password_are_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    main(["doctor", f"ws://me:secret@127.0.0.1:{port}/ws?token=secret"])
    captured = capsys.readouterr()
    assert "secret" not in captured.out + captured.err
    assert f"ws://127.0.0.1:{port}/ws" in captured.out
