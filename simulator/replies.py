"""What the simulator answers. It understands nothing and says so; typed commands exercise the rest."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.checks import RequestError
from simulator.conversation import Item
from simulator.dialect import Asked
from simulator.turns import Heard
from simulator.voice import Speech, line, ramp, replay, silence

TIPS = ("interrupt", "key", "good")
SHORT_MS = 350
QUIET_DB = -45.0
CLIPPED = 1 / 2000  # of the samples at full scale
NOISY_DB, AUDIBLE_NOISE_DB = 20.0, -60.0  # the floor is of the voiced band, some 9 dB under the noise
SCRIPTED_MS, LONG_MS = 3000, 60_000
COMMANDS = {
    "/help": "list these commands",
    "/error [CODE]": "fail the response, or send an error event with this code",
    "/close [CODE]": "close the connection, with 1011 or this code",
    "/slow": "start after 3 s and speak slower than real time",
    "/tool": "call a tool of the session, or an invented one, with made-up arguments",
    "/silence": "answer with 3 s of silence",
    "/long": "speak for a minute",
}
CLOSE_CODE = re.compile("100[01]|101[1-4]|[34][0-9]{3}")
INVENTED_TOOL = "simulator_example"


@dataclass(frozen=True)
class Ending:
    """How the connection is closed."""

    code: int
    reason: str = ""


@dataclass(frozen=True)
class Call:
    """A function call; `arguments` is JSON."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Reply:
    """One answer: speech or a call, or else a failed response, or the end of the connection."""

    speeches: tuple[Speech, ...] = ()
    call: Call | None = None
    failure: str = ""
    ending: Ending | None = None
    slow: bool = False


Command = Callable[[str, Asked], Reply]


class Partner:
    """Choose answers for one session; raises RequestError when it is asked to send an error event.

    A scripted partner answers every turn with a ramp of 3 s (60 s to /long); commands stay what they are.
    """

    def __init__(self, *, scripted: bool) -> None:
        self._scripted = scripted
        self._spoken_turns = 0
        self._commands: dict[str, Command] = {
            "/help": self._help,
            "/error": self._error,
            "/close": self._close,
            "/slow": lambda _argument, _asked: Reply((line("typed"), line("interrupt")), slow=True),
            "/tool": lambda _argument, asked: Reply(call=made_up_call(asked)),
            "/silence": lambda _argument, _asked: Reply((silence(3000),)),
            "/long": self._long,
        }

    def reply(self, item: Item | None, asked: Asked) -> Reply:
        """Answer an item, the last of what the response is about."""
        command, _, argument = (item.text.strip() if item and item.role == "user" else "").partition(" ")
        if command in self._commands:
            return self._commands[command](argument.strip(), asked)
        if item and item.role == "user" and asked.tool_choice not in ("auto", "none"):
            return Reply(call=made_up_call(asked))
        return Reply((ramp(SCRIPTED_MS),)) if self._scripted else self._speak(item)

    def _speak(self, item: Item | None) -> Reply:
        if item and item.heard:
            return Reply(self._to_speech(item.heard))
        if item and item.role == "user":
            return Reply((line("typed"), Speech(f"(You typed: {item.text})")))
        if item and item.shown["type"] == "function_call_output":
            return Reply((line("tool"), Speech(f"(It said: {item.shown['output']})")))
        return Reply((line("nothing"),))

    def _to_speech(self, heard: Heard) -> tuple[Speech, ...]:
        remark = diagnose(heard)
        hello: tuple[Speech, ...] = ()
        if self._spoken_turns == 0:
            hello = (line("hello"),)
        elif not remark:
            remark = TIPS[(self._spoken_turns - 1) % len(TIPS)]
        self._spoken_turns += 1
        return (*hello, line("heard"), replay(heard), *((line(remark),) if remark else ()))

    def _help(self, _argument: str, _asked: Asked) -> Reply:
        return Reply((line("help"), Speech("; ".join(f"{name}: {what}" for name, what in COMMANDS.items()))))

    def _error(self, code: str, _asked: Asked) -> Reply:
        if code:
            raise RequestError(code, "The simulator sends this error because it was asked to.")
        return Reply(failure="The simulator failed this response because it was asked to.")

    def _close(self, argument: str, _asked: Asked) -> Reply:
        if not CLOSE_CODE.fullmatch(argument or "1011"):
            raise RequestError("invalid_value", f"A server cannot close a connection with code {argument}.")
        return Reply(ending=Ending(int(argument or "1011"), "Closed because it was asked to."))

    def _long(self, _argument: str, _asked: Asked) -> Reply:
        if self._scripted:
            return Reply((ramp(LONG_MS),))
        lines = tuple(map(line, ("hello", *TIPS)))
        round_ms = sum(len(speech.pcm) for speech in lines) // 48
        return Reply(lines * -(-LONG_MS // round_ms))


def diagnose(heard: Heard) -> str | None:
    """Return the line that says what was wrong with the sound, if anything was."""
    if heard.speech_ms < SHORT_MS:
        return "short"
    if heard.clipped > CLIPPED:
        return "clipped"
    if heard.level_db < QUIET_DB:
        return "quiet"
    if heard.noise_db > AUDIBLE_NOISE_DB and heard.level_db - heard.noise_db < NOISY_DB:
        return "noisy"
    return None


def made_up_call(asked: Asked) -> Call:
    """Return a call of the tool that was asked for, else the first one, with arguments made up from its schema."""
    wanted = asked.tool_choice["name"] if isinstance(asked.tool_choice, dict) else None
    for tool in asked.tools:
        if wanted in (None, tool["name"]):
            return Call(tool["name"], json.dumps(made_up(tool.get("parameters") or {"type": "object"})))
    return Call(wanted or INVENTED_TOOL, json.dumps({"invented": True}))


def made_up(schema: Any, depth: int = 8) -> Any:
    """Return a value that fits a JSON schema as far as types, enumerations and properties go."""
    if not isinstance(schema, dict) or depth == 0:
        return None
    given = [schema[name] for name in ("const", "default") if name in schema] or schema.get("enum")
    if isinstance(given, list) and given:
        return given[0]
    kind = str(schema.get("type"))
    if kind == "object":
        properties = schema.get("properties")
        inner = properties if isinstance(properties, dict) else {}
        return {name: made_up(value, depth - 1) for name, value in inner.items()}
    if kind == "array":
        return [made_up(schema.get("items"), depth - 1)]
    return {"integer": 1, "number": 1, "boolean": True, "string": "example"}.get(kind)
