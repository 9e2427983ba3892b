"""Checks of what a client sends, with the codes and wordings of the Realtime API. Pure.

A check takes a value and the path of its parameter, and raises RequestError for a bad one.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

TYPE_NAMES = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string", list: "an array"}

Check = Callable[[Any, str], None]


class RequestError(Exception):
    """A client event cannot be carried out; becomes an `error` event."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.param = code, message, param


def missing(param: str) -> RequestError:
    return RequestError("missing_required_parameter", f"Missing required parameter: '{param}'.", param)


def _type_error(value: Any, param: str, expected: str) -> RequestError:
    got = "null" if value is None else TYPE_NAMES.get(type(value), "an object")
    return RequestError(
        "invalid_type", f"Invalid type for '{param}': expected {expected}, but got {got} instead.", param
    )


def anything(value: Any, param: str, depth: int = 32) -> None:
    """Accept any value that can be sent back as JSON."""
    if depth == 0:
        raise RequestError("invalid_value", f"Invalid '{param}': nested too deeply.", param)
    if isinstance(value, float) and not math.isfinite(value):
        raise RequestError("invalid_value", f"Invalid '{param}': number too large.", param)
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            anything(inner, param, depth - 1)


def string(value: Any, param: str) -> None:
    if not isinstance(value, str):
        raise _type_error(value, param, "a string")


def string_up_to(most: int) -> Check:
    def check(value: Any, param: str) -> None:
        string(value, param)
        if len(value) > most:
            message = f"string too long. Expected a string with maximum length {most}, but got a string with length {len(value)} instead."
            raise RequestError("string_above_max_length", f"Invalid '{param}': {message}", param)

    return check


def boolean(value: Any, param: str) -> None:
    if not isinstance(value, bool):
        raise _type_error(value, param, "a boolean")


def integer(least: int, most: int) -> Check:
    return _number(int, least, most)


def decimal(least: float, most: float) -> Check:
    return _number(float, least, most)


def _number(expected: type[int] | type[float], least: float, most: float) -> Check:
    name = "integer" if expected is int else "decimal"

    def check(value: Any, param: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int if expected is int else (int, float)):
            raise _type_error(value, param, TYPE_NAMES[expected])
        for beyond, bound, code, side, sign in (
            (value < least, least, "below_min_value", "below minimum", ">="),
            (value > most, most, "above_max_value", "above maximum", "<="),
        ):
            if beyond:
                message = f"Invalid '{param}': {name} {side} value. Expected a value {sign} {bound}, but got {value} instead."
                raise RequestError(f"{name}_{code}", message, param)

    return check


def one_of(*values: str) -> Check:
    *others, last = [f"'{value}'" for value in values]
    comma = "," if len(others) > 1 else ""
    allowed = (
        f"Supported values are: {', '.join(others)}{comma} and {last}" if others else f"Value must be {last}"
    )

    def check(value: Any, param: str) -> None:
        string(value, param)
        if value not in values:
            raise RequestError("invalid_value", f"Invalid value: '{value}'. {allowed}.", param)

    return check


def nullable(inner: Check) -> Check:
    return lambda value, param: None if value is None else inner(value, param)


def either(literal: str, inner: Check) -> Check:
    """Accept the literal string, else what `inner` accepts."""
    return lambda value, param: None if value == literal else inner(value, param)


def array_of(inner: Check) -> Check:
    def check(value: Any, param: str) -> None:
        if not isinstance(value, list):
            raise _type_error(value, param, "an array")
        for index, item in enumerate(value):
            inner(item, f"{param}[{index}]")

    return check


def map_of(inner: Check) -> Check:
    """Accept an object with any names."""

    def check(value: Any, param: str) -> None:
        if not isinstance(value, dict):
            raise _type_error(value, param, "an object")
        for name, item in value.items():
            inner(item, f"{param}.{name}")

    return check


def record(fields: Mapping[str, Check], required: Sequence[str] = ()) -> Check:
    """Accept an object of these fields."""

    def check(value: Any, param: str) -> None:
        if not isinstance(value, dict):
            raise _type_error(value, param, "an object")
        at = f"{param}." if param else ""
        for name in value:
            if name not in fields:
                raise RequestError("unknown_parameter", f"Unknown parameter: '{at}{name}'.", f"{at}{name}")
        for name in required:
            if name not in value:
                raise missing(f"{at}{name}")
        for name, item in value.items():
            fields[name](item, f"{at}{name}")

    return check


def variants(key: str, kinds: Mapping[str, Check]) -> Check:
    """Accept an object whose `key` names its kind."""
    check_kind = one_of(*kinds)

    def check(value: Any, param: str) -> None:
        if not isinstance(value, dict):
            raise _type_error(value, param, "an object")
        at = f"{param}.{key}" if param else key
        if key not in value:
            raise missing(at)
        check_kind(value[key], at)
        kinds[value[key]](value, param)

    return check
