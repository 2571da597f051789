"""Open a WebSocket to a running application, and say what its tracing lacks.

Exit status: 0 if nothing is wrong, 1 if something is, 2 if it could not be looked at.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from .._records import SpanRecord
from ._application import Application, await_listener, ended_politely, listens
from ._evidence import Evidence
from ._examine import examine
from ._printed import MAX_PRINTED, printed_spans
from ._receiver import Receiver
from ._report import as_json, safe, safe_lines, say, text, unexamined
from ._urls import origin
from ._visitor import Errand, visit

_START_SECONDS: Final = 60.0
_SECONDS_TO_LOG: Final = 0.1
_TAIL: Final = 20
UNEXAMINED: Final = 2

# Read when the first spans come: what is not installed is to be missed before that.
import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2")


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("url", type=_url, help="ws://127.0.0.1:8000/ws/echo")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--run", metavar="COMMAND", help="start the application, and end it")
    how.add_argument("--receive", metavar="PORT", type=int, help="receive spans on this port")
    add("--header", action="append", default=[], type=_header, help="'Name: value'")
    add("--cookie", action="append", default=[], help="'name=value'")
    add("--origin", help="https://example.org, as a browser sends it")
    add("--subprotocol", action="append", default=[], help="one to offer")
    add("--send", action="append", default=[], dest="messages", help="a text to send")
    add("--send-json", action="append", dest="messages", type=_json, help="the same, checked")
    add("--wait", type=float, default=2.0, help="seconds to wait for an answer to each (2)")
    add("--patience", type=float, default=5.0, help="seconds to wait for the spans (5)")
    add("--timeout", type=float, default=10.0, help="seconds that a handshake may take (10)")
    add("--ca", metavar="FILE", help="the authority of the server's certificate")
    add("--insecure", action="store_true", help="do not check the server's certificate")
    add("--no-probe", action="store_true", help="do not visit a path that there is not as well")
    add("--json", action="store_true", help="print one object of JSON")


def run(options: Namespace) -> int:
    """Look, print what was found, and return the exit status."""
    try:
        with ended_politely(), ExitStack() as stack:
            evidence = _look(options, stack)
    except (OSError, ValueError, _NotToBeExamined) as error:
        print(f"otel-ws doctor: {safe_lines(str(error))}", file=sys.stderr)
        if options.json:
            say(unexamined(options.url, str(error), UNEXAMINED))
        return UNEXAMINED
    except KeyboardInterrupt:
        return UNEXAMINED
    findings = examine(evidence)
    unreached = evidence.visit.status is None
    is_wrong = any(finding.state == "wrong" for finding in findings)
    status = UNEXAMINED if unreached else int(is_wrong)
    if options.json:
        say(as_json(evidence, findings, status))
        return status
    say(text(evidence, findings))
    if is_wrong and evidence.last_words:
        say("\nThe last lines of the application:\n\n" + _tail(evidence.last_words))
    return status


class _NotToBeExamined(Exception):
    """There is nothing to look at."""


def _look(options: Namespace, stack: ExitStack) -> Evidence:
    errand = _errand(options)
    receiver = application = None
    if options.run is not None or options.receive is not None:
        receiver = stack.enter_context(Receiver(options.receive or 0))
    if options.run is not None and receiver is not None:
        application = stack.enter_context(_started(options, receiver))
    elif receiver is not None:
        _await_application(options, receiver)
    evidence = asyncio.run(_visits(errand, application, probes=not options.no_probe))
    if receiver is not None:
        receiver.wait_for(lambda spans: _has_all(evidence, spans), options.patience)
    if application is not None:
        evidence.exit_status = application.exit_status
        application.end()  # it flushes what it still has
        evidence.output, evidence.environment = application.output, application.environment
    if receiver is not None:
        evidence.received = receiver.spans
        evidence.has_metrics, evidence.is_grpc = receiver.has_metrics, receiver.is_grpc
        evidence.refused_exports = tuple(receiver.refused)
    if application is not None and not evidence.received:
        evidence.received = printed_spans(application.tail(MAX_PRINTED))
        evidence.are_printed = bool(evidence.received)
    return evidence


async def _visits(errand: Errand, application: Application | None, *, probes: bool) -> Evidence:
    """Go there, and where it helps to understand what came of it, once or twice more."""
    evidence = Evidence(errand.url, await visit(errand))
    seen = evidence.visit
    if application is not None:
        await asyncio.sleep(_SECONDS_TO_LOG)
        evidence.last_words = application.output
    if seen.status is None:
        return evidence
    again = replace(errand, messages=())
    if seen.status in (401, 403) and errand.origin is None:
        evidence.with_origin = await visit(replace(again, origin=origin(errand.url)))
    if probes:
        nowhere = urlsplit(errand.url)._replace(path=_no_path(), query="")
        evidence.elsewhere = await visit(replace(again, url=urlunsplit(nowhere)))
    return evidence


def _no_path() -> str:
    return f"/otel-ws-doctor-{secrets.token_hex(4)}"


def _has_all(evidence: Evidence, spans: list[SpanRecord]) -> bool:
    """Tell whether what is to be expected of a visit that went well has come."""
    evidence.received = spans
    if evidence.elsewhere is not None and evidence.handshake(evidence.elsewhere) is None:
        return False
    if evidence.handshake() is None or not evidence.visit.is_accepted:
        return evidence.handshake() is not None
    return bool(evidence.of_session("websocket.close"))


@contextmanager
def _started(options: Namespace, receiver: Receiver) -> Iterator[Application]:
    if listens(options.url):
        raise _NotToBeExamined(
            "something listens there already: end it, or look at it with --receive PORT"
        )
    with Application(options.run, receiver.environment) as application:
        if not await_listener(options.url, _START_SECONDS, application):
            ended = application.exit_status
            came = "it does not listen there" if ended is None else f"it ended with status {ended}"
            raise _NotToBeExamined(f"{came}: {options.run}\n\n{_tail(application.output)}")
        yield application


def _await_application(options: Namespace, receiver: Receiver) -> None:
    """Say how to start the application, and wait until it is."""
    lines = (f"  export {name}={value}" for name, value in receiver.environment.items())
    words = "\n".join(["Start the application with this in its environment:", "", *lines, ""])
    print(words, file=sys.stderr, flush=True)
    if not await_listener(options.url, _START_SECONDS):
        raise _NotToBeExamined(f"nothing listens there within {_START_SECONDS:.0f} seconds")


def _errand(options: Namespace) -> Errand:
    cookies = [("Cookie", "; ".join(options.cookie))] if options.cookie else []
    return Errand(
        url=options.url,
        headers=[*options.header, *cookies],
        subprotocols=options.subprotocol,
        origin=options.origin,
        messages=options.messages,
        wait=options.wait,
        timeout=options.timeout,
        context=_tls(options),
    )


def _tls(options: Namespace) -> ssl.SSLContext | None:
    if urlsplit(options.url).scheme != "wss":
        return None
    context = ssl.create_default_context(cafile=options.ca)
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _tail(output: str) -> str:
    return "\n".join(f"  {safe(line)}" for line in output.splitlines()[-_TAIL:])


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_one = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise ArgumentTypeError(f"expected ws://host/path or wss://host/path, got {value!r}")
    return value


def _header(value: str) -> tuple[str, str]:
    name, colon, content = value.partition(":")
    if not colon or not name.strip():
        raise ArgumentTypeError(f"expected 'Name: value', got {value!r}")
    return name.strip(), content.strip()


def _json(value: str) -> str:
    try:
        json.loads(value)
    except ValueError as error:
        raise ArgumentTypeError(f"expected JSON, got {value!r}: {error}") from None
    return value
