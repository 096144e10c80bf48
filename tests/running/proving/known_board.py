"""A board whose figures are known, and the names of figures that failed."""

from __future__ import annotations

from bench.running.proving.gpucheck.board import Board
from bench.running.proving.gpucheck.finding import Figure

H100 = Board(16896, 1.98e9, 2.619e9, 5120, 700.0)


def failed(figures: list[Figure]) -> list[str]:
    return [figure.name for figure in figures if figure.word == "failed"]
