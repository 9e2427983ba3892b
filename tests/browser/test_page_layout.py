"""Nothing jumps, nothing waits, and the end is followed only while the reader is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect
from script import AZURE, Script, tone

if TYPE_CHECKING:
    from playwright.async_api import Page

LONG_TASK_MS = 50

WATCH = """
    globalThis.shifts = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries())
            shifts.push({ value: entry.value, what: entry.sources.map((source) => source.node?.className ?? '') });
    }).observe({ type: 'layout-shift', buffered: true });
    globalThis.longTasks = [];
    new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((entry) => entry.duration)))
        .observe({ type: 'longtask', buffered: true });
"""
TOKENS = (9, 100, 10_000, 1_000_000)
"""Spoken in each answer, so that the count and its price grow as long as they may."""
SIZES = {"phone": (390, 780), "small phone": (320, 640), "desktop": (1280, 800)}


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_shifts_through_a_conversation(page: Page, site: str, size: str) -> None:
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


@pytest.mark.alone
async def test_long_answer_leaves_the_page_free(page: Page, site: str) -> None:
    """Ten minutes of answer, arriving faster than any service sends: no task of the page is long, up to the last.

    The machine may be busy; of the stretches at the end, when most is there to be drawn and kept, the quietest counts.
    """
    await page.emulate_media(reduced_motion="no-preference")
    await page.add_init_script(WATCH)
    script = Script(page)
    await script.open(site)
    await script.connect()
    script.begin_answer("a1", "It begins. ", 500)
    await script.state("speaking")
    place = {"response_id": "r-a1", "item_id": "a1", "output_index": 0, "content_index": 0}
    second = [
        {"type": "response.audio_transcript.delta", "delta": "and goes on ", **place},
        {"type": "response.audio.delta", "delta": tone(200), **place},
    ] * 5

    async def speak(seconds: int) -> float:
        """Return the longest task while so much more arrives."""
        await page.evaluate("longTasks.length = 0")
        for _ in range(seconds):
            script.say(*second)
            await page.wait_for_timeout(20)
        return float(await page.evaluate("Math.max(0, ...longTasks)"))

    await speak(540)
    stretches = [await speak(20) for _ in range(3)]
    await expect(script.words).to_contain_text("and goes on " * 3000)
    assert min(stretches) <= LONG_TASK_MS, stretches


@pytest.mark.alone
async def test_thousand_turns_scroll_and_type_without_delay(script: Script) -> None:
    await script.page.emulate_media(reduced_motion="no-preference")
    await script.page.evaluate(WATCH)
    await script.connect()
    for turn in range(500):
        script.commit(f"u{turn}", f"a{turn - 1}" if turn else None)
        script.transcribed(f"u{turn}", f"Question {turn}, which is about as long as questions are.")
        item = {
            "id": f"a{turn}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "text", "text": f"Answer {turn}. " + "It has a few sentences. " * 6}],
        }
        script.say({"type": "conversation.item.created", "previous_item_id": f"u{turn}", "item": item})
        script.say({"type": "conversation.item.done", "item": item})
    await expect(script.words).to_have_count(1000)
    await expect(script.words.last).to_contain_text("Answer 499")
    box = script.page.get_by_role("textbox", name="Message")
    best_ms = 1000.0
    for _ in range(3):
        await script.page.evaluate("longTasks.length = 0")
        await box.press_sequentially("typing goes on", delay=10)
        await script.log.evaluate(
            "log => { for (let at = 0; at < 5; at++) log.scrollTop = log.scrollHeight * at / 5 }"
        )
        await script.page.wait_for_timeout(100)
        best_ms = min(best_ms, await script.page.evaluate("Math.max(0, ...longTasks)"))
    assert best_ms <= LONG_TASK_MS


async def test_the_end_is_followed_only_while_the_reader_is_there(script: Script) -> None:
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


async def test_page_is_usable_at_twice_the_size(script: Script) -> None:
    """200 % zoom of a 1280 x 800 window is a window of 640 x 400."""
    await script.page.set_viewport_size({"width": 640, "height": 400})
    await script.connect()
    script.answer("a1", "Readable.", 0)
    for part in [script.page.get_by_role("textbox", name="Message"), script.words.first]:
        await part.scroll_into_view_if_needed()
        await expect(part).to_be_in_viewport()
    assert await script.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_motion_stops_where_it_is_not_wanted(page: Page, site: str) -> None:
    await page.emulate_media(reduced_motion="reduce")
    script = Script(page)
    await script.open(site)
    await script.record()
    await page.wait_for_timeout(300)
    picture = "document.getElementById('orb').toDataURL()"
    before = await page.evaluate(picture)
    await page.wait_for_timeout(300)
    assert await page.evaluate(picture) == before


async def test_orb_moves_with_the_sound_that_is_heard(script: Script) -> None:
    await script.page.emulate_media(reduced_motion="no-preference")
    await script.connect()
    picture = "document.getElementById('orb').toDataURL()"
    script.begin_answer("a1", "One two three", 8000)
    await script.state("speaking")
    first = await script.page.evaluate(picture)
    await script.page.wait_for_timeout(200)
    assert await script.page.evaluate(picture) != first


async def test_print_shows_the_conversation_alone(script: Script) -> None:
    await script.connect()
    script.answer("a1", "On paper.", 0)
    await expect(script.words).to_have_text(["On paper."])
    await script.page.emulate_media(media="print")
    await expect(script.words).to_be_visible()
    await expect(script.page.get_by_role("textbox", name="Message")).to_be_hidden()
    await expect(script.page.locator("#orb")).to_be_hidden()
