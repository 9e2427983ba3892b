"""README.md and docs/: every snippet and command runs, and every name, link and figure is of this product."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from importlib.metadata import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from documents import (
    DOCUMENTS,
    LINK,
    NAME,
    ROOT,
    Block,
    anchors_of,
    blocks,
    commands_of,
    is_file,
    product_text,
    prose_of,
    rows_of,
    spans_of,
    units_of,
    words_of,
)
from generated_tables import TABLES, with_table
from packaging.requirements import Requirement
from server_process import SETTINGS, StartServer
from websockets.asyncio.client import connect

from realtime_voice.sessions import PAGE_PATH
from realtime_voice.settings import Settings
from server import SDK_PATHS
from simulator import Faults
from simulator.faults import read_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic.fields import FieldInfo

README = ROOT / "README.md"
ARCHITECTURE, OPERATING, SDK, SIMULATOR = (
    ROOT / "docs" / f"{name}.md" for name in ("ARCHITECTURE", "OPERATING", "SDK", "SIMULATOR")
)
LANGUAGES = {"sh", "python", "js", "ini", "toml", "text", "mermaid"}
ADDRESS = "localhost:3000"
SECONDS = 110  # generous: the machine may be busy


def run(*command: str, folder: Path = ROOT, **environment: str) -> str:
    """Run a command that must succeed, and return what it printed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


def help_lists_its_options(command: str) -> None:
    words = words_of(re.sub(r"^PYTHONPATH=\S+ ", "", command))
    program = [sys.executable if word == "python" else word for word in words if not word.startswith("--")]
    shown = run(*program, "--help", PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    for option in re.findall(r"--[\w-]+", command):
        assert option in shown, f"{command}: no {option}"


def names_files_and_settings(command: str) -> None:
    for name in re.findall(r"(?<=[ =])(?:deploy|tests|docs)/[\w./-]*", command):
        assert (ROOT / name).exists(), name
    if "az containerapp" in command:
        for name in re.findall(r"\b([A-Z_]{4,})=", command):
            assert name in SETTINGS, name


def names_packages(command: str) -> None:
    for word in words_of(command)[2:]:
        if word == ".":
            continue  # tests/deploy/test_wheel.py installs it
        requirement = Requirement(word)
        if requirement.extras:
            assert requirement.extras <= set(metadata(requirement.name).get_all("Provides-Extra") or ())


def names_an_npm_script(command: str) -> None:
    scripts = json.loads((ROOT / "package.json").read_text())["scripts"]
    assert words_of(command)[-1] in scripts, command


def is_in_the_test_run(command: str) -> None:
    assert words_of(command)[0] in (ROOT / "run-tests.sh").read_text()


def is_accepted_by_the_test_run(command: str) -> None:
    run("sh", "-n", "run-tests.sh")
    assert os.access(ROOT / "run-tests.sh", os.X_OK)
    for word in words_of(command)[1:]:
        assert word.startswith("-") or "-k" in command or word in (ROOT / "run-tests.sh").read_text(), word


def sets_variables(command: str) -> None:
    assert all("=" in word for word in words_of(command)[1:])


def is_run_elsewhere(_: str) -> None:
    """Another test of this file runs it."""


STAND_INS: dict[str, tuple[Callable[[str], None], str]] = {
    r"git clone |cd |\./start-python\.sh$": (is_run_elsewhere, "test_the_first_commands runs them"),
    r"python3 -c ": (is_run_elsewhere, "test_short_commands runs it"),
    r"PYTHONPATH=\. python tests/support/generated_tables\.py$": (
        is_run_elsewhere,
        "it would change the tree",
    ),
    r"python benchmarks/": (help_lists_its_options, "a measurement takes minutes"),
    r"python -m simulator|realtime-simulator": (help_lists_its_options, "it serves until it is stopped"),
    r"npm (start|test|run )": (names_an_npm_script, "each starts another command of the documents"),
    r"\./run-tests\.sh": (is_accepted_by_the_test_run, "it is what runs this test"),
    r"\.venv/bin/python -m pytest": (names_files_and_settings, "it is what runs this test"),
    r"(ruff|mypy)\b": (is_in_the_test_run, "./run-tests.sh runs them"),
    r"pip install ": (names_packages, "it needs the network, and changes the environment"),
    r"export ": (sets_variables, "it does nothing but set variables"),
    r"(PUBLIC_HOST=.* )?docker ": (names_files_and_settings, "it needs Docker"),
    r"kubectl ": (names_files_and_settings, "it needs a cluster"),
    r"(name=\$\()?az ": (names_files_and_settings, "it needs an Azure subscription"),
    r"APPLICATIONINSIGHTS_CONNECTION_STRING=": (is_run_elsewhere, "it needs an Azure subscription"),
}
"""What is done in place of running a command, and why."""

PROGRAM = re.compile(
    r"(PYTHONPATH=\S+ )?(\./|\.venv/bin/)?(python3?|npm|npx|pip|uvx|ruff|mypy|realtime-voice|realtime-simulator"
    r"|run-tests\.sh|start-python\.sh|docker|kubectl|curl|git|pytest|node)\b( .*|$)"
)
COMMANDS = sorted(
    {command for block in blocks("sh") for command in commands_of(block)}
    | {
        span
        for path in DOCUMENTS
        for span in spans_of(prose_of(path))
        if PROGRAM.fullmatch(span) and (" " in span or "/" in span)
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_run_or_its_stand_in_passes(command: str) -> None:
    checks = [check for pattern, (check, _) in STAND_INS.items() if re.match(pattern, command)]
    assert checks, f"no test runs this command, and STAND_INS gives no reason: {command}"
    checks[0](command)


@pytest.mark.parametrize("pattern", STAND_INS)
def test_no_stand_in_is_without_a_command(pattern: str) -> None:
    assert any(re.match(pattern, command) for command in COMMANDS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_block_says_its_language(path: Path) -> None:
    assert {block.language for block in blocks(*LANGUAGES) if block.document == path.name} <= LANGUAGES
    assert path.read_text().count("```") == 2 * sum(
        block.document == path.name for block in blocks(*LANGUAGES)
    )


def test_the_first_commands_start_a_server(tmp_path: Path) -> None:
    """What the README begins with; the environment is that of the tests, as making one needs the network."""
    clone, enter, start = commands_of(blocks("sh")[0])
    run("sh", "-c", clone.replace("REPOSITORY", str(ROOT)), folder=tmp_path)
    folder = tmp_path / enter.removeprefix("cd ")
    (folder / ".venv" / "bin").mkdir(parents=True)
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    installed = (folder / "requirements.txt").read_text() + (folder / "requirements/server.lock").read_text()
    (folder / ".venv" / "installed-server.lock").write_text(installed)
    with StartServer([start], folder) as start_server:
        start_server()  # which waits until the log says where it listens


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("python3 -c")])
def test_short_commands_print_something(command: str) -> None:
    assert run("sh", "-c", command).strip()


@pytest.mark.parametrize("block", [block for block in blocks("python") if "def test_" in block.text], ids=str)
def test_a_test_in_a_document_passes(block: Block, tmp_path: Path) -> None:
    (tmp_path / "test_snippet.py").write_text(block.text)
    shown = run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_snippet.py"),
        *("-p", "simulator.pytest_plugin"),  # as pytest does by itself once the package is installed
        folder=tmp_path,
        PYTHONPATH=str(ROOT),
    )
    assert re.search(r"\d passed", shown), shown


@pytest.mark.parametrize(
    "block", [block for block in blocks("python", "js") if "def test_" not in block.text], ids=str
)
def test_a_snippet_gets_an_answer(block: Block, site: str, tmp_path: Path) -> None:
    program = tmp_path / f"snippet.{block.language.replace('js', 'mjs')}"
    program.write_text(block.text.replace(ADDRESS, site.removeprefix("http://")))
    interpreter = sys.executable if block.language == "python" else "node"
    assert run(interpreter, str(program), PYTHONPATH=str(ROOT)).strip()


@pytest.mark.parametrize("block", blocks("ini"), ids=str)
def test_settings_in_a_document_start_a_server(block: Block, server: StartServer) -> None:
    settings = dict(line.split("=", 1) for line in block.text.splitlines() if line and line[0] != "#")
    assert set(settings) <= set(SETTINGS)
    server(**settings)


async def test_the_log_lines_are_those_of_a_session(server: StartServer) -> None:
    (example,) = (block.text for block in blocks("text") if " INFO session " in block.text)
    pattern = re.sub(r"\d+", r"\\d+", re.escape(example.replace("1a2b3c4d", "SESSION").replace(" UTC", "")))
    running = server()
    async with asyncio.timeout(SECONDS), connect(f"{running.ws_url}/ws") as page:
        await page.recv()
    running.wait_until_all_ended()
    lines = [line for line in running.lines if " session " in line]
    assert re.fullmatch(pattern.replace("SESSION", "[0-9a-f]{8}"), "".join(lines)), lines


@pytest.mark.parametrize("block", blocks("mermaid"), ids=str)
def test_a_sequence_diagram_is_complete(block: Block) -> None:
    kind, *lines = map(str.strip, block.text.splitlines())
    assert kind == "sequenceDiagram"
    known = {line.split()[1] for line in lines if line.startswith("participant ")}
    used = {
        end for line in lines if (found := re.match(r"(\w+)-?->>(\w+): ", line)) for end in found.groups()
    }
    assert known == used
    opened = sum(line.split()[0] in {"loop", "alt", "opt", "par"} for line in lines)
    assert opened == lines.count("end")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for relative, absolute in LINK.findall(prose_of(path)):
        if absolute or relative.startswith("https://"):
            continue
        name, _, anchor = relative.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), relative
        assert not anchor or anchor in anchors_of(target), relative


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_is_named_exists(path: Path) -> None:
    named = [span for span in spans_of(prose_of(path)) if is_file(span) and not span.startswith("/")]
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_name_is_one_of_the_product(path: Path) -> None:
    names = {span for span in spans_of(prose_of(path)) if NAME.fullmatch(span) and not is_file(span)}
    parts = {part.strip("#()") for name in names for part in name.split(".")}
    unknown = {part for part in parts if not re.search(rf"(?<!\w){re.escape(part)}(?!\w)", product_text())}
    assert unknown == set()


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_a_name_stands_in_a_file_that_is_named_beside_it(name: str) -> None:
    """In each table row or list item that names files, so that whoever opens one of them finds the name."""
    for unit in units_of(ROOT / "docs" / name):
        spans = spans_of(unit)
        files = [ROOT / span for span in spans if is_file(span) and (ROOT / span).is_file()]
        if not files or not re.match(r" *(\||- |\d+\. )", unit):
            continue
        text = "\n".join(file.read_text() for file in files)
        names = [span for span in spans if NAME.fullmatch(span) and not is_file(span)]
        missing = [each for each in names if not all(part in text for part in each.strip("()").split("."))]
        assert missing == [], unit


def test_every_quoted_message_is_one_of_the_product() -> None:
    quoted = re.findall("“(.+?)”", prose_of(OPERATING))
    assert quoted
    assert [message for message in quoted if message not in product_text()] == []


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_that_of_the_code(name: str) -> None:
    document, _ = TABLES[name]
    run_this = "run: PYTHONPATH=. python tests/support/generated_tables.py"
    assert document.read_text() == with_table(name), run_this


def to_default(field: FieldInfo) -> str:
    """Return a setting's default as the table writes it."""
    default = field.default
    if isinstance(default, bool):
        return "on" if default else "off"
    return str(default).lower() if default and field.default_factory is None else "\N{EN DASH}"


def test_the_settings_and_their_defaults_are_those_of_the_server() -> None:
    documented = {spans_of(name)[0]: default for name, default, _ in rows_of(OPERATING, "Settings")}
    assert documented == {str(field.alias): to_default(field) for field in Settings.model_fields.values()}
    assert sorted(documented) == sorted(SETTINGS), "the example file names other settings"


def test_every_module_of_the_server_and_every_folder_of_the_page_is_described() -> None:
    described = {span for row in units_of(ARCHITECTURE) if row.startswith("| `") for span in spans_of(row)}
    modules = {f"realtime_voice/{path.name}" for path in (ROOT / "realtime_voice").glob("[!_]*.py")}
    folders = {f"public/{path.name}/" for path in (ROOT / "public").iterdir() if path.is_dir()}
    assert modules | folders <= described


def test_the_metrics_are_those_of_the_telemetry() -> None:
    code = (ROOT / "realtime_voice" / "telemetry.py").read_text()
    made = {f"realtime_voice.{name}" for name in re.findall(r'f"\{NAME\}\.([\w.]+)"', code)}
    assert made
    assert {spans_of(row[0])[0] for row in rows_of(OPERATING, "Metrics and spans")} == made


def test_the_paths_for_clients_are_those_of_the_server() -> None:
    assert {spans_of(row[0])[0] for row in rows_of(SDK, "Paths")} == {PAGE_PATH, *SDK_PATHS}


def test_the_simulators_options_are_those_of_its_command() -> None:
    shown = set(re.findall(r"--[a-z-]+", run(sys.executable, "-m", "simulator", "--help")))
    assert {spans_of(row[0])[0] for row in rows_of(SIMULATOR, "Run it")} == shown - {"--help"}


def test_the_faults_are_those_of_the_simulator() -> None:
    assert [
        spans_of(row[0])[0] for row in rows_of(SIMULATOR, "Faults of the handshake and the connection")
    ] == [field.name for field in fields(Faults)]


def test_the_scenario_can_be_read(tmp_path: Path) -> None:
    [block] = blocks("toml")
    path = tmp_path / "scenario.toml"
    path.write_text(block.text)
    assert len(read_scenario(path)) == block.text.count("[[session]]")


def test_every_figure_of_the_readme_stands_beside_the_command_that_measures_it() -> None:
    figures = [unit for unit in units_of(README) if re.search(r"\d ?(%|ms|µs|\u00d7)", unit)]
    assert figures
    assert [unit for unit in figures if "benchmarks/" not in unit] == []
