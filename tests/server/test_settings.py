"""The settings: usable values are accepted, and a wrong one stops the start with one clear line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from raw_http import ask
from server_process import ROOT, SETTINGS, StartServer, copy_product

from realtime_voice.settings import Settings, SettingsError, read_environment

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cret-in-a-setting"
AZURE = {"AZURE_OPENAI_ENDPOINT": "https://name.openai.azure.com", "AZURE_OPENAI_API_KEY": SECRET}
CODE = "a-code-of-sixteen-or-more"
PUBLIC = "https://voice.example.com"


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
def test_each_way_to_write_an_endpoint_is_accepted(pasted: str, origin: str) -> None:
    assert Settings.read({**AZURE, "AZURE_OPENAI_ENDPOINT": pasted}).endpoint == origin


def test_empty_variables_count_as_absent_and_select_the_simulator() -> None:
    settings = Settings.read(dict.fromkeys(SETTINGS, ""))
    assert settings.endpoint is None
    assert settings.model_dump(exclude={"tls"}) == Settings.read({}).model_dump(exclude={"tls"})


WRONG_VALUES = {
    "AZURE_OPENAI_ENDPOINT": [
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
    ],
    "AZURE_OPENAI_API_KEY": [
        f"{SECRET}\n",
        f"{SECRET}\r\nX-Evil: 1",
        f"{SECRET}é",
        f" {SECRET}",
        f"{SECRET}\0",
    ],
    "AZURE_OPENAI_TOKEN_SCOPE": ["cognitiveservices"],
    "AZURE_OPENAI_DEPLOYMENT": [f"a/{SECRET}", "a\n"],
    "AZURE_OPENAI_API_VERSION": [f"2025-{SECRET}"],
    "HOST": ["a host"],
    "PORT": ["abc", "-1", "65536", "3000.5", "0x10", "٣"],
    "ACCESS_CODE": ["short", f"{SECRET} with spaces"],
    "PUBLIC_ORIGIN": [
        "voice.example.com",
        f"{PUBLIC}/path",
        "http://voice.example.com",
        "https://*.example.com",
        "*",
        "null",
    ],
    "TRUSTED_PROXIES": ["*", "nginx", "10.0.0.1/8"],
    "MAX_SESSIONS": ["0", "many", "1e3", "2.5"],
    "MAX_SESSION_MINUTES": ["0", "-1", "nan", "inf", "1,5"],
    "IDLE_MINUTES": ["soon"],
    "MAX_DAILY_MINUTES": ["0", "many"],
    "WARM_START": ["warm"],
    "MAX_EVENT_BYTES": ["10"],
    "SSL_CERT_FILE": [f"/nowhere/{SECRET}.pem", __file__],
    "LOG_LEVEL": ["loud"],
    "LOG_FORMAT": ["xml"],
}


def fault_of(given: dict[str, str]) -> str:
    """Return the words of the error that these settings cause."""
    with pytest.raises(SettingsError) as refusal:
        Settings.read(given)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param(variable, value, id=f"{variable}={value!a}")
        for variable, values in WRONG_VALUES.items()
        for value in values
    ],
)
def test_a_wrong_value_is_reported_in_one_line_that_names_the_variable_and_not_the_value(
    variable: str, value: str
) -> None:
    words = fault_of({**AZURE, variable: value})
    assert words.startswith(f"{variable} ")
    assert "None" not in words  # as a setting without words would say
    assert "\n" not in words
    assert SECRET not in words


@pytest.mark.parametrize(
    ("variable", "given"),
    [
        ("AZURE_OPENAI_ENDPOINT", {"AZURE_OPENAI_API_KEY": SECRET}),
        ("AZURE_OPENAI_API_KEY", {"AZURE_OPENAI_ENDPOINT": f"https://{SECRET}.openai.azure.com"}),
    ],
)
def test_a_half_of_the_azure_settings_is_reported_by_the_missing_half(
    variable: str, given: dict[str, str]
) -> None:
    words = fault_of(given)
    assert words.startswith(f"{variable} is missing")
    assert SECRET not in words


@pytest.mark.parametrize(
    "given",
    [
        {"HOST": "0.0.0.0"},
        {"HOST": "0.0.0.0", "ACCESS_CODE": CODE},
        {"HOST": "::", "PUBLIC_ORIGIN": PUBLIC},
    ],
)
def test_settings_that_expose_the_server_are_refused(given: dict[str, str]) -> None:
    assert fault_of(given).startswith("HOST opens the server to the network")


@pytest.mark.parametrize(
    "given",
    [
        {"PUBLIC_ORIGIN": "http://localhost:8080"},
        {"PUBLIC_ORIGIN": PUBLIC},
        {"PUBLIC_ORIGIN": PUBLIC, "ACCESS_CODE": CODE},
        {"HOST": "0.0.0.0", "PUBLIC_ORIGIN": "http://localhost:3000", "ACCESS_CODE": CODE},
    ],
)
def test_settings_that_keep_the_server_closed_are_accepted(given: dict[str, str]) -> None:
    assert Settings.read(given).public_origins == (given["PUBLIC_ORIGIN"],)


def test_public_origins_are_read_as_browsers_write_them() -> None:
    settings = Settings.read({"PUBLIC_ORIGIN": "https://voice.example.com, https://Talk.example.com:443/"})
    assert settings.public_origins == ("https://voice.example.com", "https://talk.example.com")


def test_the_text_of_the_settings_holds_no_secret() -> None:
    shown = repr(Settings.read({**AZURE, "ACCESS_CODE": CODE}))
    assert SECRET not in shown
    assert CODE not in shown


def test_the_env_file_is_read_as_written_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "AZURE_OPENAI_ENDPOINT=name.openai.azure.com\nAZURE_OPENAI_API_KEY=a${HOME}b$c\nPORT=1\nMAX_SESSIONS=7\n"
    )
    monkeypatch.setattr("realtime_voice.settings.ENV_FILE", file)
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PORT", "2")
    monkeypatch.setenv("MAX_SESSIONS", "")
    settings = read_environment()
    assert settings.api_key == "a${HOME}b$c"
    assert settings.port == 2
    assert settings.max_sessions == 20  # an empty variable hides what the file says


def test_a_checkout_reads_the_env_file_beside_server_py(tmp_path: Path) -> None:
    program = copy_product(tmp_path)
    (tmp_path / ".env").write_text("PORT=seven\n")
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    ended = subprocess.run(
        [sys.executable, program],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stderr == "error: PORT must be a whole number from 0 to 65535\n"


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


def test_a_wrong_setting_ends_the_start_with_one_line_and_exit_code_2() -> None:
    code, printed = start_and_fail(**{**AZURE, "AZURE_OPENAI_API_KEY": f"{SECRET}é"})
    assert code == 2
    assert printed.startswith("error: AZURE_OPENAI_API_KEY ")
    assert printed.count("\n") == 1
    assert SECRET not in printed


def test_a_port_in_use_ends_the_start_with_one_line_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, printed = start_and_fail(PORT=port)
    assert (code, printed.count("\n")) == (2, 1)
    assert printed.startswith(f"error: PORT {port} is taken")


def test_the_start_logs_the_address_and_that_the_simulator_answers(server: StartServer) -> None:
    running = server()
    assert running.wait_for_log("no model is connected")
    assert running.stop() == -signal.SIGTERM


def test_a_public_origin_without_a_code_admits_this_machine_only_and_is_logged(server: StartServer) -> None:
    running = server(PUBLIC_ORIGIN=PUBLIC)
    assert running.wait_for_log("PUBLIC_ORIGIN is set without ACCESS_CODE")
    host = PUBLIC.removeprefix("https://")
    assert ask(running.url, "/config", host=host).status == 200
    assert ask(running.url, "/config", ("X-Forwarded-For", "203.0.113.1"), host=host).status == 403
    assert ask(running.url, "/config").status == 403
