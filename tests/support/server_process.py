"""The server as a process: where it is and what it has logged."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
SETTINGS = re.findall(r"^#?\s*([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)


def copy_product(folder: Path) -> Path:
    """Copy all that the server runs into a folder, and return the path of its `server.py`."""
    for name in ("realtime_voice", "simulator", "public"):
        shutil.copytree(ROOT / name, folder / name)
    return Path(shutil.copy2(ROOT / "server.py", folder))


class Server:
    """A running `server.py`: where it is and what it has logged."""

    def __init__(self, environment: dict[str, str], command: list[str], folder: Path) -> None:
        # Empty counts as absent, and keeps a developer's own .env out of the tests.
        blank = dict.fromkeys(SETTINGS, "")
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **blank, "PORT": "0", **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        # A busy machine is slow to start programs.
        found = self.wait_for_log(r"open (http://[^\s\"]+)", timeout=90)
        self.url = found[1]
        self.ws_url = self.url.replace("http", "ws", 1)

    def read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def wait_for_log(self, pattern: str, timeout: float = 30) -> re.Match[str]:
        """Return the first match in the log, waiting for it."""
        with self.changed:
            self.changed.wait_for(
                lambda: re.search(pattern, self.log()) or not self.reader.is_alive(), timeout=timeout
            )
        found = re.search(pattern, self.log())
        assert found, f"no {pattern!r} in the log:\n{self.log()}"
        return found

    def log(self) -> str:
        return "".join(self.lines)

    def wait_until_all_ended(self) -> None:
        """Wait until the log has the end of every session that started."""
        with self.changed:
            assert self.changed.wait_for(
                lambda: self.log().count(" started ") == self.log().count(" ended "), timeout=30
            ), self.log()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the server and return its exit code."""
        self.process.send_signal(how)
        return self.process.wait(10)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        assert self.process.stderr
        self.process.stderr.close()


class StartServer:
    """Start servers with given settings, from the folder of their code; all end with the block."""

    def __init__(self, command: list[str] | None = None, folder: Path = ROOT) -> None:
        self.command = command or [sys.executable, "server.py"]
        self.folder = folder
        self.servers: list[Server] = []

    def __call__(self, **environment: str) -> Server:
        server = Server(environment, self.command, self.folder)
        self.servers.append(server)
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for running in self.servers:
            running.end()
            assert "Traceback" not in running.log(), running.log()
