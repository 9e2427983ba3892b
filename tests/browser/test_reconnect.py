"""A conversation survives its session: the page opens the next one, which knows what was said."""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.async_api import expect
from script import GA_SESSION, PREVIEW_SESSION, RATE_HZ, Event, Script

if TYPE_CHECKING:
    from playwright.async_api import Page

TONE = """() => {
    const context = new AudioContext();
    const microphone = context.createMediaStreamDestination();
    globalThis.tone = new OscillatorNode(context, { frequency: 443.21 }); // no two frames of it are the same
    tone.connect(microphone);
    tone.start();
    globalThis.asked = 0;
    navigator.mediaDevices.getUserMedia = async () => (asked++, microphone.stream);
}"""
"""JavaScript: replace the microphone by a tone."""
LONG = "One two three four five six seven eight nine ten. " * 5


async def next_session(script: Script, before: int) -> list[Event]:
    """Wait until the page has set up the session of that number, counted from 0; return what the page has sent to it."""
    await script.wait_for("session.update", before + 1)
    return script.sessions[before]


def kinds(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def sound(session: list[Event]) -> list[str]:
    """Return the frames of sound that a session was sent, in base64."""
    return [event["audio"] for event in session if event["type"] == "input_audio_buffer.append"]


def pitch(audio: str) -> float:
    """Return the loudest frequency in a frame of sound, in Hz."""
    samples = np.frombuffer(base64.b64decode(audio), "<i2")
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * RATE_HZ / len(samples))


@pytest.mark.parametrize("session", [PREVIEW_SESSION, GA_SESSION], ids=["preview", "ga"])
async def test_the_session_after_a_loss_knows_what_was_said_and_played(
    script: Script, session: Event
) -> None:
    script.session = session
    answer_type = "output_text" if session is GA_SESSION else "text"
    await script.connect()
    await script.write("How is the sea?")
    asked = await script.wait_for("conversation.item.create")
    script.answer("a1", "Calm and bright.", previous=asked["item"]["id"])
    await script.state("speaking")
    await script.state("connected")
    script.speech("u2", "a1")  # its transcript never comes
    script.begin_answer("a2", LONG, 20_000, "u2")
    await script.state("speaking")
    await script.page.wait_for_timeout(1500)

    for number, code in enumerate((1006, 1012, 1014), start=1):
        await script.close(code)
        events = await next_session(script, number)
        await script.state("connected")
        await expect(script.banner).to_contain_text("The answer was cut off")
        assert kinds(events) == ["session.update"] + ["conversation.item.create"] * 3
        await expect(script.log.get_by_text("interrupted")).to_be_visible()
        heard = await script.words.nth(3).text_content() or ""
        assert heard.startswith("One two")
        assert LONG.startswith(heard)
        assert len(heard) < len(LONG) / 2
        await expect(script.words).to_have_text(
            [
                *["How is the sea?", "Calm and bright.", "(not transcribed)", heard],
                "Reconnected. The assistant knows the last 3 messages.",
            ]
        )
        said = (
            (asked["item"]["id"], "user", "input_text", "How is the sea?"),
            ("a1", "assistant", answer_type, "Calm and bright."),
            ("a2", "assistant", answer_type, heard),
        )
        assert [event["item"] for event in events[1:]] == [
            {"id": item, "type": "message", "role": role, "content": [{"type": kind, "text": words}]}
            for item, role, kind, words in said
        ]
        for place, event in enumerate(events[1:]):
            previous = events[place]["item"]["id"] if place else None
            created = {"type": "conversation.item.created", "previous_item_id": previous}
            script.say({**created, "item": event["item"]})

    script.speech("u3", "a2")
    script.transcribed("u3", "Go on, please.")
    await expect(script.words.last).to_have_text("Go on, please.")
    await expect(script.banner).to_be_hidden()
    await expect(script.words.nth(2)).to_have_text("(not transcribed)")


async def test_recording_goes_on_after_a_loss_without_the_sound_of_the_time_between(script: Script) -> None:
    await script.page.evaluate(TONE)
    await script.record()
    await script.wait_for("input_audio_buffer.append", 10)
    await script.page.evaluate("tone.frequency.value = 2000")
    await script.page.wait_for_timeout(
        500
    )  # so that the last frames before the loss do not hold the first tone
    script.is_ready = False
    await script.close(1012)
    events = await next_session(script, 1)
    await expect(script.page.get_by_role("button", name="Stop Recording")).to_be_visible()
    await script.page.wait_for_timeout(1000)
    await script.page.evaluate("tone.frequency.value = 443.21")
    await script.page.wait_for_timeout(500)
    assert kinds(events) == ["session.update"]
    script.say({"type": "session.updated", "session": script.session})
    await script.state("listening")
    before = len(script.sessions[0]) - 1
    await script.wait_for("input_audio_buffer.append", before + 10)
    assert {round(pitch(audio), -2) for audio in sound(events)} == {400}, (
        "sound of the time without a session was sent"
    )
    assert await script.page.evaluate("asked") == 1


async def test_the_wait_for_a_retry_counts_down_and_a_message_written_meanwhile_is_sent(
    page: Page, site: str
) -> None:
    script = Script(page)
    await page.add_init_script("Math.random = () => 0.999")
    await script.open(site)
    await script.connect()
    script.refusal = "busy"
    await script.close(1012)
    status = page.get_by_role("status")
    await expect(status).to_have_text(re.compile(r"^Reconnecting in [1-9] s$"))
    await expect(status).to_match_aria_snapshot("- status: Reconnecting")
    await expect(script.banner).to_contain_text("The server is full")
    await script.write("Are you back?")
    await expect(script.words).to_have_text(["Are you back?"])
    script.refusal = None
    await script.banner.get_by_role("button", name="Retry now").click()
    await script.wait_for("response.create")
    await script.state("thinking")
    await expect(script.banner).to_be_hidden()
    session = script.sessions[-1]  # the page may have retried by itself in between
    assert kinds(session) == ["session.update", "conversation.item.create", "response.create"]
    assert session[1]["item"]["content"] == [{"type": "input_text", "text": "Are you back?"}]


async def test_the_page_reconnects_when_the_browser_says_that_it_is_online_again(script: Script) -> None:
    await script.connect()
    script.is_ready = False
    await script.page.context.set_offline(True)
    await script.state("reconnecting")
    await expect(script.banner).to_contain_text("The server cannot be reached")
    await next_session(script, 1)
    await script.page.wait_for_timeout(1100)  # the page does not replace a younger attempt
    script.is_ready = True
    await script.page.context.set_offline(False)
    await script.state("connected")
    await expect(script.banner).to_be_hidden()


async def test_a_conversation_continues_in_the_next_session_without_a_gap(script: Script) -> None:
    await script.page.evaluate(
        """() => {
            globalThis.states = [];
            const main = document.querySelector('main');
            new MutationObserver(() => states.push(main.dataset.state))
                .observe(main, { attributeFilter: ['data-state'] });
        }"""
    )
    await script.page.evaluate(TONE)
    script.session = {**PREVIEW_SESSION, "expires_at": int(time.time()) + 5}
    await script.record()
    await script.page.evaluate("states.length = 0")
    former = script.route
    script.say({"type": "input_audio_buffer.speech_started", "audio_start_ms": 100, "item_id": "u1"})
    script.session = PREVIEW_SESSION
    events = await next_session(script, 1)
    script.route = former
    await script.wait_for("input_audio_buffer.append", len(script.of_type("input_audio_buffer.append")) + 10)
    assert kinds(events) == ["session.update"], "the session changed during speech"
    script.speech("u1")
    script.answer("a1", "Calm and bright.", 500, "u1")
    await script.state("speaking")
    await script.state("listening")
    await script.wait_for("input_audio_buffer.append", len(script.of_type("input_audio_buffer.append")) + 10)
    assert kinds(events) == ["session.update"], "the session changed before the transcript came"
    script.transcribed("u1", "How is the sea?")
    await script.wait_for("conversation.item.create", 2)
    count = len(sound(script.sessions[0]))
    await script.wait_for("input_audio_buffer.append", count + 30)
    assert kinds(events)[:3] == ["session.update"] + ["conversation.item.create"] * 2
    assert [event["item"]["id"] for event in events[1:3]] == ["u1", "a1"]
    before, after = sound(script.sessions[0]), sound(events)
    again = before[before.index(after[0]) :]
    assert 10 <= len(again) <= 20, "the next session gets the last 0.6 s again"
    assert after[: len(again)] == again
    assert len(after) > len(again)
    await expect(script.words).to_have_text(["How is the sea?", "Calm and bright."])
    assert set(await script.page.evaluate("states")) <= {"hearing-you", "thinking", "speaking", "listening"}
    await expect(script.banner).to_be_hidden()
