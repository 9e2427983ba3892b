"""Each problem is shown in one banner, with its cause and one action."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect
from script import Script

if TYPE_CHECKING:
    from playwright.async_api import Page
    from server_process import StartServer

FINAL = {
    "daily_limit": (1013, "minutes are used up", "Close"),
    "upstream_unauthorized": (4401, "Azure refused access", "Try again"),
    "upstream_forbidden": (4403, "Azure does not accept this network", "Try again"),
    "deployment_not_found": (4404, "The deployment was not found", "Try again"),
    "upstream_bad_request": (4400, "The deployment is not a realtime model", "Try again"),
    "time_limit": (4408, "Time is up", "Start again"),
    "idle": (4409, "Still there?", "Start again"),
    "too_big": (1009, "The message was too large", "Reconnect"),
    "policy_violation": (1008, "The service refused the session", "Try again"),
    "text_only": (1003, "The connection was closed", "Reload"),
    None: (4000, "The service refused the session", "Try again"),
}
"""Close code, title and button of the banner, by the code of the error event before the close. None: there is no error event."""
PASSING = {
    "busy": (1013, "The server is full"),
    "rate_limited": (1013, "Too many requests"),
    "upstream_failed": (1014, "Azure reported an error"),
    "upstream_unreachable": (1014, "Azure cannot be reached"),
    "upstream_timeout": (1014, "Azure did not answer in time"),
    "upstream_tls": (1014, "No secure connection to Azure"),
    "upstream_lost": (1014, "The connection to Azure was lost"),
    "session_expired": (4408, "Time is up"),
    "stalled": (1011, "The connection was too slow"),
    "restarting": (1012, "The server is restarting"),
    "internal": (1011, "The server had an error"),
    None: (1006, "The connection was lost"),
}
CALM = {"time_limit", "idle"}
AFTERWARDS = {"Close": "error", "Reload": "idle"}
"""The state after a button is pressed, where it does not open another session."""


async def check_banner(script: Script, title: str) -> None:
    """Wait for a banner that names the cause in the page's own words and offers one action."""
    await expect(script.banner).to_contain_text(title)
    await expect(script.banner).not_to_contain_text("raw words")
    await expect(script.banner.get_by_role("button")).to_have_count(1)


async def end(script: Script, close_code: int, code: str | None, title: str) -> None:
    error = {"type": "relay_error", "code": code, "message": "raw words"}
    await script.close(close_code, error if code else None)
    await check_banner(script, title)


@pytest.mark.parametrize("code", FINAL)
async def test_a_final_ending_has_its_words_and_a_way_on(script: Script, code: str | None) -> None:
    close_code, title, action = FINAL[code]
    await script.connect()
    await end(script, close_code, code, title)
    await script.state("ended" if code in CALM else "error")
    assert len(script.sessions) == 1, "the page opened another session"
    await script.banner.get_by_role("button", name=action).click()
    await expect(script.banner).to_be_hidden()
    await script.state(AFTERWARDS.get(action, "connected"))


@pytest.mark.parametrize("code", PASSING)
async def test_a_passing_ending_has_its_words_and_is_retried(script: Script, code: str | None) -> None:
    close_code, title = PASSING[code]
    await script.connect()
    script.is_ready = False
    await end(script, close_code, code, title)
    await script.state("reconnecting")
    script.is_ready = True
    await script.banner.get_by_role("button", name="Retry now").click()
    await script.state("connected")
    await expect(script.banner).to_be_hidden()


async def test_speech_that_was_lost_before_its_transcript_is_asked_for_again(script: Script) -> None:
    await script.connect()
    script.say({"type": "input_audio_buffer.speech_started", "audio_start_ms": 100, "item_id": "u1"})
    await expect(script.words).to_have_text(["…"])
    await script.close(1006)
    await expect(script.banner).to_contain_text("Your last words were lost")
    await script.banner.get_by_role("button", name="Close").click()
    await expect(script.banner).to_be_hidden()
    await script.state("connected")


async def test_a_server_that_cannot_be_reached_is_named(page: Page, server: StartServer) -> None:
    gone = server()
    tab = Script(page)
    await tab.page.goto(gone.url)
    gone.stop()
    await tab.press("Connect")
    await tab.state("error")
    await expect(tab.banner).to_contain_text("The server cannot be reached")


async def test_a_refused_setting_leads_to_the_settings(script: Script) -> None:
    script.is_ready = False
    await script.press("Connect")
    update = await script.wait_for("session.update")
    script.say(
        {
            "type": "error",
            "error": {"code": "unknown_parameter", "message": "x", "event_id": update["event_id"]},
        }
    )
    await script.state("error")
    await expect(script.banner).to_contain_text("A setting was refused")
    await script.banner.get_by_role("button", name="Settings").click()
    await expect(script.page.get_by_role("dialog", name="Settings")).to_be_visible()


@pytest.mark.parametrize(
    "error",
    [
        {"code": "response_cancel_not_active"},
        {"code": "input_audio_buffer_commit_empty"},
        {"code": "invalid_value", "message": "Audio content of 5ms is already shorter than 9ms"},
    ],
    ids=["cancel", "commit", "truncate"],
)
async def test_harmless_errors_are_not_shown(script: Script, error: dict[str, str]) -> None:
    await script.connect()
    script.say({"type": "error", "error": error})
    script.answer("a1", "All is well.")
    await expect(script.words).to_have_text(["All is well."])
    await expect(script.banner).to_be_hidden()


async def check_goes_on(script: Script, title: str) -> None:
    """Check that a banner names the failure, and that the conversation still works."""
    await check_banner(script, title)
    await script.banner.get_by_role("button", name="Close").click()
    await expect(script.banner).to_be_hidden()
    await script.state("connected")
    script.answer("a1", "All is well.")
    await expect(script.words).to_have_text(["All is well."])


ANSWERS = {
    "insufficient_quota": "The quota is used up",
    "rate_limit_exceeded": "Too many requests",
    "server_error": "The answer failed",
}


@pytest.mark.parametrize("code", ANSWERS)
async def test_a_failed_answer_is_reported_and_the_conversation_goes_on(script: Script, code: str) -> None:
    await script.connect()
    error = {"code": code, "message": "raw words"}
    failure = {"status": "failed", "status_details": {"error": error}}
    script.say({"type": "response.done", "response": failure})
    await check_goes_on(script, ANSWERS[code])


async def test_a_refused_request_is_reported_and_the_conversation_goes_on(script: Script) -> None:
    await script.connect()
    script.say({"type": "error", "error": {"code": "invalid_value", "message": "raw words"}})
    await check_goes_on(script, "The service refused a request")


MICROPHONES = {
    "NotAllowedError": ("The microphone is blocked", "Try again"),
    "NotFoundError": ("No microphone found", "Try again"),
    "NotReadableError": ("The microphone is in use", "Try again"),
    "TypeError": ("The microphone did not start", "Choose microphone"),
}


@pytest.mark.parametrize("error", MICROPHONES)
async def test_a_microphone_failure_has_its_words_and_action(script: Script, error: str) -> None:
    title, action = MICROPHONES[error]
    await script.page.evaluate(
        """name => {
            const real = navigator.mediaDevices.getUserMedia;
            navigator.mediaDevices.getUserMedia = async () => {
                navigator.mediaDevices.getUserMedia = real;
                throw Object.assign(new Error('raw words'), { name });
            };
        }""",
        error,
    )
    await script.press("Start Recording")
    await script.state("connected")
    await check_banner(script, title)
    await script.banner.get_by_role("button", name=action).click()
    if action == "Try again":
        await script.state("listening")
    else:
        await expect(script.page.get_by_role("dialog", name="Settings")).to_be_visible()


async def test_the_page_says_that_microphones_need_a_secure_origin(page: Page, site: str) -> None:
    tab = Script(page)
    await tab.page.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'mediaDevices', { value: undefined })"
    )
    await tab.open(site)
    await tab.press("Start Recording")
    await check_banner(tab, "Microphones need a secure page")
    await tab.state("connected")


async def test_a_microphone_that_is_unplugged_is_reported(script: Script) -> None:
    await script.page.evaluate(
        """() => {
            const devices = navigator.mediaDevices;
            const ask = devices.getUserMedia.bind(devices);
            devices.getUserMedia = async (wanted) => {
                const stream = await ask(wanted);
                window.unplug = () => {
                    devices.getUserMedia = async () => { throw new DOMException('raw words', 'NotFoundError') };
                    const [track] = stream.getAudioTracks();
                    track.stop();
                    track.dispatchEvent(new Event('ended'));
                };
                return stream;
            };
        }"""
    )
    await script.record()
    await script.page.evaluate("unplug()")
    await check_banner(script, "The microphone was disconnected")
    await script.state("connected")
    await script.banner.get_by_role("button", name="Choose microphone").click()
    await expect(script.page.get_by_role("dialog", name="Settings")).to_be_visible()


async def test_writing_and_reading_work_without_a_sound_device(page: Page, site: str) -> None:
    tab = Script(page)
    await page.add_init_script(
        "window.AudioContext = class { constructor() { throw new DOMException('raw words', 'NotSupportedError') } }"
    )
    await tab.open(site)
    await tab.connect()
    await check_banner(tab, "No sound on this device")
    await tab.banner.get_by_role("button", name="Close").click()
    await tab.write("Can you read?")
    tab.answer("a1", "And write, too.")
    await expect(tab.words).to_have_text(["Can you read?", "And write, too."])
    await tab.press("Start Recording")
    await check_banner(tab, "No sound on this device")
    await tab.state("connected")


async def test_a_user_whose_login_has_expired_can_sign_in_again(page: Page, server: StartServer) -> None:
    code = "a-code-of-the-tests-0123456789"
    tab = Script(page)
    await page.goto(server(ACCESS_CODE=code).url)
    await page.get_by_label("Access code").fill(code)
    await tab.press("Log in")
    await tab.connect()
    await tab.press("Disconnect")
    await page.context.clear_cookies()
    await tab.press("Connect")
    await expect(tab.banner).to_contain_text("Please sign in again")
    await tab.banner.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_label("Access code")).to_be_visible()


@pytest.mark.long
async def test_a_silent_microphone_is_reported(script: Script) -> None:
    await script.page.evaluate(
        """() => {
            const silent = new AudioContext().createMediaStreamDestination().stream;
            navigator.mediaDevices.getUserMedia = async () => silent;
        }"""
    )
    await script.record()
    await expect(script.banner).to_contain_text("hear you")
    await script.banner.get_by_role("button", name="Choose microphone").click()
    await expect(script.page.get_by_role("dialog", name="Settings")).to_be_visible()


async def test_blocked_sound_starts_with_a_click(page: Page, site: str) -> None:
    tab = Script(page)
    await tab.page.add_init_script(
        """
        const resume = AudioContext.prototype.resume;
        const state = Object.getOwnPropertyDescriptor(BaseAudioContext.prototype, 'state');
        let blocked = true;
        Object.defineProperty(AudioContext.prototype, 'state', {
            get() { return blocked ? 'suspended' : state.get.call(this) },
        });
        AudioContext.prototype.resume = function () {
            return navigator.userActivation.isActive && document.querySelector('.banner:not([hidden])')
                ? (blocked = false, this.dispatchEvent(new Event('statechange')), resume.call(this))
                : new Promise(() => {});
        };
        """
    )
    await tab.open(site)
    await tab.press("Connect")
    await expect(tab.banner).to_contain_text("Sound is blocked")
    await tab.banner.get_by_role("button", name="Turn sound on").click()
    await expect(tab.banner).to_be_hidden()


@pytest.mark.long
async def test_a_silent_user_is_warned_before_the_idle_limit_and_can_continue(
    page: Page, server: StartServer
) -> None:
    script = Script(page)
    await page.goto(server(IDLE_MINUTES="0.2").url)
    await page.get_by_role("button", name="Connect").click()
    for _ in range(3):  # the third warning comes after the first idle limit
        await expect(script.banner).to_contain_text("Are you still there?")
        await script.banner.get_by_role("button", name="Continue").click()
        await expect(script.banner).to_be_hidden()
    await expect(page.locator("main")).to_have_attribute("data-state", "connected")
    await expect(script.banner).to_contain_text("The conversation ended because nothing was said")
