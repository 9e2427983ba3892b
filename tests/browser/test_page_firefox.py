"""A conversation in Firefox, by voice and in writing, against the simulator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from engines import firefox
from playwright.async_api import expect
from script import Script

if TYPE_CHECKING:
    from playwright.async_api import Playwright
    from pulse import Pulse

pytestmark = pytest.mark.sound

QUESTION = Path(__file__).parents[1] / "support" / "recordings" / "what_is_the_weather.wav"


async def test_firefox_holds_an_interrupted_conversation_and_restores_it(
    playwright: Playwright, pulse: Pulse, site: str
) -> None:
    async with firefox(playwright, pulse) as browser:
        talk = Script(await browser.new_page())
        await talk.page.goto(site)
        await talk.record()
        await pulse.speak(QUESTION)
        await expect(talk.words.first).to_have_text(
            re.compile("s of speech; the simulator does not transcribe")
        )
        await talk.state("speaking")
        await expect(talk.words.nth(1)).to_contain_text("built-in simulator")
        await talk.page.keyboard.press("Escape")
        await talk.state("listening")
        await expect(talk.log.get_by_text("interrupted")).to_be_visible()
        await talk.press("Stop Recording")
        await talk.state("connected")

        await talk.write("Hello from Firefox")
        await talk.state("speaking")
        await talk.state("connected")
        await expect(talk.words.last).to_contain_text("You typed: Hello from Firefox")
        kept = await talk.words.all_text_contents()
        await talk.page.reload()
        await expect(talk.words).to_have_text(kept)
