"""A session reaches its time limit: the next one takes over before, and the user does not notice."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect
from recording_session import LONG

from simulator import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from environment import Environment
    from invariants import Invariants
    from recording_session import RecordingSession

SESSION_S = 20
MAX_GAP_MS = 300
LEAST_SHARED_MS = 300
"""Speech may last this long before a session notices it."""
ALIKE_S = 0.15
SPEECH = re.compile(r"\[(\d\.\d) s of speech")


def captured(session: RecordingSession) -> Iterator[tuple[float, float]]:
    """Yield beginning and end, in ms, of each stretch of sound that a session received without a hole."""
    begin_ms: float | None = None
    end_ms = 0.0
    lead_ms = 0.0  # of speech before the first append whose time the ramp tells
    for append in session.appends:
        if begin_ms is None:
            if append.at_ms is None:
                lead_ms += append.ms
                continue
            begin_ms = end_ms = append.at_ms - lead_ms
            end_ms += lead_ms
        elif append.at_ms is not None and abs(append.at_ms - end_ms) > MAX_GAP_MS:
            yield begin_ms, end_ms
            begin_ms = end_ms = append.at_ms
        end_ms += append.ms
    assert begin_ms is not None
    yield begin_ms, end_ms


def check_sound(sessions: list[RecordingSession]) -> list[float]:
    """Check that each session's sound has no hole and begins with the end of the former session's; return the overlaps in ms."""
    stretches = [list(captured(session)) for session in sessions]
    assert [len(each) for each in stretches] == [1] * len(sessions), f"there are holes in {stretches}"
    shared_ms = [earlier[0][1] - later[0][0] for earlier, later in pairwise(stretches)]
    assert min(shared_ms) >= LEAST_SHARED_MS
    return shared_ms


@pytest.mark.long
async def test_a_conversation_continues_over_the_end_of_its_sessions_without_a_gap(
    environment: Environment, invariants: Invariants, show: Callable[[str], None]
) -> None:
    """Also when the user begins to speak at the moment of the change, before any session has noticed it."""
    user, upstream = environment.user, environment.upstream
    upstream.simulator.faults = Faults(session_s=SESSION_S)
    await user.press("Start Recording")
    await user.state("listening")
    await invariants.converse("Are you there?")
    await user.speak()
    await user.state("hearing-you")
    await user.state("speaking")
    await user.state("listening")
    [said] = [SPEECH.match(turn.words) for turn in await user.turns() if SPEECH.match(turn.words)]

    await upstream.wait_for_session(2)
    # The third session does not expire, so that no fourth one is open at the final checks.
    upstream.simulator.faults = Faults()
    await upstream.check_only_session()
    await invariants.check_restored()
    await invariants.converse("Are you still there?")

    await invariants.ask("Speak until the next session is there: 120 words")
    await user.speak_when("listening")
    await upstream.wait_for_session(3)
    assert upstream.simulator.live == 2, "the next session waits for a quiet moment"
    await user.state("hearing-you")
    await user.state("speaking")
    await user.state("listening")
    await upstream.check_only_session()
    spoken = [SPEECH.match(turn.words) for turn in await user.turns() if SPEECH.match(turn.words)]
    assert len(spoken) == 2
    assert said
    assert spoken[1]
    assert abs(float(spoken[1][1]) - float(said[1])) <= ALIKE_S, "part of the speech was lost"
    await invariants.check()
    assert "reconnecting" not in [state for state, _ in await user.tapped("states")]
    shared_ms = check_sound(upstream.records.sessions)
    show(f"sound sent to both sessions at a change: {', '.join(f'{ms:.0f} ms' for ms in shared_ms)}")


async def test_a_session_that_expires_during_an_answer_is_followed_by_another(
    environment: Environment, invariants: Invariants
) -> None:
    user, upstream = environment.user, environment.upstream
    upstream.simulator.faults = Faults(session_s=10)
    await user.press("Connect")
    await user.state("connected")
    await invariants.ask(f"Speak over the end, {LONG}")
    upstream.simulator.faults = Faults()  # the sessions after it do not expire
    await user.closed_with(4408)
    await user.state("connected")
    await invariants.check_restored()
    await user.press("Go on")
    await user.state("speaking")
    await user.state("connected")
    await expect(user.banner).to_be_hidden()
    await invariants.check()
