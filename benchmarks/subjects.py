"""What is compared. To add a subject, say here how it traces; each runs in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from .by_hand import ByHand, ByHandAlike, ByHandTwice
from .peers import Datadog, Logfire, Sentry
from .telemetry import Sdk
from .tracing import ContribAsgi, Ours, Untraced


@dataclass(frozen=True)
class Subject:
    """A row of the table."""

    name: str
    title: str
    tracing: Callable[[], Untraced]
    spans: float = 0
    """How many spans a message must have made in the end; anything else voids the row."""
    sdk: Sdk = "none"
    peer: str = ""
    """The subject whose cost is 1.00 for this one."""
    workloads: tuple[str, ...] = ()
    """What it is put to, by name; empty for everything."""
    package: str = ""
    """What must be installed for it, and need not be."""

    def is_installed(self) -> bool:
        return not self.package or find_spec(self.package) is not None

    def is_put_to(self, workload: str) -> bool:
        return not self.workloads or workload in self.workloads


BASELINE = "untraced"
CONTROL = "control"

_SAMPLED, _UNSAMPLED, _NO_SDK = "contrib-asgi", "contrib-asgi-unsampled", "contrib-asgi-no-sdk"
_OTLP = "contrib-asgi-otlp"


def _over_otlp(name: str, title: str, tracing: Callable[[], Untraced], spans: int) -> Subject:
    """Return a subject whose spans are encoded and sent: one workload is enough to say that."""
    return Subject(name, f"{title}, over OTLP", tracing, spans, "otlp", _OTLP, _STARLETTE)


def _peer(package: str, title: str, tracing: Callable[[], Untraced], spans: int) -> Subject:
    """Return a subject that comes with all that it needs, and may not have come."""
    name, put_to = package.partition("_")[0], (*_STARLETTE, "channels-asynchronous")
    return Subject(name, title, tracing, spans, "none", _SAMPLED, put_to, package)


_STARLETTE = ("starlette-function",)

SUBJECTS = (
    Subject(BASELINE, "untraced", Untraced),
    Subject(CONTROL, "untraced again (control)", Untraced),
    Subject(_SAMPLED, "contrib ASGI", ContribAsgi, 2, "sampled", _SAMPLED),
    Subject("ours", "**otel-ws**", Ours, 2, "sampled", _SAMPLED),
    Subject(
        "ours-receive",
        "**otel-ws**, `trace_sends=False`",
        lambda: Ours(trace_sends=False),
        1,
        "sampled",
        _SAMPLED,
    ),
    Subject(
        "ours-connection",
        '**otel-ws**, `model="connection"`',
        lambda: Ours(model="connection"),
        2,
        "sampled",
        _SAMPLED,
    ),
    Subject(
        "ours-metrics-off",
        '**otel-ws**, `metrics="off"`',
        lambda: Ours(metrics="off"),
        2,
        "sampled",
        _SAMPLED,
    ),
    Subject(
        "ours-metrics-message",
        '**otel-ws**, `metrics="message"`',
        lambda: Ours(metrics="message"),
        2,
        "sampled",
        _SAMPLED,
    ),
    Subject("by-hand", "by hand, one span", ByHand, 1, "sampled", _SAMPLED),
    Subject("by-hand-twice", "by hand, two spans", ByHandTwice, 2, "sampled", _SAMPLED),
    Subject("by-hand-alike", "by hand, two spans, our data", ByHandAlike, 2, "sampled", _SAMPLED),
    Subject(_UNSAMPLED, "contrib ASGI, not sampled", ContribAsgi, 0, "unsampled", _UNSAMPLED),
    Subject("ours-unsampled", "**otel-ws**, not sampled", Ours, 0, "unsampled", _UNSAMPLED),
    Subject(
        "ours-unsampled-metrics-off",
        '**otel-ws**, not sampled, `metrics="off"`',
        lambda: Ours(metrics="off"),
        0,
        "unsampled",
        _UNSAMPLED,
    ),
    Subject(
        "ours-unsampled-asking",
        "**otel-ws**, not sampled, `inherit_sampling=False`",
        lambda: Ours(inherit_sampling=False),
        0,
        "unsampled",
        _UNSAMPLED,
    ),
    Subject(_NO_SDK, "contrib ASGI, no SDK", ContribAsgi, 0, "none", _NO_SDK),
    Subject("ours-no-sdk", "**otel-ws**, no SDK", Ours, 0, "none", _NO_SDK),
    _over_otlp(_OTLP, "contrib ASGI", ContribAsgi, 2),
    _over_otlp("ours-otlp", "**otel-ws**", Ours, 2),
    _over_otlp(
        "ours-receive-otlp",
        "**otel-ws**, `trace_sends=False`",
        lambda: Ours(trace_sends=False),
        1,
    ),
    _over_otlp("by-hand-otlp", "by hand, one span", ByHand, 1),
    _over_otlp("by-hand-alike-otlp", "by hand, two spans, our data", ByHandAlike, 2),
    _peer("ddtrace", "Datadog, encoded and sent", Datadog, 2),
    _peer("logfire", "Logfire, with messages", Logfire, 2),
    _peer("sentry_sdk", "Sentry, no span for a message", Sentry, 0),
)


def find(name: str) -> Subject:
    return next(each for each in SUBJECTS if each.name == name)
