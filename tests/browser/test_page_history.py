"""The browser stores the conversation; a user can download and delete it."""

from __future__ import annotations

import io
import json
import wave
from typing import TYPE_CHECKING

import anyio
import numpy as np
from playwright.async_api import expect
from script import Script

if TYPE_CHECKING:
    from playwright.async_api import Page


async def converse(script: Script) -> None:
    """Ask one question by voice, and hear its answer of 1.5 s."""
    await script.record()
    await script.wait_for("input_audio_buffer.append", 30)
    script.speech("u1")
    script.transcribed("u1", "How is the sea?")
    script.answer("a1", "Calm and bright.", 1500, "u1")
    await script.state("speaking")
    await script.state("listening")
    await script.press("Stop Recording")
    await script.state("connected")


def restored(script: Script) -> list[tuple[str, str]]:
    """Return role and text of the messages that the last session was given at its start."""
    update, *events = script.sessions[-1]
    assert update["type"] == "session.update"
    assert {event["type"] for event in events} <= {"conversation.item.create"}
    return [(event["item"]["role"], event["item"]["content"][0]["text"]) for event in events]


async def download(script: Script, label: str) -> bytes:
    await script.page.get_by_text("Download", exact=True).click()
    async with script.page.expect_download() as promised:
        await script.press(label)
    file = await promised.value
    assert file.suggested_filename.startswith("conversation-")
    return await anyio.Path(await file.path()).read_bytes()


async def test_a_reload_keeps_the_conversation_and_the_next_session_knows_it(script: Script) -> None:
    await converse(script)
    await script.page.reload()
    said = ["How is the sea?", "Calm and bright."]
    await expect(script.words).to_have_text(said)
    await script.connect()
    divider = "Continued. The assistant knows the last 2 messages."
    await expect(script.words).to_have_text([*said, divider])
    assert restored(script) == [("user", said[0]), ("assistant", said[1])]
    await script.write("And now?")
    await expect(script.words).to_have_text([*said, divider, "And now?"])
    assert len(await download(script, "Sound, you left, assistant right (.wav)")) > 44


async def test_a_reload_during_an_answer_keeps_what_was_played(script: Script) -> None:
    await script.connect()
    script.answer("a1", "One two three four five six seven eight nine ten.", 8000)
    await script.state("speaking")
    await script.page.wait_for_timeout(1500)
    await script.page.reload()
    await expect(script.log.get_by_text("interrupted")).to_be_visible()
    words = await script.words.text_content() or ""
    assert words.startswith("One")
    assert "ten" not in words
    await script.connect()
    assert restored(script) == [("assistant", words)]


async def test_an_unanswered_message_can_be_answered_after_a_reload(script: Script) -> None:
    await script.connect()
    await script.page.get_by_role("textbox", name="Message").fill("Are you there?")
    send = script.page.get_by_role("button", name="Send", exact=True)
    await send.evaluate("send => { send.click(); location.reload(); }")  # before anything has been answered
    await script.connect()
    await expect(script.banner).to_contain_text("Your last message was not answered")
    assert restored(script) == [("user", "Are you there?")]
    asked = len(script.of_type("response.create"))
    await script.banner.get_by_role("button", name="Answer now").click()
    await script.wait_for("response.create", asked + 1)
    await script.state("thinking")


async def test_clear_deletes_the_conversation_from_page_session_and_browser(script: Script) -> None:
    await converse(script)
    await script.press("Clear")
    await expect(script.words).to_have_count(0)
    await script.wait_for("conversation.item.delete", 2)
    assert [event["item_id"] for event in script.of_type("conversation.item.delete")] == ["u1", "a1"]
    script.transcribed("u1", "Late words of what was cleared.")
    await script.press("Disconnect")
    await script.connect()
    await expect(script.words).to_have_count(0)
    assert restored(script) == []
    await script.page.reload()
    await expect(script.page.get_by_text("Talk with an assistant")).to_be_visible()
    await expect(script.words).to_have_count(0)
    await expect(script.page.get_by_role("button", name="Clear")).to_be_hidden()
    kept = """async () => {
        const open = indexedDB.open('realtime-voice');
        await new Promise((resolve) => (open.onsuccess = resolve));
        const count = (store) => new Promise((resolve) => {
            const request = open.result.transaction(store).objectStore(store).count();
            request.onsuccess = () => resolve(request.result);
        });
        return [await count('turns'), await count('sounds')];
    }"""
    assert await script.page.evaluate(kept) == [0, 0]


async def test_two_tabs_keep_their_own_conversations_over_a_reload(page: Page, site: str) -> None:
    one = Script(page)
    two = Script(await page.context.new_page())
    await one.open(site)
    await one.connect()
    one.answer("a1", "This is tab one.")
    await one.state("speaking")
    await one.state("connected")
    await two.open(site)
    await two.connect()
    two.answer("a1", "This is tab two.")
    await two.state("speaking")
    await two.state("connected")
    await one.page.reload()
    await two.page.reload()
    await expect(one.words).to_have_text(["This is tab one."])
    await expect(two.words).to_have_text(["This is tab two."])
    for tab, words in (one, "This is tab one."), (two, "This is tab two."):
        await tab.connect()
        assert restored(tab) == [("assistant", words)]


async def test_the_page_works_where_the_browser_stores_nothing(page: Page, site: str) -> None:
    script = Script(page)
    await page.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('no', 'InvalidStateError') }"
    )
    await page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no') } })"
    )
    await script.open(site)
    await converse(script)
    await expect(script.words).to_have_text(["How is the sea?", "Calm and bright."])
    assert len(await download(script, "Sound, you left, assistant right (.wav)")) > 44


async def test_the_transcript_downloads_as_text_markdown_and_json(script: Script) -> None:
    await converse(script)
    text = (await download(script, "Text (.txt)")).decode()
    assert "You: How is the sea?" in text
    assert "Assistant: Calm and bright." in text
    markdown = (await download(script, "Markdown (.md)")).decode()
    assert markdown.startswith("# Conversation")
    assert "> How is the sea?" in markdown
    data = json.loads(await download(script, "Data with timings (.json)"))
    assert [turn["text"] for turn in data["turns"]] == ["How is the sea?", "Calm and bright."]
    assert data["turns"][1]["timing"]["totalMs"] > 0


async def test_the_sound_downloads_with_the_user_left_and_the_assistant_right(script: Script) -> None:
    await converse(script)
    with wave.open(io.BytesIO(await download(script, "Sound, you left, assistant right (.wav)"))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 24_000)
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.abs(sound[:, 0]).max() > 100, "the microphone's beeps"
    answer = np.flatnonzero(sound[:, 1])
    assert abs((answer[-1] - answer[0]) / 24_000 - 1.5) < 0.05, "all of the answer, without gaps"
    spectrum = np.abs(np.fft.rfft(sound[answer[0] : answer[0] + 24_000, 1]))
    assert np.argmax(spectrum) == 300, "the tone of the answer, at its pitch"
