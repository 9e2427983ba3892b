"""The network breaks, loudly or without a word, and the talk goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from noting_session import GO_ON, LONG, answer_to
from playwright.async_api import expect

if TYPE_CHECKING:
    from environment import World
    from invariants import Ledger

AWAY_S = 60
UNDER_WAY_MS = 1000
"""Sound may take so long from the microphone to the service on a busy machine."""


async def test_an_answer_cut_off_by_the_service_keeps_what_was_heard_and_goes_on_when_asked_to(
    world: World, ledger: Ledger
) -> None:
    visit = world.visit
    await visit.press("Connect")
    await visit.state("connected")
    await ledger.talk("Are you there?")

    await ledger.ask(f"Answer {LONG}")
    await visit.heard(500)
    assert world.service.session.response, "the answer is still coming"
    world.service.back.cut()
    await visit.closed_with(1014)
    await visit.state("connected")

    cut = (await visit.turns())[-1]
    assert (cut.role, cut.status) == ("assistant", "interrupted")
    await ledger.check_restored()
    await visit.press("Go on")
    await visit.read(answer_to(GO_ON))
    await visit.state("connected")
    await expect(visit.banner).to_be_hidden()
    await ledger.check()


@pytest.mark.long
async def test_a_talk_survives_a_minute_without_network(world: World, ledger: Ledger) -> None:
    """Nobody is told: bytes are swallowed, as when a phone loses its mast."""
    visit, service = world.visit, world.service
    await visit.press("Start Recording")
    await visit.state("listening")
    await ledger.talk("Are you there?")

    world.front.freeze()
    with anyio.move_on_after(AWAY_S):
        await visit.state("reconnecting")
        ledger.asked.append("Is anybody there?")
        await visit.write("Is anybody there?")
        await visit.speak()
        await anyio.sleep_forever()  # that time passes is the point
    await visit.state("reconnecting")
    opened = len(service.notes.sessions)
    back_ms = await visit.tapped("moment()")
    world.front.thaw()

    await visit.state("listening", "thinking", "speaking")
    await expect(visit.log.get_by_text(answer_to("Is anybody there?"))).to_be_visible()
    await visit.state("listening")
    await ledger.check()
    await service.check_alone()
    appends = [append for session in service.notes.sessions[opened:] for append in session.appends]
    captured_ms = [append.at_ms for append in appends if append.at_ms is not None]
    assert min(captured_ms) >= back_ms - UNDER_WAY_MS, "sound of the time away was sent late"
    await ledger.talk("Are you back?")
