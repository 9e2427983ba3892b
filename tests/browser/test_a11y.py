"""The page is accessible: axe finds no violation in any state, and screen readers announce each turn once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import pytest
from axe_playwright_python.base import AXE_FILE_PATH  # type: ignore[import-untyped]  # ships no types
from playwright.async_api import expect
from script import STATES, Script

if TYPE_CHECKING:
    from playwright.async_api import Page

WIDTHS = (320, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


async def violations(page: Page) -> list[str]:
    """Return the violations that axe finds, a line each."""
    found: list[dict[str, Any]] = await page.evaluate("axe.run().then((results) => results.violations)")
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


@pytest.fixture
async def script(page: Page, site: str) -> Script:
    """The page with axe as an init script: the content security policy refuses a script tag."""
    await page.add_init_script(path=AXE_FILE_PATH)
    script = Script(page)
    await script.open(site)
    return script


async def in_every_look(script: Script) -> list[str]:
    found = []
    for scheme in SCHEMES:
        await script.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in WIDTHS:
            await script.page.set_viewport_size({"width": width, "height": 800})
            found += [f"{scheme} {width} {line}" for line in await violations(script.page)]
    return found


@pytest.mark.parametrize("state", STATES)
async def test_axe_finds_no_violation_in_any_state(script: Script, state: str) -> None:
    await STATES[state](script)
    await script.state(state)
    assert await in_every_look(script) == []


async def test_every_banner_fits_has_one_action_and_no_violation(script: Script) -> None:
    """Show every problem in the banner of the narrowest page."""
    await script.page.set_viewport_size({"width": 320, "height": 640})
    found = await script.page.evaluate(
        """async () => {
            const { PROBLEMS } = await import('/problems/problem-words.js');
            const { problem } = await import('/problems/problems.js');
            const { Banner } = await import('/ui/banner.js');
            const element = document.getElementById('banner');
            const banner = new Banner(element, () => {});
            const found = [];
            for (const cause of Object.keys(PROBLEMS)) {
                banner.show(problem(cause));
                const { violations } = await axe.run(element);
                found.push(...violations.map(({ id }) => `${cause}: ${id}`));
                if (element.scrollWidth > element.clientWidth) found.push(`${cause}: is too wide`);
                if (element.getBoundingClientRect().bottom > innerHeight) found.push(`${cause}: is too high`);
                if ([...element.querySelectorAll('button')].filter((b) => b.checkVisibility()).length !== 1)
                    found.push(`${cause}: has not one action`);
            }
            return found;
        }"""
    )
    assert found == []


async def test_labels_keep_their_contrast_under_the_pointer(script: Script) -> None:
    unreadable = "axe.run({ runOnly: ['color-contrast'] }).then((results) => results.violations.length)"
    for scheme in SCHEMES:
        await script.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for name in ["Connect", "Start Recording", "What can you do for me?"]:
            await script.page.get_by_role("button", name=name, exact=True).hover()
            assert await script.page.evaluate(unreadable) == 0, f"{name}, {scheme}"


@pytest.mark.parametrize("name", ["Settings", "Keyboard shortcuts"])
async def test_axe_finds_no_violation_in_a_dialog(script: Script, name: str) -> None:
    await script.press(name)
    await expect(script.page.get_by_role("dialog", name=name)).to_be_visible()
    assert await in_every_look(script) == []


async def test_axe_finds_no_violation_in_the_diagnostics(script: Script) -> None:
    await script.connect()
    await script.write("Hello?")
    script.answer("a1", "Hello!")
    await expect(script.page.get_by_role("button", name=re.compile(r"\d s reply delay"))).to_be_visible()
    await script.page.get_by_role("button", name=re.compile("reply delay")).click()
    await expect(script.page.get_by_role("complementary", name="Diagnostics")).to_be_visible()
    assert await in_every_look(script) == []


async def test_axe_finds_no_violation_in_a_long_conversation_with_an_open_menu(script: Script) -> None:
    await script.record()
    for turn in range(6):
        script.speech(f"u{turn}")
        script.transcribed(f"u{turn}", "And then? " * 10)
        script.answer(f"a{turn}", "Then this happened. " * 10, 0)
    await expect(script.words).to_have_count(12)
    await script.page.get_by_text("Download", exact=True).click()
    assert await in_every_look(script) == []


async def test_every_button_is_at_least_44_pixels_high_and_wide(script: Script) -> None:
    await script.page.set_viewport_size({"width": 320, "height": 800})
    await script.connect()
    script.answer("a1", "Yes.", 0)
    await expect(script.words).to_have_count(1)
    small = """all => all.filter(e => e.checkVisibility())
        .map(e => [e.textContent.trim() || e.ariaLabel, e.getBoundingClientRect()])
        .filter(([, box]) => box.width < 44 || box.height < 44).map(([name]) => name)"""
    assert await script.page.locator("button, summary").evaluate_all(small) == []


async def test_the_live_region_announces_each_turn_once_and_complete(script: Script) -> None:
    await script.page.evaluate(
        """() => {
            globalThis.announced = [];
            const region = document.getElementById('live-region');
            new MutationObserver(() => announced.push(region.textContent)).observe(region, { childList: true });
        }"""
    )
    await script.record()
    script.speech("u1")
    script.begin_answer("a1", "It is ", 500, "u1")
    script.transcribed("u1", "How is it?")
    await expect(script.words).to_have_text(["How is it?", "It is"])
    script.end_answer("a1", "It is fine.")
    await expect(script.page.locator("#live-region")).to_have_text("Assistant: It is fine.")
    await script.state("listening")
    assert await script.page.evaluate("announced") == ["You: How is it?", "Assistant: It is fine."]


async def test_the_accessibility_tree_of_a_conversation_is_as_designed(script: Script) -> None:
    await script.record()
    script.speech("u1")
    script.transcribed("u1", "How is it?")
    script.answer("a1", "Fine.", 0, "u1")
    await expect(script.words).to_have_text(["How is it?", "Fine."])
    await expect(script.page.locator("body")).to_match_aria_snapshot("""
        - banner:
          - heading "Realtime Voice" [level=1]
          - paragraph: "Simulator: no model connected"
          - button "Keyboard shortcuts"
          - button "Settings"
        - main:
          - region "Assistant":
            - status: Listening
            - button /reply delay/
            - button /left/
            - button /tokens/
          - region "Conversation":
            - heading "Conversation" [level=2]
            - group: Download
            - button "Clear"
            - log "Conversation":
              - article "You":
                - paragraph: You
                - paragraph: How is it?
              - article "Assistant":
                - paragraph: Assistant
                - paragraph: Fine.
          - button "Disconnect"
          - button "Stop Recording"
          - button "Mute assistant"
          - textbox "Message"
          - button "Send"
    """)


async def test_the_accessibility_tree_of_the_empty_page_is_as_designed(script: Script) -> None:
    await expect(script.page.get_by_role("main")).to_match_aria_snapshot("""
        - main:
          - region "Assistant":
            - status: Ready when you are
          - region "Conversation":
            - heading "Conversation" [level=2]
            - log "Conversation":
              - paragraph: /Talk with an assistant/
              - list "Examples":
                - listitem:
                  - button "What can you do for me?"
                - listitem:
                  - button "Tell me something surprising about the sea."
                - listitem:
                  - button "Help me plan a quiet weekend."
              - paragraph: /Your voice goes to this server/
          - button "Connect"
          - button "Start Recording"
          - button "Mute assistant"
          - textbox "Message"
          - button "Send"
    """)


async def test_the_accessibility_tree_of_a_banner_is_as_designed(script: Script) -> None:
    await STATES["error"](script)
    await expect(script.banner).to_match_aria_snapshot("""
        - alert:
          - paragraph:
            - strong: The message was too large
            - text: It was larger than the server accepts. Send a shorter one.
          - button "Reconnect"
    """)


async def test_the_accessibility_tree_of_the_settings_is_as_designed(script: Script) -> None:
    await script.press("Settings")
    await expect(script.page.get_by_role("dialog")).to_match_aria_snapshot("""
        - dialog "Settings":
          - heading "Settings" [level=2]
          - button "Close"
          - combobox "Microphone"
          - meter "Microphone level"
          - combobox "Voice"
          - textbox "Instructions"
          - group /When is it the assistant.s turn/:
            - radio /After a short pause/ [checked]
            - radio /After a pause/
            - radio /After a long pause/
            - radio /When I let go/
          - group "Noise reduction":
            - radio "Off" [checked]
            - radio /Near/
            - radio /Far/
          - group "Captions":
            - radio "Small"
            - radio "Medium" [checked]
            - radio "Large"
          - group "Theme":
            - radio "System" [checked]
            - radio "Light"
            - radio "Dark"
          - button "Reset"
          - button "Done"
    """)


async def test_the_keyboard_alone_reaches_menu_numbers_and_settings(script: Script) -> None:
    page = script.page
    await script.connect()
    await script.write("Hello?")
    script.answer("a1", "Hello!", 0)
    await expect(script.words).to_have_count(2)

    await page.locator("summary").first.focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Text (.txt)")).to_be_focused()
    async with page.expect_download():
        await page.keyboard.press("Enter")

    stat = page.get_by_role("button", name=re.compile("reply delay"))
    await stat.focus()
    await page.keyboard.press("Enter")
    drawer = page.get_by_role("complementary", name="Diagnostics")
    await expect(drawer).to_be_visible()
    await page.keyboard.press("Tab")
    assert await drawer.evaluate("drawer => drawer.contains(document.activeElement)")
    await page.keyboard.press("Escape")
    await expect(drawer).to_be_hidden()
    await expect(stat).to_be_focused()

    await page.get_by_role("button", name="Settings").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("radio", name="System").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("html")).to_have_attribute("data-theme", "light")


async def test_buttons_and_orb_stay_visible_in_forced_colours(script: Script) -> None:
    await script.page.emulate_media(forced_colors="active")
    await script.connect()
    for name in ["Disconnect", "Start Recording", "Send"]:
        await expect(script.page.get_by_role("button", name=name, exact=True)).to_be_visible()
    assert await script.page.locator("#orb").evaluate("e => getComputedStyle(e).borderTopWidth") == "2px"
