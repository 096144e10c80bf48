"""Page: what a command of a suite has to show, for whoever draws pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path

from bench.cases.chart import Chart


@dataclass(frozen=True)
class Table:
    """A table with its unit in every column's name; cells as they are to be read."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True)
class Page:
    """A title, sentences, charts and tables; becomes one file that needs no network."""

    title: str
    said: Sequence[str] = ()
    charts: Sequence[Chart] = field(default_factory=list)
    tables: Sequence[Table] = field(default_factory=list)


def write_page(page: Page, path: Path) -> None:
    """Write a page by every installed package that draws such (`touchstone.pages`)."""
    for point in entry_points(group="touchstone.pages"):
        point.load()(page, path)
