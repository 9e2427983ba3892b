"""One tab an engine for all measurements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from engines import ENGINES, open_tab, serve
from pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from engines import Tab
    from playwright.async_api import Playwright

ROOT = Path(__file__).parent.parent.parent.parent


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
    with serve(public=ROOT / "public", sound=Path(__file__).parent) as url:
        async with open_tab(engine, playwright, sound_card, gesture=False) as tab:
            await tab.goto(f"{url}/sound/index.html")
            await tab.wait_for("() => 'measure' in window")
            yield tab
