"""Write the table of close codes into docs/ARCHITECTURE.md: `PYTHONPATH=. python tests/support/close_codes.py`.

The codes, reasons and causes are those of `realtime_voice/endings.py`. Whether the page opens a new session is asked of
its own module.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from realtime_voice.endings import APPLICATION_CODES, CLOSE_REASONS, PASSED_ON

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "ARCHITECTURE.md"
BEGIN, END = "<!-- close codes: begin -->\n", "<!-- close codes: end -->\n"
ASK_PAGE = """
import { mayRetry } from './public/voice-chat/retry.js';
console.log(JSON.stringify(JSON.parse(process.argv[1]).map(([code, reason]) => mayRetry(code, reason))));
"""


def to_table() -> str:
    """Return the table in Markdown, ordered by code."""
    pairs = [(reason.code, reason.reason) for reason in CLOSE_REASONS]
    run = subprocess.run(
        ["node", "--input-type=module", "--eval", ASK_PAGE, json.dumps(pairs)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = sorted(
        (reason.code, f"`{reason.reason}`", reason.when, "yes" if retries else "no")
        for reason, retries in zip(CLOSE_REASONS, json.loads(run.stdout), strict=True)
    )
    passed_on = ", ".join(map(str, sorted(PASSED_ON)))
    application = f"{APPLICATION_CODES.start} to {APPLICATION_CODES.stop - 1}"
    lines = [
        "| code | reason | when | page tries again |",
        "|---|---|---|---|",
        *(f"| {code} | {reason} | {when} | {retries} |" for code, reason, when, retries in rows),
        f"| {passed_on}, {application} | the upstream's | the upstream closed with this code | depends on the code |",
    ]
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    """Return the document's text with the table of today between its markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{DOCUMENT.name} has lost its markers")
    return f"{before}{BEGIN}\n{to_table()}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text()))
