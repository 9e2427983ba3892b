"""Run the simulator alone: `python -m simulator`."""

import argparse
import asyncio
import contextlib
import ssl

from simulator import Simulator


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
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
    return parser.parse_args()


async def run(arguments: argparse.Namespace) -> None:
    tls = None
    if arguments.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.certificate)
    async with Simulator(
        host=arguments.host,
        port=arguments.port,
        key=arguments.key,
        ssl=tls,
        model=arguments.model,
        scripted=arguments.scripted,
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


def main() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(parse_arguments()))


if __name__ == "__main__":
    main()
