"""Settings: what can be used is used, and what cannot stops the start with one clear line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest
from server_process import ROOT, SETTINGS, StartServer

from realtime_voice.settings import Settings, SettingsError

SECRET = "s3cret-in-a-setting"
AZURE = {"AZURE_OPENAI_ENDPOINT": "https://name.openai.azure.com", "AZURE_OPENAI_API_KEY": SECRET}
CODE = "a-code-of-sixteen-or-more"


@pytest.mark.parametrize(
    ("pasted", "origin"),
    [
        ("https://name.openai.azure.com", "wss://name.openai.azure.com"),
        ("https://name.openai.azure.com/", "wss://name.openai.azure.com"),
        ("wss://name.openai.azure.com", "wss://name.openai.azure.com"),
        ("name.openai.azure.com", "wss://name.openai.azure.com"),
        ("name.openai.azure.com:8443", "wss://name.openai.azure.com:8443"),
        ("HTTPS://Name.OpenAI.Azure.com", "wss://name.openai.azure.com"),
        ("http://localhost:5000", "ws://localhost:5000"),
        ("ws://127.0.0.1:5000/", "ws://127.0.0.1:5000"),
        ("ws://[::1]:5000", "ws://[::1]:5000"),
    ],
)
def test_an_endpoint_is_taken_however_it_was_pasted(pasted: str, origin: str) -> None:
    assert Settings.read({**AZURE, "AZURE_OPENAI_ENDPOINT": pasted}).endpoint == origin


def test_nothing_set_means_the_simulator() -> None:
    assert Settings.read(dict.fromkeys(SETTINGS, "")).endpoint is None


BAD = [
    ("AZURE_OPENAI_ENDPOINT", {"AZURE_OPENAI_API_KEY": SECRET}),
    ("AZURE_OPENAI_API_KEY", {"AZURE_OPENAI_ENDPOINT": f"https://{SECRET}.openai.azure.com"}),
    *(
        ("AZURE_OPENAI_ENDPOINT", {**AZURE, "AZURE_OPENAI_ENDPOINT": endpoint})
        for endpoint in (
            f"https://name.openai.azure.com/openai/{SECRET}",
            f"https://name.openai.azure.com/?api-key={SECRET}",
            f"https://me:{SECRET}@name.openai.azure.com",
            "htps://name.openai.azure.com",
            "https//name.openai.azure.com",
            "https://",
            "https://<name>.openai.azure.com",
            "https://name.openai.azure.com:99999",
            "http://name.openai.azure.com",
            "ws://10.0.0.1",
        )
    ),
    *(
        ("AZURE_OPENAI_API_KEY", {**AZURE, "AZURE_OPENAI_API_KEY": key})
        for key in (f"{SECRET}\n", f"{SECRET}\r\nX-Evil: 1", f"{SECRET}é", f" {SECRET}", f"{SECRET}\0")
    ),
    ("AZURE_OPENAI_DEPLOYMENT", {**AZURE, "AZURE_OPENAI_DEPLOYMENT": f"a/{SECRET}"}),
    ("AZURE_OPENAI_API_VERSION", {**AZURE, "AZURE_OPENAI_API_VERSION": f"2025-{SECRET}"}),
    *(("PORT", {"PORT": port}) for port in ("abc", "-1", "65536", "3000.5", "0x10", "٣")),
    *(("MAX_SESSIONS", {"MAX_SESSIONS": value}) for value in ("0", "many", "1e3", "2.5")),
    *(("MAX_SESSION_MINUTES", {"MAX_SESSION_MINUTES": value}) for value in ("0", "-1", "nan", "inf", "1,5")),
    ("IDLE_MINUTES", {"IDLE_MINUTES": "soon"}),
    ("MAX_EVENT_BYTES", {"MAX_EVENT_BYTES": "10"}),
    ("LOG_LEVEL", {"LOG_LEVEL": "loud"}),
    ("ACCESS_CODE", {"ACCESS_CODE": "short"}),
    ("ACCESS_CODE", {"ACCESS_CODE": f"{SECRET} with spaces"}),
    ("PUBLIC_ORIGIN", {"PUBLIC_ORIGIN": "voice.example.com"}),
    ("PUBLIC_ORIGIN", {"PUBLIC_ORIGIN": "https://voice.example.com/path"}),
    ("PUBLIC_ORIGIN", {"PUBLIC_ORIGIN": "*"}),
    ("SSL_CERT_FILE", {"SSL_CERT_FILE": f"/nowhere/{SECRET}.pem"}),
    ("SSL_CERT_FILE", {"SSL_CERT_FILE": __file__}),
    ("HOST", {"HOST": "0.0.0.0"}),
    ("HOST", {"HOST": "0.0.0.0", "ACCESS_CODE": CODE}),
    ("HOST", {"HOST": "::", "PUBLIC_ORIGIN": "https://voice.example.com"}),
    ("HOST", {"HOST": "a host"}),
]


@pytest.mark.parametrize(
    ("variable", "given"), BAD, ids=[f"{name}-{number}" for number, (name, _) in enumerate(BAD)]
)
def test_a_bad_setting_is_named_in_one_line_without_its_value(variable: str, given: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.read(given)
    line = str(refusal.value)
    assert line.startswith(variable)
    assert "\n" not in line
    assert SECRET not in line
    assert refusal.value.__cause__ is None


def test_a_host_open_to_the_network_is_taken_with_a_code_and_an_origin() -> None:
    origins = "https://voice.example.com, https://Talk.example.com:443/"
    settings = Settings.read({"HOST": "0.0.0.0", "ACCESS_CODE": CODE, "PUBLIC_ORIGIN": origins})
    assert settings.public_origins == ("https://voice.example.com", "https://talk.example.com")


def test_a_settings_text_holds_no_secret() -> None:
    settings = Settings.read({**AZURE, "ACCESS_CODE": CODE})
    assert SECRET not in repr(settings)
    assert CODE not in repr(settings)


def start_and_fail(**given: str) -> tuple[int, str]:
    """Run the server, which must end by itself; return its exit code and all it printed."""
    environment = {**os.environ, **dict.fromkeys(SETTINGS, ""), **given}
    ended = subprocess.run(
        [sys.executable, ROOT / "server.py"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "given",
    [{"PORT": "abc"}, {"AZURE_OPENAI_API_KEY": SECRET}, {**AZURE, "AZURE_OPENAI_API_KEY": f"{SECRET}é"}],
    ids=["port", "half-filled", "key"],
)
def test_a_bad_setting_ends_the_start_with_one_line_and_a_code(given: dict[str, str]) -> None:
    code, printed = start_and_fail(**given)
    assert code == 2
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
    assert SECRET not in printed


def test_a_taken_port_ends_the_start_with_one_line_and_a_code() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, printed = start_and_fail(PORT=port)
    assert (code, printed.count("\n")) == (2, 1)
    assert printed.startswith(f"error: PORT {port} is taken")


def test_the_start_says_where_the_page_is_and_that_the_simulator_answers(server: StartServer) -> None:
    running = server()
    assert running.wait_for_log("no model is connected")
    assert running.stop() == -signal.SIGTERM
