"""The numbers beside the conversation, and the diagnostics behind them."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

from playwright.async_api import expect
from script import AZURE, PREVIEW_SESSION, Script

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

USAGE = {
    "total_tokens": 320,
    "input_token_details": {
        "text_tokens": 59,
        "audio_tokens": 73,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 64},
    },
    "output_token_details": {"text_tokens": 41, "audio_tokens": 147},
}


async def open_diagnostics(script: Script) -> Locator:
    await script.page.get_by_role("button", name=re.compile("reply delay")).click()
    return script.page.get_by_role("complementary", name="Diagnostics")


async def test_reply_delay_is_measured_from_the_end_of_speech(script: Script) -> None:
    """The speech ended 1 s into the sound that was sent. The 200 ms of silence that proved it count as delay."""
    await script.record()
    await script.wait_for("input_audio_buffer.append", 40)
    script.say(
        {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "u1"},
        {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 1200, "item_id": "u1"},
    )
    script.answer("a1", "Here you are.", 500)
    stat = script.page.get_by_role("button", name=re.compile(r"\d+\.\d\d s reply delay"))
    await expect(stat).to_be_visible()
    shown = float((await stat.inner_text()).split(" s")[0])
    assert shown >= 0.6, "at least what was sent after the end of speech"
    diagnostics = await open_diagnostics(script)
    cells = diagnostics.get_by_role("row").last.get_by_role("cell")
    await expect(cells).to_have_count(4)
    noticed, arrived, heard, total = [
        float(text.removesuffix(" s")) for text in await cells.all_inner_texts()
    ]
    assert noticed >= 0.6
    assert abs(noticed + arrived + heard - total) < 0.02
    assert abs(total - shown) < 0.01
    await expect(diagnostics.get_by_role("img", name="Reply delay of the last turns")).to_be_visible()


async def use_tokens(script: Script) -> None:
    await script.connect()
    script.answer("a1", "Yes.")
    script.say({"type": "response.done", "response": {"status": "completed", "usage": USAGE}})


async def test_the_cost_estimate_counts_cached_tokens_once(page: Page, site: str) -> None:
    script = Script(page)
    await page.route("**/config", lambda route: route.fulfill(json=AZURE))
    await script.open(site)
    await use_tokens(script)
    # 59 text x 4 + 9 audio x 32 + 64 cached x 0.4 + 41 text x 16 + 147 audio x 64, by the million
    await expect(page.get_by_role("button", name="≈ $0.011 estimated, 320 tokens")).to_be_visible()


async def test_the_simulator_shows_tokens_and_no_cost(script: Script) -> None:
    await use_tokens(script)
    await expect(script.page.get_by_role("button", name="320 tokens", exact=True)).to_be_visible()


async def test_the_time_left_counts_down_to_the_end_of_the_session(script: Script) -> None:
    script.session = {**PREVIEW_SESSION, "expires_at": int(time.time()) + 100}
    await script.connect()
    await expect(script.page.get_by_role("button", name=re.compile(r"1:[0-3]\d left"))).to_be_visible()
    await script.press("Disconnect")
    await expect(script.page.get_by_role("button", name=re.compile(r"^\W left"))).to_be_visible()


async def test_the_diagnostics_list_events_without_their_sound(script: Script) -> None:
    await script.connect()
    script.answer("a1", "Yes, of course.", 3000)
    await script.state("speaking")
    diagnostics = await open_diagnostics(script)
    audio = diagnostics.get_by_text("response.output_audio.delta", exact=True)
    await expect(audio).to_have_count(1)
    await expect(diagnostics.get_by_text(re.compile(r"^.6$"))).to_be_visible()
    await audio.click()
    await expect(diagnostics.get_by_text("characters of base64")).to_be_visible()
    assert "AAAA" not in await diagnostics.inner_text()


async def test_the_diagnostics_are_copied_as_json(script: Script) -> None:
    await script.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await script.connect()
    diagnostics = await open_diagnostics(script)
    await diagnostics.get_by_role("button", name="Copy as JSON").click()
    await expect(diagnostics.get_by_role("button", name="Copied")).to_be_visible()
    report = json.loads(await script.page.evaluate("navigator.clipboard.readText()"))
    assert [event["type"] for event in report["events"]][:3] == [
        "session.created",
        "session.update",
        "session.updated",
    ]
    assert report["service"]["mode"] == "simulator"


async def test_escape_closes_the_diagnostics_and_does_not_stop_the_answer(script: Script) -> None:
    await script.connect()
    script.begin_answer("a1", "One two three", 6000)
    await script.state("speaking")
    diagnostics = await open_diagnostics(script)
    await script.page.keyboard.press("Escape")
    await expect(diagnostics).to_be_hidden()
    await script.state("speaking")
    assert not script.of_type("response.cancel")
