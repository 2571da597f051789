"""The commands that start an application, as the documentation shows them."""

from __future__ import annotations

ADDRESSES = {
    "daphne": "-b 127.0.0.1 -p {port}",
    "granian": "--port {port}",
    "gunicorn": "-b 127.0.0.1:{port}",
    "hypercorn": "-b 127.0.0.1:{port} --graceful-timeout 1",
    "python": "127.0.0.1:{port}",
    "uvicorn": "--port {port}",
}
LAUNCHERS = (
    "daphne {app}",
    "uvicorn {app}",
    "hypercorn {app}",
    "granian --interface asgi {app}",
    "gunicorn -k uvicorn.workers.UvicornWorker {app}",
    "gunicorn -k asgi {app}",
)
WORKERS = (
    "uvicorn --workers 2 {app}",
    "hypercorn --workers 2 {app}",
    "granian --interface asgi --workers 2 {app}",
    "gunicorn -k uvicorn.workers.UvicornWorker --workers 2 {app}",
    "gunicorn -k uvicorn.workers.UvicornWorker --workers 2 --preload {app}",
    "gunicorn -k asgi --workers 2 {app}",
)
RELOADERS = ("uvicorn --reload {app}", "hypercorn --reload {app}")
RUNSERVER = "python manage.py runserver"
COMMANDS = (*LAUNCHERS, *WORKERS, *RELOADERS, RUNSERVER)


def words(command: str) -> list[str]:
    """Return a command with the address that it is to serve."""
    return f"{command} {ADDRESSES[command.split()[0]]}".split()
