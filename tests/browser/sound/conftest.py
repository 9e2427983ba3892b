"""One measuring tab an engine, for all tests of the sound modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from engines import ENGINES
from pulse import Pulse
from sound_measurements import open_measuring_tab

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from engines import Tab
    from playwright.async_api import Playwright


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def sound_card() -> Iterator[Pulse]:
    with Pulse() as pulse:
        yield pulse


@pytest.fixture(scope="session")
async def tab(engine: str, playwright: Playwright, sound_card: Pulse) -> AsyncIterator[Tab]:
    """The measuring page, in each engine in turn."""
    async with open_measuring_tab(engine, playwright, sound_card) as tab:
        yield tab
