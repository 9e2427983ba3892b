"""All close codes are in one table, and nowhere else."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
from server_process import ROOT

from realtime_voice import endings
from realtime_voice.endings import CLOSE_REASONS, DONE, CloseReason, closed_with, refused_with

if TYPE_CHECKING:
    from pathlib import Path

ELSEWHERE = [
    ROOT / "server.py",
    *(path for path in sorted((ROOT / "realtime_voice").rglob("*.py")) if path.stem != "endings"),
]
CLOSE_CODES = {*range(1000, 1016), *range(3000, 5000)}  # RFC 6455, 7.4
OTHER_NUMBERS = {3000, 3600, 4096}  # the default port, seconds of an hour, bytes of a form


def name_of(value: Path | CloseReason) -> str:
    return value.when if isinstance(value, CloseReason) else str(value.relative_to(ROOT))


@pytest.mark.parametrize("path", ELSEWHERE, ids=name_of)
def test_no_other_module_chooses_a_close_code(path: Path) -> None:
    tree = ast.parse(path.read_text())
    numbers = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is int
    }
    assert not numbers & CLOSE_CODES - OTHER_NUMBERS
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert "CloseReason" not in {name.split(".")[-1] for name in called}


def test_the_table_has_every_reason() -> None:
    named = [value for value in vars(endings).values() if isinstance(value, CloseReason)]
    assert list(CLOSE_REASONS) == named


@pytest.mark.parametrize("reason", CLOSE_REASONS, ids=name_of)
def test_a_reason_can_be_sent_and_documented(reason: CloseReason) -> None:
    assert reason.code in CLOSE_CODES - {1005, 1006, 1015}  # reserved: must not be sent
    assert reason.when
    assert len(reason.reason.encode()) <= 123  # what a close frame has room for
    assert reason is DONE or reason.message.endswith(".")


@pytest.mark.parametrize(("status", "code"), [(401, 4401), (429, 1013), (418, 1014)])
def test_a_refusal_is_chosen_by_status(status: int, code: int) -> None:
    refusal = refused_with(status)
    assert refusal.code == code
    assert str(status) in refusal.message


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (1000, "", (1000, "done")),
        (None, "", (1014, "upstream_lost")),
        (1001, "", (1014, "upstream_lost")),
        (1001, "Your session hit the maximum duration of 60 minutes.", (4408, "session_expired")),
        (1005, "", (1014, "upstream_lost")),
        (1007, "bad text", (1007, "bad text")),
        (2999, "", (1014, "upstream_lost")),
        (3000, "its own", (3000, "its own")),
        (4999, "its own", (4999, "its own")),
    ],
)
def test_an_upstream_close_is_translated(code: int | None, reason: str, expected: tuple[int, str]) -> None:
    translated = closed_with(code, reason)
    assert (translated.code, translated.reason) == expected
