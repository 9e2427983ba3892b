"""The two dialects of the Realtime API: names of events, shapes of sessions, items and responses. Pure.

Each dialect checks client events as its endpoint does: what belongs to the other one is an unknown parameter.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from simulator.checks import (
    Check,
    array_of,
    decimal,
    integer,
    map_of,
    not_simulated,
    nullable,
    one_of,
    only,
    record,
    string,
    variants,
)
from simulator.shapes import (
    SERVER_VAD,
    TURN_DETECTION_DEFAULTS,
    VOICES,
    item_kinds,
    modalities,
    noise_reduction,
    output_tokens,
    pcm_format,
    tool,
    tool_choice,
    tracing,
    transcription,
    turn_detections,
)
from simulator.turns import SEMANTIC_SILENCE_MS, TurnDetection

Event = dict[str, Any]

INSTRUCTIONS = "This is a simulator of the Realtime API: no model is connected and nothing is understood."


@dataclass(frozen=True)
class Deployment:
    """What a handshake leads to: a model, on Azure or (`is_azure` False) on OpenAI's own paths."""

    model: str = "gpt-realtime"
    is_azure: bool = True


@dataclass(frozen=True)
class Asked:
    """What is asked of one response, after its own settings and the session's."""

    text_only: bool
    voice: str
    max_output_tokens: int | str
    tools: list[dict[str, Any]]
    tool_choice: str | dict[str, Any]
    metadata: Any
    in_conversation: bool
    input: list[dict[str, Any]] | None
    temperature: float | None
    instructions: str  # in effect: the response's own, else the session's
    own_instructions: str = ""
    parallel: bool = False  # several calls at once are allowed
    reasons: bool = False  # the model is one that reasons
    reasoning_tokens: int = 0


class Dialect(ABC):
    """What both dialects share; the subclasses say the rest."""

    name: str
    text_event: str
    audio_event: str
    transcript_event: str
    text_content: str
    audio_content: str
    rate_limits: tuple[str, ...]  # named in rate_limits.updated

    def __init__(self) -> None:
        items = item_kinds(self.text_content)
        reference = record({"type": string, "id": string}, ("id",))
        response = {
            "conversation": one_of("auto", "none"),
            "input": array_of(variants("type", {**items, "item_reference": reference})),
            "instructions": nullable(string),
            "metadata": nullable(map_of(string)),
            "tools": array_of(tool),
            "tool_choice": tool_choice,
            **self._response_checks(),
        }
        self.client_events: dict[str, Check] = {
            "session.update": client_event({"session": self._session_check()}, ("session",)),
            "input_audio_buffer.append": client_event({"audio": string}, ("audio",)),
            "input_audio_buffer.commit": client_event({}),
            "input_audio_buffer.clear": client_event({}),
            "conversation.item.create": client_event(
                {"item": variants("type", items), "previous_item_id": nullable(string)}, ("item",)
            ),
            "conversation.item.retrieve": client_event({"item_id": string}, ("item_id",)),
            "conversation.item.delete": client_event({"item_id": string}, ("item_id",)),
            "conversation.item.truncate": client_event(
                {"item_id": string, "content_index": integer(0, 2**31), "audio_end_ms": integer(0, 2**31)},
                ("item_id", "content_index", "audio_end_ms"),
            ),
            "response.create": client_event({"response": nullable(record(response))}),
            "response.cancel": client_event({"response_id": nullable(string)}),
        }

    @abstractmethod
    def _session_check(self) -> Check: ...

    @abstractmethod
    def _response_checks(self) -> dict[str, Check]: ...

    @abstractmethod
    def default_session(self) -> dict[str, Any]:
        """Return a new session's settings in this dialect's shape."""

    @abstractmethod
    def merge(self, session: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
        """Return the session after a checked update; neither argument is changed."""

    @abstractmethod
    def turn_detection(self, session: dict[str, Any]) -> dict[str, Any] | None: ...

    @abstractmethod
    def transcription(self, session: dict[str, Any]) -> dict[str, Any] | None: ...

    @abstractmethod
    def asked(self, session: dict[str, Any], response: dict[str, Any]) -> Asked:
        """Return what is asked of a response created with these checked settings."""

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
        """Return what usage tells of cached tokens beyond their number."""


def client_event(fields: dict[str, Check], required: tuple[str, ...] = ()) -> Check:
    return record({"type": string, "event_id": nullable(string), **fields}, required)


def filled(detection: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return turn detection settings with the defaults of their type filled in; none for the type "none"."""
    if detection is None or detection["type"] == "none":
        return None
    return {**TURN_DETECTION_DEFAULTS[detection["type"]], **detection}


def told_back(transcription: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return transcription settings as the service shows them, with null for what was not set."""
    return transcription and {"language": None, "prompt": None, **transcription}


def to_turn_detection(detection: dict[str, Any] | None) -> TurnDetection | None:
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


class Preview(Dialect):
    """`/openai/realtime?api-version=…&deployment=…`, deprecated, flat."""

    name = "preview"
    text_event, audio_event, transcript_event = "response.text", "response.audio", "response.audio_transcript"
    text_content, audio_content = "text", "audio"
    rate_limits = ("requests", "tokens")

    def _session_check(self) -> Check:
        return record(
            {
                "model": string,
                "modalities": modalities(["text"], ["audio", "text"]),
                "instructions": string,
                "voice": one_of(*VOICES),
                "input_audio_format": only("pcm16", "audio formats"),
                "output_audio_format": only("pcm16", "audio formats"),
                "input_audio_transcription": transcription,
                "input_audio_noise_reduction": noise_reduction,
                # Microsoft's own clients turn it off by {"type": "none"}, which is told back as null.
                "turn_detection": nullable(
                    variants("type", {**turn_detections, "none": record({"type": string})})
                ),
                "tools": array_of(tool),
                "tool_choice": tool_choice,
                "temperature": decimal(0.6, 1.2),
                "max_response_output_tokens": output_tokens,
                "speed": only(1.0, "speeds"),
                "tracing": tracing,
                "client_secret": not_simulated("client secrets"),
            }
        )

    def _response_checks(self) -> dict[str, Check]:
        return {
            "modalities": modalities(["text"], ["audio", "text"]),
            "voice": one_of(*VOICES),
            "output_audio_format": only("pcm16", "audio formats"),
            "temperature": decimal(0.6, 1.2),
            "max_response_output_tokens": output_tokens,
        }

    def default_session(self) -> dict[str, Any]:
        return {
            "object": "realtime.session",
            "modalities": ["audio", "text"],
            "instructions": INSTRUCTIONS,
            "voice": "alloy",
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            "input_audio_transcription": None,
            "input_audio_noise_reduction": None,
            "turn_detection": {"type": "server_vad", **SERVER_VAD},
            "tools": [],
            "tool_choice": "auto",
            "temperature": 0.8,
            "max_response_output_tokens": "inf",
            "speed": 1.0,
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            "include": None,
            "client_secret": None,
        }

    def merge(self, session: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
        merged = {**session, **update, "model": session["model"]}
        merged["turn_detection"] = filled(merged["turn_detection"])
        merged["input_audio_transcription"] = told_back(merged["input_audio_transcription"])
        return merged

    def turn_detection(self, session: dict[str, Any]) -> dict[str, Any] | None:
        settings: dict[str, Any] | None = session["turn_detection"]
        return settings

    def transcription(self, session: dict[str, Any]) -> dict[str, Any] | None:
        settings: dict[str, Any] | None = session["input_audio_transcription"]
        return settings

    def asked(self, session: dict[str, Any], response: dict[str, Any]) -> Asked:
        both = {**session, **response}
        return Asked(
            text_only=both["modalities"] == ["text"],
            voice=both["voice"],
            max_output_tokens=both["max_response_output_tokens"],
            tools=both["tools"],
            tool_choice=both["tool_choice"],
            metadata=response.get("metadata"),
            in_conversation=response.get("conversation") != "none",
            input=response.get("input"),
            temperature=both["temperature"],
            instructions=both["instructions"] or "",
            own_instructions=response.get("instructions") or "",
        )

    def response_fields(self, asked: Asked) -> dict[str, Any]:
        return {
            "modalities": ["text"] if asked.text_only else ["audio", "text"],
            "voice": asked.voice,
            "output_audio_format": "pcm16",
            "temperature": asked.temperature,
        }

    def item(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {"object": "realtime.item", "status": "completed", **fields}

    def item_added(self, item: dict[str, Any], previous_item_id: str | None, *, done: bool) -> list[Event]:  # noqa: ARG002 - one event tells of both
        return [{"type": "conversation.item.created", "previous_item_id": previous_item_id, "item": item}]

    def item_done(self, item: dict[str, Any], previous_item_id: str | None) -> list[Event]:  # noqa: ARG002 - not told
        return []

    def cached_details(self, text_tokens: int, audio_tokens: int) -> dict[str, Any]:  # noqa: ARG002 - not told
        return {}


class GA(Dialect):
    """`/openai/v1/realtime?model=…`, nested."""

    name = "ga"
    text_event, audio_event = "response.output_text", "response.output_audio"
    transcript_event = "response.output_audio_transcript"
    text_content, audio_content = "output_text", "output_audio"
    rate_limits = ("tokens",)

    def _session_check(self) -> Check:
        realtime = record(
            {
                "type": string,
                "model": string,
                "output_modalities": modalities(["text"], ["audio"]),
                "instructions": string,
                "audio": record(
                    {
                        "input": record(
                            {
                                "format": pcm_format,
                                "transcription": transcription,
                                "noise_reduction": noise_reduction,
                                "turn_detection": nullable(variants("type", turn_detections)),
                            }
                        ),
                        "output": record(
                            {"format": pcm_format, "voice": one_of(*VOICES), "speed": only(1.0, "speeds")}
                        ),
                    }
                ),
                "tools": array_of(tool),
                "tool_choice": tool_choice,
                "max_output_tokens": output_tokens,
                "parallel_tool_calls": only(False, "parallel_tool_calls"),  # noqa: FBT003 - the only value taken
                "reasoning": not_simulated("reasoning"),
                "prompt": not_simulated("stored prompts"),
                "include": not_simulated("log probabilities"),
                "truncation": nullable(only("auto", "truncation")),
                "tracing": tracing,
            }
        )
        return variants(
            "type", {"realtime": realtime, "transcription": not_simulated("transcription sessions")}
        )

    def _response_checks(self) -> dict[str, Check]:
        output = record({"format": pcm_format, "voice": one_of(*VOICES)})
        return {
            "output_modalities": modalities(["text"], ["audio"]),
            "audio": record({"output": output}),
            "max_output_tokens": output_tokens,
            "parallel_tool_calls": only(False, "parallel_tool_calls"),  # noqa: FBT003 - the only value taken
            "reasoning": not_simulated("reasoning"),
            "prompt": not_simulated("stored prompts"),
        }

    def default_session(self) -> dict[str, Any]:
        pcm = {"type": "audio/pcm", "rate": 24_000}
        return {
            "type": "realtime",
            "object": "realtime.session",
            "output_modalities": ["audio"],
            "instructions": INSTRUCTIONS,
            "audio": {
                "input": {
                    "format": pcm,
                    "transcription": None,
                    "noise_reduction": None,
                    "turn_detection": {"type": "server_vad", **SERVER_VAD},
                },
                "output": {"format": pcm, "voice": "alloy", "speed": 1.0},
            },
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "truncation": "auto",
            "prompt": None,
            "include": None,
            "tracing": None,
        }

    def merge(self, session: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
        asked = update.get("audio", {})
        audio = {name: {**settings, **asked.get(name, {})} for name, settings in session["audio"].items()}
        audio["input"]["turn_detection"] = filled(audio["input"]["turn_detection"])
        audio["input"]["transcription"] = told_back(audio["input"]["transcription"])
        return {**session, **update, "model": session["model"], "audio": audio}

    def turn_detection(self, session: dict[str, Any]) -> dict[str, Any] | None:
        settings: dict[str, Any] | None = session["audio"]["input"]["turn_detection"]
        return settings

    def transcription(self, session: dict[str, Any]) -> dict[str, Any] | None:
        settings: dict[str, Any] | None = session["audio"]["input"]["transcription"]
        return settings

    def asked(self, session: dict[str, Any], response: dict[str, Any]) -> Asked:
        both = {**session, **response}
        output = {**session["audio"]["output"], **response.get("audio", {}).get("output", {})}
        return Asked(
            text_only=both["output_modalities"] == ["text"],
            voice=output["voice"],
            max_output_tokens=both["max_output_tokens"],
            tools=both["tools"],
            tool_choice=both["tool_choice"],
            metadata=response.get("metadata"),
            in_conversation=response.get("conversation") != "none",
            input=response.get("input"),
            temperature=None,
            instructions=both["instructions"] or "",
            own_instructions=response.get("instructions") or "",
        )

    def response_fields(self, asked: Asked) -> dict[str, Any]:
        pcm = {"type": "audio/pcm", "rate": 24_000}
        return {
            "output_modalities": ["text"] if asked.text_only else ["audio"],
            "audio": {"output": {"format": pcm, "voice": asked.voice}},
        }

    def item(self, fields: dict[str, Any]) -> dict[str, Any]:
        hidden = ("object", "status") if fields["type"] == "function_call_output" else ("object",)
        item = {"status": "completed", **fields}
        return {name: value for name, value in item.items() if name not in hidden}

    def item_added(self, item: dict[str, Any], previous_item_id: str | None, *, done: bool) -> list[Event]:
        added = {"type": "conversation.item.added", "previous_item_id": previous_item_id, "item": item}
        return [added, *(self.item_done(item, previous_item_id) if done else [])]

    def item_done(self, item: dict[str, Any], previous_item_id: str | None) -> list[Event]:
        return [{"type": "conversation.item.done", "previous_item_id": previous_item_id, "item": item}]

    def cached_details(self, text_tokens: int, audio_tokens: int) -> dict[str, Any]:
        return {
            "cached_tokens_details": {
                "text_tokens": text_tokens,
                "audio_tokens": audio_tokens,
                "image_tokens": 0,
            }
        }
