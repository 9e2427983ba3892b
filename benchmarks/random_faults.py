"""Inject many random faults into one conversation, and check after each that no turn was lost.

    python benchmarks/random_faults.py [--faults 200] [--seed 1]

A real Chromium, the real server, and the simulator in the place of Azure: see tests/browser/reconnect/.
Reports each fault on stderr. Prints how often each kind of fault was injected and cost the session, and how long the conversation
took to be live again. Exit code 1, with a traceback that names the fault, as soon as an invariant does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from functools import partial
from pathlib import Path

TESTS = Path(__file__).parent.parent / "tests"
sys.path[1:1] = [str(path) for path in (TESTS.parent, TESTS / "support")]

from fault_run import run_faults  # noqa: E402  found by the line above


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--faults", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    arguments = options.parse_args()
    outcome = asyncio.run(run_faults(arguments.faults, arguments.seed, partial(print, file=sys.stderr)))
    print("\n".join(outcome.lines()))


if __name__ == "__main__":
    main()
