"""Clients of a session of each dialect."""

from __future__ import annotations

import pytest
from session_client import DIALECTS, SessionClient


@pytest.fixture(params=DIALECTS)
def client(request: pytest.FixtureRequest) -> SessionClient:
    return SessionClient(request.param)


@pytest.fixture(params=DIALECTS)
def speaking(request: pytest.FixtureRequest) -> SessionClient:
    """The client of a session that answers in words, not with ramps."""
    return SessionClient(request.param, scripted=False)
