"""Transcription: its events, and sessions that only transcribe."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from session_client import DIALECTS, UTTERANCE, SessionClient, one, types
from websockets.datastructures import Headers

from simulator.handshake import Handshake

STEM = "conversation.item.input_audio_transcription"
LOGPROBS = "item.input_audio_transcription.logprobs"


def transcriber(name: str) -> SessionClient:
    return SessionClient(name, kind="transcription")


def update(client: SessionClient, **settings: Any) -> dict[str, Any]:
    """Update a session that transcribes, and return it as session.updated shows it."""
    kind, session = "transcription_session.update", settings
    if client.name == "ga":
        heard = (
            {"transcription": settings.pop("input_audio_transcription")}
            if "input_audio_transcription" in settings
            else {}
        )
        kind, session = "session.update", {"type": "transcription", "audio": {"input": heard}, **settings}
    [updated] = client.send(kind, session=session)
    assert updated["type"] == ("session.updated" if client.name == "ga" else "transcription_session.updated")
    return dict(updated["session"])


@pytest.mark.parametrize(
    ("model", "kind"),
    [("whisper-1", "duration"), ("gpt-4o-transcribe", "tokens"), ("gpt-4o-mini-transcribe", "tokens")],
)
def test_usage_has_the_unit_of_its_model(client: SessionClient, model: str, kind: str) -> None:
    client.update_input(transcription={"model": model})
    client.speak(UTTERANCE)
    usage = one(client.finish(), f"{STEM}.completed")["usage"]

    assert usage["type"] == kind
    if kind == "duration":
        assert 1.0 < usage["seconds"] < 2.5
    else:
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_deltas_make_up_the_transcript(client: SessionClient) -> None:
    client.update_input(transcription={"model": "gpt-4o-transcribe"})
    client.speak(UTTERANCE)
    events = client.finish()

    deltas = [event["delta"] for event in events if event["type"] == f"{STEM}.delta"]
    assert len(deltas) > 5
    assert "".join(deltas) == one(events, f"{STEM}.completed")["transcript"]


@pytest.mark.parametrize(
    ("api_version", "kinds"),
    [("2024-10-01-preview", ["completed"]), ("2025-04-01-preview", ["delta", "completed"])],
)
def test_the_first_api_version_has_no_deltas(api_version: str, kinds: list[str]) -> None:
    handshake = Handshake.of(f"/openai/realtime?api-version={api_version}&deployment=any", Headers())
    client = SessionClient("preview", **asdict(handshake.deployment(None)))
    client.update_input(transcription={"model": "whisper-1"})
    client.speak(UTTERANCE)
    sent_kinds = [kind for kind in types(client.finish()) if kind.startswith(STEM)]

    assert sent_kinds == [f"{STEM}.{kind}" for kind in kinds]


@pytest.mark.parametrize("include", [None, [LOGPROBS]])
def test_log_probabilities_come_when_they_are_asked_for(include: list[str] | None) -> None:
    client = SessionClient("ga")
    client.update(include=include)
    client.update_input(transcription={"model": "gpt-4o-transcribe"})
    client.speak(UTTERANCE)
    completed = one(client.finish(), f"{STEM}.completed")

    assert ("logprobs" in completed) == bool(include)
    tokens = [bytes(each["bytes"]).decode() for each in completed.get("logprobs", [])]
    assert "".join(tokens) == (completed["transcript"] if include else "")


@pytest.mark.parametrize("name", DIALECTS)
def test_transcription_session_names_its_kind(name: str) -> None:
    [created] = transcriber(name).events

    assert created["type"] == ("session.created" if name == "ga" else "transcription_session.created")
    assert created["session"]["object"] == "realtime.transcription_session"
    assert created["session"].get("type") == ("transcription" if name == "ga" else None)


@pytest.mark.parametrize("name", DIALECTS)
def test_transcription_session_transcribes_and_does_not_answer(name: str) -> None:
    client = transcriber(name)
    update(client, input_audio_transcription={"model": "gpt-4o-transcribe"}, include=[LOGPROBS])
    events = client.speak(UTTERANCE)

    added = (
        ["conversation.item.added", "conversation.item.done"]
        if name == "ga"
        else ["conversation.item.created"]
    )
    assert types(events)[:3] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
    ]
    assert [kind for kind in types(events)[3:] if kind != f"{STEM}.delta"] == [*added, f"{STEM}.completed"]
    assert events[-1]["logprobs"]
    assert client.session.response is None
    assert client.fails({"type": "response.create"})["code"] == "invalid_value"


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("preview", {"type": "session.update", "session": {}}),
        ("ga", {"type": "session.update", "session": {"type": "realtime"}}),
    ],
)
def test_transcription_session_refuses_an_update_of_the_other_kind(name: str, event: dict[str, Any]) -> None:
    error = transcriber(name).fails(event)

    assert error["code"] == "invalid_parameter"
    assert (
        error["message"]
        == "Passing a realtime session update event to a transcription session is not allowed."
    )


def test_other_sessions_refuse_an_update_of_a_transcription_session(client: SessionClient) -> None:
    error = client.fails(json.dumps({"type": "transcription_session.update", "session": {}}))

    assert error["code"] == "invalid_parameter"
    assert (
        error["message"]
        == "Passing a transcription session update event to a realtime session is not allowed."
    )
