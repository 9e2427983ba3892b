"""The wheel: what it holds, and that its commands run where nothing else is installed."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from raw_http import ask
from server_process import ROOT, SETTINGS, StartServer
from websockets.asyncio.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.thorough
COMMANDS = Path(sys.executable).parent


def run(*command: str | Path, folder: Path = ROOT, **environment: str) -> str:
    """Run a command that must succeed, without any setting but those given; return what it printed."""
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return subprocess.run(
        command, cwd=folder, env={**inherited, **environment}, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


def make_environment(folder: Path, *packages: str | Path) -> Path:
    """Make a virtual environment that holds these packages and what they require; return its `bin`."""
    run(COMMANDS / "uv", "venv", "--quiet", "--python", sys.executable, folder)
    run(COMMANDS / "uv", "pip", "install", "--quiet", "--python", folder, *packages)
    return folder / "bin"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(COMMANDS / "uv", "build", "--quiet", "--wheel", "--out-dir", folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("installed"), wheel)


@pytest.fixture
def simulator_url(installed: Path, tmp_path: Path) -> Iterator[str]:
    command = [str(installed / "realtime-simulator"), "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout
        yield next(line.split()[1] for line in simulator.stdout if line.lstrip().startswith("GA "))
        simulator.terminate()


async def hold_conversation(url: str) -> None:
    """Open a session, type a message, and wait for the answer to it."""
    async with asyncio.timeout(30), connect(url, proxy=None) as session:
        assert json.loads(await session.recv())["type"] == "session.created"
        content = [{"type": "input_text", "text": "Is anybody there?"}]
        item = {"type": "message", "role": "user", "content": content}
        await session.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await session.send(json.dumps({"type": "response.create"}))
        while (event := json.loads(await session.recv()))["type"] != "response.done":
            assert event["type"] != "error", event
        assert event["response"]["status"] == "completed"
        assert "Is anybody there?" in json.dumps(event["response"]["output"])


def test_the_wheel_holds_the_product_and_nothing_else(wheel: Path) -> None:
    product = ("server.py", "realtime_voice", "simulator", "public")
    files = run("git", "ls-files", "--cached", "--others", "--exclude-standard", *product).splitlines()
    wanted = {
        name.replace("public/", "realtime_voice/public/", 1) if name.startswith("public/") else name
        for name in files
    }
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == wanted


def test_the_installed_server_serves_the_page_and_answers_in_an_empty_folder(
    installed: Path, tmp_path: Path
) -> None:
    with StartServer([str(installed / "realtime-voice")], tmp_path) as start:
        server = start()
        for path in ("index.html", "app.js"):
            answer = ask(server.url, f"/{path}")
            assert answer.body == (ROOT / "public" / path).read_bytes()
        asyncio.run(hold_conversation(f"{server.ws_url}/ws"))
    assert not list(tmp_path.iterdir())


async def test_the_installed_simulator_answers(simulator_url: str) -> None:
    await hold_conversation(simulator_url)


def test_an_installed_server_reads_the_env_file_of_the_current_folder(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("MAX_SESSIONS=7\n")
    read = "from realtime_voice.settings import read_environment; print(read_environment().max_sessions)"
    assert run(installed / "python", "-c", read, folder=tmp_path) == "7"


def test_an_editable_install_serves_the_page_of_the_checkout(tmp_path: Path) -> None:
    commands = make_environment(tmp_path / "environment", "--editable", ROOT)
    show = "from realtime_voice.settings import ENV_FILE, PUBLIC; print(ENV_FILE, PUBLIC)"
    assert run(commands / "python", "-c", show, folder=tmp_path) == f"{ROOT / '.env'} {ROOT / 'public'}"


def test_the_commands_run_without_an_installation() -> None:
    assert "usage:" in run(COMMANDS / "uvx", "--quiet", "--from", ROOT, "realtime-voice", "--help")
