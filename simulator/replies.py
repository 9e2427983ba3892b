"""What the simulator answers. It understands nothing and says so; its answers repeat words that it was given.

Which tool fits a text, and what a text asks to be said, is read off its words (reading.py, tool_calls.py). Typed commands
exercise the rest.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from simulator import mcp
from simulator.checks import RequestError
from simulator.conversation import Item
from simulator.dialect import Asked
from simulator.faults import FAULTS
from simulator.reading import recall, sums, to_be_said
from simulator.tool_calls import MOST_CALLS, arguments, fitting, function_tools, subjects
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
    "/tool [NAME]": "call this tool of the session, the first one, or an invented one, with made-up arguments",
    "/tools": "call several tools of the session at once",
    "/preamble": "say a sentence and call a tool in one response",
    "/messages": "answer in two messages",
    "/silence": "answer with 3 s of silence",
    "/long": "speak for a minute",
    "/fault NAME [next]": "let this answer, the next one or the session misbehave, as /faults lists; /fault off ends it",
    "/faults": "list the faults",
}
CLOSE_CODE = re.compile("100[01]|101[1-4]|[34][0-9]{3}")
INVENTED_TOOL = "simulator_example"
AFTER_A_CALL = ("function_call_output", "mcp_call", "mcp_approval_response")  # then a model speaks
COMMENTARY, FINAL_ANSWER = "commentary", "final_answer"  # phases of a reasoning model's messages


@dataclass(frozen=True)
class Ending:
    """How the connection is closed."""

    code: int
    reason: str = ""


@dataclass(frozen=True)
class Message:
    """A message of an answer: what is said, and its `phase` where the model has any."""

    speeches: tuple[Speech, ...]
    phase: str | None = None


@dataclass(frozen=True)
class Call:
    """A function call; `arguments` is JSON."""

    name: str
    arguments: str


@dataclass(frozen=True)
class McpCall:
    """A call that the service makes itself, with its end: an output or an error.

    Attributes:
        approval: the id of the request that was approved before.
        goes_on: a response of its own speaks of the end.
    """

    label: str
    name: str
    arguments: str
    output: str | None
    error: dict[str, Any] | None
    approval: str | None = None
    goes_on: bool = True


@dataclass(frozen=True)
class ApprovalRequest:
    """A call that the service makes once the client approves it."""

    label: str
    name: str
    arguments: str


Output = Message | Call | McpCall | ApprovalRequest


@dataclass(frozen=True)
class Reply:
    """One answer: messages and calls in order, a failed response, or the end of the connection."""

    outputs: tuple[Output, ...] = ()
    failure: str = ""
    ending: Ending | None = None
    slow: bool = False
    fault: str = ""  # of FAULTS


Command = Callable[[str, Asked], Reply]


class Partner:
    """Choose answers for one session; raises RequestError when it is asked to send an error event.

    A scripted partner answers every turn with a ramp of 3 s (60 s to /long); calls and commands stay what they are.
    """

    def __init__(self, *, scripted: bool) -> None:
        self._scripted = scripted
        self._spoken_turns = 0
        self._commands: dict[str, Command] = {
            "/help": self._help,
            "/error": self._error,
            "/close": self._close,
            "/slow": lambda _argument, asked: say(asked, line("typed"), line("interrupt"), slow=True),
            "/tool": lambda name, asked: Reply((made_up_call(asked, name),)),
            "/tools": lambda _argument, asked: Reply(made_up_calls(asked)),
            "/preamble": self._preamble,
            "/messages": self._messages,
            "/silence": lambda _argument, asked: say(asked, silence(3000)),
            "/long": self._long,
            "/fault": lambda argument, asked: self._remark(asked, "asked", f"(The fault is: {argument}.)"),
            "/faults": lambda _argument, asked: self._remark(asked, "help", list_of_faults()),
        }

    def reply(self, item: Item | None, asked: Asked, earlier: Sequence[Item] = ()) -> Reply:
        """Answer an item, the last one that the response reads; the `earlier` ones come before it."""
        text = item.text.strip() if item and item.role == "user" else ""
        command, _, argument = text.partition(" ")
        if command in self._commands:
            return self._commands[command](argument.strip(), asked)
        calls = approved(item, asked, earlier) or choose_calls(item, asked)
        if calls:
            return Reply(calls)
        return (
            say(asked, ramp(SCRIPTED_MS))
            if self._scripted
            else say(asked, *self._speak(item, asked, earlier))
        )

    def nudge(self, asked: Asked) -> Reply:
        """Return what is said when nobody has spoken for as long as `idle_timeout_ms`."""
        return say(asked, ramp(SCRIPTED_MS) if self._scripted else line("still_there"))

    def _speak(self, item: Item | None, asked: Asked, earlier: Sequence[Item]) -> tuple[Speech, ...]:
        """Say what arrived, then the phrases that were asked for, then earlier messages about the same subject."""
        typed = item.text if item and item.role == "user" and not item.heard else ""
        requests = [request for request in (asked.own_instructions, typed) if request]
        demands = [each for request in requests for each in (*to_be_said(request), *sums(request))]
        demands += to_be_said(asked.instructions, always=True)
        said = [earlier_item.text for earlier_item in earlier if earlier_item.role in ("user", "system")]
        recalled = filter(None, (recall(request, said) for request in requests))
        opening = self._opening(item)
        if not opening and demands:
            opening = (line("asked"),)
        elif not opening and typed:
            opening = (line("typed"), Speech(f"(You typed: {typed})"))
        elif not opening and asked.own_instructions:
            opening = (line("asked"), Speech(f"(My instructions: {asked.own_instructions})"))
        elif not opening:
            opening = (line("nothing"),)
        words = dict.fromkeys([*demands, *(f"(You said: {each})" for each in recalled)])
        return (*opening, *map(Speech, words))

    def _opening(self, item: Item | None) -> tuple[Speech, ...]:
        """Say what was heard, what a tool has answered, or which pictures came."""
        if item and item.heard:
            return self._to_speech(item.heard)
        if item and item.shown["type"] in ("function_call_output", "mcp_call"):
            error = item.shown.get("error") or {}
            return (
                line("tool"),
                Speech(f"(It said: {item.shown.get('output') or error.get('message', '')})"),
            )
        if item and item.pictures:
            return (line("picture"), *(Speech(f"({picture})") for picture in item.pictures))
        return ()

    def _to_speech(self, heard: Heard) -> tuple[Speech, ...]:
        remark = diagnose(heard)
        hello: tuple[Speech, ...] = ()
        if self._spoken_turns == 0:
            hello = (line("hello"),)
        elif not remark:
            remark = TIPS[(self._spoken_turns - 1) % len(TIPS)]
        self._spoken_turns += 1
        return (*hello, line("heard"), replay(heard), *((line(remark),) if remark else ()))

    def _help(self, _argument: str, asked: Asked) -> Reply:
        return self._remark(asked, "help", "; ".join(f"{name}: {what}" for name, what in COMMANDS.items()))

    def _error(self, code: str, _asked: Asked) -> Reply:
        if code:
            raise RequestError(code, "The simulator sends this error because it was asked to.")
        return Reply(failure="The simulator failed this response because it was asked to.")

    def _close(self, argument: str, _asked: Asked) -> Reply:
        if not CLOSE_CODE.fullmatch(argument or "1011"):
            raise RequestError("invalid_value", f"A server cannot close a connection with code {argument}.")
        return Reply(ending=Ending(int(argument or "1011"), "Closed because it was asked to."))

    def _preamble(self, _argument: str, asked: Asked) -> Reply:
        spoken = ramp(SCRIPTED_MS) if self._scripted else line("preamble")
        return Reply((Message((spoken,), COMMENTARY if asked.reasons else None), made_up_call(asked)))

    def _messages(self, _argument: str, asked: Asked) -> Reply:
        first, second = (ramp(SCRIPTED_MS),) * 2 if self._scripted else (line("typed"), line("interrupt"))
        return Reply((Message((first,), COMMENTARY if asked.reasons else None), *say(asked, second).outputs))

    def _remark(self, asked: Asked, spoken: str, written: str) -> Reply:
        """Return an answer that is longer than what is heard of it."""
        return say(asked, ramp(SCRIPTED_MS) if self._scripted else line(spoken), Speech(written))

    def _long(self, _argument: str, asked: Asked) -> Reply:
        if self._scripted:
            return say(asked, ramp(LONG_MS))
        lines = tuple(map(line, ("hello", *TIPS)))
        round_ms = sum(len(speech.pcm) for speech in lines) // 48
        return say(asked, *(lines * -(-LONG_MS // round_ms)))


def list_of_faults() -> str:
    return "; ".join(
        f"{' '.join(filter(None, (fault.name, fault.argument)))}: "
        f"{'the answer' if fault.lasts == 'answer' else 'from now on'} {fault.what}"
        for fault in FAULTS.values()
    )


def say(asked: Asked, *speeches: Speech, slow: bool = False) -> Reply:
    """Return an answer of one message."""
    return Reply((Message(speeches, FINAL_ANSWER if asked.reasons else None),), slow=slow)


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


def approved(item: Item | None, asked: Asked, earlier: Sequence[Item]) -> tuple[McpCall, ...]:
    """Return the call of an MCP server that a client has just approved."""
    if item is None or item.shown["type"] != "mcp_approval_response" or not item.shown["approve"]:
        return ()
    asked_before = [each.shown for each in earlier if each.id == item.shown["approval_request_id"]]
    return tuple(
        to_mcp_call(tool["config"], request["name"], request["arguments"], request["id"])
        for request in asked_before
        for tool in mcp_tools(asked)
        if (tool["name"], tool["config"]["server_label"]) == (request["name"], request["server_label"])
    )


def choose_calls(item: Item | None, asked: Asked) -> tuple[Call | McpCall | ApprovalRequest, ...]:
    """Return the calls that a response makes: those that are demanded, or those that fit what was asked.

    Left to choose, it calls nothing right after a function's output: the model speaks of it.
    """
    tools, choice = callable_tools(asked), asked.tool_choice
    request = asked.own_instructions
    typed = item.text if item and item.role == "user" and not item.heard else ""
    if isinstance(choice, dict):
        return tuple(to_call(tool, typed or request) for tool in tools if is_chosen(tool, choice))[:1]
    if choice == "none" or not tools:
        return ()
    if choice == "auto" and item and item.shown["type"] in AFTER_A_CALL:
        return ()
    fit = fitting(tools, request)
    text = request if fit else typed
    fit = fit or fitting(tools, typed)
    if not fit:
        return (to_call(tools[0], typed or request),) if choice == "required" else ()
    if not asked.parallel:
        return (to_call(fit[0], text),)
    return tuple(to_call(tool, subject) for tool in fit for subject in subjects(tool, text))[:MOST_CALLS]


def callable_tools(asked: Asked) -> list[dict[str, Any]]:
    """Return the functions of a response and those of its MCP servers."""
    return [*function_tools(asked.tools), *mcp_tools(asked)]


def mcp_tools(asked: Asked) -> list[dict[str, Any]]:
    return mcp.as_function_tools([tool for tool in asked.tools if tool["type"] == "mcp"])


def is_chosen(tool: dict[str, Any], choice: dict[str, Any]) -> bool:
    """Return whether a tool choice names this tool, or the server that offers it."""
    if tool["type"] != choice["type"] or choice.get("name") not in (None, tool["name"]):
        return False
    return bool(tool["type"] == "function" or tool["config"]["server_label"] == choice["server_label"])


def to_call(tool: dict[str, Any], text: str) -> Call | McpCall | ApprovalRequest:
    name, given = tool["name"], json.dumps(arguments(tool.get("parameters") or {"type": "object"}, text))
    if tool["type"] == "function":
        return Call(name, given)
    if mcp.needs_approval(tool["config"], name):
        return ApprovalRequest(tool["config"]["server_label"], name, given)
    return to_mcp_call(tool["config"], name, given)


def to_mcp_call(config: mcp.Config, name: str, given: str, approval: str | None = None) -> McpCall:
    output, error = mcp.call(config, name, given)
    goes_on = not mcp.behaves(config, "silent")
    return McpCall(config["server_label"], name, given, output, error, approval, goes_on)


def made_up_call(asked: Asked, name: str = "") -> Call:
    """Return a call of the tool of this name, else the one that is demanded, else the first, with made-up arguments."""
    wanted = name or (asked.tool_choice.get("name") if isinstance(asked.tool_choice, dict) else None)
    for tool in function_tools(asked.tools):
        if wanted in (None, tool["name"]):
            schema = tool.get("parameters") or {"type": "object"}
            return Call(tool["name"], json.dumps(arguments(schema, everything=True)))
    return Call(wanted or INVENTED_TOOL, json.dumps({"invented": True}))


def made_up_calls(asked: Asked) -> tuple[Call, ...]:
    """Return calls of all tools, and of at least two."""
    names = [str(tool["name"]) for tool in function_tools(asked.tools)][:MOST_CALLS] or [INVENTED_TOOL]
    return tuple(made_up_call(asked, name) for name in (names if len(names) > 1 else names * 2))
