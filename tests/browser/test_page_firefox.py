"""A conversation in Firefox, by voice and in writing, against the simulator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from engines import firefox
from playwright.async_api import expect
from voice_page import VoicePage

if TYPE_CHECKING:
    from playwright.async_api import Playwright
    from pulse import Pulse

pytestmark = pytest.mark.sound

QUESTION = Path(__file__).parents[1] / "support" / "recordings" / "what_is_the_weather.wav"


async def test_an_interrupted_conversation_in_firefox_is_restored(
    playwright: Playwright, pulse: Pulse, site: str
) -> None:
    async with firefox(playwright, pulse) as browser:
        user = VoicePage(await browser.new_page())
        await user.page.goto(site)
        await user.record()
        await pulse.speak(QUESTION)
        await expect(user.words.first).to_have_text(
            re.compile("s of speech; the simulator does not transcribe")
        )
        await user.state("speaking")
        await expect(user.words.nth(1)).to_contain_text("built-in simulator")
        await user.page.keyboard.press("Escape")
        await user.state("listening")
        await expect(user.log.get_by_text("interrupted")).to_be_visible()
        await user.press("Stop Recording")
        await user.state("connected")

        await user.write("Hello from Firefox")
        await user.state("speaking")
        await user.state("connected")
        await expect(user.words.last).to_contain_text("You typed: Hello from Firefox")
        kept = await user.words.all_text_contents()
        await user.page.reload()
        await expect(user.words).to_have_text(kept)
