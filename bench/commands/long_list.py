"""`bench list --long`: every variant with its paper, its cost, its needs and what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import entry_points
from itertools import groupby
from textwrap import wrap

from bench.cases.case import Case
from bench.cases.counted import counted
from bench.selecting.described import Described
from bench.system.terminal import Screen

Row = tuple[str, str]
NARROWEST = 20  # columns of text, however narrow the terminal
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def show(screen: Screen, variants: Sequence[Described], cases: Sequence[Case]) -> None:
    """Print the variants by suite and problem; what is a problem's own is said once."""
    for suite, posed in groupby(variants, key=lambda v: v.suite):
        screen.tell((suite, "bold"), *_question(suite))
        in_turn = sorted(posed, key=lambda v: v.problem)  # stable: in a problem as they were
        for problem, found in groupby(in_turn, key=lambda v: v.problem):
            _show_problem(screen, list(found), [c for c in cases if c.problem == problem])


def _question(suite: str) -> list[str]:
    """Return what a suite is there to answer, where it says."""
    points = entry_points(group="touchstone.answers", name=suite)
    return [f": {point.load().QUESTION}" for point in points]


def _show_problem(screen: Screen, variants: Sequence[Described], cases: Sequence[Case]) -> None:
    first = variants[0]
    screen.print()
    _show_one(screen, first.problem, first.asks, _costs(first, cases), indent=2)
    for variant in variants:
        own = [c for c in cases if (c.suite, c.variant) == (variant.suite, variant.variant)]
        rows = [
            ("paper", _papers(variant)),
            ("needs", ", ".join(variant.needs) or "nothing more"),
            ("options", ", ".join(f"{k}={v}" for k, v in variant.options.items())),
            ("marks", ", ".join(variant.marks)),
            ("asked", counted(len(own), "case") if own else "not by this preset"),
        ]
        _show_one(screen, variant.variant, variant.says, rows, indent=4)


def _papers(variant: Described) -> str:
    """Name the variant's papers, else the problem's, and say that they are."""
    if variant.papers or not variant.posed_by:
        return "; ".join(variant.papers) or "none named"
    return f"{'; '.join(variant.posed_by)}, of the problem"


def _show_one(screen: Screen, name: str, says: str, rows: Iterable[Row], indent: int) -> None:
    """Print a name, what it says, and its rows, each wrapped within its own column."""
    _print(screen, "", name, indent, name_style="bold")
    _print(screen, "", says, indent + 2)
    for label, text in rows:
        if text:
            _print(screen, f"{label:<8}", text, indent + 2)


def _print(screen: Screen, label: str, text: str, indent: int, name_style: str = "") -> None:
    """Print a text beside its label; what it is wrapped to stands below the text."""
    lead = " " * (indent + len(label))
    for line in wrap(screen.shown(text), max(screen.width - len(lead), NARROWEST)):
        screen.tell(" " * indent, (label, "dim"), (line, name_style), wrap=False)
        label = " " * len(label)


def _costs(described: Described, cases: Sequence[Case]) -> list[Row]:
    """Say what the problem counts, and what that comes to in the cases."""
    flops = [case.flops for case in cases if case.flops is not None]
    moved = [case.bytes_moved for case in cases if case.bytes_moved is not None]
    return [
        ("FLOPs", _counted(described.costs.get("flops"), flops, "FLOP")),
        ("bytes", _counted(described.costs.get("bytes_moved"), moved, "B")),
    ]


def _counted(what: str | None, counts: Sequence[float], unit: str) -> str:
    if what is None:
        return "not declared"
    told = what.rstrip(".")
    if not counts:
        return told
    low, high = (_amount(number, unit) for number in (min(counts), max(counts)))
    return f"{told} ({low if low == high else f'{low} to {high}'} here)"


def _amount(count: float, unit: str) -> str:
    scale, prefix = next(((s, p) for s, p in _PREFIXES if count >= s), _PREFIXES[-1])
    return f"{count / scale:.3g} {prefix}{unit}"
