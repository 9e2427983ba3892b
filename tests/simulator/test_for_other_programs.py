"""What other people's tests use: the command, the thread, and the fixture of pytest."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from server_process import ROOT
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from simulator import Faults, run_in_thread

if TYPE_CHECKING:
    from pathlib import Path


def first_event(url: str) -> dict[str, object]:
    with connect(f"{url}/v1/realtime?model=gpt-realtime", proxy=None) as client:
        event: dict[str, object] = json.loads(client.recv())
        return event


def test_a_simulator_serves_a_program_without_an_event_loop() -> None:
    with run_in_thread(scripted=True, clock=lambda: 1_700_000_000) as simulator:
        first = first_event(simulator.url)
        assert first["event_id"] == "event_000001"
        assert first["session"]["expires_at"] == 1_700_003_600  # type: ignore[index]
        assert first_event(simulator.url) == first
        assert [handshake.path for handshake in simulator.handshakes] == ["/v1/realtime"] * 2


def test_faults_can_be_changed_from_outside_and_given_in_order() -> None:
    with run_in_thread(scripted=True, faults=[Faults(refuse=503), Faults(refuse=429)]) as simulator:
        for status in (503, 429):
            with pytest.raises(InvalidStatus, match=str(status)):
                first_event(simulator.url)
        assert first_event(simulator.url)["type"] == "session.created"
        simulator.faults = Faults(refuse=401)
        with pytest.raises(InvalidStatus, match="401"):
            first_event(simulator.url)


def test_a_port_in_use_is_reported_at_once() -> None:
    with run_in_thread() as simulator, pytest.raises(OSError, match="address already in use"):  # noqa: SIM117
        with run_in_thread(port=int(simulator.url.rpartition(":")[2])):
            pass


def test_the_fixture_serves_a_simulator_to_tests_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "test_elsewhere.py").write_text(
        "import json\n"
        "from websockets.sync.client import connect\n"
        "def test_it(realtime_simulator):\n"
        "    with connect(f'{realtime_simulator.url}/v1/realtime?model=gpt-realtime', proxy=None) as client:\n"
        "        assert json.loads(client.recv())['event_id'] == 'event_000001'\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "simulator.pytest_plugin",
        "-p",
        "no:cacheprovider",
    ]
    run = subprocess.run(
        [*command, str(tmp_path)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in run.stdout, run.stdout + run.stderr


def test_the_command_serves_what_its_options_say(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text("[[session]]\nrefuse = 503\n")
    options = [
        "--port",
        "0",
        "--scripted",
        "--clock",
        "1700000000",
        "--latency-ms",
        "1",
        "--scenario",
        str(scenario),
    ]
    command = [sys.executable, "-m", "simulator", *options, "--record", str(tmp_path / "sessions.jsonl")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = ""
        while not url:
            url = "".join(re.findall(r"ws://\S+(?=/openai/v1)", process.stdout.readline()))
        try:
            with pytest.raises(InvalidStatus, match="503"):
                first_event(url)
            assert first_event(url)["session"]["expires_at"] == 1_700_003_600  # type: ignore[index]
        finally:
            process.terminate()
    recorded = (tmp_path / "sessions.jsonl").read_text()
    assert json.loads(recorded.splitlines()[0])["event"]["type"] == "session.created"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--scenario", "none.toml"], "none.toml cannot be read"),
        (["--replay", "none.jsonl"], "none.jsonl cannot be read"),
        (["--record", "none/sessions.jsonl"], "sessions.jsonl cannot be written"),
        (["--certificate", __file__], "--certificate must name"),
        (["--latency-ms", "-1"], "--latency-ms"),
        (["--host", "192.0.2.1", "--port", "0"], "cannot serve"),
    ],
)
def test_a_wrong_option_ends_the_command_with_one_line(options: list[str], words: str) -> None:
    command = [sys.executable, "-m", "simulator", *options]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert words in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
