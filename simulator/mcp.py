"""A made-up MCP server behind every `server_url`: its tools, their approval, and the results of calls. Pure.

Words in the address decide how it behaves: `unreachable` fails the import of its tools; `http-error`, `protocol-error` and
`execution-error` fail calls; after a call of a `silent` server no response follows by itself.
"""

from typing import Any

Config = dict[str, Any]  # an mcp entry of a session's tools
TOOLS: tuple[dict[str, Any], ...] = (
    {
        "name": "search",
        "description": "Search the pages for words.",
        "input_schema": {
            "type": "object",
            "properties": {"query": {"type": "string"}},
            "required": ["query"],
        },
        "annotations": {"read_only": True},
    },
    {
        "name": "delete_page",
        "description": "Delete a page.",
        "input_schema": {
            "type": "object",
            "properties": {"title": {"type": "string"}},
            "required": ["title"],
        },
        "annotations": {"read_only": False},
    },
)
ERRORS: dict[str, dict[str, Any]] = {
    "http-error": {"type": "http_error", "code": 503, "message": "Service Unavailable"},
    "protocol-error": {"type": "protocol_error", "code": -32602, "message": "Invalid params"},
    "execution-error": {
        "type": "tool_execution_error",
        "message": "The tool failed because it was asked to.",
    },
}


def behaves(config: Config, word: str) -> bool:
    return word in str(config.get("server_url") or "")


def import_tools(config: Config) -> list[dict[str, Any]] | None:
    """Return the tools that a server offers to a session, None when it cannot be reached."""
    if behaves(config, "unreachable"):
        return None
    allowed = config.get("allowed_tools")
    wanted = {"tool_names": allowed} if isinstance(allowed, list) else allowed or {}
    return [tool for tool in TOOLS if meets(tool, wanted)]


def meets(tool: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Return whether a tool passes a filter, which has names, `read_only`, or both."""
    named = wanted.get("tool_names")
    read_only = wanted.get("read_only")
    return (named is None or tool["name"] in named) and (
        read_only is None or tool["annotations"]["read_only"] == read_only
    )


def needs_approval(config: Config, name: str) -> bool:
    """Return whether a call must be approved; without a setting it must."""
    setting = config.get("require_approval")
    if not isinstance(setting, dict):
        return setting != "never"
    tool = next(tool for tool in TOOLS if tool["name"] == name)
    return not ("never" in setting and meets(tool, setting["never"]))


def call(config: Config, name: str, arguments: str) -> tuple[str | None, dict[str, Any] | None]:
    """Return the output of a call, or the error that it ends with."""
    for word, error in ERRORS.items():
        if behaves(config, word):
            return None, error
    return f"The simulator's {name} was called with {arguments}.", None


def as_function_tools(configs: list[Config]) -> list[dict[str, Any]]:
    """Return the tools of these servers in the shape of function tools, each with the entry of its server."""
    return [
        {**tool, "type": "mcp", "parameters": tool["input_schema"], "config": config}
        for config in configs
        for tool in import_tools(config) or ()
    ]
