"""The commands of otel-ws: ``python -m otel_ws <command>``, or ``otel-ws <command>``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NamedTuple

__all__ = ["main"]


class _Command(NamedTuple):
    module: str
    """It has a docstring, `add_arguments(parser)`, and `run(options)` that returns the status."""
    extra: str
    """The extra of otel-ws that it needs."""
    says: str


_COMMANDS: Final = {
    "doctor": _Command(
        "otel_ws.doctor._command", "doctor", "say what the tracing of an application lacks"
    ),
    "page": _Command("otel_ws.page._command", "page", "serve the trace page for many processes"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = ArgumentParser(
        prog="otel-ws",
        description="\n".join(f"  {name:<10} {each.says}" for name, each in _COMMANDS.items()),
        formatter_class=RawDescriptionHelpFormatter,
        epilog="otel-ws <command> --help tells what a command takes.",
    )
    parser.add_argument("command", choices=_COMMANDS, metavar="command")
    name = parser.parse_args(arguments[:1]).command
    command = _COMMANDS[name]
    try:
        module = import_module(command.module)
    except ModuleNotFoundError as error:
        print(f'{error}; pip install "otel-ws[{command.extra}]" brings it', file=sys.stderr)
        return 1
    parser = ArgumentParser(prog=f"otel-ws {name}", description=module.__doc__)
    module.add_arguments(parser)
    status: int = module.run(parser.parse_args(arguments[1:]))
    return status


if __name__ == "__main__":
    sys.exit(main())
