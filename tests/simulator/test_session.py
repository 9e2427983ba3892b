"""The simulator's session without a socket; every event of both sides is judged by the SDK's models."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import numpy as np
import pytest
import signals
from hypothesis import given, settings
from hypothesis import strategies as st
from sdk_models import check_event, event_models, leaves

from simulator.dialect import GA, Preview
from simulator.session import ELSEWHERE, Session

Event = dict[str, Any]
DIALECTS = {"preview": Preview(), "ga": GA()}
TYPED: dict[str, Event] = {"preview": {}, "ga": {"type": "realtime"}}  # what every session.update carries


class Talk:
    """A client of a session: sends events and keeps what comes back, in order."""

    def __init__(self, name: str, *, scripted: bool = True) -> None:
        self.name = name
        self.session = Session(DIALECTS[name], expires_at=1_800_000_000, scripted=scripted)
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
        [updated] = self.send("session.update", session={**TYPED[self.name], **settings})
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


@pytest.fixture(params=DIALECTS)
def talk(request: pytest.FixtureRequest) -> Talk:
    return Talk(request.param)


@pytest.fixture(params=DIALECTS)
def spoken(request: pytest.FixtureRequest) -> Talk:
    """A session that answers as a person hears it."""
    return Talk(request.param, scripted=False)


# Opening and settings


def test_preview_opens_with_session_and_conversation() -> None:
    assert types(Talk("preview").events) == ["session.created", "conversation.created"]


def test_ga_opens_with_session_that_tells_its_dialect() -> None:
    [created] = Talk("ga").events
    assert created["session"]["type"] == "realtime"
    assert created["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}


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


def includes(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return all(name in whole and includes(whole[name], value) for name, value in part.items())
    return bool(whole == part)


def test_product_settings_are_accepted_and_told_back(talk: Talk) -> None:
    [updated] = talk.send("session.update", session=PRODUCT_UPDATE[talk.name])

    assert updated["type"] == "session.updated"
    assert includes(updated["session"], PRODUCT_UPDATE[talk.name])


def test_later_update_changes_only_what_it_names(talk: Talk) -> None:
    before = talk.update_input(transcription={"model": "whisper-1"})
    after = talk.update(instructions="Now sing.")

    assert after == {**before, "instructions": "Now sing."}


def test_turn_detection_is_filled_with_the_defaults_of_its_type(talk: Talk) -> None:
    updated = talk.update_input(turn_detection={"type": "semantic_vad"})

    settings = updated if talk.name == "preview" else updated["audio"]["input"]
    assert settings["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }


@pytest.mark.parametrize(("name", "other"), [("preview", "ga"), ("ga", "preview")])
def test_update_in_the_other_dialect_is_refused_whole(name: str, other: str) -> None:
    talk = Talk(name)
    error = talk.fails({"type": "session.update", "event_id": "mine", "session": PRODUCT_UPDATE[other]})

    if name == "preview":
        assert error["code"] == "unknown_parameter"
        assert error["message"] == "Unknown parameter: 'session.type'."
    else:
        assert error["code"] == "missing_required_parameter"
        assert error["message"] == "Missing required parameter: 'session.type'."
    assert error["param"] == "session.type"
    assert error["event_id"] == "mine"
    assert talk.update()["instructions"].startswith("This is a simulator")


BAD_SETTINGS: list[tuple[str, Event, str, str]] = [
    ("preview", {"voice": "nobody"}, "invalid_value", "session.voice"),
    ("preview", {"modalities": ["audio"]}, "invalid_value", "session.modalities"),
    ("preview", {"temperature": 3}, "decimal_above_max_value", "session.temperature"),
    ("preview", {"temperature": float("1e-3")}, "decimal_below_min_value", "session.temperature"),
    ("preview", {"instructions": 3}, "invalid_type", "session.instructions"),
    ("preview", {"input_audio_format": "g711_ulaw"}, "unsupported_by_simulator", "session.input_audio_format"),
    ("preview", {"max_response_output_tokens": 0}, "integer_below_min_value", "session.max_response_output_tokens"),
    ("preview", {"turn_detection": {"type": "none"}}, "invalid_value", "session.turn_detection.type"),
    ("preview", {"turn_detection": {}}, "missing_required_parameter", "session.turn_detection.type"),
    ("preview", {"turn_detection": "server_vad"}, "invalid_type", "session.turn_detection"),
    ("preview", {"tools": {}}, "invalid_type", "session.tools"),
    ("preview", {"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
    ("ga", {"type": "realtime", "temperature": 0.8}, "unknown_parameter", "session.temperature"),
    ("ga", {"type": "realtime", "output_modalities": ["text", "audio"]}, "invalid_value", "session.output_modalities"),
    ("ga", {"type": "transcription"}, "unsupported_by_simulator", "session"),
    ("ga", {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}, "unsupported_by_simulator", "session.audio.input.format"),
    ("ga", {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000}}}}, "unsupported_by_simulator", "session.audio.input.turn_detection.idle_timeout_ms"),
    ("ga", {"type": "realtime", "tools": [{"type": "mcp", "server_label": "x"}]}, "unsupported_by_simulator", "session.tools[0]"),
    ("ga", {"type": "realtime", "tool_choice": "all"}, "invalid_value", "session.tool_choice"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "session", "code", "param"), BAD_SETTINGS)
def test_bad_setting_is_named(name: str, session: Event, code: str, param: str) -> None:
    error = Talk(name).fails({"type": "session.update", "session": session})

    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)


def test_supported_values_are_listed_in_words() -> None:
    error = Talk("preview").fails({"type": "session.update", "session": {"tool_choice": "all"}})

    assert error["message"] == "Invalid value: 'all'. Supported values are: 'auto', 'none' and 'required'."


def test_voice_stays_once_it_was_heard(talk: Talk) -> None:
    def voice(name: str) -> Event:
        settings = {"voice": name} if talk.name == "preview" else {"audio": {"output": {"voice": name}}}
        return talk.send("session.update", session={**TYPED[talk.name], **settings})[0]

    assert voice("verse")["type"] == "session.updated"
    talk.answer("Hello.")

    assert voice("verse")["type"] == "session.updated"
    assert voice("alloy")["error"]["code"] == "cannot_update_voice"


def test_every_setting_of_the_sdk_is_known(talk: Talk) -> None:
    """A setting is accepted, or refused for its value or as not simulated; none is unknown."""
    session = leaves(event_models(talk.name, "client")["session.update"].model_fields["session"].annotation)[
        0
    ]
    paths: list[tuple[str, ...]] = [(name,) for name in session.model_fields]
    if talk.name == "ga":
        [both] = leaves(session.model_fields["audio"].annotation)
        directions = {name: leaves(field.annotation)[0] for name, field in both.model_fields.items()}
        paths += [("audio", name, inner) for name, part in directions.items() for inner in part.model_fields]

    for path in paths:
        settings: Any = None
        for name in reversed(path):
            settings = {name: settings}
        [event] = talk.send_raw(
            json.dumps({"type": "session.update", "session": {**TYPED[talk.name], **settings}})
        )
        assert event["type"] == "session.updated" or event["error"]["code"] != "unknown_parameter", event


def test_every_response_setting_of_the_sdk_is_known(talk: Talk) -> None:
    model = leaves(event_models(talk.name, "client")["response.create"].model_fields["response"].annotation)[
        0
    ]
    for name in model.model_fields:
        event = talk.send_raw(json.dumps({"type": "response.create", "response": {name: object.__name__}}))[0]
        assert event["type"] != "error" or event["error"]["code"] != "unknown_parameter", event
        talk.finish()


def test_every_client_event_of_the_sdk_is_known(talk: Talk) -> None:
    for kind in event_models(talk.name, "client"):
        [event] = talk.send_raw(json.dumps({"type": kind, "nonsense": 1}))
        assert event["error"]["code"] == (
            "unsupported_by_simulator" if kind in ELSEWHERE else "unknown_parameter"
        )


# What is no event


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "invalid_json"),
        ("[1]", "invalid_event"),
        ('"text"', "invalid_event"),
        ('{"type": "input_audio_buffer.append", "audio": NaN}', "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        (b"\x00\x01", "invalid_event"),
        ("{}", "missing_required_parameter"),
        ('{"type": 1}', "invalid_type"),
        ('{"type": "session.begin"}', "invalid_value"),
        ('{"type": "input_audio_buffer.append"}', "missing_required_parameter"),
        ('{"type": "input_audio_buffer.append", "audio": 1}', "invalid_type"),
        ('{"type": "input_audio_buffer.append", "audio": "A"}', "invalid_value"),
        ('{"type": "input_audio_buffer.append", "audio": "é"}', "invalid_value"),
        ('{"type": "input_audio_buffer.append", "audio": "", "rate": 1}', "unknown_parameter"),
        ('{"type": "session.update", "session": null}', "invalid_type"),
        ('{"type": "response.create", "response": []}', "invalid_type"),
        ('{"type": "conversation.item.truncate", "item_id": "a"}', "missing_required_parameter"),
        ('{"type": "output_audio_buffer.clear"}', "unsupported_by_simulator"),
    ],
)
def test_what_is_no_event_brings_an_error_and_the_session_goes_on(
    talk: Talk, message: str | bytes, code: str
) -> None:
    assert talk.fails(message)["code"] == code
    assert done(talk.answer("Still there?"))["status"] == "completed"


def test_unknown_event_type_names_those_there_are(talk: Talk) -> None:
    error = talk.fails({"type": "session.begin"})

    assert error["message"].startswith(
        "Invalid value: 'session.begin'. Supported values are: 'session.update', "
    )
    assert error["param"] == "type"


def test_too_long_append_is_refused(talk: Talk) -> None:
    error = talk.fails({"type": "input_audio_buffer.append", "audio": "A" * (15 * 2**20 + 4)})

    assert error["code"] == "string_above_max_length"


@pytest.mark.parametrize("schema", ['{"a":' * 40 + "1" + "}" * 40, '{"maximum": 1e400}'])
def test_schema_that_cannot_be_told_back_is_refused(talk: Talk, schema: str) -> None:
    settings = json.dumps(
        {**TYPED[talk.name], "tools": [{"type": "function", "name": "x", "parameters": "?"}]}
    )
    update = f'{{"type": "session.update", "session": {settings.replace(chr(34) + "?" + chr(34), schema)}}}'

    assert talk.fails(update)["code"] == "invalid_value"


def test_lone_surrogate_survives(talk: Talk) -> None:
    [created, *_] = talk.send_raw(
        '{"type":"conversation.item.create","item":{"type":"message","role":"user",'
        '"content":[{"type":"input_text","text":"\\ud800"}]}}'
    )
    assert created["item"]["content"][0]["text"] == "\ud800"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9999)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["auto", "none"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "id", "name", "text", "audio"]), inner, max_size=4)
    ),
    max_leaves=6,
)


def some_events(dialect: str) -> list[Event]:
    """Return an event of each kind, right as it is."""
    modalities = {"modalities" if dialect == "preview" else "output_modalities": ["text"]}
    tools = {"tools": [WEATHER], "tool_choice": "required"}
    return [
        {"type": "session.update", "session": {**PRODUCT_UPDATE[dialect], **tools}},
        {"type": "input_audio_buffer.append", "audio": base64.b64encode(UTTERANCE).decode()},
        {"type": "input_audio_buffer.commit"},
        {"type": "conversation.item.create", "previous_item_id": "root", "item": message("a")},
        {"type": "conversation.item.create", "item": message("b", "assistant", DIALECTS[dialect].text_content)},
        {"type": "conversation.item.create", "item": {"type": "function_call", "name": "x", "call_id": "c", "arguments": "{}"}},
        {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c", "output": "1"}},
        {"type": "conversation.item.retrieve", "item_id": "a"},
        {"type": "conversation.item.truncate", "item_id": "item_000002", "content_index": 0, "audio_end_ms": 9},
        {"type": "conversation.item.delete", "item_id": "a"},
        {"type": "response.create", "response": {**modalities, "input": [message("d")], "conversation": "none", "metadata": {"a": "b"}}},
        {"type": "response.create"},
        {"type": "response.cancel"},
    ]  # fmt: skip


def spoilt(event: Event, seed: int, value: Any) -> Event:
    """Return the event with some part of it replaced, taken out or joined by another."""
    event = json.loads(json.dumps(event))
    chance = random.Random(seed)
    place: Any = event
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = chance.choice(keys)
        if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.8:
            place = place[key]
            continue
        if chance.random() < 0.2:
            del place[key]
        elif chance.random() < 0.2 and isinstance(place, dict):
            place[chance.choice(["id", "type", "status", "more"])] = value
        else:
            place[key] = value
        return event


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9999), VALUES, st.booleans()), max_size=8))
def test_whatever_is_sent_is_answered_in_the_protocol(
    dialect: str, sent: list[tuple[int, int, Any, bool]]
) -> None:
    talk, right = Talk(dialect), some_events(dialect)
    for index, seed, value, is_right in sent:
        event = right[index] if is_right else spoilt(right[index], seed, value)
        talk.send_raw(json.dumps(event))
        talk.step(2)
    talk.finish()


# A spoken turn

UTTERANCE = signals.to_pcm(
    np.concatenate((signals.silence(0.5), signals.at(signals.voice(1.2), -20), signals.silence(0.5)))
)


def ordered(talk: Talk, *added: str) -> list[str]:
    """Return the dialect's names of the events around an item."""
    return list(added) if talk.name == "ga" else ["conversation.item.created"]


def test_spoken_turn_comes_in_the_documented_order(talk: Talk) -> None:
    talk.update_input(transcription={"model": "whisper-1"})
    heard = talk.speak(UTTERANCE)
    answered = talk.finish()

    assert types(heard) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        *ordered(talk, "conversation.item.added", "conversation.item.done"),
        "response.created",
    ]
    names = types(answered)
    deltas = [name for name in names if name.endswith(".delta") and name.startswith("response")]
    assert names == [
        "response.output_item.added",
        *ordered(talk, "conversation.item.added"),
        "response.content_part.added",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        *deltas,
        talk.named("audio.done"),
        talk.named("audio_transcript.done"),
        "response.content_part.done",
        *(["conversation.item.done"] if talk.name == "ga" else []),
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert set(deltas) == {talk.named("audio.delta"), talk.named("audio_transcript.delta")}


def test_events_of_a_turn_point_at_each_other(talk: Talk) -> None:
    heard, answered = talk.speak(UTTERANCE), talk.finish()

    started, stopped, committed = heard[:3]
    user_item = heard[3]["item"]
    assert started["item_id"] == stopped["item_id"] == committed["item_id"] == user_item["id"]
    assert committed["previous_item_id"] is None
    assert 0 <= started["audio_start_ms"] < 700 < stopped["audio_end_ms"] < 2200
    assistant = next(event for event in answered if event["type"].startswith("conversation.item"))
    assert assistant["previous_item_id"] == user_item["id"]
    response = done(answered)
    assert response["status"] == "completed"
    assert response["output"][0]["id"] == assistant["item"]["id"]
    placed = [event for event in answered if "content_index" in event]
    assert {(event["response_id"], event["item_id"], event["output_index"]) for event in placed} == {
        (response["id"], assistant["item"]["id"], 0)
    }


def test_every_event_has_an_id_of_its_own(talk: Talk) -> None:
    talk.speak(UTTERANCE)
    talk.finish()

    ids = [event["event_id"] for event in talk.events]
    assert len(set(ids)) == len(ids)


def test_scripted_sessions_are_alike() -> None:
    def events() -> list[Event]:
        talk = Talk("ga")
        talk.speak(UTTERANCE)
        talk.finish()
        return talk.events

    assert events() == events()


def test_scripted_answer_counts_every_sample(talk: Talk) -> None:
    talk.speak(UTTERANCE)

    samples = np.frombuffer(audio(talk.finish()), "<i2").astype(int)

    assert len(samples) == 72_000
    assert (samples == np.arange(72_000) % 65536 - 32768).all()


def test_transcript_says_how_long_one_spoke_and_that_it_is_none(talk: Talk) -> None:
    talk.update_input(transcription={"model": "whisper-1"})
    talk.speak(UTTERANCE)
    events = talk.finish()

    completed = one(events, "conversation.item.input_audio_transcription.completed")
    assert completed["transcript"] == "[1.2 s of speech; the simulator does not transcribe]"
    [retrieved] = talk.send("conversation.item.retrieve", item_id=completed["item_id"])
    assert retrieved["item"]["content"][0]["transcript"] == completed["transcript"]


def test_without_transcription_none_comes(talk: Talk) -> None:
    talk.speak(UTTERANCE)
    talk.finish()

    assert not [name for name in types(talk.events) if "transcription" in name]


def test_first_answer_tells_what_it_is_and_replays_the_voice(spoken: Talk) -> None:
    spoken.speak(UTTERANCE)
    events = spoken.finish()

    transcript = one(events, spoken.named("audio_transcript.done"))["transcript"]
    assert transcript == (
        "Hello! I am the built-in simulator. No model is connected, so I understand nothing. "
        "This is what I heard. (Your own voice, replayed.)"
    )
    deltas = [event["delta"] for event in events if event["type"] == spoken.named("audio_transcript.delta")]
    assert "".join(deltas) == transcript
    heard = np.frombuffer(UTTERANCE, "<i2").astype(float)
    said = np.frombuffer(audio(events), "<i2").astype(float)
    likeness = np.abs(np.fft.irfft(np.fft.rfft(said, 2**20) * np.conj(np.fft.rfft(heard, 2**20))))
    tail = said[int(np.argmax(likeness)) :][: len(heard)]
    assert np.corrcoef(tail, heard[: len(tail)])[0, 1] > 0.95


def utterance(level_db: float = -20, seconds: float = 1.2, noise_db: float = -80) -> bytes:
    noise = signals.at(signals.hiss(seconds + 3.5), noise_db)
    start = 3 * signals.RATE
    noise[start : start + int(seconds * signals.RATE)] += signals.at(signals.voice(seconds), level_db)
    return signals.to_pcm(noise)


@pytest.mark.parametrize(
    ("pcm", "remark"),
    [
        (utterance(), "You can interrupt me at any time: just start speaking."),
        (utterance(level_db=-49), "That was very quiet."),
        (utterance(level_db=-2), "That was too loud. Turn your microphone down."),
        (utterance(level_db=-30, noise_db=-36), "There is a lot of background noise."),
        (utterance(seconds=0.25), "Please say a whole sentence."),
    ],
    ids=["good", "quiet", "clipped", "noisy", "short"],
)
def test_later_answers_end_with_a_remark_on_the_sound(spoken: Talk, pcm: bytes, remark: str) -> None:
    spoken.speak(UTTERANCE)
    spoken.finish()

    spoken.speak(pcm)
    transcript = one(spoken.finish(), spoken.named("audio_transcript.done"))["transcript"]

    assert transcript == f"This is what I heard. (Your own voice, replayed.) {remark}"


def test_speech_without_create_response_waits_for_the_client(talk: Talk) -> None:
    talk.update_input(
        transcription={"model": "whisper-1"}, turn_detection={"type": "server_vad", "create_response": False}
    )
    heard = talk.speak(UTTERANCE)

    assert talk.session.response is None
    assert types(heard)[-1] == "conversation.item.input_audio_transcription.completed"
    assert types(talk.send("response.create")) == ["response.created"]


# Turns the client ends


def test_manual_turn_is_committed_and_answered_by_the_client(talk: Talk) -> None:
    talk.update_input(turn_detection=None)

    assert talk.speak(UTTERANCE) == []
    assert types(talk.send("input_audio_buffer.commit")) == [
        "input_audio_buffer.committed",
        *ordered(talk, "conversation.item.added", "conversation.item.done"),
    ]
    talk.send("response.create")
    assert done(talk.finish())["status"] == "completed"


def test_empty_commit_says_how_much_there_was(talk: Talk) -> None:
    talk.update_input(turn_detection=None)
    talk.speak(bytes(50 * 48))

    error = talk.fails({"type": "input_audio_buffer.commit"})

    assert error["code"] == "input_audio_buffer_commit_empty"
    assert error["message"] == (
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer "
        "only has 50.00ms of audio."
    )


def test_cleared_audio_is_not_committed(talk: Talk) -> None:
    talk.update_input(turn_detection=None)
    talk.speak(UTTERANCE)

    assert types(talk.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert talk.fails({"type": "input_audio_buffer.commit"})["code"] == "input_audio_buffer_commit_empty"


# Barge-in, cancel, truncate


def test_speech_cuts_the_answer_off(talk: Talk) -> None:
    talk.speak(UTTERANCE)
    before = talk.step(8)

    interrupted = talk.speak(UTTERANCE[: 1000 * 48])

    assert types(interrupted) == [
        "input_audio_buffer.speech_started",
        talk.named("audio.done"),
        talk.named("audio_transcript.done"),
        "response.content_part.done",
        *(["conversation.item.done"] if talk.name == "ga" else []),
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    response = done(interrupted)
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert response["output"][0]["status"] == "incomplete"
    assert 0 < len(audio(before)) < 72_000 * 2
    assert talk.step() == []


def test_speech_does_not_cut_off_when_told_not_to(talk: Talk) -> None:
    talk.update_input(turn_detection={"type": "server_vad", "interrupt_response": False})
    talk.speak(UTTERANCE)
    talk.step(3)

    interrupted = talk.speak(UTTERANCE)

    assert types(interrupted)[-1] == "error"
    assert interrupted[-1]["error"]["code"] == "conversation_already_has_active_response"
    assert done(talk.finish())["status"] == "completed"


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_client_cancels_at_any_point(talk: Talk, steps: int) -> None:
    talk.say("Hello.")
    talk.send("response.create")
    talk.step(steps)

    response = done(talk.send("response.cancel"))

    assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert len(response["output"]) == (1 if steps > 1 else 0)
    assert done(talk.answer("And now?"))["status"] == "completed"


def test_cancel_without_a_response_is_an_error(talk: Talk) -> None:
    assert talk.fails({"type": "response.cancel"}) == {
        "type": "invalid_request_error",
        "code": "response_cancel_not_active",
        "message": "Cancellation failed: no active response found",
        "param": None,
        "event_id": None,
    }


def test_cancel_of_another_response_leaves_this_one(talk: Talk) -> None:
    talk.say("Hello.")
    talk.send("response.create")

    error = talk.fails({"type": "response.cancel", "response_id": "resp_other"})

    assert error["code"] == "response_cancel_not_active"
    assert done(talk.finish())["status"] == "completed"


def test_one_response_at_a_time(talk: Talk) -> None:
    talk.say("Hello.")
    [created] = talk.send("response.create")

    error = talk.fails({"type": "response.create", "event_id": "second"})

    assert error["code"] == "conversation_already_has_active_response"
    assert created["response"]["id"] in error["message"]
    assert error["event_id"] == "second"


def test_truncate_shortens_what_was_said(talk: Talk) -> None:
    item_id = done(talk.answer("Hello."))["output"][0]["id"]

    [truncated] = talk.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=1234)
    assert (truncated["type"], truncated["audio_end_ms"]) == ("conversation.item.truncated", 1234)
    [retrieved] = talk.send("conversation.item.retrieve", item_id=item_id)
    assert retrieved["item"]["content"][0]["transcript"] == ""

    error = talk.fails(
        {"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0, "audio_end_ms": 1300}
    )
    assert error["message"] == "Audio content of 1234ms is already shorter than 1300ms"


def test_truncate_beyond_the_audio_is_an_error(talk: Talk) -> None:
    item_id = done(talk.answer("Hello."))["output"][0]["id"]
    event = {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": 3001,
    }

    assert talk.fails(event)["message"] == "Audio content of 3000ms is already shorter than 3001ms"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"item_id": "item_other"}, "item_id"),
        ({"content_index": 1}, "content_index"),
        ({"item_id": "mine"}, "item_id"),
    ],
)
def test_truncate_names_what_is_wrong(talk: Talk, change: Event, param: str) -> None:
    talk.send(
        "conversation.item.create",
        item={
            "id": "mine",
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "a"}],
        },
    )
    item_id = done(talk.answer("Hello."))["output"][0]["id"]
    event = {"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0, "audio_end_ms": 10}

    assert talk.fails({**event, **change})["param"] == param


# Text, items


def test_typed_message_is_answered_in_sound_and_writing(spoken: Talk) -> None:
    events = spoken.answer("Wie spät ist es? ⏰")

    transcript = one(events, spoken.named("audio_transcript.done"))["transcript"]
    assert (
        transcript == "I received your message, but I cannot understand it. (You typed: Wie spät ist es? ⏰)"
    )
    assert len(audio(events)) > 48 * 1000


def test_text_only_session_answers_without_sound(spoken: Talk) -> None:
    spoken.text_only()
    events = spoken.answer("Hello.")

    text = one(events, spoken.named("text.done"))["text"]
    assert text == "I received your message, but I cannot understand it. (You typed: Hello.)"
    assert "".join(event["delta"] for event in events if event["type"] == spoken.named("text.delta")) == text
    assert audio(events) == b""
    assert done(events)["output"][0]["content"] == [
        {"type": "text" if spoken.name == "preview" else "output_text", "text": text}
    ]


def test_single_response_may_be_text_only(spoken: Talk) -> None:
    modalities = {"modalities" if spoken.name == "preview" else "output_modalities": ["text"]}

    assert audio(spoken.answer("Hello.", **modalities)) == b""
    assert audio(spoken.answer("Hello.")) != b""


def test_response_outside_the_conversation_leaves_no_item(spoken: Talk) -> None:
    asked = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Aside."}]}]
    created = spoken.send(
        "response.create", response={"conversation": "none", "input": asked, "metadata": {"a": "b"}}
    )
    events = [*created, *spoken.finish()]

    response = done(events)
    assert response["conversation_id"] is None
    assert response["metadata"] == {"a": "b"}
    assert "(You typed: Aside.)" in response["output"][0]["content"][0]["transcript"]
    assert not [name for name in types(events) if name.startswith("conversation.item")]
    error = spoken.fails({"type": "conversation.item.retrieve", "item_id": response["output"][0]["id"]})
    assert error["code"] == "item_retrieve_invalid_item_id"


def test_response_to_nothing_says_so(spoken: Talk) -> None:
    spoken.send("response.create")

    assert done(spoken.finish())["output"][0]["content"][0]["transcript"] == "There is nothing to answer."


def message(item_id: str, role: str = "user", kind: str = "input_text") -> Event:
    return {"id": item_id, "type": "message", "role": role, "content": [{"type": kind, "text": item_id}]}


def test_items_stand_where_they_are_put(talk: Talk) -> None:
    def put(item_id: str, after: str | None = None) -> Any:
        place = {} if after is None else {"previous_item_id": after}
        return talk.send("conversation.item.create", item=message(item_id), **place)[0]["previous_item_id"]

    assert put("a") is None
    assert put("c") == "a"
    assert put("b", "a") == "a"
    assert put("first", "root") is None
    assert put("d") == "c"


def test_history_of_all_roles_is_taken(talk: Talk) -> None:
    kinds = (
        ("system", "input_text"),
        ("user", "input_text"),
        ("assistant", DIALECTS[talk.name].text_content),
    )
    for role, kind in kinds:
        events = talk.send("conversation.item.create", item=message(role, role, kind))
        assert types(events) == ordered(talk, "conversation.item.added", "conversation.item.done")
        assert events[0]["item"]["status"] == "completed"


def test_items_a_client_brings_keep_their_ids_and_their_order(talk: Talk) -> None:
    """As a page does that lets a new session know what was said in earlier ones."""
    kinds = {"user": "input_text", "assistant": DIALECTS[talk.name].text_content}
    ids = [f"rv_{number:029}" for number in range(20)]
    told = [
        talk.send("conversation.item.create", item=message(item_id, role, kinds[role]))[0]
        for item_id, role in zip(ids, ["user", "assistant"] * 10, strict=True)
    ]
    assert [event["item"]["id"] for event in told] == ids
    assert [event["previous_item_id"] for event in told] == [None, *ids[:-1]]
    for item_id in ids:
        talk.send("conversation.item.delete", item_id=item_id)
    added = talk.send("conversation.item.create", item=message(ids[0]))[0]
    assert added["previous_item_id"] is None


def test_an_answer_under_way_can_be_deleted(talk: Talk) -> None:
    talk.say("hello")
    talk.send("response.create")
    added = one(talk.step(2), "response.output_item.added")

    talk.send("conversation.item.delete", item_id=added["item"]["id"])
    talk.finish()

    assert types(talk.say("again")) == ordered(talk, "conversation.item.added", "conversation.item.done")


def test_deleted_item_is_gone(talk: Talk) -> None:
    talk.send("conversation.item.create", item=message("a"))

    assert talk.send("conversation.item.delete", item_id="a")[0]["item_id"] == "a"
    error = talk.fails({"type": "conversation.item.delete", "item_id": "a"})
    assert (error["code"], error["param"]) == ("item_delete_invalid_item_id", "item_id")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"item": message("a")}, "item_create_duplicate_item_id"),
        ({"item": message("b"), "previous_item_id": "z"}, "item_create_invalid_previous_item_id"),
        ({"item": {"type": "function_call_output", "call_id": "x", "output": ""}}, "invalid_tool_call_id"),
        ({"item": {"type": "message", "role": "user"}}, "missing_required_parameter"),
        ({"item": message("b" * 33)}, "string_above_max_length"),
        ({"item": message("b", "assistant")}, "invalid_value"),
        ({"item": message("b", "narrator")}, "invalid_value"),
        ({"item": {"type": "poem"}}, "invalid_value"),
        (
            {
                "item": {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_image", "image_url": "x"}],
                }
            },
            "unsupported_by_simulator",
        ),
        (
            {"item": {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "%"}]}},
            "invalid_value",
        ),
    ],
)
def test_bad_item_is_refused(talk: Talk, fields: Event, code: str) -> None:
    talk.send("conversation.item.create", item=message("a"))

    assert talk.fails({"type": "conversation.item.create", **fields})["code"] == code


def test_audio_in_an_item_is_heard(spoken: Talk) -> None:
    content = [{"type": "input_audio", "audio": base64.b64encode(UTTERANCE).decode()}]
    events = spoken.send(
        "conversation.item.create", item={"type": "message", "role": "user", "content": content}
    )
    assert events[0]["item"]["content"] == [{"type": "input_audio"}]

    spoken.send("response.create")
    assert "This is what I heard." in done(spoken.finish())["output"][0]["content"][0]["transcript"]


# Tools

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


def test_tool_is_called_and_its_answer_spoken(spoken: Talk) -> None:
    spoken.update(tools=[WEATHER, OTHER])
    events = spoken.answer("/tool")

    [call] = done(events)["output"]
    assert (call["type"], call["name"], call["status"]) == ("function_call", "get_weather", "completed")
    assert json.loads(call["arguments"]) == {"city": "example", "days": 1, "unit": "celsius", "hours": [1]}
    deltas = [event["delta"] for event in events if event["type"] == "response.function_call_arguments.delta"]
    assert len(deltas) > 1
    assert "".join(deltas) == call["arguments"]
    finished = one(events, "response.function_call_arguments.done")
    assert finished["arguments"] == call["arguments"]
    assert finished.get("name") == ("get_weather" if spoken.name == "ga" else None)

    spoken.send(
        "conversation.item.create",
        item={"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"},
    )
    spoken.send("response.create")
    transcript = one(spoken.finish(), spoken.named("audio_transcript.done"))["transcript"]
    assert transcript == "Your tool has answered. (It said: sunny)"


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "other"}])
def test_tool_choice_calls_a_tool(choice: Any) -> None:
    talk = Talk("ga")
    talk.update(tools=[WEATHER, OTHER], tool_choice=choice)

    [call] = done(talk.answer("What now?"))["output"]

    assert call["name"] == ("get_weather" if choice == "required" else "other")


def test_tool_without_tools_is_invented(talk: Talk) -> None:
    [call] = done(talk.answer("/tool"))["output"]

    assert (call["name"], call["arguments"]) == ("simulator_example", '{"invented": true}')


# Commands


def test_error_command_fails_the_response(talk: Talk) -> None:
    response = done(talk.answer("/error"))

    assert response["status"] == "failed"
    assert response["status_details"]["error"]["type"] == "server_error"
    assert response["output"] == []


def test_error_command_with_a_code_sends_that_error(talk: Talk) -> None:
    talk.say("/error rate_limit_exceeded")

    assert talk.fails({"type": "response.create"})["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize(("text", "code"), [("/close", 1011), ("/close 4321", 4321)])
def test_close_command_ends_the_session(talk: Talk, text: str, code: int) -> None:
    talk.say(text)

    assert talk.send("response.create") == []
    assert talk.session.ending
    assert talk.session.ending.code == code


@pytest.mark.parametrize("code", ["1006", "5000", "soon", "9" * 5000])
def test_close_command_takes_only_codes_a_server_may_send(talk: Talk, code: str) -> None:
    talk.say(f"/close {code}")

    assert talk.fails({"type": "response.create"})["code"] == "invalid_value"
    assert talk.session.ending is None


def test_silence_command_is_silent(talk: Talk) -> None:
    assert audio(talk.answer("/silence")) == bytes(3000 * 48)


def test_long_command_speaks_for_a_minute(spoken: Talk) -> None:
    assert 60 <= len(audio(spoken.answer("/long"))) / 48_000 <= 80


def test_help_command_lists_the_commands(spoken: Talk) -> None:
    transcript = done(spoken.answer("/help"))["output"][0]["content"][0]["transcript"]

    for command in ("/error", "/close", "/slow", "/tool", "/silence", "/long"):
        assert command in transcript


def test_slow_command_speaks_slower_than_real_time(spoken: Talk) -> None:
    def pace(text: str) -> tuple[float, float]:
        spoken.say(text)
        spoken.send("response.create")
        first, audio_ms, pause_ms = spoken.session.advance(), 0.0, 0.0
        while spoken.session.response:
            step = spoken.session.advance()
            audio_ms += len(audio(step.events)) / 48
            pause_ms += step.pause_ms
        return first.pause_ms, audio_ms / pause_ms

    assert pace("Hello.") == pytest.approx((200, 4), rel=0.1)
    assert pace("/slow") == pytest.approx((3000, 0.75), rel=0.1)


# Usage and limits


def test_usage_counts_audio_at_the_documented_rates(talk: Talk) -> None:
    talk.update(instructions="x" * 400)
    talk.speak(UTTERANCE)
    usage = done(talk.finish())["usage"]

    assert usage["output_token_details"]["audio_tokens"] == 60
    assert usage["input_token_details"]["audio_tokens"] in range(15, 22)
    assert usage["input_token_details"]["text_tokens"] == 100
    for side in ("input", "output"):
        details = usage[f"{side}_token_details"]
        assert usage[f"{side}_tokens"] == details["text_tokens"] + details["audio_tokens"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_second_response_reads_the_first_ones_input_from_the_cache(talk: Talk) -> None:
    talk.update(instructions="x" * 800)
    first = done(talk.answer("Hello."))["usage"]["input_token_details"]
    second = done(talk.answer("Again."))["usage"]["input_token_details"]

    assert first["cached_tokens"] == 0
    assert second["cached_tokens"] == 192
    if talk.name == "ga":
        assert second["cached_tokens_details"] == {"text_tokens": 192, "audio_tokens": 0, "image_tokens": 0}


def test_answer_ends_at_the_limit_of_output_tokens(talk: Talk) -> None:
    limit = {"max_response_output_tokens" if talk.name == "preview" else "max_output_tokens": 30}
    response = done(talk.answer("Hello.", **limit))

    assert response["status"] == "incomplete"
    assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert 30 <= response["usage"]["output_tokens"] < 36


def test_rate_limits_follow_every_response(talk: Talk) -> None:
    limits = {limit["name"]: limit for limit in talk.answer("Hello.")[-1]["rate_limits"]}

    assert limits["tokens"]["remaining"] < limits["tokens"]["limit"]


def test_conversation_forgets_what_a_model_would(talk: Talk) -> None:
    talk.send("conversation.item.create", item=message("old"))
    talk.say("x" * 200_000)
    talk.send("response.create")
    talk.finish()

    assert (
        talk.fails({"type": "conversation.item.retrieve", "item_id": "old"})["code"]
        == "item_retrieve_invalid_item_id"
    )


def test_items_without_end_are_not_kept(talk: Talk) -> None:
    for _ in range(500):
        talk.send_raw(
            '{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[]}}'
        )

    assert len(talk.session._conversation._items) == 400  # noqa: SLF001 - memory is the claim


def test_heard_audio_is_forgotten_once_answered(talk: Talk) -> None:
    talk.speak(UTTERANCE)

    assert all(item.heard is None for item in talk.session._conversation._items)  # noqa: SLF001 - memory is the claim


def test_only_the_last_audio_waits_for_an_answer(talk: Talk) -> None:
    talk.update_input(turn_detection={"type": "server_vad", "create_response": False})
    for _ in range(3):
        talk.speak(UTTERANCE)

    waiting = [item for item in talk.session._conversation._items if item.heard]  # noqa: SLF001 - memory is the claim
    assert waiting == [talk.session._conversation.last]  # noqa: SLF001


def test_expired_session_says_so(talk: Talk) -> None:
    [event] = talk.take(talk.session.expire())

    assert event["error"]["code"] == "session_expired"
    assert talk.session.ending
    assert (talk.session.ending.code, talk.session.ending.reason) == (
        1001,
        "Your session hit the maximum duration of 60 minutes.",
    )


def test_long_append_is_worked_through_in_slices(talk: Talk) -> None:
    encoded = base64.b64encode(bytes(60_000 * 48)).decode()
    batches = list(talk.session.receive(json.dumps({"type": "input_audio_buffer.append", "audio": encoded})))

    assert len(batches) == 300
