"""A door for authors of charts: drawings with the sentence that reads each."""

from bench.cases.chart import COLOURS, Chart, drawn
from bench.cases.counted import counted
from bench.profiling.drawn import RANK_PARTS, bars, lists

__all__ = [
    "COLOURS",
    "RANK_PARTS",
    "Chart",
    "bars",
    "counted",
    "drawn",
    "lists",
]
