"""The page in Chromium: its states, its turns and its keys, against a scripted service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect
from script import GA_SESSION, PREVIEW_SESSION, STATES, Script, tone

if TYPE_CHECKING:
    from playwright.async_api import Page

WORDS = {
    "idle": "Ready when you are",
    "connecting": "Connecting…",
    "connected": "Connected",
    "requesting-mic": "Allow the microphone…",
    "listening": "Listening",
    "hearing-you": "Hearing you",
    "thinking": "Thinking…",
    "speaking": "Speaking",
    "reconnecting": "Reconnecting…",
    "ended": "Conversation ended",
    "error": "Something went wrong",
}


@pytest.mark.parametrize("state", STATES)
async def test_each_state_has_its_value_and_its_words(script: Script, state: str) -> None:
    await STATES[state](script)
    await script.state(state)
    await expect(script.page.get_by_role("status")).to_have_text(WORDS[state])


@pytest.mark.parametrize("session", [PREVIEW_SESSION, GA_SESSION], ids=["preview", "ga"])
async def test_turns_are_shown_in_order_though_the_transcript_comes_late(
    script: Script, session: dict[str, str]
) -> None:
    script.session = session
    await script.record()
    update = script.of_type("session.update")[0]["session"]
    assert ("type" in update) == (session is GA_SESSION)

    script.speech("u1")
    await expect(script.words).to_have_text(["…"])
    script.answer("a1", "It is fine.", previous="u1")
    await expect(script.words).to_have_text(["…", "It is fine."])
    script.transcribed("u1", "How is it?")
    await expect(script.words).to_have_text(["How is it?", "It is fine."])
    await script.state("listening")


async def test_recording_connects_first_and_the_buttons_change_their_labels(script: Script) -> None:
    await script.press("Start Recording")
    await script.state("listening")
    await script.press("Stop Recording")
    await script.state("connected")
    await script.press("Disconnect")
    await script.state("ended")
    await expect(script.page.get_by_role("button", name="Connect", exact=True)).to_be_visible()


async def test_speech_is_sent_only_while_recording(script: Script) -> None:
    await script.connect()
    assert not script.of_type("input_audio_buffer.append")
    await script.record()
    first = await script.wait_for("input_audio_buffer.append")
    assert len(first["audio"]) == 2560, "40 ms of 24 kHz PCM16 in base64"
    await script.press("Stop Recording")
    await script.state("connected")
    await script.wait_for("input_audio_buffer.clear")
    assert script.sent[-1]["type"] == "input_audio_buffer.clear"


async def test_writing_needs_no_microphone(script: Script) -> None:
    await script.page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = () => { throw new Error('asked') } }"
    )
    await script.connect()
    await script.write("Hello?")
    item = (await script.wait_for("conversation.item.create"))["item"]
    assert item["content"] == [{"type": "input_text", "text": "Hello?"}]
    await script.wait_for("response.create")
    await script.state("thinking")
    script.answer("a1", "Hello!", previous=item["id"])
    await expect(script.words).to_have_text(["Hello?", "Hello!"])
    await expect(script.page.get_by_role("textbox", name="Message")).to_have_value("")
    await expect(script.banner).to_be_hidden()


async def test_enter_sends_and_shift_enter_breaks_the_line(script: Script) -> None:
    await script.connect()
    await script.page.get_by_role("textbox", name="Message").fill("one")
    await script.page.keyboard.press("Shift+Enter")
    await script.page.keyboard.type("two")
    await script.page.keyboard.press("Enter")
    item = (await script.wait_for("conversation.item.create"))["item"]
    assert item["content"][0]["text"] == "one\ntwo"


async def test_an_example_connects_and_is_sent(script: Script) -> None:
    await script.page.get_by_role("button", name="What can you do for me?").click()
    item = (await script.wait_for("conversation.item.create"))["item"]
    assert item["content"][0]["text"] == "What can you do for me?"


async def test_barge_in_truncates_the_answer_where_it_was_stopped(script: Script) -> None:
    await script.record()
    script.speech("u1")
    script.answer("a1", "One two three four five six seven eight nine ten.", 8000, "u1")
    await script.state("speaking")
    await expect(script.log.get_by_text("replied in")).to_be_visible()
    await script.page.wait_for_timeout(700)
    script.say({"type": "input_audio_buffer.speech_started", "audio_start_ms": 4000, "item_id": "u2"})
    truncate = await script.wait_for("conversation.item.truncate")
    assert truncate["item_id"] == "a1"
    assert truncate["content_index"] == 0
    assert isinstance(truncate["audio_end_ms"], int)
    assert 0 < truncate["audio_end_ms"] < 8000
    assert not script.of_type("response.cancel")
    await script.state("hearing-you")
    await expect(script.log.get_by_text("interrupted")).to_be_visible()
    heard = await script.words.nth(1).text_content()
    assert heard
    assert "One two three four five six seven eight nine ten.".startswith(heard)
    assert "ten" not in heard


async def test_late_sound_of_an_interrupted_answer_is_not_played(script: Script) -> None:
    await script.record()
    script.begin_answer("a1", "One two three", 4000)
    await script.state("speaking")
    script.say({"type": "input_audio_buffer.speech_started", "audio_start_ms": 4000, "item_id": "u2"})
    await script.wait_for("conversation.item.truncate")
    late = {"response_id": "r-a1", "item_id": "a1", "output_index": 0, "content_index": 0}
    script.say({"type": "response.audio.delta", "delta": tone(500), **late})
    script.say({"type": "response.done", "response": {"id": "r-a1", "status": "cancelled", "output": []}})
    script.commit("u2", "a1")
    script.transcribed("u2", "Stop.")
    await expect(script.words.last).to_have_text("Stop.")
    await script.state("hearing-you")
    assert len(script.of_type("conversation.item.truncate")) == 1


async def test_text_is_muted_until_its_sound_was_played(script: Script) -> None:
    await script.connect()
    script.answer("a1", "One two three four five six seven eight nine ten.", 6000)
    await script.state("speaking")
    unsaid = "[...CSS.highlights.get('unsaid')].map(range => range.toString()).join('')"
    assert "ten." in await script.page.evaluate(unsaid)
    await script.state("connected")
    assert await script.page.evaluate(unsaid) == ""


async def test_a_failed_transcription_is_shown_without_a_banner(script: Script) -> None:
    await script.record()
    script.speech("u1")
    script.say({"type": "conversation.item.input_audio_transcription.failed", "item_id": "u1", "error": {}})
    await expect(script.words).to_have_text(["(not transcribed)"])
    await expect(script.banner).to_be_hidden()


async def test_muting_survives_a_reload(script: Script) -> None:
    await script.press("Mute assistant")
    mute = script.page.get_by_role("button", name="Mute assistant")
    await expect(mute).to_have_attribute("aria-pressed", "true")
    await script.page.reload()
    await expect(mute).to_have_attribute("aria-pressed", "true")
    await script.press("Mute assistant")
    await expect(mute).to_have_attribute("aria-pressed", "false")


# Keyboard shortcuts


async def test_m_toggles_recording(script: Script) -> None:
    await script.page.keyboard.press("m")
    await script.state("listening")
    await script.page.keyboard.press("M")
    await script.state("connected")


async def test_escape_stops_the_assistant(script: Script) -> None:
    await script.connect()
    script.begin_answer("a1", "One two three", 8000)
    await script.state("speaking")
    await script.page.keyboard.press("Escape")
    await script.state("connected")
    await script.wait_for("response.cancel")
    script.end_answer("a1", "One two three")
    await script.page.keyboard.press("Escape")
    await script.write("Still there?")
    await script.wait_for("conversation.item.create")
    assert len(script.of_type("response.cancel")) == 1


async def test_slash_focuses_the_message_box_and_shortcuts_do_nothing_while_typing(script: Script) -> None:
    await script.page.keyboard.press("/")
    box = script.page.get_by_role("textbox", name="Message")
    await expect(box).to_be_focused()
    await script.page.keyboard.type("m/? mm")
    await expect(box).to_have_value("m/? mm")
    await script.state("idle")


async def test_question_mark_lists_the_shortcuts(script: Script) -> None:
    await script.page.keyboard.press("?")
    dialog = script.page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(dialog).to_be_visible()
    for key in ["Space", "M", "Esc", "/", "?"]:
        await expect(dialog.get_by_text(key, exact=True)).to_be_visible()
    await script.page.keyboard.press("m")
    await script.state("idle")
    await script.page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()


async def push_to_talk(page: Page) -> None:
    await page.get_by_role("button", name="Settings").click()
    await page.get_by_role("radio", name=re.compile("When I let go")).check()
    await page.get_by_role("button", name="Done").click()


async def test_push_to_talk_sends_speech_while_space_is_held_and_asks_when_it_is_released(
    script: Script,
) -> None:
    await push_to_talk(script.page)
    await script.record()
    assert script.of_type("session.update")[0]["session"]["turn_detection"] is None
    assert not script.of_type("input_audio_buffer.append")
    await script.page.keyboard.down("Space")
    await script.state("hearing-you")
    await script.wait_for("input_audio_buffer.append", 10)
    await script.page.keyboard.up("Space")
    await script.wait_for("response.create")
    assert [event["type"] for event in script.sent[-2:]] == ["input_audio_buffer.commit", "response.create"]
    await script.state("thinking")


async def test_the_button_for_push_to_talk_works_like_space(script: Script) -> None:
    await push_to_talk(script.page)
    await script.record()
    await script.page.get_by_role("button", name="Hold to talk").hover()
    await script.page.mouse.down()
    await script.wait_for("input_audio_buffer.append", 10)
    await script.page.mouse.up()
    await script.wait_for("input_audio_buffer.commit")


async def test_tab_reaches_every_control_in_reading_order_with_visible_focus(script: Script) -> None:
    """Connect and send a message with the keyboard alone."""
    page = script.page
    reached = []
    for _ in range(14):
        await page.keyboard.press("Tab")
        focus = page.locator(":focus")
        reached.append(await focus.evaluate("e => e.ariaLabel || e.name || e.textContent.trim()"))
        assert await focus.evaluate("e => e.matches(':focus-visible')")
        if reached[-1] == "Connect":
            await page.keyboard.press("Enter")
            await script.state("connected")
        if reached[-1] == "message":
            await page.keyboard.type("Hello")
            await page.keyboard.press("Enter")
            break
    assert (await script.wait_for("conversation.item.create"))["item"]["content"][0]["text"] == "Hello"
    buttons = [
        name for name in reached if name in {"Settings", "Connect", "Start Recording", "Mute assistant"}
    ]
    assert buttons == ["Settings", "Connect", "Start Recording", "Mute assistant"]
