"""The server dies or is restarted at each state of a talk, and the talk goes on."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from noting_session import LONG, TOOL
from waiting import eventually

if TYPE_CHECKING:
    from environment import World
    from invariants import Ledger


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda how: how.name)
async def test_a_talk_survives_the_loss_of_its_server_at_each_state(
    world: World, ledger: Ledger, how: signal.Signals
) -> None:
    visit = world.visit

    async def be_idle() -> None:
        await ledger.talk("Is it idle?")

    async def speak() -> None:
        await visit.speak()
        await visit.state("hearing-you")

    async def be_answered() -> None:
        await ledger.ask(f"Answer {LONG}")

    async def call_a_tool() -> None:
        ledger.asked.append(TOOL)
        await visit.write(TOOL)
        await eventually(lambda: world.service.session.is_calling, "no call")
        await visit.state("thinking")

    await visit.press("Start Recording")
    await visit.state("listening")
    for count, begin in enumerate((be_idle, speak, be_answered, call_a_tool), start=2):
        await begin()
        await world.stop_server(how)
        await visit.state("reconnecting")
        await visit.fall_silent()
        await world.start_server()
        await visit.state("listening")
        assert len(world.service.notes.sessions) == count
        await ledger.check_restored()
    await ledger.talk("Are you back?")
    assert await visit.tapped("codes") == [{signal.SIGKILL: 1006, signal.SIGTERM: 1012}[how]] * 4
