"""The files of `deploy/` are valid, and what the image copies is enough to run the server."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml
from raw_http import ask
from server_process import ROOT, SETTINGS, StartServer

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def bin_path(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))


def manifest(kind: str) -> dict[str, Any]:
    (found,) = (one for one in manifests() if one["kind"] == kind)
    return found


def test_hadolint_accepts_the_dockerfile() -> None:
    run = subprocess.run(
        [bin_path("hadolint"), DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (0, "")


def test_the_compose_file_matches_its_schema() -> None:
    command = [
        bin_path("check-jsonschema"),
        "--builtin-schema",
        "vendor.compose-spec",
        str(DEPLOY / "compose.yaml"),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("found", manifests(), ids=lambda found: str(found["kind"]))
def test_each_manifest_matches_the_kubernetes_schema(found: dict[str, Any]) -> None:
    kubernetes_validate.validate(found, "1.37", strict=True)


def test_every_selector_matches_the_pods() -> None:
    labels = manifest("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert manifest("Service")["spec"]["selector"] == labels
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert manifest(kind)["spec"]["selector"]["matchLabels"] == labels
    assert manifest("NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels
    assert manifest("HorizontalPodAutoscaler")["spec"]["minReplicas"] >= 2


def test_the_files_set_only_variables_that_exist() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    named = {*manifest("ConfigMap")["data"], *compose["voice"]["environment"]}
    named |= set(re.findall(r"\b([A-Z_]+)=", DOCKERFILE)) - {"PATH", "PYTHONDONTWRITEBYTECODE"}
    assert named <= set(SETTINGS)
    template = (DEPLOY / "nginx.conf.template").read_text()
    assert set(re.findall(r"\$\{(\w+)\}", template)) == set(compose["nginx"]["environment"])


def test_the_files_of_the_image_run_and_answer_the_probes(tmp_path: Path) -> None:
    wanted = re.findall(r"^COPY (\S+) \S+$", DOCKERFILE.partition("FROM python:3.13-slim\n")[2], re.MULTILINE)
    assert wanted == ["server.py", "realtime_voice", "simulator", "public"]
    for pattern in wanted:
        for path in ROOT.glob(pattern):
            (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / path.name)
    allowed = (ROOT / ".dockerignore").read_text()
    assert all(f"!{pattern}\n" in allowed for pattern in [*wanted, "requirements/cloud.lock"])
    with StartServer([sys.executable, str(tmp_path / "server.py")]) as start:
        origin = "https://voice.example.com"
        server = start(ACCESS_CODE="a-code-of-the-tests-0123456789", PUBLIC_ORIGIN=origin)
        port = server.url.rpartition(":")[2]
        (probe,) = re.findall(r'"-c", "(.*)"\]', DOCKERFILE)
        subprocess.run([sys.executable, "-c", probe.replace(":3000", f":{port}")], check=True)
        for name in ("startup", "liveness", "readiness"):
            path = manifest("Deployment")["spec"]["template"]["spec"]["containers"][0][f"{name}Probe"][
                "httpGet"
            ]["path"]
            assert ask(f"http://127.0.0.1:{port}", path, host=f"10.1.2.3:{port}").status == 200


SOURCES = {"server": "requirements.txt", "cloud": "requirements/cloud.txt"}


@pytest.mark.parametrize("name", SOURCES)
def test_a_lock_has_every_pin_with_its_hashes_and_no_address(name: str) -> None:
    lock = (ROOT / "requirements" / f"{name}.lock").read_text()
    entries = re.findall(
        r"^([a-z0-9-]+)==(\S+)[^\n]*(( \\\n +--hash=sha256:[0-9a-f]{64})+)$", lock, re.MULTILINE
    )
    locked = {package: number for package, number, *_ in entries}
    assert len(locked) == len(re.findall(r"^[a-z]", lock, re.MULTILINE))
    assert "://" not in lock
    text = (ROOT / "requirements.txt").read_text() + (ROOT / SOURCES[name]).read_text()
    for package, number in re.findall(r"^([a-z0-9-]+)==([0-9.]+)", text, re.MULTILINE):
        assert locked[package] == number
    for package, number in re.findall(r"^([a-z0-9-]+)>=([0-9.]+)", text, re.MULTILINE):
        assert [int(part) for part in locked[package].split(".")] >= [int(part) for part in number.split(".")]


def test_the_tests_run_with_the_locked_versions() -> None:
    lock = (ROOT / "requirements" / "server.lock").read_text()
    for package in (
        "fastapi",
        "starlette",
        "uvicorn",
        "websockets",
        "h11",
        "python-dotenv",
        "certifi",
        "itsdangerous",
    ):
        assert f"\n{package}=={version(package)} " in lock
