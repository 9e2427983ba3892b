"""Write the tables in docs/ that come from the code: `PYTHONPATH=. python tests/support/generated_tables.py`.

Close codes, reasons and causes are those of `realtime_voice/endings.py`; whether the page opens a new session is asked of
its own module. Typed commands are those of `simulator/replies.py`, faults those of `simulator/faults.py`.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from realtime_voice.endings import APPLICATION_CODES, CLOSE_REASONS, PASSED_ON
from simulator.faults import FAULTS
from simulator.replies import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
ASK_PAGE = """
import { mayRetry } from './public/voice-chat/retry.js';
console.log(JSON.stringify(JSON.parse(process.argv[1]).map(([code, reason]) => mayRetry(code, reason))));
"""


def to_table(*rows: tuple[object, ...]) -> str:
    """Return a table in Markdown; the first row is its head."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines) + "\n"


def close_codes() -> str:
    pairs = [(reason.code, reason.reason) for reason in CLOSE_REASONS]
    run = subprocess.run(
        ["node", "--input-type=module", "--eval", ASK_PAGE, json.dumps(pairs)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [
        (reason.code, f"`{reason.reason}`", reason.when, "yes" if retries else "no")
        for reason, retries in zip(CLOSE_REASONS, json.loads(run.stdout), strict=True)
    ]
    passed_on = ", ".join(map(str, sorted(PASSED_ON)))
    application = f"{APPLICATION_CODES.start} to {APPLICATION_CODES.stop - 1}"
    return to_table(
        ("code", "reason", "when", "page tries again"),
        *sorted(rows, key=lambda row: row[0]),
        (
            f"{passed_on}, {application}",
            "the upstream's",
            "the upstream closed with this code",
            "depends on the code",
        ),
    )


def typed_commands() -> str:
    return to_table(("command", "effect"), *((f"`{name}`", effect) for name, effect in COMMANDS.items()))


def faults() -> str:
    rows = [
        (
            f"`{' '.join(filter(None, (fault.name, fault.argument)))}`",
            {"answer": "one answer", "session": "the session from then on"}[fault.lasts],
            f"{'the answer ' if fault.lasts == 'answer' else ''}{fault.what}",
        )
        for fault in FAULTS.values()
    ]
    return to_table(("fault", "lasts for", "effect"), *rows)


TABLES: dict[str, tuple[Path, Callable[[], str]]] = {
    "close codes": (ROOT / "docs" / "ARCHITECTURE.md", close_codes),
    "typed commands": (ROOT / "docs" / "SIMULATOR.md", typed_commands),
    "faults": (ROOT / "docs" / "SIMULATOR.md", faults),
}
"""By the name in the markers around each: its document, and what makes it."""


def with_table(name: str) -> str:
    """Return a document's text, with the table of today between its markers."""
    document, make = TABLES[name]
    before, begin, rest = document.read_text().partition(f"<!-- {name}: begin -->\n")
    _, end, after = rest.partition(f"<!-- {name}: end -->\n")
    if not (begin and end):
        raise ValueError(f"{document.name} has lost the markers of its {name}")
    return f"{before}{begin}\n{make()}\n{end}{after}"


if __name__ == "__main__":
    for each, (path, _) in TABLES.items():
        path.write_text(with_table(each))
