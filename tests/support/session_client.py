"""A client of a session without a socket; every event of both sides is judged by the SDK's models."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import signals
from sdk_models import check_event

from simulator.dialect import Deployment
from simulator.faults import Faults
from simulator.ga import GA
from simulator.preview import Preview
from simulator.session import Session

Event = dict[str, Any]
DIALECTS = {"preview": Preview(), "ga": GA()}
TYPED: dict[str, Event] = {"preview": {}, "ga": {"type": "realtime"}}  # what every session.update carries

PRODUCT_UPDATE: dict[str, Event] = {
    "preview": {
        "modalities": ["text", "audio"],
        "instructions": "Be brief.",
        "voice": "alloy",
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "input_audio_transcription": {"model": "whisper-1"},
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": 300,
            "silence_duration_ms": 200,
            "create_response": True,
            "interrupt_response": True,
        },
    },
    "ga": {
        "type": "realtime",
        "instructions": "Be brief.",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": {"model": "whisper-1"},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 200,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"},
        },
    },
}
UTTERANCE = signals.to_pcm(
    np.concatenate((signals.silence(0.5), signals.at(signals.voice(1.2), -20), signals.silence(0.5)))
)
WEATHER: Event = {
    "type": "function",
    "name": "get_weather",
    "description": "Tell the weather.",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "hours": {"type": "array", "items": {"type": "number"}},
        },
    },
}
OTHER: Event = {"type": "function", "name": "other", "parameters": {"type": "object", "properties": {}}}


class SessionClient:
    """A client of a session on Azure, unless `deployment` says otherwise: sends events and keeps what comes back, in order."""

    def __init__(
        self, name: str, *, scripted: bool = True, faults: Faults | None = None, **deployment: Any
    ) -> None:
        self.name = name
        self.session = Session(
            DIALECTS[name],
            expires_at=1_800_000_000,
            scripted=scripted,
            deployment=Deployment(**deployment),
            faults=faults or Faults(),
        )
        self.events: list[Event] = []
        self.take(self.session.greet())

    def take(self, events: list[Event]) -> list[Event]:
        for event in events:
            event_as_sent = json.loads(json.dumps(event))
            check_event(event_as_sent, self.name, "server")
            self.events.append(event_as_sent)
        return events

    def send(self, kind: str, **fields: Any) -> list[Event]:
        """Send an event that the SDK could send and return the server events it brings."""
        event = {"type": kind, **fields}
        check_event(event, self.name, "client")
        return self.send_raw(json.dumps(event))

    def send_raw(self, message: str | bytes) -> list[Event]:
        return [event for batch in self.session.receive(message) for event in self.take(batch)]

    def fails(self, message: str | bytes | Event) -> Event:
        """Send what must bring a single error event, and return its error."""
        raw = json.dumps(message) if isinstance(message, dict) else message
        [event] = self.send_raw(raw)
        assert event["type"] == "error"
        return event["error"]  # type: ignore[no-any-return]

    def update(self, **settings: Any) -> Event:
        updated, *_ = self.send("session.update", session={**TYPED[self.name], **settings})
        assert updated["type"] == "session.updated", updated
        return updated["session"]  # type: ignore[no-any-return]

    def update_input(self, **settings: Any) -> Event:
        """Update what concerns the microphone: turn_detection, transcription."""
        if self.name == "ga":
            return self.update(audio={"input": settings})
        names = {"transcription": "input_audio_transcription"}
        return self.update(**{names.get(name, name): value for name, value in settings.items()})

    def text_only(self) -> Event:
        return self.update(**{"modalities" if self.name == "preview" else "output_modalities": ["text"]})

    def speak(self, pcm: bytes) -> list[Event]:
        return self.send("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())

    def say(self, text: str) -> list[Event]:
        content = [{"type": "input_text", "text": text}]
        return self.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": content}
        )

    def step(self, times: int = 1) -> list[Event]:
        return [event for _ in range(times) for event in self.take(self.session.advance().events)]

    def finish(self) -> list[Event]:
        """Take all steps of the response in progress."""
        events: list[Event] = []
        while self.session.response:
            events += self.step()
        return events

    def answer(self, text: str, **response: Any) -> list[Event]:
        """Type a message, ask for the answer and return its events."""
        self.say(text)
        created = self.send("response.create", **({"response": response} if response else {}))
        return [*created, *self.finish()]

    def named(self, end: str) -> str:
        """Return the type of response.audio.* in this dialect."""
        return ("response." if self.name == "preview" else "response.output_") + end


def types(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def one(events: list[Event], kind: str) -> Event:
    [event] = [event for event in events if event["type"] == kind]
    return event


def audio(events: list[Event]) -> bytes:
    deltas = [event["delta"] for event in events if event["type"].endswith("audio.delta")]
    return b"".join(map(base64.b64decode, deltas))


def done(events: list[Event]) -> Event:
    return one(events, "response.done")["response"]  # type: ignore[no-any-return]


def ordered(client: SessionClient, *added: str) -> list[str]:
    """Return the dialect's names of the events around an item."""
    return list(added) if client.name == "ga" else ["conversation.item.created"]


def message(item_id: str, role: str = "user", kind: str = "input_text") -> Event:
    return {"id": item_id, "type": "message", "role": role, "content": [{"type": kind, "text": item_id}]}
