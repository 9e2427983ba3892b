"""A Realtime session without I/O: client events in, server events out. The caller takes a response step by step."""

import binascii
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from string import ascii_letters
from typing import Any

from simulator import mcp
from simulator.checks import RequestError, missing, one_of, string_up_to
from simulator.client_events import check_options, check_tool_choice, parse, to_event
from simulator.conversation import Conversation, Item, has_call
from simulator.dialect import Asked, Deployment, Dialect, Event, Settings, to_turn_detection
from simulator.faults import Faults, Misbehaviour
from simulator.g711 import Decoder, Law
from simulator.items import G711_BYTES_PER_MS, to_item
from simulator.replies import INVENTED_TOOL, Ending, Partner, Reply, made_up_call
from simulator.responses import InputTokens, Response, Step
from simulator.transcription import LOGPROBS, transcription_events, transcription_failure
from simulator.turns import BYTES_PER_MS, InputAudio, SpeechStarted

check_append_length = string_up_to(15 * 2**20)
LEAST_COMMIT_MS = 100
SLICE_MS = 200  # of an append: a few milliseconds of work between two batches of events
INVALID_SHAPE = 4000  # the close code for a client whose dialect or model is not served
BETA_DISABLED = RequestError(
    "beta_api_shape_disabled", "The Realtime beta API is no longer available. Please use the GA API."
)
SERVER_ERROR = RequestError("server_error", "The server had an error while processing your request.")
TOKENS_PER_MINUTE, REQUESTS_PER_MINUTE = 250_000, 1000
NO_TOKENS_LEFT = {"name": "tokens", "limit": TOKENS_PER_MINUTE, "remaining": 0, "reset_seconds": 60.0}
BEFORE_ANSWER: dict[str, list[Event]] = {
    "server_error": [to_event(SERVER_ERROR, None, "server_error")],
    "limits_used_up": [{"type": "rate_limits.updated", "rate_limits": [NO_TOKENS_LEFT]}],
}
"""The events before an answer by each fault that sends some."""


def already_active(response_id: str) -> RequestError:
    return RequestError(
        "conversation_already_has_active_response",
        f"Conversation already has an active response in progress: {response_id}. Wait until the response is "
        "finished before creating a new one.",
    )


def path_of(name: str, settings: Any, path: str) -> str:
    """Return the path of a parameter within settings, "" if the settings do not contain it."""
    if not isinstance(settings, dict):
        return ""
    if name in settings:
        return f"{path}.{name}"
    return next(filter(None, (path_of(name, inner, f"{path}.{key}") for key, inner in settings.items())), "")


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
    """Return the padding with which the service hides the length of a delta: letters up to the next multiple of 16."""
    return ascii_letters[: 16 - len(delta) % 16]


@dataclass(frozen=True, eq=False)
class IdleTimer:
    """A wait for speech: when a session has a new timer, `time_out` must be called `after_ms` later."""

    after_ms: int
    silence_ms: int  # the part of `after_ms` that follows the playback of the answer


class Session:
    """One client's session. Once `ending` is set, the caller must close the connection.

    The caller keeps the clock: it calls `advance`, `expire`, and `time_out` when `idle_timer` is over.

    Args:
        expires_at: Unix time in seconds.
        scripted: ids count up and answers are ramps.
        deployment: what the handshake has asked for.
        faults: what goes wrong in the session; those of the handshake and the connection are the caller's.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        expires_at: int,
        scripted: bool = False,
        deployment: Deployment = Deployment(),  # noqa: B008 - frozen
        faults: Faults = Faults(),  # noqa: B008 - frozen
    ) -> None:
        self._misbehaviour = Misbehaviour(faults)
        self._was_given_answers = False  # the client has created an item of the assistant
        self.ending: Ending | None = None
        self.response: Response | None = None
        self._dialect, self._deployment = dialect, deployment
        self._make_id = counting_ids() if scripted else random_id
        self._id, self._conversation_id = self._make_id("sess"), self._make_id("conv")
        self._expires_at = expires_at
        self._settings = dialect.default_session(deployment)
        self._partner = Partner(scripted=scripted)
        self._conversation = Conversation()
        self._input = InputAudio()
        self._law: Law | None = None
        self._decoder: Decoder | None = None
        self._turn_item_id: str | None = None
        self._steps: Iterator[Step] = iter(())
        self._transcriptions: list[tuple[Item, list[Event]]] = []  # they arrive a little later, as Azure's do
        self._spoke = False
        self._imported: dict[str, mcp.Config] = {}  # MCP servers by their labels
        self._last_input = InputTokens(0, 0)
        self.idle_timer: IdleTimer | None = None
        self._listen()
        self._handlers: dict[str, Callable[[Event], list[Event]]] = {
            "session.update": self._update,
            "transcription_session.update": self._update,
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
        created = self._dialect.created_event[self._deployment.kind]
        return self._stamp([{"type": created, "session": self._resource()}])

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

    @property
    def has_step(self) -> bool:
        """Whether a response is in progress and not stuck."""
        return self.response is not None and not self.response.is_stuck

    def advance(self) -> Step:
        """Take the next step of the response in progress; the step is empty when there is no response."""
        step = next(self._steps, Step([]))
        events = [*step.events]
        if events:
            events += self._take_transcriptions()
        if self.response and self.response.ended:
            events += self._finish(self.response)
        elif self.response and self.response.is_midway:
            events += self._misbehave_midway(self.response)
        return Step(self._stamp(events), step.pause_ms)

    def expire(self) -> list[Event]:
        """Return the last event of a session that has reached its time limit, and set the ending."""
        message = "Your session hit the maximum duration of 60 minutes."
        self.ending = Ending(1001, message)
        return self._stamp([to_event(RequestError("session_expired", message), None)])

    def _stamp(self, events: list[Event]) -> list[Event]:
        """Return events as they are sent: each with its id, and with what the service adds to some."""
        stamped = [
            {"type": event["type"], "event_id": self._make_id("event"), **event, **self._added_to(event)}
            for event in events
        ]
        return self._misbehaviour.apply(stamped)

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
        self._check_type(event["type"], "type")
        self._dialect.client_events[event["type"]](event, "")
        check_options(event, self._deployment)

    # Settings

    def _update(self, event: Event) -> list[Event]:
        kind, updated = self._deployment.kind, self._dialect.kind_of_update(event)
        if kind != updated:
            message = f"Passing a {updated} session update event to a {kind} session is not allowed."
            raise RequestError("invalid_parameter", message)
        for name in self._misbehaviour.arguments("refuse"):
            if param := path_of(name, event["session"], "session"):
                raise RequestError("invalid_value", f"Invalid value for parameter '{param}'.", param)
        settings = self._dialect.merge(self._settings, event["session"])
        if self._spoke and self._voice(self._settings) != self._voice(settings):
            raise RequestError(
                "cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present."
            )
        self._settings = settings
        self._listen()
        updated_event = {"type": self._dialect.updated_event[kind], "session": self._resource()}
        return [updated_event, *self._import_tools()]

    def _import_tools(self) -> list[Event]:
        """Return the events of importing the tools of MCP servers that are new among the settings."""
        events: list[Event] = []
        for config in self._settings.get("tools", ()):
            label = config.get("server_label")
            if label is None or self._imported.get(label) == config:
                continue
            self._imported[label] = config
            shown = {
                "id": self._make_id("mcpl"),
                "type": "mcp_list_tools",
                "server_label": label,
                "tools": [],
            }
            item = Item(self._dialect.item(shown))
            previous_id = self._conversation.insert(item)
            events += self._dialect.item_added(item.snapshot(), previous_id, done=False)
            events.append({"type": "mcp_list_tools.in_progress", "item_id": item.id})
            tools = mcp.import_tools(config)
            if tools is None:
                events.append({"type": "mcp_list_tools.failed", "item_id": item.id})
            else:
                item.shown["tools"] = tools
                events += self._dialect.item_done(item.snapshot(), previous_id)
                events.append({"type": "mcp_list_tools.completed", "item_id": item.id})
        return events

    def _voice(self, settings: Settings) -> Any:
        return self._dialect.asked(settings, {}, self._deployment).voice

    def _listen(self) -> None:
        detection = self._dialect.turn_detection(self._settings)
        self._input.detect_turns(to_turn_detection(detection))
        if not detection or not detection.get("idle_timeout_ms"):
            self.idle_timer = None
        law = self._dialect.input_law(self._settings)
        if law != self._law:
            self._law, self._decoder = law, Decoder(law) if law else None
        self._conversation.truncate_as(self._settings.get("truncation"))

    # The input audio buffer

    def _append(self, audio: str) -> Iterator[list[Event]]:
        check_append_length(audio, "audio")
        try:
            sound = memoryview(binascii.a2b_base64(audio, strict_mode=True))
        except ValueError:
            raise RequestError(
                "invalid_value",
                "Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got an invalid value.",
                "audio",
            ) from None
        if self._misbehaviour.holds("deaf"):
            return
        slice_bytes = SLICE_MS * (G711_BYTES_PER_MS if self._decoder else BYTES_PER_MS)
        for start in range(0, len(sound), slice_bytes):
            events: list[Event] = []
            piece = sound[start : start + slice_bytes]
            for found in self._input.append(self._decoder.decode(piece) if self._decoder else piece):
                if isinstance(found, SpeechStarted):
                    events += self._start_turn(found.audio_start_ms)
                else:
                    events += self._stop_turn(found.audio_end_ms)
            yield events

    def _start_turn(self, audio_start_ms: int) -> list[Event]:
        self._turn_item_id, self.idle_timer = self._make_id("item"), None
        started: Event = {
            "type": "input_audio_buffer.speech_started",
            "audio_start_ms": audio_start_ms,
            "item_id": self._turn_item_id,
        }
        detection = self._dialect.turn_detection(self._settings)
        is_semantic = detection and detection["type"] == "semantic_vad"
        events = [] if is_semantic and self._misbehaviour.holds("no_speech_started") else [started]
        if self.response and detection and detection["interrupt_response"]:
            events += self._cut_off(self.response, "turn_detected")
        return events

    def _stop_turn(self, audio_end_ms: int) -> list[Event]:
        detection = self._dialect.turn_detection(self._settings)
        stopped = {
            "type": "input_audio_buffer.speech_stopped",
            "audio_end_ms": audio_end_ms,
            "item_id": self._turn_item_id,
        }
        events = [stopped, *self._commit()]
        if detection and detection["create_response"] and self._deployment.kind == "realtime":
            events += self._respond_unasked({})
        return events if self.response else [*events, *self._take_transcriptions()]

    def _commit(self, *, is_silent: bool = False) -> list[Event]:
        heard, self.idle_timer = self._input.commit(), None
        if is_silent:
            heard = replace(heard, speech_ms=0)
        item_id, self._turn_item_id = self._turn_item_id or self._make_id("item"), None
        content = [{"type": "input_audio", "transcript": None}]
        shown = {"id": item_id, "type": "message", "role": "user", "content": content}
        item = Item(self._dialect.item(shown), audio_ms=heard.audio_ms, heard=None if is_silent else heard)
        previous_id = self._conversation.insert(item)
        transcription = self._dialect.transcription(self._settings)
        if transcription and self._misbehaviour.holds("transcription_failed"):
            self._transcriptions.append((item, [transcription_failure(item_id)]))
        elif transcription and not self._misbehaviour.holds("no_transcript"):
            with_logprobs = LOGPROBS in (self._settings.get("include") or ())
            events = transcription_events(item_id, heard, transcription, with_logprobs=with_logprobs)
            if not self._deployment.has_transcription_deltas:
                events = events[-1:]
            self._transcriptions.append((item, events))
        committed = {"previous_item_id": previous_id, "item_id": item_id}
        return [
            {"type": "input_audio_buffer.committed", **committed},
            *self._dialect.item_added(item.snapshot(), previous_id, done=True),
        ]

    def _commit_by_client(self, _event: Event) -> list[Event]:
        if self._input.audio_ms == 0 and self._dialect.empty_commit:
            raise RequestError("input_audio_buffer_commit_empty", self._dialect.empty_commit)
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

    def _take_transcriptions(self) -> list[Event]:
        """Return the waiting transcription events, and put their words into the items."""
        waiting, self._transcriptions = self._transcriptions, []
        for item, events in waiting:
            item.shown["content"][0]["transcript"] = events[-1].get("transcript")
        return [event for _, events in waiting for event in events]

    # The conversation

    def _create_item(self, event: Event) -> list[Event]:
        item = self._to_item(event["item"], self._conversation.items)
        previous_id = self._conversation.insert(item, event.get("previous_item_id"))
        self._was_given_answers |= item.role == "assistant"
        events = self._dialect.item_added(item.snapshot(), previous_id, done=True)
        if item.pictures and self._misbehaviour.holds("image_refused"):
            error = RequestError("invalid_value", "The image could not be processed.", "item.content")
            events.append(to_event(error, event.get("event_id")))
        if item.shown["type"] == "mcp_approval_response" and not self.response:
            events += self._respond_unasked({})
        return events

    def _to_item(self, given: dict[str, Any], earlier: Sequence[Item]) -> Item:
        """Return an item as a client describes it; the output of a function needs its call among the earlier items."""
        is_output = given["type"] == "function_call_output"
        if is_output and (
            self._misbehaviour.holds("forgets_calls") or not has_call(given["call_id"], earlier)
        ):
            raise RequestError(
                "invalid_tool_call_id",
                f"Tool call ID '{given['call_id']}' not found in conversation.",
                "item.call_id",
            )
        if given["type"] == "mcp_approval_response":
            request = self._conversation.find(given["approval_request_id"])
            if request is None or request.shown["type"] != "mcp_approval_request":
                message = f"Approval request '{given['approval_request_id']}' not found."
                raise RequestError("invalid_value", message, "item.approval_request_id")
        return to_item({"id": self._make_id("item"), **given}, self._dialect, self._law)

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

    def _respond_unasked(self, settings: dict[str, Any]) -> list[Event]:
        """Begin a response that no client has created; if it cannot begin, return the error event."""
        try:
            return self._respond(settings)
        except RequestError as error:
            return [to_event(error, None)]

    def _respond(self, settings: dict[str, Any]) -> list[Event]:
        if self.response and self._misbehaviour.holds("ignores_create"):
            return []
        if self.response:
            raise already_active(self.response.id)
        if self._deployment.kind == "transcription":
            raise RequestError("invalid_value", "A transcription session creates no responses.", "type")
        asked = self._dialect.asked(self._settings, settings, self._deployment)
        check_tool_choice(asked)
        context = self._context(asked.input)
        subject = context[-1] if context else None
        fault = self._fault_of_answer(subject)
        if fault == "busy":
            raise already_active(self._make_id("resp"))
        if fault == "no_answer" or self._misbehaviour.holds("never_answers"):
            return []
        if fault == "beta_disabled":
            self.ending = Ending(INVALID_SHAPE, f"invalid_request_error.{BETA_DISABLED.code}")
            return [to_event(BETA_DISABLED, None)]
        reply = self._partner.reply(subject, asked, context[:-1])
        if subject:
            subject.heard = None
        if fault in ("unknown_call", "slow_call", "no_argument_deltas"):
            reply = Reply((made_up_call(asked, INVENTED_TOOL if fault == "unknown_call" else ""),))
        if fault == "text_only" or (
            self._was_given_answers and self._misbehaviour.holds("text_after_history")
        ):
            asked = replace(asked, text_only=True)
        return [*BEFORE_ANSWER.get(fault, ()), *self._begin(replace(reply, fault=fault), asked, context)]

    def _fault_of_answer(self, subject: Item | None) -> str:
        """Return the fault of the answer that is about to begin, after carrying out a typed /fault."""
        fault = self._misbehaviour.begin_answer()
        command, _, wanted = (subject.text if subject and subject.role == "user" else "").partition(" ")
        if command != "/fault":
            return fault
        if wanted.strip() == "off":
            self._misbehaviour.clear()
            return ""
        name, is_next = wanted.removesuffix(" next").strip(), wanted.endswith(" next")
        try:
            self._misbehaviour.add(name, next_answer=is_next)
        except ValueError as error:
            raise RequestError("invalid_value", f"{error}".capitalize() + ".") from None
        return self._misbehaviour.answer

    def _misbehave_midway(self, response: Response) -> list[Event]:
        """Return the events of a fault that happens half-way through an answer."""
        if response.fault == "close_midway":
            self.ending = Ending(1000)
        if response.fault != "cough":
            return []
        now_ms = self._input.received_ms
        events = self._start_turn(now_ms)
        if self.response:
            events += self._cut_off(self.response, "turn_detected")
        stopped = {"audio_end_ms": now_ms, "item_id": self._turn_item_id}
        events.append({"type": "input_audio_buffer.speech_stopped", **stopped})
        return [*events, *self._commit(is_silent=True), *self._take_transcriptions()]

    def _begin(self, reply: Reply, asked: Asked, context: Sequence[Item]) -> list[Event]:
        if reply.ending:
            self.ending = reply.ending
            return []
        self.idle_timer = None
        self.response = Response(
            dialect=self._dialect,
            make_id=self._make_id,
            conversation=self._conversation,
            conversation_id=self._conversation_id,
            asked=asked,
            reply=reply,
            input_tokens=InputTokens.of(context, asked.instructions).after(self._last_input),
        )
        self._steps = self.response.steps()
        return self.response.begin()

    def _context(self, given: list[dict[str, Any]] | None) -> list[Item]:
        """Return the items that a response reads: those that it was given, else those of the conversation."""
        if given is None:
            return list(self._conversation.items)
        items: list[Item] = []
        for each in given:
            if each["type"] == "item_reference":
                items.append(self._conversation.get(each["id"], "reference"))
            else:
                items.append(self._to_item(each, items))
        return items

    def _wait_for_speech(self, response: Response) -> None:
        """Begin to wait for speech. The wait starts when the playback of the answer ends."""
        detection = self._dialect.turn_detection(self._settings) or {}
        timeout_ms = detection.get("idle_timeout_ms")
        if timeout_ms and self._turn_item_id is None:
            self.idle_timer = IdleTimer(timeout_ms + response.audio_ms, timeout_ms)

    def time_out(self) -> list[Event]:
        """Commit and answer a silence that has lasted as long as `idle_timer` says; return the events."""
        timer, self.idle_timer = self.idle_timer, None
        if timer is None:
            return []
        self._turn_item_id = item_id = self._make_id("item")
        end_ms = self._input.received_ms
        triggered = {
            "type": "input_audio_buffer.timeout_triggered",
            "audio_start_ms": max(0, end_ms - timer.silence_ms),
            "audio_end_ms": end_ms,
            "item_id": item_id,
        }
        events = [triggered, *self._commit(is_silent=True)]
        asked = self._dialect.asked(self._settings, {}, self._deployment)
        return self._stamp(
            [*events, *self._begin(self._partner.nudge(asked), asked, self._conversation.items)]
        )

    def _cancel_response(self, event: Event) -> list[Event]:
        if not self.response or event.get("response_id") not in (None, self.response.id):
            raise RequestError("response_cancel_not_active", "Cancellation failed: no active response found")
        return self._cut_off(self.response, "client_cancelled")

    def _cut_off(self, response: Response, reason: str) -> list[Event]:
        return [*self._take_transcriptions(), *response.cancel(reason), *self._finish(response)]

    def _finish(self, response: Response) -> list[Event]:
        """Forget the ended response; return rate_limits.updated where the service sends it, and a response that follows by itself."""
        self._spoke = self._spoke or response.spoke
        self._last_input = response.input_tokens
        self.response, self._steps = None, iter(())
        self._wait_for_speech(response)
        names = self._dialect.rate_limits if self._deployment.is_azure else ("tokens",)
        limits = (
            ("requests", REQUESTS_PER_MINUTE, REQUESTS_PER_MINUTE - 1),
            ("tokens", TOKENS_PER_MINUTE, max(0, TOKENS_PER_MINUTE - response.tokens)),
        )
        rate_limits = [
            {
                "name": name,
                "limit": limit,
                "remaining": left,
                "reset_seconds": round(60 * (1 - left / limit), 3),
            }
            for name, limit, left in limits
            if name in names
        ]
        events: list[Event] = (
            [{"type": "rate_limits.updated", "rate_limits": rate_limits}] if rate_limits else []
        )
        if response.goes_on:
            events += self._respond_unasked({"tool_choice": "auto"})
        return events
