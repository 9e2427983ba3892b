"""The layout of the repository: few entries at the root, and folders that hold what they are named for."""

from __future__ import annotations

import subprocess
from pathlib import PurePath

import pytest
from server_process import ROOT

TRACKED = [
    PurePath(line)
    for line in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()
    if (ROOT / line).exists()
]
FOLDERS = {
    "public": {
        "audio",
        "diagnostics",
        "icons",
        "problems",
        "realtime",
        "store",
        "styles",
        "ui",
        "voice-chat",
    },
    "tests": {"browser", "clients", "deploy", "docs", "page", "server", "simulator", "support"},
    "realtime_voice": set(),
}
"""Which folders these have. One more needs a reason, and a line in the architecture's list."""


def test_the_root_has_at_most_27_entries() -> None:
    assert len({path.parts[0] for path in TRACKED}) <= 27


def test_server_py_is_the_only_python_module_at_the_root() -> None:
    assert [path.name for path in TRACKED if len(path.parts) == 1 and path.suffix == ".py"] == ["server.py"]


def test_server_py_is_short() -> None:
    assert len((ROOT / "server.py").read_text().splitlines()) <= 220


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_has_the_folders_of_the_layout_and_no_other(folder: str) -> None:
    inside = [path.parts[1:] for path in TRACKED if path.parts[0] == folder]
    assert {parts[0] for parts in inside if len(parts) > 1} == FOLDERS[folder]


def test_every_name_says_what_it_holds() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "service", "misc"}
    assert not [path for path in TRACKED if vague & {*path.parts[:-1], path.stem}]
