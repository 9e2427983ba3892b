"""The figures of the sound path: measured, held against their limits, and printed in one table."""

from __future__ import annotations

from dataclasses import dataclass, field

SOUND = "sound"
"""Name of the test's properties that hold such figures: they reach the end of the run from any of its processes."""


@dataclass
class Table:
    """What was measured, a row a figure, a column an engine."""

    rows: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def add(self, what: str, limit: str, engine: str, value: str) -> None:
        self.rows.setdefault((what, limit), {})[engine] = value

    def lines(self) -> list[str]:
        engines = sorted({engine for values in self.rows.values() for engine in values})
        table = [["figure", "limit", *engines]]
        table += [
            [*row, *(values.get(engine, "") for engine in engines)] for row, values in self.rows.items()
        ]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        return [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in table
        ]


@dataclass
class Figures:
    """What one test measured in one engine."""

    engine: str
    properties: list[tuple[str, object]]

    def note(self, what: str, value: float, unit: str, limit: str = "") -> None:
        """Print a figure that has no limit, since it depends on the machine."""
        self.properties.append((SOUND, (what, limit, self.engine, f"{value:.4g} {unit}")))

    def at_most(self, what: str, value: float, limit: float, unit: str) -> None:
        self.note(what, value, unit, f"≤ {limit:g} {unit}")
        assert value <= limit, f"{what}, {self.engine}: {value} {unit}, more than {limit}"

    def at_least(self, what: str, value: float, limit: float, unit: str) -> None:
        self.note(what, value, unit, f"≥ {limit:g} {unit}")
        assert value >= limit, f"{what}, {self.engine}: {value} {unit}, less than {limit}"
