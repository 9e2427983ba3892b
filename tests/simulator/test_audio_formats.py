"""G.711 both ways, and the speed of answers."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from session_client import DIALECTS, UTTERANCE, SessionClient, audio, done, one, types

from simulator.g711 import Decoder, Encoder, Law

FORMATS: dict[str, dict[Law, Any]] = {
    "preview": {"mu": "g711_ulaw", "a": "g711_alaw"},
    "ga": {"mu": {"type": "audio/pcmu"}, "a": {"type": "audio/pcma"}},
}


def telephone(name: str, law: Law, *, scripted: bool = False) -> SessionClient:
    """Return a client of a session with G.711 in both directions."""
    client, form = SessionClient(name, scripted=scripted), FORMATS[name][law]
    if name == "preview":
        client.update(input_audio_format=form, output_audio_format=form)
    else:
        client.update(audio={"input": {"format": form}, "output": {"format": form}})
    return client


@pytest.mark.parametrize("law", ["mu", "a"])
@pytest.mark.parametrize("name", DIALECTS)
def test_g711_speech_is_answered_in_the_same_format(name: str, law: Law) -> None:
    client = telephone(name, law)
    heard = client.speak(Encoder(law).encode(UTTERANCE))
    assert types(heard)[:2] == ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]
    assert 0 <= heard[0]["audio_start_ms"] < 700 < heard[1]["audio_end_ms"] < 2200
    events = client.finish()

    sound = audio(events)
    item = done(events)["output"][0]
    tokens = done(events)["usage"]["output_token_details"]["audio_tokens"]
    assert tokens == pytest.approx(len(sound) / 8000 * 20, abs=1)
    said = np.frombuffer(Decoder(law).decode(sound), "<i2").astype(float)
    original = np.frombuffer(UTTERANCE, "<i2").astype(float)
    likeness = np.fft.irfft(np.fft.rfft(said, 2**20) * np.conj(np.fft.rfft(original, 2**20)))
    tail = said[int(np.argmax(np.abs(likeness))) :][: len(original)]
    assert np.corrcoef(tail, original[: len(tail)])[0, 1] > 0.9
    response = done(events)
    in_use = response["output_audio_format"] if name == "preview" else response["audio"]["output"]["format"]
    assert in_use == FORMATS[name][law]
    truncated = client.send(
        "conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=len(sound) // 8 - 100
    )
    assert truncated[0]["type"] == "conversation.item.truncated"


@pytest.mark.parametrize("name", DIALECTS)
def test_g711_audio_in_an_item_is_heard(name: str) -> None:
    client = telephone(name, "mu")
    content = [{"type": "input_audio", "audio": base64.b64encode(Encoder("mu").encode(UTTERANCE)).decode()}]
    client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    client.send("response.create")
    response = done(client.finish())

    assert "This is what I heard." in response["output"][0]["content"][0]["transcript"]
    assert response["usage"]["input_token_details"]["audio_tokens"] == len(UTTERANCE) // 4800


def test_a_single_response_may_have_another_format() -> None:
    client = SessionClient("ga")
    spoken = audio(client.answer("Hello.", audio={"output": {"format": {"type": "audio/pcmu"}}}))
    usual = audio(client.answer("Hello."))

    assert (len(spoken), len(usual)) == (3000 * 8, 3000 * 48)


def test_commit_needs_100_ms_of_g711_audio(client: SessionClient) -> None:
    form = FORMATS[client.name]["mu"]
    client.update(
        **{"input_audio_format": form} if client.name == "preview" else {"audio": {"input": {"format": form}}}
    )
    client.update_input(turn_detection=None)
    client.speak(bytes(50 * 8))

    assert "only has 50.00ms" in client.fails({"type": "input_audio_buffer.commit"})["message"]
    client.speak(bytes(50 * 8))
    assert types(client.send("input_audio_buffer.commit"))[0] == "input_audio_buffer.committed"


@pytest.mark.parametrize("speed", [0.5, 1.25])
@pytest.mark.parametrize("name", DIALECTS)
def test_speed_changes_how_long_an_answer_lasts(name: str, speed: float) -> None:
    client = SessionClient(name)
    client.update(**{"speed": speed} if name == "preview" else {"audio": {"output": {"speed": speed}}})
    events = client.answer("Hello.")

    assert len(audio(events)) == pytest.approx(3000 * 48 / speed, rel=0.001)
    assert one(events, client.named("audio_transcript.done"))["transcript"] == "(A ramp of 72000 samples.)"
