"""How a Celery worker of the project is run, and whether it can be."""

from __future__ import annotations

from functools import cache
from importlib.metadata import requires, version
from importlib.util import find_spec

from packaging.requirements import Requirement

OPTIONS = ("--pool=solo", "--loglevel=warning", "--without-gossip", "--without-mingle")
CELERY_WORKER = ("celery", "--app=tests.layers.project.celery", "worker", *OPTIONS)


@cache
def why_no_celery() -> str:
    """Return what hinders Celery from working here, or nothing.

    Its transport raises VersionMismatch for a Redis client that it does not know: too old or new.
    """
    for module in ("celery", "opentelemetry.instrumentation.celery"):
        if not find_spec(module):
            return f"not installed: {module}"
    for requirement in map(Requirement, requires("kombu") or ()):
        if requirement.name == "redis" and version("redis") not in requirement.specifier:
            return f"Celery's transport needs {requirement.name}{requirement.specifier}"
    return ""
