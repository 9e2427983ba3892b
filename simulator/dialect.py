"""What both dialects of the Realtime API have in common: names of events, and a session's settings read alike. Pure.

Each dialect checks client events as its endpoint does: what belongs to the other one is an unknown parameter.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from simulator.checks import Check, integer, nullable, record, string, variants
from simulator.g711 import Law
from simulator.shapes import TURN_DETECTION_DEFAULTS, response_settings
from simulator.turns import SEMANTIC_SILENCE_MS, TurnDetection

Event = dict[str, Any]
Settings = dict[str, Any]
SessionKind = Literal["realtime", "transcription"]

INSTRUCTIONS = "This is a simulator of the Realtime API: no model is connected and nothing is understood."
REASONING_MODEL = re.compile(r"gpt-realtime-2(\.\d+)?(-[a-z].*)?")
REASONING_TOKENS = {"minimal": 8, "low": 32, "medium": 96, "high": 256, "xhigh": 512}


@dataclass(frozen=True)
class Deployment:
    """What a handshake leads to: a model and a kind of session, on Azure or (`is_azure` False) on OpenAI's own paths.

    `has_transcription_deltas` is False for the first api-version, whose clients know no such event.
    """

    model: str = "gpt-realtime"
    is_azure: bool = True
    kind: SessionKind = "realtime"
    has_transcription_deltas: bool = True

    @property
    def reasons(self) -> bool:
        """Whether the model is one of those that know `reasoning` and `parallel_tool_calls`."""
        return REASONING_MODEL.fullmatch(self.model) is not None


@dataclass(frozen=True)
class Asked:
    """What is asked of one response, after its own settings and the session's.

    Attributes:
        instructions: in effect: the response's own, else the session's.
        audio_format: as the dialect writes it.
        law: of G.711, None for PCM16.
        parallel: several calls at once are allowed.
        reasons: the model is one that reasons.
    """

    text_only: bool
    voice: str | dict[str, Any]
    max_output_tokens: int | str
    tools: list[dict[str, Any]]
    tool_choice: str | dict[str, Any]
    metadata: Any
    in_conversation: bool
    input: list[dict[str, Any]] | None
    temperature: float | None
    instructions: str
    own_instructions: str
    audio_format: Any
    law: Law | None
    speed: float = 1.0
    parallel: bool = False
    reasons: bool = False
    reasoning_tokens: int = 0


class Dialect(ABC):
    """What both dialects share; a subclass defines what differs."""

    name: str
    text_event: str
    audio_event: str
    transcript_event: str
    text_content: str
    audio_content: str
    rate_limits: tuple[
        str, ...
    ]  # those that Azure names in rate_limits.updated; none: it sends no such event
    created_event: Mapping[SessionKind, str]
    updated_event: Mapping[SessionKind, str]
    empty_commit: str  # of the error when the buffer has no audio at all

    def __init__(self) -> None:
        items = self._items()
        settings = response_settings(items, self._response_checks())
        self.client_events: dict[str, Check] = {
            "session.update": client_event({"session": self._session_check()}, ("session",)),
            "transcription_session.update": client_event(
                {"session": self._transcription_session_check()}, ("session",)
            ),
            "input_audio_buffer.append": client_event({"audio": string}, ("audio",)),
            "input_audio_buffer.commit": client_event({}),
            "input_audio_buffer.clear": client_event({}),
            "conversation.item.create": client_event(
                {"item": variants("type", items), "previous_item_id": nullable(string)}, ("item",)
            ),
            "conversation.item.truncate": client_event(
                {"item_id": string, "content_index": integer(0, 2**31), "audio_end_ms": integer(0, 2**31)},
                ("item_id", "content_index", "audio_end_ms"),
            ),
            "conversation.item.delete": client_event({"item_id": string}, ("item_id",)),
            "conversation.item.retrieve": client_event({"item_id": string}, ("item_id",)),
            "response.create": client_event({"response": nullable(settings)}),
            "response.cancel": client_event({"response_id": nullable(string)}),
        }

    @abstractmethod
    def _items(self) -> dict[str, Check]: ...

    @abstractmethod
    def _session_check(self) -> Check: ...

    @abstractmethod
    def _transcription_session_check(self) -> Check: ...

    @abstractmethod
    def _response_checks(self) -> dict[str, Check]: ...

    @abstractmethod
    def default_session(self, deployment: Deployment) -> Settings:
        """Return a new session's settings in this dialect's shape."""

    @abstractmethod
    def kind_of_update(self, event: Event) -> SessionKind:
        """Return which kind of session a checked update is for."""

    @abstractmethod
    def merge(self, session: Settings, update: Settings) -> Settings:
        """Return the session after a checked update; neither argument is changed."""

    @abstractmethod
    def input_settings(self, session: Settings) -> Settings:
        """Return `turn_detection`, `transcription` and `format` of a session's input."""

    @abstractmethod
    def input_law(self, session: Settings) -> Law | None:
        """Return the law of the input's G.711, None for PCM16."""

    @abstractmethod
    def asked(self, session: Settings, response: dict[str, Any], deployment: Deployment) -> Asked:
        """Return what a response created with these checked settings must be like."""

    @abstractmethod
    def response_fields(self, asked: Asked) -> dict[str, Any]:
        """Return the fields of a response resource that only this dialect has."""

    @abstractmethod
    def item(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return an item of these fields as the conversation shows it, completed unless the fields say otherwise."""

    @abstractmethod
    def item_added(self, item: dict[str, Any], previous_item_id: str | None, *, done: bool) -> list[Event]:
        """Return the events of a new item, one that is complete already (`done`) or will be."""

    @abstractmethod
    def item_done(self, item: dict[str, Any], previous_item_id: str | None) -> list[Event]:
        """Return the events of an item's completion, when it was added in progress."""

    @abstractmethod
    def cached_details(self, text_tokens: int, audio_tokens: int) -> dict[str, Any]:
        """Return the details of cached tokens that usage has besides their number."""

    def turn_detection(self, session: Settings) -> Settings | None:
        settings: Settings | None = self.input_settings(session)["turn_detection"]
        return settings

    def transcription(self, session: Settings) -> Settings | None:
        settings: Settings | None = self.input_settings(session)["transcription"]
        return settings


def client_event(fields: dict[str, Check], required: tuple[str, ...] = ()) -> Check:
    return record({"type": string, "event_id": nullable(string), **fields}, required)


def asked_alike(both: Settings, response: dict[str, Any]) -> dict[str, Any]:
    """Return what both dialects call by the same names when they ask for a response; `both` are its settings over the session's."""
    return {
        "tools": both["tools"],
        "tool_choice": both["tool_choice"],
        "metadata": response.get("metadata"),
        "in_conversation": response.get("conversation") != "none",
        "input": response.get("input"),
        "instructions": both["instructions"] or "",
        "own_instructions": response.get("instructions") or "",
    }


def filled(detection: Settings | None) -> Settings | None:
    """Return turn detection settings with the defaults of their type filled in; none for the type "none"."""
    if detection is None or detection["type"] == "none":
        return None
    return {**TURN_DETECTION_DEFAULTS[detection["type"]], **detection}


def with_nulls(transcription: Settings | None) -> Settings | None:
    """Return transcription settings as the service shows them, with null for what was not set."""
    return transcription and {"language": None, "prompt": None, **transcription}


def to_turn_detection(detection: Settings | None) -> TurnDetection | None:
    """Return the settings of the simulator's own turn detection.

    A semantic_vad gets the same detector, and a longer silence the less eager it is: the simulator cannot tell
    whether a sentence is finished.
    """
    if detection is None:
        return None
    if detection["type"] == "semantic_vad":
        return TurnDetection(silence_ms=SEMANTIC_SILENCE_MS[detection["eagerness"]])
    return TurnDetection(
        detection["threshold"], detection["prefix_padding_ms"], detection["silence_duration_ms"]
    )
