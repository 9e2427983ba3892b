"""The page's layout does not shift, no task blocks a user for long, and new turns are scrolled to only for a reader at the end."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import pytest
from page_work import WATCH as WATCH_TASKS
from page_work import receive_long_answer, use_long_conversation
from playwright.async_api import expect
from script import AZURE, Script

if TYPE_CHECKING:
    from playwright.async_api import Page

TASK_MS = 500
"""Ten times the goal of benchmarks/page.py, which a busy machine does not reach."""

WATCH = """
    globalThis.shifts = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries())
            shifts.push({ value: entry.value, what: entry.sources.map((source) => source.node?.className ?? '') });
    }).observe({ type: 'layout-shift', buffered: true });
"""
TOKENS = (9, 100, 10_000, 1_000_000)
"""Spoken in each answer, so that the count and its price grow as long as they may."""
SIZES = {"phone": (390, 780), "small phone": (320, 640), "desktop": (1280, 800)}


@pytest.mark.parametrize("size", SIZES)
async def test_the_layout_does_not_shift_during_a_conversation(page: Page, site: str, size: str) -> None:
    width, height = SIZES[size]
    await page.set_viewport_size({"width": width, "height": height})
    await page.emulate_media(reduced_motion="no-preference")
    await page.add_init_script(WATCH)
    await page.route("**/config", lambda route: route.fulfill(json=AZURE))
    script = Script(page)
    await script.open(site)
    await script.record()
    previous = None
    for turn, tokens in enumerate(TOKENS):
        script.speech(f"u{turn}", previous)
        await script.state("thinking")
        words = f"This is answer {turn}, and it is long enough to need a second line on most screens. "
        script.begin_answer(f"a{turn}", words, 500, f"u{turn}")
        await script.state("speaking")
        script.transcribed(
            f"u{turn}", "A question that comes late and takes more than one line on a phone, as they do."
        )
        usage = {"total_tokens": tokens, "output_token_details": {"audio_tokens": tokens}}
        script.end_answer(f"a{turn}", words, usage=usage)
        await script.state("listening")
        previous = f"a{turn}"
    await script.write("A question in writing.")
    script.begin_answer("a4", "This one is cut short.", 4000)
    await script.state("speaking")
    script.say({"type": "input_audio_buffer.speech_started", "audio_start_ms": 9000, "item_id": "u5"})
    await script.state("hearing-you")
    await script.close(1009, {"type": "relay_error", "code": "too_big", "message": ""})
    await expect(script.banner).to_be_visible()
    await expect(script.words).to_have_count(11)
    found = "shifts.map((shift) => [shift.value, ...shift.what].join(' '))"
    assert await page.evaluate(found) == []
    await page.reload()
    await expect(script.words).to_have_count(11)
    await expect(page.get_by_text("Azure · d")).to_be_visible()
    assert await page.evaluate(found) == []


async def test_no_task_is_long_late_in_a_long_answer(page: Page, site: str) -> None:
    await page.add_init_script(WATCH_TASKS)
    script = Script(page)
    await script.open(site)
    assert median(await receive_long_answer(script, 200, 3)) <= TASK_MS


async def test_no_task_is_long_while_a_user_types_and_scrolls_after_hundreds_of_turns(
    page: Page, site: str
) -> None:
    await page.add_init_script(WATCH_TASKS)
    script = Script(page)
    await script.open(site)
    assert median(await use_long_conversation(script, 200, 3)) <= TASK_MS


async def test_new_turns_are_scrolled_to_only_while_the_reader_is_at_the_end(script: Script) -> None:
    await script.connect()
    for turn in range(12):
        script.answer(f"a{turn}", f"Answer {turn}. " * 20, 0)
    at_end = "log => log.scrollHeight - log.scrollTop - log.clientHeight < 2"
    await expect(script.words).to_have_count(12)
    await script.log.evaluate(
        f"log => new Promise(r => {{ const see = () => ({at_end})(log) ? r() : setTimeout(see); see() }})"
    )
    jump = script.page.get_by_role("button", name="Jump to latest")
    await expect(jump).to_be_hidden()
    await script.log.hover()
    await script.page.mouse.wheel(0, -600)
    await expect(jump).to_be_visible()
    before = await script.log.evaluate("log => log.scrollTop")
    script.answer("late", "The latest answer.", 0)
    await expect(script.words).to_have_count(13)
    assert abs(await script.log.evaluate("log => log.scrollTop") - before) < 2
    await jump.click()
    await expect(jump).to_be_hidden()
    assert await script.log.evaluate(at_end)


async def test_the_page_is_usable_at_200_percent_zoom(script: Script) -> None:
    """200 % zoom of a 1280 x 800 window is a window of 640 x 400."""
    await script.page.set_viewport_size({"width": 640, "height": 400})
    await script.connect()
    script.answer("a1", "Readable.", 0)
    for part in [script.page.get_by_role("textbox", name="Message"), script.words.first]:
        await part.scroll_into_view_if_needed()
        await expect(part).to_be_in_viewport()
    assert await script.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_the_orb_is_still_under_reduced_motion(page: Page, site: str) -> None:
    await page.emulate_media(reduced_motion="reduce")
    script = Script(page)
    await script.open(site)
    await script.record()
    await page.wait_for_timeout(300)
    picture = "document.getElementById('orb').toDataURL()"
    before = await page.evaluate(picture)
    await page.wait_for_timeout(300)
    assert await page.evaluate(picture) == before


async def test_the_orb_moves_while_an_answer_is_played(script: Script) -> None:
    await script.page.emulate_media(reduced_motion="no-preference")
    await script.connect()
    picture = "document.getElementById('orb').toDataURL()"
    script.begin_answer("a1", "One two three", 8000)
    await script.state("speaking")
    first = await script.page.evaluate(picture)
    await script.page.wait_for_timeout(200)
    assert await script.page.evaluate(picture) != first


async def test_only_the_conversation_is_printed(script: Script) -> None:
    await script.connect()
    script.answer("a1", "On paper.", 0)
    await expect(script.words).to_have_text(["On paper."])
    await script.page.emulate_media(media="print")
    await expect(script.words).to_be_visible()
    await expect(script.page.get_by_role("textbox", name="Message")).to_be_hidden()
    await expect(script.page.locator("#orb")).to_be_hidden()
