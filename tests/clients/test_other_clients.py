"""Clients that others have made, each in its own language, through relay and simulator; `./run-tests.sh clients` runs them.

Each file in python/ and javascript/ holds the tests of one client, in the environment that has it. The simulator's
events are judged by the `openai` package's models on their way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import start_blocking_portal
from processes import free_port
from sdk_models import check_event
from server_process import ROOT, StartServer

from simulator import Simulator
from simulator.session import Session

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator

    from simulator.dialect import Dialect, Event

HERE = Path(__file__).parent
PATIENCE_S = 600
CLIENTS = {
    "openai-agents": "python/openai_agents_session.py",
    "pydantic-ai-slim": "python/pydantic_ai_session.py",
    "livekit-plugins-openai": "python/livekit_session.py",
    "pipecat-ai": "python/pipecat_session.py",
    "openai": "javascript/openai.test.js",
    "@openai/agents-realtime": "javascript/agents.test.js",
    "rt-client": "javascript/rt_client.test.js",
    "openai-realtime-api": "javascript/reference.test.js",
}

SETTINGS = {"rt-client": {"AZURE_OPENAI_API_VERSION": "2024-10-01-preview"}}
"""Settings that the server needs for a client: rt-client fails on each event that is newer than its api-version."""


@dataclass
class Judge:
    """What the simulator has sent, and what of it the SDK does not declare."""

    events: int = 0
    faults: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def open_session(self, dialect: Dialect, **options: Any) -> Session:
        return JudgedSession(self, dialect, **options)

    def look_at(self, event: Event, dialect: str) -> None:
        self.events += 1
        if event["type"] == "error":
            self.errors[event["error"]["code"]] += 1
        try:
            check_event(json.loads(json.dumps(event)), dialect, "server")
        except AssertionError as fault:
            self.faults.append(str(fault))


class JudgedSession(Session):
    """A session whose events are judged before they are sent."""

    def __init__(self, judge: Judge, dialect: Dialect, **options: Any) -> None:
        super().__init__(dialect, **options)
        self._judge = judge

    def _stamp(self, events: list[Event]) -> list[Event]:
        stamped = super()._stamp(events)
        for event in stamped:
            self._judge.look_at(event, self._dialect.name)
        return stamped


@dataclass(frozen=True)
class Service:
    """A relay, also behind TLS, and the judge of the simulator behind it."""

    environment: dict[str, str]
    judge: Judge


@pytest.fixture
def service(package: str, azure_tls: ssl.SSLContext, ca_file: str) -> Iterator[Service]:
    judge = Judge()
    simulator = Simulator(new_session=judge.open_session)
    port = free_port()
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(simulator),
        portal.wrap_async_context_manager(behind_tls(port, azure_tls)) as tls_port,
        StartServer() as start,
    ):
        start(
            AZURE_OPENAI_ENDPOINT=simulator.url.replace("ws", "http", 1),
            AZURE_OPENAI_API_KEY="theirs",
            **SETTINGS.get(package, {}),
            PORT=str(port),
            PUBLIC_ORIGIN=f"http://localhost:{port},https://localhost:{tls_port}",
        )
        yield Service(
            {
                "RELAY_URL": f"ws://localhost:{port}",
                "TLS_RELAY_URL": f"wss://localhost:{tls_port}",
                "NODE_EXTRA_CA_CERTS": ca_file,
                "SSL_CERT_FILE": ca_file,
            },
            judge,
        )


@contextlib.asynccontextmanager
async def behind_tls(port: int, tls: ssl.SSLContext) -> AsyncIterator[int]:
    """Serve over TLS what a port of this machine serves, as a reverse proxy does; yields the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, up to its end or that of either connection."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def command(file: str, report: Path) -> list[str]:
    """Return what runs a client's tests and writes their results as JUnit's XML."""
    if file.endswith(".py"):
        folder = HERE / "python"
        python = folder / ".venv" / "bin" / "python"
        return [
            str(python),
            "-m",
            "pytest",
            f"-c{folder}/pytest.ini",
            f"--junitxml={report}",
            str(HERE / file),
        ]
    return [
        "node",
        "--test",
        "--test-timeout=60000",
        "--test-reporter=junit",
        f"--test-reporter-destination={report}",
        str(HERE / file),
    ]


def version(package: str, file: str) -> str:
    """Return the version that is pinned."""
    if file.endswith(".py"):
        pins = (ROOT / "requirements" / "clients.txt").read_text()
        pin = re.search(rf"^{package}(?:\[.*\])?==(\S+)", pins, re.MULTILINE)
        assert pin, f"{package} is not pinned"
        return pin[1]
    return str(json.loads((HERE / "javascript" / "package.json").read_text())["dependencies"][package])


@pytest.mark.clients
@pytest.mark.timeout(PATIENCE_S + 60)
@pytest.mark.parametrize(("package", "file"), CLIENTS.items(), ids=CLIENTS)
def test_each_feature_of_a_client_works(
    package: str, file: str, service: Service, tmp_path: Path, show: Callable[[str], None]
) -> None:
    report = tmp_path / "report.xml"
    ran = subprocess.run(
        command(file, report),
        env={**os.environ, **service.environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - the test's own file
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    judge = service.judge
    show(
        f"{package} {version(package, file)}: {len(cases) - len(failed)} of {len(cases)} tests passed; "
        f"{judge.events} events, {len(judge.faults)} not as the SDK declares; errors: {dict(judge.errors) or 'none'}"
    )
    assert not failed, "\n".join(ET.tostring(case, encoding="unicode") for case in failed)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert cases
    assert judge.faults == []
