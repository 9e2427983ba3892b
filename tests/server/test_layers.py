"""The Python modules import downward only, and each keeps to what it may know."""

from __future__ import annotations

import ast
import graphlib
from typing import TYPE_CHECKING

import pytest
from server_process import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = (
    "log", "settings", "headers", "page_files", "login", "access", "dial", "entra", "endings", "traffic", "frames", "splice",
    "upstream", "warm", "relay", "quota", "telemetry", "self_check", "sessions",
)  # fmt: skip
"""The modules of realtime_voice, from the bottom up: each may import only those before it."""

SERVER = [ROOT / "server.py", *sorted((ROOT / "realtime_voice").rglob("*.py"))]
SIMULATOR = sorted((ROOT / "simulator").rglob("*.py"))
PUBLIC_MODULES = {
    "uvicorn",
    "uvicorn.supervisors",
    "websockets.asyncio.client",
    "websockets.asyncio.server",
    "websockets.exceptions",
    "websockets.proxy",
    "websockets.uri",
}
"""What any module may import of uvicorn and websockets."""


def imports_of(path: Path) -> set[tuple[str, str]]:
    """Return (module, name) of everything a file imports, for types too; the name is empty for `import module`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import hides where a module is"
            found |= {(node.module or "", alias.name) for alias in node.names}
    return found


def modules_of(path: Path, package: str) -> set[str]:
    """Return the modules of a package that a file imports."""
    return {
        (f"{module}.{name}" if module == package else module).removeprefix(f"{package}.")
        for module, name in imports_of(path)
        if module.split(".")[0] == package
    }


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_module_has_its_layer() -> None:
    modules = {path.stem for path in (ROOT / "realtime_voice").glob("*.py")} - {"__init__"}
    assert modules == set(LAYERS)


@pytest.mark.parametrize("module", LAYERS)
def test_a_module_imports_only_lower_ones(module: str) -> None:
    imported = modules_of(ROOT / "realtime_voice" / f"{module}.py", "realtime_voice")
    assert imported <= set(LAYERS[: LAYERS.index(module)])


def test_the_simulators_modules_import_each_other_in_no_circle() -> None:
    graph = {path.stem: modules_of(path, "simulator") for path in SIMULATOR if path.stem != "__init__"}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("path", SERVER[1:], ids=name_of)
def test_the_server_does_not_know_the_simulator(path: Path) -> None:
    assert not modules_of(path, "simulator")
    assert not modules_of(path, "server")


@pytest.mark.parametrize("path", SIMULATOR, ids=name_of)
def test_the_simulator_does_not_know_the_server(path: Path) -> None:
    assert not modules_of(path, "realtime_voice")
    assert not modules_of(path, "server")


@pytest.mark.parametrize("path", [path for path in SERVER if path.stem != "splice"], ids=name_of)
def test_only_splice_uses_insides_of_uvicorn_and_websockets(path: Path) -> None:
    of_libraries = {
        module for module, _ in imports_of(path) if module.split(".")[0] in {"uvicorn", "websockets"}
    }
    assert of_libraries <= PUBLIC_MODULES


@pytest.mark.parametrize("path", SERVER, ids=name_of)
def test_client_connection_is_known_to_splice_and_upstream_alone(path: Path) -> None:
    names = {name for _, name in imports_of(path)}
    assert path.stem in {"splice", "upstream"} or "ClientConnection" not in names


PURE = ("endings", "frames", "traffic")


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_does_no_io(module: str) -> None:
    imported = {module for module, _ in imports_of(ROOT / "realtime_voice" / f"{module}.py")}
    assert not imported & {"asyncio", "socket", "ssl", "logging", "os", "pathlib", "starlette"}
