"""An unchanged application under a launcher; the others are in `test_more_launchers.py`."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from .launching import CHANNELS, FASTAPI, Launched, launched, tree_of

pytest.importorskip("opentelemetry.distro", reason="it configures what the command starts")


def test_daphne_traces_a_channels_application():
    with launched(CHANNELS, "daphne", "-b127.0.0.1", "-p{port}", "{app}", delay=100) as server:
        server.converse()
        refuse(server)
        conversation, refusal = server.trees(refused=1)
    assert conversation == tree_of(CHANNELS)
    assert refusal == "GET /ws/<str:room> {http.response.status_code=403}"


def test_uvicorn_traces_a_fastapi_application_and_flushes_at_its_end():
    with launched(FASTAPI, "uvicorn", "--port={port}", "{app}") as server:
        server.converse()
        server.stop()
        assert server.trees() == [tree_of(FASTAPI)]


def refuse(server: Launched) -> None:
    """Come from an origin that Channels refuses, before any consumer is asked."""
    with pytest.raises(InvalidStatus):
        server.converse(origin="example.org")
