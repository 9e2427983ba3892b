"""A short run of the faults that `benchmarks/survive.py` has many of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fault_run import Ordeal

if TYPE_CHECKING:
    from collections.abc import Callable

    from environment import World
    from invariants import Ledger

FAULTS = 13  # each kind once


@pytest.mark.timeout(300)
@pytest.mark.long
async def test_a_talk_survives_one_random_fault_after_the_other(
    world: World, ledger: Ledger, show: Callable[[str], None]
) -> None:
    outcome = await Ordeal(world, ledger, seed=1, pace=0.25).suffer(FAULTS)
    assert outcome.struck.total() == FAULTS
    show("\n".join(outcome.lines()))
