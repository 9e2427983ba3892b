"""A server to test, and a mocked Azure behind it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme
from mock_azure import mocked_azure
from server_process import StartServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from mock_azure import Azure

SHOWN = "shown"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def server() -> Iterator[StartServer]:
    with StartServer() as start:
        yield start


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """Address of a server with its simulator, shared by all tests that need no settings of their own."""
    with StartServer() as start:
        yield start().url


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The certificates that a server under test trusts instead of certifi's."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture(scope="session")
def azure_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_tls(ca_file: str) -> ssl.SSLContext:
    """A context in which a client trusts the mock."""
    return ssl.create_default_context(cafile=ca_file)


@pytest.fixture
async def azure(azure_tls: ssl.SSLContext) -> AsyncIterator[Azure]:
    async with mocked_azure(azure_tls) as azure:
        yield azure


@pytest.fixture
def show(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print figures at the end of the run, also when the test ran in another process."""
    return lambda text: request.node.user_properties.append((SHOWN, text))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long tests, so that none is the last to run."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties if report.when == "call" else ():
            if name == SHOWN:
                terminalreporter.section(report.nodeid.rpartition("::")[2])
                terminalreporter.write_line(value)
