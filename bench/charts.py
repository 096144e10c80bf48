"""A door for authors of charts: drawings with the sentence that reads each."""

from bench.cases.chart import COLOURS, Chart, drawn
from bench.cases.counted import counted
from bench.profiling.drawn import bars, lists

__all__ = [
    "COLOURS",
    "Chart",
    "bars",
    "counted",
    "drawn",
    "lists",
]
