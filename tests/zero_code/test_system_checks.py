"""What the system checks miss is there when the instrumentor is on."""

from __future__ import annotations

from typing import Any

import pytest
from channels.routing import ProtocolTypeRouter

from tests.project import Late, Project, Untraced, routes

from .conftest import ChannelsInstrumentor, instrumented


def test_what_is_traced_without_code_is_not_missed(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(settings, monkeypatch)
    project.application = ProtocolTypeRouter({"websocket": routes(Untraced)})
    assert sorted(project.ids()) == ["W001", "W003"]  # Django runs its checks in no order
    with instrumented(ChannelsInstrumentor()):
        assert project.ids() == []
    assert sorted(project.ids()) == ["W001", "W003"]


def test_a_mixin_that_comes_too_late_is_still_a_mistake(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(settings, monkeypatch)
    project.serve(Late)
    with instrumented(ChannelsInstrumentor()):
        assert project.ids() == ["E004"]
