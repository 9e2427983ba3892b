"""Faults of the simulator: the list of them, and the choice that a test or a scenario file makes. Pure."""

import tomllib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from simulator.dialect import Event

MIDWAY_DELTAS = 5  # of an answer that are sent before a half-way fault happens
LATE_EVENTS = 3  # how many events are sent before a late one


@dataclass(frozen=True)
class Fault:
    """One way to misbehave.

    Attributes:
        what: what happens, as the end of a sentence that begins with "the answer" or "from now on".
        lasts: for one answer, or for the session from then on.
        argument: what must follow the name, if anything.
    """

    name: str
    what: str
    lasts: Literal["answer", "session"] = "answer"
    argument: str = ""


FAULTS = {
    fault.name: fault
    for fault in (
        # How an answer ends
        Fault("failed", "fails with server_error before anything is said"),
        Fault("failed_midway", "fails with server_error half-way"),
        Fault("rate_limited", "fails with rate_limit_exceeded"),
        Fault("out_of_quota", "fails with insufficient_quota"),
        Fault("content_filter", "ends incomplete half-way, by the content filter"),
        Fault("content_filter_empty", "ends incomplete without output, by the content filter"),
        Fault("max_output_tokens", "ends incomplete half-way, by its token limit"),
        Fault("max_output_tokens_empty", "ends incomplete without output, by its token limit"),
        Fault("close_midway", "is cut off half-way by close 1000, without an error"),
        Fault("stuck", "begins, and nothing of it comes until it is cancelled"),
        Fault("stuck_midway", "stops half-way, and nothing more of it comes until it is cancelled"),
        Fault("cough", "is interrupted half-way by speech that has no words, and no other answer follows"),
        # Whether it begins
        Fault("no_answer", "does not come; the next response.create is answered"),
        Fault("busy", "is refused as if another response were active"),
        Fault("server_error", "comes after an error event of type server_error that belongs to no response"),
        Fault("limits_used_up", "comes after a rate_limits.updated event by which no tokens are left"),
        Fault("thinking", "begins, and says nothing for 6 s"),
        Fault("beta_disabled", "is an error beta_api_shape_disabled and close 4000"),
        # What is in it
        Fault("text_only", "comes as text, though audio was asked for"),
        Fault("two_messages", "consists of two message items"),
        Fault("late_audio", "has audio deltas after its audio.done"),
        Fault("unknown_call", "calls a function that nobody declared"),
        Fault(
            "slow_call", "calls a function and sends its arguments over 3 s, so that it can be interrupted"
        ),
        Fault("no_argument_deltas", "calls a function and sends its arguments at the end alone"),
        # The session from then on
        Fault("silent", "nothing is sent any more, though pings are answered", "session"),
        Fault("deaf", "speech is not noticed, though all other client events are carried out", "session"),
        Fault("never_answers", "no response begins", "session"),
        Fault("ignores_create", "a response.create during a response is dropped without an error", "session"),
        Fault(
            "text_after_history", "answers are text once the client gave an assistant's message", "session"
        ),
        Fault(
            "forgets_calls", "the output of a function is refused, as if it had not been called", "session"
        ),
        Fault("no_transcript", "no transcription events come", "session"),
        Fault("transcription_failed", "each transcription fails with DeploymentNotFound", "session"),
        Fault("no_speech_started", "semantic_vad sends no speech_started", "session"),
        Fault("image_refused", "an item with an image is refused, and yet stays", "session"),
        Fault("refuse", "a session.update that sets this parameter is refused", "session", "PARAMETER"),
        Fault("drop", "events of this type are not sent", "session", "TYPE"),
        Fault("double", "events of this type are sent twice", "session", "TYPE"),
        Fault("late", f"events of this type are overtaken by the next {LATE_EVENTS}", "session", "TYPE"),
    )
}
"""Every fault that a session can be given by name: in `/fault`, in `Faults.answers` and in `Faults.always`."""


def check_fault(text: str) -> Fault:
    """Return the fault that a text names ("NAME" or "NAME ARGUMENT"); raise ValueError if there is none."""
    name, _, argument = text.partition(" ")
    fault = FAULTS.get(name)
    if fault is None:
        raise ValueError(f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
    if bool(fault.argument) != bool(argument.strip()):
        wanted = f"wants a {fault.argument}" if fault.argument else "takes no argument"
        raise ValueError(f"the fault {name!r} {wanted}")
    return fault


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Faults:
    """Faults of the handshake and of the session; the default is none.

    Attributes:
        times: number of handshakes that have the faults; later ones have none. None for every handshake.
        handshake_delay_s: the upgrade is answered this late.
        refuse: HTTP status of the answer to the upgrade, with a body as Azure writes it.
        retry_after_s: `retry-after` of a refusal.
        redirect: `location` of a 307 in place of the upgrade.
        only: the one dialect that is served; the other's path is 404.
        reject: the upgrade is accepted, then one `error` event comes, and this close code: 3000 or 4000.
        beta_disabled: the preview's upgrade is accepted, then comes the error `beta_api_shape_disabled` and close 4000.
        session_s: how long a session lasts before `session_expired` and close 1001.
        always: names of FAULTS that hold from the session's beginning, such as "no_transcript" or "drop response.done".
        answers: the fault of each answer in order, "" for none; later ones have none.
        after_events: number of server events that are sent before the faults below happen.
        after_s: seconds of the session that pass before the faults below happen.
        garbage: sent once: text that is not JSON, a binary message, or bytes that are not a websocket frame.
        stop_sending: nothing more is sent, though client events are read.
        stop_reading: nothing more is read or sent, so that the client's socket fills.
        close: the connection is closed with this code.
        close_reason: the reason beside that code.
        drop: the connection is reset without a close frame.
    """

    times: int | None = None
    handshake_delay_s: float = 0.0
    refuse: int | None = None
    retry_after_s: int | None = None
    redirect: str | None = None
    only: Literal["preview", "ga"] | None = None
    reject: Literal[3000, 4000] | None = None
    beta_disabled: bool = False
    session_s: float = 3600.0
    always: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    after_events: int = 0
    after_s: float = 0.0
    garbage: Literal["text", "binary", "frame"] | None = None
    stop_sending: bool = False
    stop_reading: bool = False
    close: int | None = None
    close_reason: str = ""
    drop: bool = False

    def __post_init__(self) -> None:
        for kind, texts in (("session", self.always), ("answer", self.answers)):
            for text in filter(None, texts):
                if check_fault(text).lasts != kind:
                    raise ValueError(f"the fault {text!r} is not one of {kind}s")

    @property
    def in_session(self) -> bool:
        """Whether there is a fault that `after_events` and `after_s` delay."""
        return bool(self.garbage or self.stop_sending or self.stop_reading or self.close or self.drop)


class ScenarioError(Exception):
    """A scenario file cannot be used; the text is one line that says why."""


def read_scenario(path: Path) -> list[Faults]:
    """Return the faults of the handshakes, in order. Each `[[session]]` of a TOML file has fields of Faults.

    Raises:
        ScenarioError: the file does not exist, is not TOML, or has a field or value that Faults refuses.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"{path.name} cannot be read: {error}") from None
    sessions = content.pop("session", None)
    if content or not isinstance(sessions, list):
        raise ScenarioError(f"{path.name} must hold [[session]] tables and nothing else")
    return [_to_faults(f"{path.name}, session {number}", given) for number, given in enumerate(sessions, 1)]


def _to_faults(where: str, given: dict[str, Any]) -> Faults:
    try:
        return TypeAdapter(Faults).validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ScenarioError(f"{where}: {f'{place}: ' if place else ''}{first['msg']}") from None


class Misbehaviour:
    """The faults of one session while it runs. `answer` is the fault of the answer in progress, "" for none."""

    def __init__(self, faults: Faults) -> None:
        self.answer = ""
        self._coming = deque(faults.answers)
        self._always = set(faults.always)
        self._late: list[tuple[Event, int]] = []  # with the number of events that are sent before it

    def begin_answer(self) -> str:
        """Return the fault of the answer that is about to begin."""
        self.answer = self._coming.popleft() if self._coming else ""
        return self.answer

    def add(self, text: str, *, next_answer: bool = False) -> Fault:
        """Let a fault happen to this answer, to the next one, or from now on; raise ValueError if there is none."""
        fault = check_fault(text)
        if fault.lasts == "session":
            self._always.add(text)
        elif next_answer:
            self._coming.appendleft(text)
        else:
            self.answer = text
        return fault

    def clear(self) -> None:
        """End all faults."""
        self.answer = ""
        self._coming.clear()
        self._always.clear()

    def holds(self, name: str) -> bool:
        """Tell whether a fault without an argument holds for the whole session."""
        return name in self._always

    def arguments(self, name: str) -> Iterable[str]:
        """Return the arguments with which a fault holds for the whole session."""
        return [text.partition(" ")[2] for text in self._always if text.startswith(f"{name} ")]

    def apply(self, events: list[Event]) -> list[Event]:
        """Return the events to send in place of these: some are dropped, doubled or late."""
        if self.holds("silent"):
            return []
        if not self._late and not self._always:
            return events
        dropped, doubled, late = (set(self.arguments(name)) for name in ("drop", "double", "late"))
        sent: list[Event] = []
        for event in events:
            kind = event["type"]
            if kind in late:
                self._late.append((event, LATE_EVENTS))
                continue
            if kind not in dropped:
                sent += [event, event] if kind in doubled else [event]
            self._late = [(each, left - 1) for each, left in self._late]
            sent += [each for each, left in self._late if left <= 0]
            self._late = [(each, left) for each, left in self._late if left > 0]
        return sent
