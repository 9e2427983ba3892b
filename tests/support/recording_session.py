"""Sessions of the simulator whose answers a test can predict, and which record what they receive."""

from __future__ import annotations

import base64
import itertools
import json
import math
import re
import struct
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.replies import Call, Message, Partner, Reply
from simulator.session import Session
from simulator.transcription import to_transcript
from simulator.voice import Speech

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simulator.conversation import Item
    from simulator.dialect import Asked, Dialect, Event
    from simulator.responses import Step

RATE_HZ = 24_000
RAMP_MS, RAMP_PEAK = 300_000, 0.25
"""The same as in page-tap.js."""
RAMP_STEPS = 6  # at most, from the lowest to the highest sample of one append
WORD_MS = 100
WORDS = 4
LONG, TOOL = "150 words", "/tool"
GO_ON = "what was cut"
"""What the answer is about when the page asks for the rest of an interrupted one."""
TONE = b"".join(
    struct.pack("<h", round(3000 * math.sin(math.tau * n / 80))) for n in range(RATE_HZ * WORD_MS // 1000)
)
"""The sound of a word: 100 ms of 300 Hz."""


def answer_to(question: str) -> str:
    """Return the answer to a question: numbered words, as many as the question asks for ("20 words"), after the question itself."""
    asked = re.search(r"(\d+) words", question)
    count = int(asked[1]) if asked else WORDS
    return f"Re {question}: " + " ".join(f"word{number:03}" for number in range(1, count + 1))


class NumberedReplies(Partner):
    """Answer each question with a number and `answer_to`, 100 ms a word; answer `/tool` with a call that takes seconds.

    Args:
        numbers: one for each answer, so that no two answers are equal.

    Attributes:
        text: the whole text of the last answer.
    """

    def __init__(self, numbers: Iterator[int]) -> None:
        super().__init__(scripted=False)
        self.text = ""
        self._numbers = numbers

    def reply(self, item: Item | None, asked: Asked, earlier: Sequence[Item] = ()) -> Reply:  # noqa: ARG002 - the base class's
        if item and item.text.startswith(TOOL):
            return Reply((Call("look_up", json.dumps({"words": "many " * 400})),))
        question = GO_ON
        if item and item.role == "user":
            question = to_transcript(item.heard) if item.heard else item.text
        self.text = f"{next(self._numbers)}. {answer_to(question)}"
        return Reply((Message((Speech(self.text, TONE * len(self.text.split())),)),))


@dataclass(frozen=True)
class KnownMessage:
    """A message in a session's conversation."""

    id: str
    role: str
    text: str
    is_cut: bool = False  # an answer whose end was not generated, or not played


@dataclass
class SessionRecords:
    """The sessions of one conversation, the oldest first."""

    sessions: list[RecordingSession] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def open_session(self, dialect: Dialect, **options: Any) -> RecordingSession:
        session = RecordingSession(dialect, self.numbers, **options)
        self.sessions.append(session)
        return session

    @property
    def answers(self) -> dict[str, str]:
        """The whole text of every answer, by item id."""
        return {item_id: whole for session in self.sessions for item_id, whole in session.answers.items()}


@dataclass(frozen=True)
class Append:
    """One append of sound that a session received.

    Attributes:
        at_ms: when its first sample was captured, by the clock of `tap.moment()`. None when it contains speech, and when
            a busy machine made the browser capture zeros.
        ms: its duration.
    """

    at_ms: float | None
    ms: float

    @classmethod
    def of(cls, pcm: bytes) -> Append:
        """Read the time of capture from the microphone's ramp."""
        samples = array("h", pcm)
        at_ms = (samples[0] / (32768 * RAMP_PEAK) + 1) / 2 * RAMP_MS
        is_ramp = any(samples) and max(samples) - min(samples) <= RAMP_STEPS
        return cls(at_ms if is_ramp else None, len(samples) * 1000 / RATE_HZ)


class RecordingSession(Session):
    """A session that records what it receives.

    Attributes:
        restored: the messages that it was given before its first turn, without those deleted since.
        appends: the sound that it received, in order, beginning with the first append that is not silent.
        answers: the whole text of each of its own answers, by item id.
        is_calling: whether it has begun to send the arguments of a call.
        errors: the errors that it sent.
    """

    def __init__(self, dialect: Dialect, numbers: Iterator[int], **options: Any) -> None:
        super().__init__(dialect, **options)
        self.restored: list[KnownMessage] = []
        self.appends: list[Append] = []
        self.answers: dict[str, str] = {}
        self.is_calling = False
        self.errors: list[Event] = []
        self._truncated: set[str] = set()
        self._is_new = True
        self._partner = self._replies = NumberedReplies(numbers)

    def receive(self, message: str | bytes) -> Iterator[list[Event]]:
        event = json.loads(message)
        match event["type"]:
            case "input_audio_buffer.append":
                self._record_sound(base64.b64decode(event["audio"]))
            case "conversation.item.create":
                self.restored += [to_known(event["item"])] if self._is_new else []
            case "conversation.item.delete":
                self.restored = [known for known in self.restored if known.id != event["item_id"]]
            case "conversation.item.truncate":
                self._truncated.add(event["item_id"])
            case "response.create":
                self._is_new = False
        for batch in super().receive(message):
            for sent in batch:
                if sent["type"] == "error":
                    self.errors.append(sent["error"])
                elif sent["type"] == "input_audio_buffer.committed":
                    self._is_new = False
            yield batch

    def advance(self) -> Step:
        step = super().advance()
        for event in step.events:
            if event["type"] == "response.output_item.added" and event["item"]["type"] == "message":
                self.answers[event["item"]["id"]] = self._replies.text
            self.is_calling |= event["type"] == "response.function_call_arguments.delta"
        return step

    def _record_sound(self, pcm: bytes) -> None:
        # A microphone that has just opened gives zeros for a moment, before the ramp begins.
        if self.appends or any(pcm):
            self.appends.append(Append.of(pcm))

    @property
    def messages(self) -> list[KnownMessage]:
        """The messages in its conversation, in order."""
        messages = [item for item in self._conversation.items if item.shown["type"] == "message"]
        return [
            to_known(item.shown, is_cut=item.id in self._truncated or item.shown["status"] != "completed")
            for item in messages
        ]


def to_known(item: dict[str, Any], *, is_cut: bool = False) -> KnownMessage:
    text = "".join(part.get("text") or part.get("transcript") or "" for part in item["content"])
    return KnownMessage(item["id"], item["role"], text, is_cut)
