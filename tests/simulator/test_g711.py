"""G.711: the tables of ITU-T G.711, and sound that survives 24 kHz to 8 kHz and back."""

from __future__ import annotations

import numpy as np
import pytest
import signals
from hypothesis import given
from hypothesis import strategies as st

from simulator import g711
from simulator.g711 import Decoder, Encoder

LAWS: tuple[g711.Law, ...] = ("mu", "a")
DELAY_SAMPLES = g711.TAPS - 1  # both ways, at 24 kHz
MU_LAW = {  # G.711, table 2a: the first and last step of each segment, 14-bit
    0b10000000: 8031,
    0b10001111: 4191,
    0b10011111: 2079,
    0b10101111: 1023,
    0b10111111: 495,
    0b11001111: 231,
    0b11011111: 99,
    0b11101111: 33,
    0b11111110: 2,
    0b11111111: 0,
}
A_LAW = {  # G.711, table 1a: before the even bits are inverted, 13-bit of 12 and a half
    0b11111111: 4032,
    0b11110000: 2112,
    0b11100000: 1056,
    0b11010000: 528,
    0b11000000: 264,
    0b10110000: 132,
    0b10100000: 66,
    0b10000000: 1,
}


@pytest.mark.parametrize("sign", [1, -1])
def test_bytes_have_the_values_of_the_standards_tables(sign: int) -> None:
    flip = 0 if sign > 0 else 0x80
    for code, value in MU_LAW.items():
        assert g711.mu_law_to_linear(code ^ flip) == 4 * sign * value
    for code, value in A_LAW.items():
        assert g711.a_law_to_linear(code ^ flip ^ 0x55) == 8 * sign * value


@pytest.mark.parametrize("law", LAWS)
def test_every_value_of_a_byte_is_encoded_as_that_byte(law: g711.Law) -> None:
    for code in range(256):
        value = g711.TO_LINEAR[law](code)
        expected = 0xFF if law == "mu" and value == 0 else code  # of the two zeros the positive one
        assert g711.FROM_LINEAR[law](value) == expected


@pytest.mark.parametrize(
    ("law", "decision", "below", "above"),
    [
        ("mu", 4 * 4063, 0x90, 0x8F),  # G.711's decision value of segments 7 and 8
        ("mu", 4 * 31, 0xF0, 0xEF),
        ("a", 8 * 2048, 0xFF - 0x10 ^ 0x55, 0xF0 ^ 0x55),
        ("a", 8 * 64, 0x9F ^ 0x55, 0xA0 ^ 0x55),
    ],
)
def test_decision_values_are_those_of_the_standard(
    law: g711.Law, decision: int, below: int, above: int
) -> None:
    assert g711.FROM_LINEAR[law](decision - 1) == below
    assert g711.FROM_LINEAR[law](decision) == above


@pytest.mark.parametrize("law", LAWS)
def test_encoding_is_monotonous_and_clips(law: g711.Law) -> None:
    values = [g711.TO_LINEAR[law](g711.FROM_LINEAR[law](sample)) for sample in range(-32768, 32768)]

    assert values == sorted(values)
    assert values[0] == -values[-1] == {"mu": -32124, "a": -32256}[law]


def sine(frequency_hz: float, level_db: float = -10, seconds: float = 1) -> signals.Sound:
    time_s = np.arange(int(seconds * signals.RATE)) / signals.RATE
    return signals.at(np.sin(2 * np.pi * frequency_hz * time_s), level_db)


def both_ways(sound: signals.Sound, law: g711.Law) -> signals.Sound:
    """Return a sound that was converted to G.711 and back, without the delay."""
    encoded = Encoder(law).encode(signals.to_pcm(sound))
    return signals.from_pcm(Decoder(law).decode(encoded))[DELAY_SAMPLES:]


def level_db(sound: signals.Sound) -> float:
    return float(10 * np.log10(np.mean(sound**2) + 1e-12))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("frequency_hz", [150, 300, 1000, 2000, 3000, 3400])
@pytest.mark.parametrize("level", [-10, -25])
def test_a_tone_in_the_telephone_band_survives_both_conversions(
    law: g711.Law, frequency_hz: float, level: float
) -> None:
    sound = sine(frequency_hz, level)
    back = both_ways(sound, law)
    middle = slice(2400, -2400)
    expected = sound[: len(back)][middle]
    gain = np.dot(back[middle], expected) / np.dot(expected, expected)
    noise = back[middle] - gain * expected

    assert 20 * np.log10(gain) == pytest.approx(0, abs=1.0)
    assert level_db(expected) - level_db(noise) > 35  # G.712 asks 33 dB of a codec's whole way


@pytest.mark.parametrize("frequency_hz", [4700, 6000, 7700, 8000, 11_000])
def test_frequencies_that_8_khz_cannot_carry_are_removed(frequency_hz: float) -> None:
    assert level_db(both_ways(sine(frequency_hz), "mu")[480:]) < -10 - 45


def test_a_tone_at_8_khz_has_no_image_at_24_khz() -> None:
    time_s = np.arange(8000) / 8000
    samples = (0.3 * 32767 * np.sin(2 * np.pi * 1000 * time_s)).astype(int)
    encoded = bytes(map(g711.linear_to_a_law, samples.tolist()))

    spectrum = np.abs(np.fft.rfft(signals.from_pcm(Decoder("a").decode(encoded))[2400:-2400]))
    frequency_hz = np.fft.rfftfreq((24_000 - 4800), 1 / 24_000)

    assert spectrum[frequency_hz > 4600].max() < spectrum.max() / 300


@pytest.mark.parametrize("law", LAWS)
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_audio_in_pieces_of_any_size_is_converted_like_the_whole(law: g711.Law, pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    decoder, encoder = Decoder(law), Encoder(law)
    pcm = Decoder(law).decode(whole)

    assert b"".join(map(decoder.decode, pieces)) == pcm
    assert len(pcm) == 6 * len(whole)
    even = [piece[: len(piece) // 2 * 2] for piece in pieces]
    encoded = Encoder(law).encode(b"".join(even))
    assert b"".join(map(encoder.encode, even)) == encoded
    assert len(encoded) == len(b"".join(even)) // 6


def test_a_recorded_voice_survives_the_telephone() -> None:
    spoken = signals.from_pcm(signals.recording("what_is_the_weather"))
    back = both_ways(spoken, "mu")
    narrow = np.fft.irfft(
        np.fft.rfft(spoken) * (np.fft.rfftfreq(len(spoken), 1 / signals.RATE) < 3800), len(spoken)
    )[: len(back)]

    assert level_db(narrow) - level_db(back - narrow) > 20
