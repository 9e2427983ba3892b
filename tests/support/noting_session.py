"""The far end of a talk: sessions of the simulator that say what a test can check, and note what they are told."""

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
from simulator.voice import Speech

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simulator.conversation import Item
    from simulator.dialect import Asked, Dialect, Event
    from simulator.responses import Step

RATE_HZ = 24_000
RAMP_MS, RAMP_PEAK = 300_000, 0.25
"""As tap.js has them."""
RAMP_STEPS = 6  # within an append, at most
WORD_MS = 100
WORDS = 4
LONG, TOOL = "150 words", "/tool"
GO_ON = "what was cut"
"""What is answered when an answer is to go on."""
TONE = b"".join(
    struct.pack("<h", round(3000 * math.sin(math.tau * n / 80))) for n in range(RATE_HZ * WORD_MS // 1000)
)
"""A word: 100 ms of 300 Hz."""


def answer_to(question: str) -> str:
    """Return what is answered, which no other question is: numbered words, so many as a question asks for ("20 words")."""
    asked = re.search(r"(\d+) words", question)
    count = int(asked[1]) if asked else WORDS
    return f"Re {question}: " + " ".join(f"word{number:03}" for number in range(1, count + 1))


class Talker(Partner):
    """Answer each question by a number and `answer_to`, a word in 100 ms; and `/tool` by a call that takes seconds.

    Args:
        numbers: one for each answer, so that no two are alike.

    Attributes:
        saying: the last answer, whole.
    """

    def __init__(self, numbers: Iterator[int]) -> None:
        super().__init__(scripted=False)
        self.saying = ""
        self._numbers = numbers

    def reply(self, item: Item | None, asked: Asked, earlier: Sequence[Item] = ()) -> Reply:  # noqa: ARG002 - the base class's
        if item and item.text.startswith(TOOL):
            return Reply((Call("look_up", json.dumps({"words": "many " * 400})),))
        is_asked = item is not None and item.role == "user"
        self.saying = f"{next(self._numbers)}. {answer_to(item.text if item and is_asked else GO_ON)}"
        return Reply((Message((Speech(self.saying, TONE * len(self.saying.split())),)),))


@dataclass(frozen=True)
class Known:
    """A message in a session's conversation."""

    id: str
    role: str
    text: str
    is_cut: bool = False  # an answer of which the end was not said, or not heard


@dataclass
class Notes:
    """What the sessions of one talk were told, the oldest session first."""

    sessions: list[NotingSession] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def open_session(self, dialect: Dialect, **options: Any) -> NotingSession:
        session = NotingSession(dialect, self.numbers, **options)
        self.sessions.append(session)
        return session

    @property
    def answers(self) -> dict[str, str]:
        """All answers, by item id: what each was to say."""
        return {item_id: whole for session in self.sessions for item_id, whole in session.answers.items()}


@dataclass(frozen=True)
class Append:
    """Sound that a session was sent.

    Attributes:
        at_ms: when its first sample was captured, by the clock of `tap.moment()`; None while somebody spoke, and where
            the browser, on a busy machine, had nothing from its microphone and gave zeros.
        ms: how long it is.
    """

    at_ms: float | None
    ms: float

    @classmethod
    def of(cls, pcm: bytes) -> Append:
        """Read what the microphone's ramp tells."""
        samples = array("h", pcm)
        at_ms = (samples[0] / (32768 * RAMP_PEAK) + 1) / 2 * RAMP_MS
        is_ramp = any(samples) and max(samples) - min(samples) <= RAMP_STEPS
        return cls(at_ms if is_ramp else None, len(samples) * 1000 / RATE_HZ)


class NotingSession(Session):
    """A session that notes what it is told.

    Attributes:
        restored: the messages it was given before anything was said, and still has.
        appends: the sound it was sent, in order, from the first that is not nothing.
        answers: of its own, by item id: all that each was to say.
        is_calling: whether it has begun to tell the arguments of a call.
        errors: what it complained of.
    """

    def __init__(self, dialect: Dialect, numbers: Iterator[int], **options: Any) -> None:
        super().__init__(dialect, **options)
        self.restored: list[Known] = []
        self.appends: list[Append] = []
        self.answers: dict[str, str] = {}
        self.is_calling = False
        self.errors: list[Event] = []
        self._truncated: set[str] = set()
        self._is_new = True
        self._partner = self._talker = Talker(numbers)

    def receive(self, message: str | bytes) -> Iterator[list[Event]]:
        event = json.loads(message)
        match event["type"]:
            case "input_audio_buffer.append":
                self._note_sound(base64.b64decode(event["audio"]))
            case "conversation.item.create":
                self.restored += [to_known(event["item"])] if self._is_new else []
            case "conversation.item.delete":
                self.restored = [known for known in self.restored if known.id != event["item_id"]]
            case "conversation.item.truncate":
                self._truncated.add(event["item_id"])
            case "response.create":
                self._is_new = False
        for batch in super().receive(message):
            for told in batch:
                if told["type"] == "error":
                    self.errors.append(told["error"])
                elif told["type"] == "input_audio_buffer.committed":
                    self._is_new = False
            yield batch

    def advance(self) -> Step:
        step = super().advance()
        for event in step.events:
            if event["type"] == "response.output_item.added" and event["item"]["type"] == "message":
                self.answers[event["item"]["id"]] = self._talker.saying
            self.is_calling |= event["type"] == "response.function_call_arguments.delta"
        return step

    def _note_sound(self, pcm: bytes) -> None:
        # A microphone that opens gives zeros for a moment, which are no part of the ramp.
        if self.appends or any(pcm):
            self.appends.append(Append.of(pcm))

    @property
    def knows(self) -> list[Known]:
        """The messages in its conversation, in order."""
        messages = [item for item in self._conversation.items if item.shown["type"] == "message"]
        return [
            to_known(item.shown, is_cut=item.id in self._truncated or item.shown["status"] != "completed")
            for item in messages
        ]


def to_known(item: dict[str, Any], *, is_cut: bool = False) -> Known:
    text = "".join(part.get("text") or part.get("transcript") or "" for part in item["content"])
    return Known(item["id"], item["role"], text, is_cut)
