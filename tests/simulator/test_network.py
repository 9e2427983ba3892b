"""Events arrive late, at uneven times and after stalls, and always whole and in order."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from waiting import eventually
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from simulator import Faults, Network, Simulator

MESSAGES = 40


def open_session(simulator: Simulator) -> connect:
    return connect(f"{simulator.url}/v1/realtime?model=gpt-realtime", max_size=None, proxy=None)


async def ask(client: Any) -> dict[str, Any]:
    await client.send('{"type":"input_audio_buffer.clear"}')
    answer: dict[str, Any] = json.loads(await client.recv())
    return answer


@pytest.mark.parametrize(
    "network",
    [Network(), Network(20), Network(jitter_ms=20), Network(5, 20, stall_every_s=0.1, stall_s=0.1)],
    ids=repr,
)
async def test_every_event_arrives_in_order(network: Network) -> None:
    async with Simulator(scripted=True, network=network) as simulator, open_session(simulator) as client:
        await client.recv()
        for number in range(MESSAGES):
            await client.send(json.dumps({"type": "wrong", "event_id": f"client_{number}"}))
        errors = [json.loads(await client.recv()) for _ in range(MESSAGES)]

    assert [error["error"]["event_id"] for error in errors] == [f"client_{n}" for n in range(MESSAGES)]
    assert [error["event_id"] for error in errors] == [f"event_{n:06}" for n in range(2, MESSAGES + 2)]


async def test_a_question_and_its_answer_take_the_latency_twice() -> None:
    """A lower bound, which no busy machine can break."""
    async with Simulator(scripted=True, network=Network(100)) as simulator, open_session(simulator) as client:
        await client.recv()
        began_at = anyio.current_time()
        await ask(client)
        assert anyio.current_time() - began_at >= 0.2


async def test_nothing_arrives_during_a_stall() -> None:
    """The first stall begins 1 ms after the session, and lasts half a second."""
    network = Network(latency_ms=2, stall_every_s=0.001, stall_s=0.5)
    async with Simulator(scripted=True, network=network) as simulator:
        began_at = anyio.current_time()
        async with open_session(simulator) as client:
            await client.recv()
            assert anyio.current_time() - began_at >= 0.5


async def test_a_close_comes_after_all_that_was_sent() -> None:
    faults = Faults(after_events=1, close=4321)
    async with (
        Simulator(scripted=True, network=Network(50), faults=faults) as simulator,
        open_session(simulator) as client,
    ):
        assert json.loads(await client.recv())["type"] == "session.created"
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 4321


async def test_a_client_that_leaves_ends_its_session() -> None:
    async with Simulator(scripted=True, network=Network(20)) as simulator:
        async with open_session(simulator) as client:
            await client.recv()
            assert simulator.live == 1
        await eventually(lambda: simulator.live == 0, "the session has not ended")
