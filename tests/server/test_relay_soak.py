"""One minute of benchmarks/soak.py: many sessions and random faults, and no event is lost, doubled or reordered."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from server_process import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.timeout(240)
@pytest.mark.long
def test_a_minute_of_sessions_with_faults_loses_and_leaks_nothing(show: Callable[[str], None]) -> None:
    command = [sys.executable, "benchmarks/soak.py", "--sessions", "50", "--minutes", "1"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    show(ended.stdout.strip())
    assert ended.returncode == 0, ended.stdout + ended.stderr
