"""One response: its events in order, in steps that say how long to wait between them. No I/O.

The session takes the steps, so that speech or a client can interrupt the response between any two of them.
"""

import base64
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from simulator.conversation import Conversation, Item, to_text_tokens
from simulator.dialect import Asked, Dialect, Event
from simulator.faults import MIDWAY_DELTAS
from simulator.g711 import Encoder
from simulator.replies import ApprovalRequest, Call, McpCall, Message, Output, Reply
from simulator.turns import BYTES_PER_MS, to_samples
from simulator.voice import DELTA_MS, Speech

THINKING_MS = 200
SLOW_CALL_MS = 3000  # of a call that is slow, from its first argument delta to the last
HELD_DELTAS = 2  # of audio that comes late
FASTER = 4  # than real time: an answer is sent long before it is heard, as Azure does
SLOW_THINKING_MS = 3000
FAULTY_THINKING_MS = 6000  # of the fault "thinking"
SLOWER = 0.75  # than real time: what a player gets on a bad network
WORD_MS = 20
CALL_MS = 100  # of an MCP server
ARGUMENT_CHARACTERS = 12  # in a delta
CACHE_BLOCK_TOKENS = 64

End = tuple[str, dict[str, Any]]  # status and status_details of a response


def failure(kind: str, code: str, message: str) -> End:
    return "failed", {"error": {"type": kind, "code": code, "message": message}}


SERVER_ERROR = failure(
    "server_error", "server_error", "The server had an error while processing your request. Sorry about that!"
)
FILTERED: End = ("incomplete", {"reason": "content_filter"})
OUT_OF_TOKENS: End = ("incomplete", {"reason": "max_output_tokens"})
EMPTY_ENDS = {
    "failed": SERVER_ERROR,
    "rate_limited": failure("tokens", "rate_limit_exceeded", "Rate limit reached. Please try again in 20 s."),
    "out_of_quota": failure(
        "insufficient_quota", "insufficient_quota", "You exceeded your current quota. Please check your plan."
    ),
    "content_filter_empty": FILTERED,
    "max_output_tokens_empty": OUT_OF_TOKENS,
}
"""The end of a response by each fault that ends it before anything is said."""
MIDWAY_ENDS = {"failed_midway": SERVER_ERROR, "content_filter": FILTERED, "max_output_tokens": OUT_OF_TOKENS}
"""The end of a response by each fault that ends it half-way."""

MakeId = Callable[[str], str]


@dataclass(frozen=True)
class Step:
    """Events to be sent, and how long to wait before the next step."""

    events: list[Event]
    pause_ms: float = 0


@dataclass(frozen=True)
class InputTokens:
    """The tokens that a response reads. Cached tokens are included in `text` and `audio`."""

    text: int
    audio: int
    image: int = 0
    cached_text: int = 0
    cached_audio: int = 0

    @classmethod
    def of(cls, items: Sequence[Item], instructions: str) -> Self:
        """Return what a response to these items reads."""
        return cls(
            to_text_tokens(instructions) + sum(item.text_tokens for item in items),
            sum(item.audio_tokens for item in items),
            sum(item.image_tokens for item in items),
        )

    @property
    def total(self) -> int:
        return self.text + self.audio + self.image

    def after(self, earlier: "InputTokens") -> "InputTokens":
        """Return these counts with cached tokens: those that an earlier response has read, in whole blocks."""
        return replace(
            self,
            cached_text=min(self.text, earlier.text) // CACHE_BLOCK_TOKENS * CACHE_BLOCK_TOKENS,
            cached_audio=min(self.audio, earlier.audio) // CACHE_BLOCK_TOKENS * CACHE_BLOCK_TOKENS,
        )


class OutputItem:
    """One item of a response, and how much of it was sent so far."""

    def __init__(self, item: Item, index: int) -> None:
        self.item, self.index = item, index
        self.has_part = False  # a content part has begun
        self.written: list[str] = []
        self.sent_ms = 0.0

    @property
    def text(self) -> str:
        return "".join(self.written)

    @property
    def text_tokens(self) -> int:
        return to_text_tokens(self.text + self.item.shown.get("arguments", ""))


class Response:
    """Send a reply as one response. `begin` comes first, then `steps`; `cancel` may come between steps, once."""

    def __init__(  # noqa: PLR0913 - a response depends on all of these
        self,
        *,
        dialect: Dialect,
        make_id: MakeId,
        conversation: Conversation,
        conversation_id: str,
        asked: Asked,
        reply: Reply,
        input_tokens: InputTokens,
    ) -> None:
        self.id = make_id("resp")
        self.input_tokens = input_tokens
        self._dialect, self._asked, self._reply = dialect, asked, reply
        self._make_id = make_id
        self._conversation = conversation
        self._conversation_id = conversation_id if asked.in_conversation else None
        self._outputs: list[OutputItem] = []
        self._encoder = Encoder(asked.law) if asked.law else None
        self._is_open = False  # the last output item is not done
        self.is_stuck = False  # nothing more of it comes
        self._status = "in_progress"
        self._status_details: dict[str, Any] | None = None
        self._held: list[Event] = []  # audio deltas that come late
        self.fault = reply.fault
        self.deltas = 0  # steps of what is said so far

    def begin(self) -> list[Event]:
        return [{"type": "response.created", "response": self._resource()}]

    def steps(self) -> Iterator[Step]:
        """Yield the rest of the response; the last step ends it, unless it is stuck."""
        reply = self._reply
        if reply.fault == "stuck":
            self.is_stuck = True
            return
        if reply.fault == "thinking":
            yield Step([], FAULTY_THINKING_MS)
        yield Step([], SLOW_THINKING_MS if reply.slow else THINKING_MS)
        if reply.failure:
            yield Step(self._end(*failure("server_error", "server_error", reply.failure)))
            return
        if reply.fault in EMPTY_ENDS:
            yield Step(self._end(*EMPTY_ENDS[reply.fault]))
            return
        for output in reply.outputs * (2 if reply.fault == "two_messages" else 1):
            yield from self._give(output)
            if self.ended or self.is_stuck:
                return
        yield Step(self._end("completed"))

    def _give(self, output: Output) -> Iterator[Step]:
        match output:
            case Message():
                yield from self._say(output)
            case Call():
                yield from self._call(output)
            case McpCall():
                yield from self._call_server(output)
            case ApprovalRequest():
                fields = {"server_label": output.label, "name": output.name, "arguments": output.arguments}
                yield Step(self._open_item({"type": "mcp_approval_request", **fields}), WORD_MS)

    def cancel(self, reason: str) -> list[Event]:
        """Return the events that end the response early: `turn_detected` or `client_cancelled`."""
        return self._end("cancelled", {"reason": reason})

    @property
    def is_midway(self) -> bool:
        """Whether enough was said for a half-way fault to happen now."""
        return self.deltas >= MIDWAY_DELTAS

    @property
    def ended(self) -> bool:
        return self._status != "in_progress"

    @property
    def spoke(self) -> bool:
        return any(output.sent_ms for output in self._outputs)

    @property
    def audio_ms(self) -> int:
        """How long the audio of the answer lasts."""
        return sum(output.item.audio_ms for output in self._outputs)

    @property
    def tokens(self) -> int:
        """The tokens that the response has read and written so far."""
        return self.input_tokens.total + self._output_tokens()

    @property
    def goes_on(self) -> bool:
        """Whether the service creates the next response by itself, to speak about the MCP calls in this one."""
        calls = [output for output in self._reply.outputs if isinstance(output, McpCall)]
        return self._status == "completed" and any(call.goes_on for call in calls)

    @property
    def _limit(self) -> float:
        limit = self._asked.max_output_tokens
        return limit if isinstance(limit, int) else float("inf")

    @property
    def _current(self) -> OutputItem:
        return self._outputs[-1]

    def _place(self) -> dict[str, Any]:
        """Return the ids and indexes that every delta carries."""
        current = self._current
        return {
            "response_id": self.id,
            "item_id": current.item.id,
            "output_index": current.index,
            "content_index": 0,
        }

    def _item_event(self, kind: str) -> Event:
        current = self._current
        return {
            "type": kind,
            "response_id": self.id,
            "output_index": current.index,
            "item": current.item.snapshot(),
        }

    def _open_item(self, fields: dict[str, Any]) -> list[Event]:
        """Close the output item before, if it is open, and begin the next one."""
        events = self._close_item("completed") if self._is_open else []
        item = Item(self._dialect.item({"id": self._make_id("item"), "status": "in_progress", **fields}))
        self._outputs.append(OutputItem(item, len(self._outputs)))
        self._is_open = True
        events.append(self._item_event("response.output_item.added"))
        if self._asked.in_conversation:
            previous_id = self._conversation.insert(item)
            events += self._dialect.item_added(item.snapshot(), previous_id, done=False)
        return events

    def _close_item(self, status: str) -> list[Event]:
        current = self._current
        events = self._close_part() if current.has_part else []
        current.item.shown = self._dialect.item({**current.item.shown, "status": status})
        if self._asked.in_conversation:
            previous_id = self._conversation.previous_id(current.item)
            events += self._dialect.item_done(current.item.snapshot(), previous_id)
        self._is_open = False
        return [*events, self._item_event("response.output_item.done")]

    def _open_part(self) -> Event:
        self._current.has_part = True
        return {"type": "response.content_part.added", **self._place(), "part": self._part("")}

    def _part(self, text: str) -> dict[str, Any]:
        if self._asked.text_only:
            return {"type": "text", "text": text}
        return {"type": "audio", "transcript": text}

    def _say(self, message: Message) -> Iterator[Step]:
        phase = {"phase": message.phase} if message.phase else {}
        fields = {"type": "message", "role": "assistant", "content": [], **phase}
        yield Step([*self._open_item(fields), self._open_part()])
        for speech in message.speeches:
            for step in self._write(speech) if self._asked.text_only else self._speak(speech):
                yield step
                self.deltas += 1
                if self._output_tokens() >= self._limit:
                    yield Step(self._end(*OUT_OF_TOKENS))
                    return
                if self._reply.fault in MIDWAY_ENDS and self.is_midway:
                    yield Step(self._end(*MIDWAY_ENDS[self._reply.fault]))
                    return
                if self._reply.fault == "stuck_midway" and self.is_midway:
                    self.is_stuck = True
                    return

    def _write(self, speech: Speech) -> Iterator[Step]:
        for word in self._words(speech):
            yield Step([self._text_delta(self._dialect.text_event, word)], WORD_MS)

    def _speak(self, speech: Speech) -> Iterator[Step]:
        """Interleave the transcript with its audio; each word comes a little before its sound."""
        pause_ms = DELTA_MS / (SLOWER if self._reply.slow else FASTER)
        words = self._words(speech)
        current = self._current
        for index, pcm in enumerate(speech.audio(), start=1):
            due = -(-len(words) * index // speech.deltas)
            written = -(-len(words) * (index - 1) // speech.deltas)
            events = [self._text_delta(self._dialect.transcript_event, word) for word in words[written:due]]
            sound = at_speed(pcm, self._asked.speed)
            current.sent_ms += len(sound) / BYTES_PER_MS
            current.item.audio_ms = int(current.sent_ms)
            encoded = self._encoder.encode(sound) if self._encoder else sound
            delta = base64.b64encode(encoded).decode("ascii")
            audio = {"type": f"{self._dialect.audio_event}.delta", **self._place(), "delta": delta}
            is_held = self.fault == "late_audio" and index > speech.deltas - HELD_DELTAS
            (self._held if is_held else events).append(audio)
            yield Step(events, pause_ms / self._asked.speed)
        if not speech.pcm:
            yield Step([self._text_delta(self._dialect.transcript_event, word) for word in words])

    def _words(self, speech: Speech) -> list[str]:
        """Return the text as deltas that continue what is written already."""
        words = speech.text.split(" ")
        return [*([" "] if self._current.written else []), *(f"{word} " for word in words[:-1]), words[-1]]

    def _text_delta(self, event: str, text: str) -> Event:
        self._current.written.append(text)
        return {"type": f"{event}.delta", **self._place(), "delta": text}

    def _call(self, call: Call) -> Iterator[Step]:
        call_id = self._make_id("call")
        function = {"type": "function_call", "name": call.name, "call_id": call_id, "arguments": ""}
        yield Step(self._open_item(function), WORD_MS)
        yield from self._write_arguments(
            "response.function_call_arguments", call.arguments, {"call_id": call_id}, {"name": call.name}
        )

    def _call_server(self, call: McpCall) -> Iterator[Step]:
        fields = {"server_label": call.label, "name": call.name, "approval_request_id": call.approval}
        end = {"output": None, "error": None}
        yield Step(self._open_item({"type": "mcp_call", **fields, "arguments": "", **end}), WORD_MS)
        yield from self._write_arguments("response.mcp_call_arguments", call.arguments, {}, {})
        current = self._current
        place = {"item_id": current.item.id, "output_index": current.index}
        yield Step([{"type": "response.mcp_call.in_progress", **place}], CALL_MS)
        current.item.shown |= {"output": call.output, "error": call.error}
        ended = "failed" if call.error else "completed"
        yield Step([{"type": f"response.mcp_call.{ended}", **place}])

    def _write_arguments(
        self, stem: str, arguments: str, always: dict[str, Any], at_the_end: dict[str, Any]
    ) -> Iterator[Step]:
        current = self._current
        place = {"response_id": self.id, "item_id": current.item.id, "output_index": current.index, **always}
        is_slow = self.fault == "slow_call"
        size, pause_ms = (1, SLOW_CALL_MS / len(arguments)) if is_slow else (ARGUMENT_CHARACTERS, WORD_MS)
        for start in range(0, len(arguments), size):
            piece = arguments[start : start + size]
            current.item.shown["arguments"] += piece
            if self.fault != "no_argument_deltas":
                yield Step([{"type": f"{stem}.delta", **place, "delta": piece}], pause_ms)
        yield Step([{"type": f"{stem}.done", **place, **at_the_end, "arguments": arguments}])

    def _end(self, status: str, details: dict[str, Any] | None = None) -> list[Event]:
        """End the response: close the open content part, then the open item."""
        self._status = status
        self._status_details = None if status == "completed" else {"type": status, **(details or {})}
        closed = "completed" if status == "completed" else "incomplete"
        events = self._close_item(closed) if self._is_open else []
        return [*events, {"type": "response.done", "response": self._resource()}]

    def _close_part(self) -> list[Event]:
        text, place, dialect = self._current.text, self._place(), self._dialect
        if self._asked.text_only:
            shown = {"type": dialect.text_content, "text": text}
            events = [{"type": f"{dialect.text_event}.done", **place, "text": text}]
        else:
            shown = {"type": dialect.audio_content, "transcript": text}
            events = [
                {"type": f"{dialect.audio_event}.done", **place},
                *self._held,
                {"type": f"{dialect.transcript_event}.done", **place, "transcript": text},
            ]
        self._held = []
        self._current.item.shown["content"] = [shown]
        return [*events, {"type": "response.content_part.done", **place, "part": self._part(text)}]

    def _output_tokens(self) -> int:
        return self._text_tokens() + self._audio_tokens() + self._asked.reasoning_tokens

    def _text_tokens(self) -> int:
        return sum(output.text_tokens for output in self._outputs)

    def _audio_tokens(self) -> int:
        return sum(output.item.audio_tokens for output in self._outputs)

    def _resource(self) -> dict[str, Any]:
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self._status,
            "status_details": self._status_details,
            "output": [output.item.snapshot() for output in self._outputs] if self.ended else [],
            "conversation_id": self._conversation_id,
            "max_output_tokens": self._asked.max_output_tokens,
            "metadata": self._asked.metadata,
            "usage": self._usage() if self.ended else None,
            **self._dialect.response_fields(self._asked),
        }

    def _usage(self) -> dict[str, Any]:
        read, output_tokens = self.input_tokens, self._output_tokens()
        return {
            "total_tokens": read.total + output_tokens,
            "input_tokens": read.total,
            "output_tokens": output_tokens,
            "input_token_details": {
                "text_tokens": read.text,
                "audio_tokens": read.audio,
                "image_tokens": read.image,
                "cached_tokens": read.cached_text + read.cached_audio,
                **self._dialect.cached_details(read.cached_text, read.cached_audio),
            },
            "output_token_details": {
                "text_tokens": self._text_tokens(),
                "audio_tokens": self._audio_tokens(),
                **({"reasoning_tokens": self._asked.reasoning_tokens} if self._asked.reasons else {}),
            },
        }


def at_speed(pcm: bytes, speed: float) -> bytes:
    """Return PCM16 at another speed. Unlike a model's voice, it also gets higher or lower."""
    if speed == 1:
        return pcm
    samples = to_samples(pcm)
    paced = array("h", [samples[int(index * speed)] for index in range(int(len(samples) / speed))])
    if sys.byteorder == "big":
        paced.byteswap()
    return paced.tobytes()
