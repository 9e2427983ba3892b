"""Each setting takes effect, survives a reload, and can be reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from playwright.async_api import Locator
    from script import Script


async def open_settings(script: Script) -> Locator:
    await script.press("Settings")
    return script.page.get_by_role("dialog", name="Settings")


async def choose(script: Script, group: str, choice: str) -> None:
    dialog = await open_settings(script)
    await dialog.get_by_role("group", name=group).get_by_role("radio", name=choice).check()
    await dialog.get_by_role("button", name="Done").click()


async def test_voice_and_instructions_apply_to_the_next_session(script: Script) -> None:
    dialog = await open_settings(script)
    await dialog.get_by_label("Voice").select_option("marin")
    await dialog.get_by_label("Instructions").fill("Speak like a pirate.")
    await dialog.get_by_role("button", name="Done").click()
    await script.connect()
    session = script.of_type("session.update")[0]["session"]
    assert (session["voice"], session["instructions"]) == ("marin", "Speak like a pirate.")


LIVE: dict[tuple[str, str], tuple[Callable[[dict[str, Any]], Any], Any]] = {
    ("turn", "normal"): (lambda session: session["turn_detection"]["silence_duration_ms"], 500),
    ("turn", "patient"): (lambda session: session["turn_detection"]["silence_duration_ms"], 900),
    ("turn", "push-to-talk"): (lambda session: session["turn_detection"], None),
    ("Noise", "Near"): (lambda session: session["input_audio_noise_reduction"], {"type": "near_field"}),
    ("Noise", "Far"): (lambda session: session["input_audio_noise_reduction"], {"type": "far_field"}),
}


@pytest.mark.parametrize(("group", "choice"), LIVE)
async def test_a_setting_that_a_live_session_accepts_applies_at_once(
    script: Script, group: str, choice: str
) -> None:
    await script.connect()
    await choose(script, group, choice)
    session = (await script.wait_for("session.update", 2))["session"]
    read, expected = LIVE[group, choice]
    assert read(session) == expected
    assert "voice" not in session, "a session that has spoken refuses another voice"


async def test_new_instructions_apply_to_a_live_session(script: Script) -> None:
    await script.connect()
    dialog = await open_settings(script)
    await dialog.get_by_label("Instructions").fill("Speak like a pirate.")
    await dialog.get_by_role("button", name="Done").click()
    session = (await script.wait_for("session.update", 2))["session"]
    assert session["instructions"] == "Speak like a pirate."


async def test_sound_goes_to_the_chosen_speaker(script: Script) -> None:
    await script.page.evaluate(
        """() => {
            globalThis.sinks = [];
            AudioContext.prototype.setSinkId = async (sink) => void sinks.push(sink);
        }"""
    )
    await script.record()  # devices have names once the microphone is allowed
    dialog = await open_settings(script)
    speakers = dialog.get_by_label("Speaker")
    await expect(speakers.get_by_role("option", name="Fake")).not_to_have_count(0)
    chosen = await speakers.get_by_role("option").last.get_attribute("value")
    await speakers.select_option(chosen)
    await script.page.wait_for_function("(chosen) => sinks.at(-1) === chosen", arg=chosen)


async def test_theme_and_captions_apply_at_once_and_survive_a_reload(script: Script) -> None:
    await choose(script, "Theme", "Dark")
    await choose(script, "Captions", "Large")
    background = "getComputedStyle(document.body).backgroundColor"
    assert await script.page.evaluate(background) == "rgb(13, 13, 18)"
    await script.page.reload()
    assert await script.page.evaluate(background) == "rgb(13, 13, 18)"
    await expect(script.page.locator("html")).to_have_attribute("data-captions", "large")
    assert await script.log.evaluate("log => getComputedStyle(log).fontSize") == "22px"


async def test_reset_restores_all_defaults(script: Script) -> None:
    await choose(script, "Theme", "Dark")
    await choose(script, "turn", "patient")
    dialog = await open_settings(script)
    await dialog.get_by_label("Instructions").fill("x")
    await dialog.get_by_role("button", name="Reset").click()
    await expect(dialog.get_by_role("radio", name="System", exact=True)).to_be_checked()
    await expect(dialog.get_by_role("radio", name="quick")).to_be_checked()
    await expect(dialog.get_by_label("Instructions")).not_to_have_value("x")
    assert await script.page.evaluate("localStorage.getItem('settings')") is None


async def test_microphones_are_listed_with_their_level(script: Script) -> None:
    dialog = await open_settings(script)
    await expect(dialog.get_by_text("Start recording to see its level.")).to_be_visible()
    await dialog.get_by_role("button", name="Done").click()
    await script.record()
    dialog = await open_settings(script)
    microphones = dialog.get_by_label("Microphone", exact=True)
    await expect(microphones.get_by_role("option", name="Fake")).not_to_have_count(0)
    level = dialog.get_by_role("meter", name="Microphone level")
    await level.evaluate(
        "meter => new Promise(r => { const see = () => meter.value > 0 ? r() : setTimeout(see); see() })"
    )


async def test_another_microphone_takes_over_while_recording(script: Script) -> None:
    await script.record()
    await script.page.evaluate(
        """() => {
            const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            globalThis.wanted = null;
            navigator.mediaDevices.getUserMedia = (wanted) => ((globalThis.wanted = wanted), real(wanted));
        }"""
    )
    dialog = await open_settings(script)
    microphones = dialog.get_by_label("Microphone", exact=True)
    await expect(microphones.get_by_role("option", name="Fake")).not_to_have_count(0)
    chosen = await microphones.get_by_role("option").last.get_attribute("value")
    await microphones.select_option(chosen)
    await dialog.get_by_role("button", name="Done").click()
    await script.page.wait_for_function("(chosen) => wanted?.audio.deviceId.ideal === chosen", arg=chosen)
    await script.state("listening")


async def test_escape_closes_the_settings_and_returns_the_focus(script: Script) -> None:
    await script.page.get_by_role("button", name="Settings").focus()
    await script.page.keyboard.press("Enter")
    dialog = script.page.get_by_role("dialog", name="Settings")
    await expect(dialog).to_be_visible()
    await script.page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(script.page.get_by_role("button", name="Settings")).to_be_focused()
