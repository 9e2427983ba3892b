"""The server is killed or restarted in each state of a conversation, and the conversation continues."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from recording_session import LONG, TOOL
from waiting import eventually

if TYPE_CHECKING:
    from environment import Environment
    from invariants import Invariants


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda how: how.name)
async def test_a_conversation_survives_the_loss_of_its_server_in_each_state(
    environment: Environment, invariants: Invariants, how: signal.Signals
) -> None:
    user = environment.user

    async def be_idle() -> None:
        await invariants.converse("Is it idle?")

    async def speak() -> None:
        await user.speak()
        await user.state("hearing-you")

    async def be_answered() -> None:
        await invariants.ask(f"Answer {LONG}")

    async def call_a_tool() -> None:
        invariants.asked.append(TOOL)
        await user.write(TOOL)
        await eventually(lambda: environment.upstream.session.is_calling, "no call")
        await user.state("thinking")

    await user.press("Start Recording")
    await user.state("listening")
    for count, begin in enumerate((be_idle, speak, be_answered, call_a_tool), start=2):
        await begin()
        await environment.stop_server(how)
        await user.state("reconnecting")
        await user.stop_speaking()
        await environment.start_server()
        await user.state("listening")
        assert len(environment.upstream.records.sessions) == count
        await invariants.check_restored()
    await invariants.converse("Are you back?")
    assert await user.tapped("codes") == [{signal.SIGKILL: 1006, signal.SIGTERM: 1012}[how]] * 4
