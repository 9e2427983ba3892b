"""Hostile and odd input: the page keeps working, and the diagnostics list what came."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from script import Script

ODD: dict[str, str] = {
    "markup": "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>",
    "right to left": "שלום עולם, مرحبا بالعالم — mixed with English.",
    "override": "abc \u202egnp.exe\u202c def",
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢",
    "no spaces": "x" * 5000,
    "100 KB": "word " * 20_000,
}


@pytest.mark.parametrize("kind", ODD)
async def test_any_text_is_shown_as_text_and_fits_the_page(script: Script, kind: str) -> None:
    words = ODD[kind]
    await script.record()
    script.speech("u1")
    script.transcribed("u1", words)
    script.answer("a1", words, 500, "u1")
    await expect(script.words).to_have_text([words, words])  # white space aside
    await script.state("listening")
    assert await script.words.evaluate_all("all => all.map(e => e.textContent)") == [words, words]
    assert await script.page.title() == "Realtime Voice"
    assert await script.log.locator("img, script").count() == 0
    fits = "[document.documentElement, document.querySelector('[role=log]')].every(e => e.scrollWidth <= e.clientWidth)"
    for width in (1280, 320):
        await script.page.set_viewport_size({"width": width, "height": 700})
        assert await script.page.evaluate(fits), f"something is wider than {width} px"


async def test_control_characters_are_dropped(script: Script) -> None:
    await script.connect()
    script.answer("a1", "a\x00b\x07c\x1b[31md\x9fe")
    await expect(script.words).to_have_text(["abc[31mde"])


async def test_unknown_and_broken_events_change_nothing_and_are_logged(script: Script) -> None:
    failures: list[str] = []
    script.page.on("pageerror", lambda error: failures.append(str(error)))
    await script.connect()
    names = [
        "no.such.event",
        "constructor",
        "__proto__",
        "error",
        "session.created",
        "session.updated",
        "response.created",
        "response.done",
        "response.output_item.added",
        "response.output_item.done",
        "response.audio.delta",
        "response.audio.done",
        "response.audio_transcript.delta",
        "response.text.done",
        "conversation.item.created",
        "conversation.item.done",
        "conversation.item.deleted",
        "conversation.item.input_audio_transcription.completed",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "rate_limits.updated",
    ]
    for name in names:
        script.say(
            {"type": name},
            {"type": name, "item_id": None},
            {"type": name, "item": 7, "item_id": 7},
            {"type": name, "response": [], "error": "x", "session": 0},
        )
    assert script.route
    for frame in ["", "{", "null", "[]", '"x"', '{"type":1}', "\u0000"]:
        script.route.send(frame)
    script.say({"type": "response.done", "response": {"status": "completed"}})
    script.answer("a1", "Still working.")
    await expect(script.words.last).to_have_text("Still working.")
    await script.page.get_by_role("button", name=re.compile("reply delay")).click()
    diagnostics = script.page.get_by_role("complementary", name="Diagnostics")
    await expect(diagnostics.get_by_text("no.such.event").first).to_be_visible()
    await expect(diagnostics.get_by_text("unreadable", exact=True).first).to_be_visible()
    assert failures == []


async def test_events_of_a_turn_in_reverse_order_make_the_same_turn(script: Script) -> None:
    await script.record()
    user = {
        "id": "u1",
        "type": "message",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }
    assistant = {"id": "a1", "type": "message", "role": "assistant", "content": []}
    script.transcribed("u1", "How is it?")
    script.say(
        {"type": "response.audio_transcript.done", "item_id": "a1", "transcript": "Fine."},
        {"type": "conversation.item.created", "previous_item_id": "u1", "item": assistant},
        {"type": "conversation.item.created", "previous_item_id": None, "item": user},
    )
    await expect(script.words).to_have_text(["How is it?", "Fine."])
