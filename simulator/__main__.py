"""Run the simulator alone: `realtime-simulator`, or `python -m simulator`."""

import argparse
import asyncio
import os
import ssl
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from simulator import Faults, Network, Simulator, read_scenario
from simulator.faults import ScenarioError
from simulator.recording import RecordingError, Service


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="realtime-simulator",
        description="Serve the Realtime API of Azure OpenAI, in both dialects, without a model: it answers speech with "
        "spoken lines and the speaker's own voice, and understands nothing. Type /help to it for what it can exercise.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765, help="0 for a free one (default: %(default)s)")
    parser.add_argument("--key", help="the key clients must send; without it everybody may connect")
    parser.add_argument("--certificate", help="PEM file with a certificate and its private key: serve wss")
    parser.add_argument("--model", help="the model that sessions name (default: the one in the address)")
    parser.add_argument(
        "--scripted", action="store_true", help="ids count up, nothing is paced, answers are ramps"
    )
    parser.add_argument(
        "--clock", type=float, metavar="SECONDS", help="a fixed Unix time from which expires_at is computed"
    )
    parser.add_argument("--scenario", type=Path, help="TOML file that says what goes wrong in which session")
    parser.add_argument("--latency-ms", type=not_negative, default=0, help="each event arrives so much later")
    parser.add_argument("--jitter-ms", type=not_negative, default=0, help="and up to so much more")
    parser.add_argument(
        "--stall-every-s", type=not_negative, default=0, help="nothing arrives each time so much has passed"
    )
    parser.add_argument("--stall-s", type=not_negative, default=0, help="for so long")
    parser.add_argument(
        "--service",
        metavar="URL",
        help="let the real service at this address answer, to record it; its key is read from SERVICE_KEY in the environment",
    )
    files = parser.add_mutually_exclusive_group()
    files.add_argument(
        "--record", type=Path, metavar="FILE", help="record all sessions in a file, without secrets"
    )
    files.add_argument("--replay", type=Path, metavar="FILE", help="replay the sessions of a recording")
    return parser.parse_args()


def not_negative(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e9:  # noqa: PLR2004 - no number of seconds or milliseconds that anybody means
        raise ValueError
    return value


async def run(arguments: argparse.Namespace) -> None:
    tls = None
    if arguments.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.certificate)
    clock = time.time if arguments.clock is None else lambda: arguments.clock
    async with Simulator(
        host=arguments.host,
        port=arguments.port,
        key=arguments.key,
        ssl=tls,
        model=arguments.model,
        scripted=arguments.scripted,
        faults=read_scenario(arguments.scenario) if arguments.scenario else Faults(),
        clock=clock,
        network=Network(
            arguments.latency_ms, arguments.jitter_ms, arguments.stall_every_s, arguments.stall_s
        ),
        record=arguments.record,
        service=Service(arguments.service, os.environ.get("SERVICE_KEY", "")) if arguments.service else None,
        replay=arguments.replay,
    ) as simulator:
        key = "the key given" if arguments.key else "any key"
        print(  # noqa: T201 - the command's answer
            f"The simulator listens. Connect with {key} to\n"
            f"  preview   {simulator.url}/openai/realtime?api-version=2025-04-01-preview&deployment=gpt-realtime\n"
            f"  GA        {simulator.url}/openai/v1/realtime?model=gpt-realtime\n"
            f"or with a stock SDK: AsyncOpenAI(websocket_base_url='{simulator.url}', …).realtime\n"
            "Ctrl-C ends it.",
            flush=True,
        )
        await asyncio.Event().wait()


def run_fast(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine in the event loop that needs less processor time, where it is installed."""
    try:
        import uvloop  # noqa: PLC0415 - not on Windows
    except ImportError:
        asyncio.run(coroutine)
    else:
        uvloop.run(coroutine)


def main() -> None:
    """Serve until Ctrl-C; end with code 2 and one line when an option cannot be used."""
    try:
        run_fast(run(parse_arguments()))
    except KeyboardInterrupt:
        pass
    except (ScenarioError, RecordingError) as error:
        sys.exit(fail(str(error)))
    except ssl.SSLError:
        sys.exit(fail("--certificate must name a PEM file with a certificate and its private key"))
    except OSError as error:
        sys.exit(fail(f"cannot serve: {error.strerror or error}"))


def fail(words: str) -> int:
    print(f"error: {words}", file=sys.stderr)  # noqa: T201 - the command's answer
    return 2


if __name__ == "__main__":
    main()
