"""The page under its content security policy: a conversation violates nothing, and hostile text stays text."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from mock_azure import mocked_azure
from playwright.async_api import expect
from waiting import TIMEOUT_S
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from playwright.async_api import Page
    from server_process import StartServer
    from websockets.asyncio.server import ServerConnection

HOSTILE = [
    "<img src=x onerror=\"document.title='taken'\">",
    "<script>document.title='taken'</script>",
    "<a href='javascript:document.title=1'>click</a> https://evil.example/?q=1 [link](javascript:alert(1))",
    "left \u202eright-to-left \u2066isolated\u2069 \u200f<b>bold</b>",
    "</div></main><style>*{display:none}</style>&lt;svg/onload=alert(1)&gt;",
    "__proto__ constructor {{7*7}} ${7*7}",
]
WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) =>
    window.violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""


def answer_to(number: int, text: str) -> list[dict[str, Any]]:
    """Return the events of a spoken answer, as the preview dialect has them."""
    item = {
        "id": f"item_{number}",
        "type": "message",
        "role": "assistant",
        "status": "in_progress",
        "content": [],
    }
    response = {"id": f"resp_{number}", "status": "in_progress", "output": []}
    place = {"response_id": response["id"], "item_id": item["id"], "output_index": 0, "content_index": 0}
    sound = base64.b64encode(bytes(4800)).decode()
    return [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.added", **place, "item": item},
        {"type": "conversation.item.created", "previous_item_id": None, "item": item},
        {"type": "response.content_part.added", **place, "part": {"type": "audio", "transcript": ""}},
        *({"type": "response.audio_transcript.delta", **place, "delta": text[at : at + 5]} for at in range(0, len(text), 5)),
        {"type": "response.audio.delta", **place, "delta": sound},
        {"type": "response.audio.done", **place},
        {"type": "response.audio_transcript.done", **place, "transcript": text},
        {"type": "response.output_item.done", **place, "item": {**item, "status": "completed"}},
        {"type": "response.done", "response": {**response, "status": "completed"}},
    ]  # fmt: skip


class Attacker:
    """An upstream that answers every message with the next hostile text, as an answer and as a transcript of the user."""

    def __init__(self, session: ServerConnection) -> None:
        self.session = session
        self.number = 0

    async def send(self, *events: dict[str, Any]) -> None:
        for event in events:
            self.number += 1
            await self.session.send(json.dumps({"event_id": f"event_{self.number}", **event}))

    async def run(self) -> None:
        await self.send({"type": "session.created", "session": {"id": "sess_1", "voice": "alloy"}})
        texts = iter(HOSTILE)
        with contextlib.suppress(ConnectionClosed):
            while True:
                event = json.loads(await self.session.recv())
                if event["type"] == "session.update":
                    await self.send({"type": "session.updated", "session": event["session"]})
                elif event["type"] == "conversation.item.create":
                    item = {**event["item"], "id": event["item"].get("id", f"user_{self.number}")}
                    await self.send(
                        {"type": "conversation.item.created", "previous_item_id": None, "item": item}
                    )
                elif event["type"] == "response.create":
                    text = next(texts)
                    spoken = {"id": f"spoken_{self.number}", "type": "message", "role": "user"}
                    said = {"content_index": 0, "item_id": spoken["id"], "transcript": text}
                    content = [{"type": "input_audio", "transcript": None}]
                    await self.send(
                        {"type": "conversation.item.created", "previous_item_id": None, "item": {**spoken, "content": content}},
                        {"type": "conversation.item.input_audio_transcription.completed", **said},
                        *answer_to(self.number, text),
                        {"type": "error", "error": {"type": "invalid_request_error", "code": text, "message": text}},
                    )  # fmt: skip


@pytest.fixture
async def watched(page: Page) -> AsyncIterator[Page]:
    """A page that fails the test when it violates its policy or throws an exception."""
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on(
        "console",
        lambda message: failures.append(message.text) if "Content Security Policy" in message.text else None,
    )
    await page.add_init_script(WATCH)
    yield page
    assert await page.evaluate("window.violations") == []
    assert failures == []


async def test_a_hostile_conversation_violates_no_policy_and_is_shown_as_text(
    watched: Page, server: StartServer, azure_tls: ssl.SSLContext, ca_file: str
) -> None:
    page = watched
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    log = page.get_by_role("log", name="Conversation")
    async with mocked_azure(azure_tls) as azure:
        running = server(**azure.environment(SSL_CERT_FILE=ca_file))
        await page.goto(running.url)
        title = await page.title()
        await page.get_by_role("button", name="Connect").click()
        attack = asyncio.create_task(Attacker(await azure.sessions.get()).run())
        await page.get_by_role("button", name="Start Recording", exact=True).click()
        await expect(page.get_by_role("button", name="Stop Recording")).to_be_visible(
            timeout=TIMEOUT_S * 1000
        )
        for number, text in enumerate(HOSTILE):
            await page.get_by_role("textbox", name="Message").fill(text)
            await page.get_by_role("button", name="Send", exact=True).click()
            said = log.locator("[data-role=assistant]").nth(number)
            await expect(said).to_contain_text(text)
            await expect(log.locator("[data-role=user]").filter(has_text=text).first).to_be_visible()
        assert await log.locator("img, script, style, a, b, svg[onload]").count() == 0
        await page.get_by_role("button", name="Stop Recording").click()
        await page.get_by_role("button", name="Settings", exact=True).click()
        await page.keyboard.press("Escape")
        await page.get_by_text("Download", exact=True).click()
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Text (.txt)").click()
        assert HOSTILE[0] in (await (await download.value).path()).read_text()
        await page.get_by_role("button", name="Disconnect").click()
        await attack
        assert await page.title() == title
    assert {
        url.partition("://")[2].partition("/")[0] for url in asked if not url.startswith(("data:", "blob:"))
    } == {running.url.partition("://")[2]}


ATTEMPTS = {
    "inline script": ("require-trusted-types-for", "document.head.append(Object.assign(document.createElement('script'), {text: 'window.taken = 1'}))"),
    "HTML": ("require-trusted-types-for", "document.body.innerHTML = '<p>'"),
    "eval": ("require-trusted-types-for", "setTimeout('window.taken = 1')"),
    "another site's script": ("script-src-elem", "import('http://127.0.0.1:1/a.js').catch(() => 0)"),
    "another site's fetch": ("connect-src", "fetch('http://127.0.0.1:1/').catch(() => 0)"),
    "another site's socket": ("connect-src", "new WebSocket('ws://127.0.0.1:1/')"),
    "inline style": ("style-src-attr", "document.body.setAttribute('style', 'color: red')"),
    "a frame": ("frame-src", "document.body.append(Object.assign(document.createElement('iframe'), {src: 'http://127.0.0.1:1/'}))"),
    "a form elsewhere": ("form-action", "(() => { const form = Object.assign(document.createElement('form'), {action: 'http://127.0.0.1:1/'}); document.body.append(form); form.submit(); })()"),
}  # fmt: skip


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_the_policy_refuses_what_an_attacker_would_do(
    page: Page, server: StartServer, attempt: str
) -> None:
    directive, script = ATTEMPTS[attempt]
    await page.add_init_script(WATCH)
    await page.goto(server().url)
    await page.evaluate(f"() => {{ try {{ {script} }} catch {{ /* refused */ }} }}")
    # A function: Playwright evaluates any other expression inside the page, where the policy applies.
    await page.wait_for_function("() => window.violations.length > 0", timeout=TIMEOUT_S * 1000)
    (violation,) = await page.evaluate("window.violations")
    assert violation.split()[0] == directive
    assert await page.evaluate("window.taken") is None
