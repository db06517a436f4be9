"""Figures with their aims: a table for people, JSON for programs, a picture."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path("bench")


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure should be. Source: the project's plan, "What we measure ourselves by"."""

    limit: float
    at_least: bool

    def met(self, value: float) -> bool:
        """True when the figure is good enough."""
        return value >= self.limit if self.at_least else value <= self.limit

    @property
    def text(self) -> str:
        """As the table shows it."""
        return f"{'at least' if self.at_least else 'at most'} {self.limit:g}"


AIMS = {
    "accept_vs_bare": Aim(0.6, at_least=True),
    "accept_p99_ms": Aim(25, at_least=False),
    "full_payments_per_s": Aim(500, at_least=True),
    "added_latency_p99_ms": Aim(100, at_least=False),
    "drain_vs_arrival": Aim(1, at_least=True),
    "recovery_p99_s": Aim(10, at_least=False),
    "idle_service_mb_max": Aim(120, at_least=False),
}


def rounded(value: float) -> float:
    """Three digits that mean something, whole above a hundred."""
    return round(value) if abs(value) >= 100 else float(f"{value:.3g}")


def figure_lines(figures: Mapping[str, float]) -> list[str]:
    """The table of figures."""
    lines = []
    for name, value in figures.items():
        aim = AIMS.get(name)
        verdict = "" if aim is None else f"{aim.text:14} {'met' if aim.met(value) else 'MISSED'}"
        lines.append(f"{name:36} {rounded(value):>10,}   {verdict}".rstrip())
    return lines


def section(title: str, rows: Sequence[tuple[str, Sequence[float]]], *heads: str) -> list[str]:
    """A table with a name and numbers in each row."""
    lines = ["", f"{title:56}" + "".join(f"{head:>11}" for head in heads)]
    for name, numbers in rows:
        lines.append(f"  {name:54}" + "".join(f"{rounded(n):>11,}" for n in numbers))
    return lines


def machine() -> str:
    """What it ran on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def write(
    name: str, figures: Mapping[str, float], details: Mapping[str, Any], text: str, svg: str
) -> None:
    """Leaves `<name>.json`, `<name>.txt` and `<name>.svg`."""
    FOLDER.mkdir(exist_ok=True)
    known = {name: rounded(value) for name, value in figures.items()}
    content = {**known, "machine": machine(), "details": details}
    (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    (FOLDER / f"{name}.txt").write_text(text + "\n", "utf-8")
    (FOLDER / f"{name}.svg").write_text(svg, "utf-8")
