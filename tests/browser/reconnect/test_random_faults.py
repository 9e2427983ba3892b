"""A short run of the faults that `benchmarks/random_faults.py` injects by the hundred."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fault_run import FaultInjector, FaultRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from environment import Environment
    from invariants import Invariants

FAULTS = len(FaultInjector.KINDS)  # each kind once


@pytest.mark.timeout(300)
@pytest.mark.long
async def test_a_conversation_survives_each_kind_of_fault(
    environment: Environment, invariants: Invariants, show: Callable[[str], None]
) -> None:
    outcome = await FaultRun(environment, invariants, seed=1, pace=0.25).run(FAULTS)
    assert set(outcome.injected.values()) == {1}
    show("\n".join(outcome.lines()))
