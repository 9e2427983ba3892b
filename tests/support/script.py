"""The page with its websocket in the test's hands: the test sends server events in either dialect and any order."""

from __future__ import annotations

import base64
import json
import math
import struct
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
from playwright.async_api import expect
from voice_page import VoicePage
from waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Page, WebSocketRoute

Event = dict[str, Any]

RATE_HZ = 24_000
AZURE = {"mode": "azure", "deployment": "d", "state": "ready", "session_minutes": 60, "idle_minutes": 10}
"""What `/config` answers where sessions go to Azure."""
PREVIEW_SESSION = {"id": "s", "model": "gpt-realtime"}
GA_SESSION = {**PREVIEW_SESSION, "type": "realtime"}
GA_NAMES = {
    "conversation.item.created": "conversation.item.added",
    "response.audio.delta": "response.output_audio.delta",
    "response.audio.done": "response.output_audio.done",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
}


def tone(ms: int) -> str:
    """Return a soft 300 Hz tone in base64: mono PCM16, 24 kHz."""
    samples = (round(6000 * math.sin(math.tau * 300 * n / RATE_HZ)) for n in range(RATE_HZ * ms // 1000))
    return base64.b64encode(b"".join(struct.pack("<h", sample) for sample in samples)).decode()


class Script(VoicePage):
    """The page, and the scripted service that its websocket reaches.

    Attributes:
        sent: the client events of all sessions, in order.
        sessions: the client events of each session.
        is_ready: whether `session.update` is answered, so that the page counts as connected.
        refusal: the error code with which the next session is refused.
    """

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.sent: list[Event] = []
        self.session: Event = PREVIEW_SESSION
        self.is_ready = True
        self.refusal: str | None = None
        self.route: WebSocketRoute | None = None
        self.sessions: list[list[Event]] = []

    async def open(self, url: str) -> None:
        await self.page.route_web_socket("**/ws", self.accept)
        await self.page.goto(url)

    async def accept(self, route: WebSocketRoute) -> None:
        self.route = route
        if self.refusal:
            await self.close(1013, {"type": "relay_error", "code": self.refusal, "message": ""})
            return
        session: list[Event] = []
        self.sessions.append(session)

        def note(message: str | bytes) -> None:
            event = json.loads(message)
            self.sent.append(event)
            session.append(event)
            if event["type"] == "session.update" and self.is_ready:
                route.send(json.dumps({"type": "session.updated", "session": self.session}))

        route.on_message(note)
        self.say({"type": "session.created", "session": self.session})

    def say(self, *events: Event) -> None:
        assert self.route
        for number, event in enumerate(events):
            name = event["type"]
            if self.session is GA_SESSION:
                name = GA_NAMES.get(name, name)
            self.route.send(json.dumps({"event_id": f"e{number}", **event, "type": name}))

    async def close(self, code: int, error: Event | None = None) -> None:
        """Close the session as the relay does: after an error event that explains the close."""
        assert self.route
        if error:
            self.say({"type": "error", "error": error})
            await anyio.lowlevel.checkpoint()  # Playwright sends the error in a task of its own
        await self.route.close(code=code, reason="")

    def of_type(self, kind: str) -> list[Event]:
        return [event for event in self.sent if event["type"] == kind]

    async def wait_for(self, kind: str, count: int = 1) -> Event:
        """Wait until the page has sent that many events of a type, and return the last of them."""
        await eventually(lambda: len(self.of_type(kind)) >= count, f"no {kind}")
        return self.of_type(kind)[count - 1]

    # What the service sends

    def speech(self, item: str, previous: str | None = None) -> None:
        """The user has spoken."""
        self.say(
            {"type": "input_audio_buffer.speech_started", "audio_start_ms": 100, "item_id": item},
            {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 900, "item_id": item},
        )
        self.commit(item, previous)

    def commit(self, item: str, previous: str | None = None) -> None:
        self.say(
            {"type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": item},
            {
                "type": "conversation.item.created",
                "previous_item_id": previous,
                "item": {
                    "id": item,
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_audio", "transcript": None}],
                },
            },
        )

    def transcribed(self, item: str, words: str) -> None:
        kind = "conversation.item.input_audio_transcription.completed"
        self.say({"type": kind, "item_id": item, "content_index": 0, "transcript": words})

    def begin_answer(self, item: str, words: str, ms: int, previous: str | None = None) -> None:
        """An answer has arrived, except its last events."""
        place = {"response_id": f"r-{item}", "item_id": item, "output_index": 0, "content_index": 0}
        message = {"id": item, "type": "message", "role": "assistant", "content": []}
        self.say(
            {"type": "response.created", "response": {"id": f"r-{item}"}},
            {"type": "response.output_item.added", "response_id": f"r-{item}", "item": message},
            {"type": "conversation.item.created", "previous_item_id": previous, "item": message},
            {"type": "response.audio_transcript.delta", "delta": words, **place},
            *({"type": "response.audio.delta", "delta": tone(500), **place} for _ in range(ms // 500)),
        )

    def end_answer(self, item: str, words: str, **response: Any) -> None:
        place = {"response_id": f"r-{item}", "item_id": item, "output_index": 0, "content_index": 0}
        message = {"id": item, "type": "message", "role": "assistant", "status": "completed", "content": []}
        self.say(
            {"type": "response.audio.done", **place},
            {"type": "response.audio_transcript.done", "transcript": words, **place},
            {"type": "response.output_item.done", "response_id": f"r-{item}", "item": message},
            {"type": "response.done", "response": {"id": f"r-{item}", "status": "completed", **response}},
        )

    def answer(self, item: str, words: str, ms: int = 500, previous: str | None = None) -> None:
        self.begin_answer(item, words, ms, previous)
        self.end_answer(item, words, output=[{"id": item}])


NEVER_ALLOW = "() => { navigator.mediaDevices.getUserMedia = () => new Promise(() => {}) }"


async def show_connecting(script: Script) -> None:
    script.is_ready = False
    await script.press("Connect")


async def show_requesting_microphone(script: Script) -> None:
    await script.page.evaluate(NEVER_ALLOW)
    await script.press("Start Recording")


async def show_hearing(script: Script) -> None:
    await script.record()
    script.say({"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "u1"})


async def show_thinking(script: Script) -> None:
    await script.record()
    script.speech("u1")


async def show_speaking(script: Script) -> None:
    await show_thinking(script)
    script.transcribed("u1", "What is the weather like at the sea?")
    script.begin_answer("a1", "Mild and bright, with a light breeze from the west. " * 3, 20_000, "u1")


async def show_reconnecting(script: Script) -> None:
    await script.connect()
    script.is_ready = False
    await script.close(1012, {"type": "relay_error", "code": "restarting", "message": ""})
    await expect(script.banner).to_contain_text("The server is restarting")


async def show_ended(script: Script) -> None:
    await script.connect()
    await script.press("Disconnect")


async def show_error(script: Script) -> None:
    await script.connect()
    await script.close(1009, {"type": "relay_error", "code": "too_big", "message": ""})


async def show_nothing(_: Script) -> None:
    """The page as it opens."""


STATES: dict[str, Callable[[Script], Awaitable[None]]] = {
    "idle": show_nothing,
    "connecting": show_connecting,
    "connected": Script.connect,
    "requesting-mic": show_requesting_microphone,
    "listening": Script.record,
    "hearing-you": show_hearing,
    "thinking": show_thinking,
    "speaking": show_speaking,
    "reconnecting": show_reconnecting,
    "ended": show_ended,
    "error": show_error,
}
"""How to bring the page into each state."""
