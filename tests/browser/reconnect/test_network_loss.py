"""The network fails, with a reset or silently, and the conversation continues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from playwright.async_api import expect
from recording_session import GO_ON, LONG, answer_to

if TYPE_CHECKING:
    from environment import Environment
    from invariants import Invariants

AWAY_S = 60
UNDER_WAY_MS = 1000
"""On a busy machine, sound may take this long from the microphone to the upstream."""


async def test_an_answer_cut_off_by_a_loss_keeps_what_was_played_and_can_be_continued(
    environment: Environment, invariants: Invariants
) -> None:
    user = environment.user
    await user.press("Connect")
    await user.state("connected")
    await invariants.converse("Are you there?")

    await invariants.ask(f"Answer {LONG}")
    await user.heard(500)
    assert environment.upstream.session.response, "the answer is already complete"
    environment.upstream.proxy.cut()
    await user.closed_with(1014)
    await user.state("connected")

    cut = (await user.turns())[-1]
    assert (cut.role, cut.status) == ("assistant", "interrupted")
    await invariants.check_restored()
    await user.press("Go on")
    await user.read(answer_to(GO_ON))
    await user.state("connected")
    await expect(user.banner).to_be_hidden()
    await invariants.check()


@pytest.mark.long
async def test_a_conversation_survives_a_minute_without_network(
    environment: Environment, invariants: Invariants
) -> None:
    """Neither side learns of it: bytes are held back, as when a phone loses its network."""
    user, upstream = environment.user, environment.upstream
    await user.press("Start Recording")
    await user.state("listening")
    await invariants.converse("Are you there?")

    environment.page_proxy.freeze()
    with anyio.move_on_after(AWAY_S):
        await user.state("reconnecting")
        invariants.asked.append("Is anybody there?")
        await user.write("Is anybody there?")
        await user.speak()
        await anyio.sleep_forever()  # until the minute is over
    await user.state("reconnecting")
    opened = len(upstream.records.sessions)
    back_ms = await user.tapped("moment()")
    environment.page_proxy.thaw()

    await user.state("listening", "thinking", "speaking")
    await expect(user.log.get_by_text(answer_to("Is anybody there?"))).to_be_visible()
    await user.state("listening")
    await invariants.check()
    await upstream.check_only_session()
    appends = [append for session in upstream.records.sessions[opened:] for append in session.appends]
    captured_ms = [append.at_ms for append in appends if append.at_ms is not None]
    assert min(captured_ms) >= back_ms - UNDER_WAY_MS, "sound of the time away was sent late"
    await invariants.converse("Are you back?")
