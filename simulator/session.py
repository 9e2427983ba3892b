"""A Realtime session without I/O: client events in, server events out, and a response to be taken step by step."""

import binascii
import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from string import ascii_letters
from typing import Any, NoReturn

from simulator.checks import RequestError, missing, one_of, string_up_to, unsupported
from simulator.conversation import Conversation, Item, to_text_tokens
from simulator.dialect import Asked, Deployment, Dialect, Event, to_turn_detection
from simulator.replies import Ending, Partner
from simulator.responses import InputTokens, Response, Step
from simulator.tool_calls import function_tools
from simulator.turns import BYTES_PER_MS, Heard, InputAudio, SpeechStarted

check_append_length = string_up_to(15 * 2**20)
LEAST_COMMIT_MS = 100
SLICE_BYTES = 200 * BYTES_PER_MS  # of an append: a few milliseconds of work between two batches of events
ELSEWHERE = {  # events of the protocol that the simulator does not carry out
    "output_audio_buffer.clear": "output_audio_buffer.clear, which is for WebRTC",
    "transcription_session.update": "transcription sessions",
}
TOKENS_PER_MINUTE, REQUESTS_PER_MINUTE = 250_000, 1000


def random_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(10)}"


def counting_ids() -> Callable[[str], str]:
    """Return a maker of ids that count up for each prefix: event_000001, event_000002, item_000001."""
    made: Counter[str] = Counter()

    def make_id(prefix: str) -> str:
        made[prefix] += 1
        return f"{prefix}_{made[prefix]:06}"

    return make_id


def padding(delta: str) -> str:
    """Return what hides the length of a delta, as the service adds it: letters up to the next multiple of 16."""
    return ascii_letters[: 16 - len(delta) % 16]


class Session:
    """One client's session. `ending` is set once the connection is to be closed.

    Args:
        expires_at: Unix time in seconds; the caller keeps the clock and calls `expire`.
        scripted: ids count up and answers are ramps.
        deployment: what the handshake has asked for.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        expires_at: int,
        scripted: bool = False,
        deployment: Deployment = Deployment(),  # noqa: B008 - frozen
    ) -> None:
        self.ending: Ending | None = None
        self.response: Response | None = None
        self._dialect, self._deployment = dialect, deployment
        self._make_id = counting_ids() if scripted else random_id
        self._id, self._conversation_id = self._make_id("sess"), self._make_id("conv")
        self._expires_at = expires_at
        self._settings = {"model": deployment.model, **dialect.default_session()}
        self._partner = Partner(scripted=scripted)
        self._conversation = Conversation()
        self._input = InputAudio()
        self._turn_item_id: str | None = None
        self._steps: Iterator[Step] = iter(())
        self._transcriptions: list[tuple[Item, list[Event]]] = []  # they arrive a little later, as Azure's do
        self._spoke = False
        self._last_input = InputTokens(0, 0)
        self._listen()
        self._handlers: dict[str, Callable[[Event], list[Event]]] = {
            "session.update": self._update,
            "input_audio_buffer.commit": self._commit_by_client,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create_item,
            "conversation.item.retrieve": self._retrieve_item,
            "conversation.item.delete": self._delete_item,
            "conversation.item.truncate": self._truncate_item,
            "response.create": self._create_response,
            "response.cancel": self._cancel_response,
        }
        self._check_type = one_of(*dialect.client_events)

    def greet(self) -> list[Event]:
        """Return the events that open the session."""
        return self._stamp([{"type": "session.created", "session": self._resource()}])

    def receive(self, message: str | bytes) -> Iterator[list[Event]]:
        """Carry out one client event and yield its server events in batches, to be sent in order.

        A long append is worked through in slices of audio, with a batch, mostly empty, after each.
        """
        event: Any = None
        try:
            event = parse(message)
            self._check(event)
            if event["type"] == "input_audio_buffer.append":
                for batch in self._append(event["audio"]):
                    yield self._stamp(batch)
            else:
                yield self._stamp(self._handlers[event["type"]](event))
        except RequestError as error:
            client_event_id = event.get("event_id") if isinstance(event, dict) else None
            yield self._stamp(
                [to_event(error, client_event_id if isinstance(client_event_id, str) else None)]
            )

    def advance(self) -> Step:
        """Take the next step of the response in progress; without one the step is empty."""
        step = next(self._steps, Step([]))
        events = [*step.events]
        if events:
            events += self._take_transcriptions()
        if self.response and self.response.ended:
            events += self._finish(self.response)
        return Step(self._stamp(events), step.pause_ms)

    def expire(self) -> list[Event]:
        """Return the last event of a session that has lasted as long as sessions may, and set the ending."""
        message = "Your session hit the maximum duration of 60 minutes."
        self.ending = Ending(1001, message)
        return self._stamp([to_event(RequestError("session_expired", message), None)])

    def _stamp(self, events: list[Event]) -> list[Event]:
        """Return events as they are sent: each with its id, and with what the service adds to some."""
        return [
            {"type": event["type"], "event_id": self._make_id("event"), **event, **self._added_to(event)}
            for event in events
        ]

    def _added_to(self, event: Event) -> dict[str, Any]:
        kind = event["type"]
        if kind.endswith(".delta") and not kind.endswith("audio.delta"):
            return {"obfuscation": padding(event["delta"])}
        if self._deployment.is_azure and kind.startswith("response.content_part."):
            return {"content": event["part"]}
        return {}

    def _resource(self) -> dict[str, Any]:
        return {"id": self._id, **self._settings, "expires_at": self._expires_at}

    def _check(self, event: dict[str, Any]) -> None:
        if "type" not in event:
            raise missing("type")
        if isinstance(event["type"], str) and event["type"] in ELSEWHERE:
            raise unsupported(ELSEWHERE[event["type"]], "type")
        self._check_type(event["type"], "type")
        self._dialect.client_events[event["type"]](event, "")

    # Settings

    def _update(self, event: Event) -> list[Event]:
        settings = self._dialect.merge(self._settings, event["session"])
        before, after = (self._dialect.asked(each, {}).voice for each in (self._settings, settings))
        if self._spoke and before != after:
            raise RequestError(
                "cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present."
            )
        self._settings = settings
        self._listen()
        return [{"type": "session.updated", "session": self._resource()}]

    def _listen(self) -> None:
        self._input.detect_turns(to_turn_detection(self._dialect.turn_detection(self._settings)))

    # The input audio buffer

    def _append(self, audio: str) -> Iterator[list[Event]]:
        check_append_length(audio, "audio")
        try:
            pcm = memoryview(binascii.a2b_base64(audio, strict_mode=True))
        except ValueError:
            raise RequestError(
                "invalid_value",
                "Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got an invalid value.",
                "audio",
            ) from None
        for start in range(0, len(pcm), SLICE_BYTES):
            events: list[Event] = []
            for found in self._input.append(pcm[start : start + SLICE_BYTES]):
                if isinstance(found, SpeechStarted):
                    events += self._start_turn(found.audio_start_ms)
                else:
                    events += self._stop_turn(found.audio_end_ms)
            yield events

    def _start_turn(self, audio_start_ms: int) -> list[Event]:
        self._turn_item_id = self._make_id("item")
        started: Event = {
            "type": "input_audio_buffer.speech_started",
            "audio_start_ms": audio_start_ms,
            "item_id": self._turn_item_id,
        }
        detection = self._dialect.turn_detection(self._settings)
        if self.response and detection and detection["interrupt_response"]:
            return [started, *self._cut_off(self.response, "turn_detected")]
        return [started]

    def _stop_turn(self, audio_end_ms: int) -> list[Event]:
        detection = self._dialect.turn_detection(self._settings)
        stopped = {
            "type": "input_audio_buffer.speech_stopped",
            "audio_end_ms": audio_end_ms,
            "item_id": self._turn_item_id,
        }
        events = [stopped, *self._commit()]
        if detection and detection["create_response"]:
            try:
                events += self._respond({})
            except RequestError as error:
                events.append(to_event(error, None))
        return events if self.response else [*events, *self._take_transcriptions()]

    def _commit(self) -> list[Event]:
        heard = self._input.commit()
        item_id, self._turn_item_id = self._turn_item_id or self._make_id("item"), None
        content = [{"type": "input_audio", "transcript": None}]
        item = self._new_item(
            {"id": item_id, "type": "message", "role": "user", "content": content}, heard.audio_ms, heard
        )
        previous_id = self._conversation.insert(item)
        self._transcribe(item, heard)
        committed = {"previous_item_id": previous_id, "item_id": item_id}
        return [
            {"type": "input_audio_buffer.committed", **committed},
            *self._dialect.item_added(item.snapshot(), previous_id, done=True),
        ]

    def _commit_by_client(self, _event: Event) -> list[Event]:
        if self._input.audio_ms < LEAST_COMMIT_MS:
            raise RequestError(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but "
                f"buffer only has {self._input.audio_ms:.2f}ms of audio.",
            )
        events = self._commit()
        return [*events, *self._take_transcriptions()]

    def _clear(self, _event: Event) -> list[Event]:
        self._input.clear()
        self._turn_item_id = None
        return [{"type": "input_audio_buffer.cleared"}]

    def _transcribe(self, item: Item, heard: Heard) -> None:
        if not self._dialect.transcription(self._settings):
            return
        transcript = f"[{heard.speech_ms / 1000:.1f} s of speech; the simulator does not transcribe]"
        stem = "conversation.item.input_audio_transcription"
        place = {"item_id": item.id, "content_index": 0}
        usage = {"type": "duration", "seconds": round(heard.audio_ms / 1000, 1)}
        events = [
            {"type": f"{stem}.delta", **place, "delta": transcript},
            {"type": f"{stem}.completed", **place, "transcript": transcript, "usage": usage},
        ]
        self._transcriptions.append((item, events))

    def _take_transcriptions(self) -> list[Event]:
        """Return the transcription events that wait; only now do the words stand in their items."""
        waiting, self._transcriptions = self._transcriptions, []
        for item, events in waiting:
            item.shown["content"][0]["transcript"] = events[-1]["transcript"]
        return [event for _, events in waiting for event in events]

    # The conversation

    def _new_item(self, shown: dict[str, Any], audio_ms: int = 0, heard: Heard | None = None) -> Item:
        return Item(self._dialect.item(shown), audio_ms, heard)

    def _create_item(self, event: Event) -> list[Event]:
        item = self._to_item(event["item"])
        previous_id = self._conversation.insert(item, event.get("previous_item_id"))
        return self._dialect.item_added(item.snapshot(), previous_id, done=True)

    def _to_item(self, given: dict[str, Any]) -> Item:
        """Return an item as a client describes it; its audio is heard and not kept in the item."""
        if given["type"] == "function_call_output" and not self._conversation.has_call(given["call_id"]):
            raise RequestError(
                "invalid_tool_call_id",
                f"Tool call ID '{given['call_id']}' not found in conversation.",
                "item.call_id",
            )
        shown = {"id": self._make_id("item"), **given, "status": "completed"}
        if given["type"] != "message":
            return self._new_item(shown)
        listener = InputAudio()
        content = [dict(part) for part in given["content"]]
        for index, part in enumerate(content):
            if part["type"] == "input_audio":
                try:
                    list(listener.append(binascii.a2b_base64(part.pop("audio"), strict_mode=True)))
                except ValueError:
                    raise RequestError(
                        "invalid_value", "Invalid audio: expected base64.", f"item.content[{index}].audio"
                    ) from None
                part["transcript"] = None
        heard = listener.commit() if listener.audio_ms else None
        return self._new_item({**shown, "content": content}, heard.audio_ms if heard else 0, heard)

    def _retrieve_item(self, event: Event) -> list[Event]:
        item = self._conversation.get(event["item_id"], "retrieve")
        return [{"type": "conversation.item.retrieved", "item": item.snapshot()}]

    def _delete_item(self, event: Event) -> list[Event]:
        self._conversation.remove(self._conversation.get(event["item_id"], "delete"))
        return [{"type": "conversation.item.deleted", "item_id": event["item_id"]}]

    def _truncate_item(self, event: Event) -> list[Event]:
        item = self._conversation.get(event["item_id"], "truncate")
        end_ms = event["audio_end_ms"]
        if item.role != "assistant":
            raise RequestError(
                "invalid_value", "Only model output audio messages can be truncated.", "item_id"
            )
        if event["content_index"] != 0:
            raise RequestError("invalid_value", "The item has one content part: 0.", "content_index")
        if end_ms > item.audio_ms:
            raise RequestError(
                "invalid_value", f"Audio content of {item.audio_ms}ms is already shorter than {end_ms}ms"
            )
        item.audio_ms = end_ms
        for part in item.shown["content"]:
            if "transcript" in part:
                part["transcript"] = ""  # what was said beyond the cut is not known word by word
        fields = {"item_id": item.id, "content_index": 0, "audio_end_ms": end_ms}
        return [{"type": "conversation.item.truncated", **fields}]

    # Responses

    def _create_response(self, event: Event) -> list[Event]:
        return self._respond(event.get("response") or {})

    def _respond(self, settings: dict[str, Any]) -> list[Event]:
        if self.response:
            raise RequestError(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {self.response.id}. Wait until the "
                "response is finished before creating a new one.",
            )
        asked = self._dialect.asked(self._settings, settings)
        subject = self._conversation.last if asked.input is None else self._last_input_item(asked.input)
        check_tool_choice(asked)
        reply = self._partner.reply(subject, asked, self._before(subject, asked))
        if subject:
            subject.heard = None
        if reply.ending:
            self.ending = reply.ending
            return []
        self.response = Response(
            dialect=self._dialect,
            make_id=self._make_id,
            conversation=self._conversation,
            conversation_id=self._conversation_id,
            asked=asked,
            reply=reply,
            input_tokens=self._input_tokens().after(self._last_input),
        )
        self._steps = self.response.steps()
        return self.response.begin()

    def _before(self, subject: Item | None, asked: Asked) -> list[Item]:
        """Return the items that a response knows of besides the last."""
        if asked.input is not None:
            return [self._to_item(given) for given in asked.input[:-1] if given["type"] == "message"]
        return [item for item in self._conversation.items if item is not subject]

    def _last_input_item(self, given: list[dict[str, Any]]) -> Item | None:
        if not given:
            return None
        if given[-1]["type"] == "item_reference":
            return self._conversation.get(given[-1]["id"], "reference")
        return self._to_item(given[-1])

    def _input_tokens(self) -> InputTokens:
        text, audio = self._conversation.tokens()
        return InputTokens(text + to_text_tokens(self._settings["instructions"]), audio)

    def _cancel_response(self, event: Event) -> list[Event]:
        if not self.response or event.get("response_id") not in (None, self.response.id):
            raise RequestError("response_cancel_not_active", "Cancellation failed: no active response found")
        return self._cut_off(self.response, "client_cancelled")

    def _cut_off(self, response: Response, reason: str) -> list[Event]:
        return [*self._take_transcriptions(), *response.cancel(reason), *self._finish(response)]

    def _finish(self, response: Response) -> list[Event]:
        """Forget the response, which has ended, and tell what it has left of the rate limits, where the service does."""
        self._spoke = self._spoke or response.spoke
        self._last_input = response.input_tokens
        self.response, self._steps = None, iter(())
        if self._deployment.is_azure and self._dialect.name == "ga":
            return []
        limits = (
            ("requests", REQUESTS_PER_MINUTE, REQUESTS_PER_MINUTE - 1),
            ("tokens", TOKENS_PER_MINUTE, max(0, TOKENS_PER_MINUTE - response.tokens)),
        )
        told = [
            {
                "name": name,
                "limit": limit,
                "remaining": left,
                "reset_seconds": round(60 * (1 - left / limit), 3),
            }
            for name, limit, left in limits
            if name in self._dialect.rate_limits
        ]
        return [{"type": "rate_limits.updated", "rate_limits": told}]


def check_tool_choice(asked: Asked) -> None:
    """Refuse a choice of tools that there are not."""
    choice, names = asked.tool_choice, [tool["name"] for tool in function_tools(asked.tools)]
    if choice == "required" and not asked.tools:
        message = "Tool choice 'required' must be specified with 'tools' parameter."
        raise RequestError("invalid_value", message, "response.tool_choice")
    if isinstance(choice, dict) and choice["type"] == "function" and choice["name"] not in names:
        message = f"Tool choice '{choice['name']}' not found in 'tools' parameter."
        raise RequestError("invalid_value", message, "response.tool_choice")


def parse(message: str | bytes) -> dict[str, Any]:
    """Return a client event; raise RequestError for anything but a JSON object in a text frame."""
    if isinstance(message, bytes):
        raise RequestError("invalid_event", "Events are JSON in text frames; this frame is binary.")
    try:
        event = json.loads(message, parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise RequestError("invalid_json", "The event could not be parsed as JSON.") from None
    if not isinstance(event, dict):
        raise RequestError("invalid_event", "An event is a JSON object.")
    return event


def no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def to_event(error: RequestError, client_event_id: str | None) -> Event:
    return {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "code": error.code,
            "message": error.message,
            "param": error.param,
            "event_id": client_event_id,
        },
    }
