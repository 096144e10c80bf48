"""What a suite's `charts.py` hands to a report: a drawing with the sentence that reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Chart:
    """A titled Vega-Lite drawing.

    `charts(table, trajectories)` in a suite's `charts.py` returns a list of them. `table` is the
    pandas table of `results.csv`, `trajectories` that of `trajectories.csv` (one row a sample of
    what quality measured: case, variant, quantity, seed, index, value), the rows of that suite
    only. `drawing` is an Altair chart; the report gives every drawing the same theme.
    """

    title: str
    caption: str
    drawing: Any


def drawn(title: str, draw: Callable[[], Chart | None]) -> list[Chart]:
    """Draw one chart; where that raises, it costs this chart alone, which then says why.

    Figures that a suite's code did not expect are no reason to lose a report.
    """
    try:
        chart = draw()
    except Exception as error:
        return [undrawn(title, error)]
    return [] if chart is None else [chart]


def undrawn(title: str, error: Exception) -> Chart:
    """Return what stands where a chart should be."""
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return Chart(title, f"This chart could not be drawn: {words[:300]}", None)


# One palette for all suites: told apart by most eyes, readable on white.
COLOURS = (
    "#4269d0",
    "#ff725c",
    "#3ca951",
    "#a463f2",
    "#efb118",
    "#6cc5b0",
    "#9c6b4e",
    "#ff8ab7",
    "#97bbf5",
    "#9498a0",
)
