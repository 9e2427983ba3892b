"""One measuring tab per engine, for all tests of the sound modules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from engines import ENGINES
from pulse import Pulse
from sound_measurements import open_measuring_tab

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from engines import Tab
    from playwright.async_api import Playwright

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process run all tests of an engine, so that each engine starts once."""
    for item in items:
        if item.path.parent == FOLDER and isinstance(item, pytest.Function):
            item.add_marker(pytest.mark.xdist_group(item.callspec.params["engine"]))


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def sound_card() -> Iterator[Pulse]:
    """A sound card that nothing but the measuring tabs play to."""
    with Pulse() as pulse:
        yield pulse


@pytest.fixture(scope="session")
async def tab(engine: str, playwright: Playwright, sound_card: Pulse) -> AsyncIterator[Tab]:
    """The measuring page, in each engine in turn."""
    async with open_measuring_tab(engine, playwright, sound_card) as tab:
        yield tab
