"""What a variant says of itself, as plain data: its words, papers, costs and needs. Torch-free."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.cases.case import Plain
from bench.cases.problem import Problem
from bench.cases.variant import Variant

_NAME = r"[A-Z\u00c0-\u00de][\w'’-]+"
_AUTHORS = rf"{_NAME}(?: et al\.|(?:, {_NAME})* and {_NAME})"
_YEAR, _PLACE, _TITLE = r" (?:19|20)\d\d", r"(?:\(arXiv:[\d.]+\d\)|arXiv:[\d.]+\d)", "[^.;()]{1,60}"
_PAPER = re.compile(
    rf"(?:{_AUTHORS}|{_NAME}){_YEAR}(?:, {_TITLE})?,? {_PLACE}|{_AUTHORS},? {_PLACE}"
    rf"|{_AUTHORS}{_YEAR}|{_PLACE}"
)
_GPU = "gpu"  # the mark of what no CPU runs


@dataclass(frozen=True)
class Described:
    """One variant of one problem.

    `papers` are the variant's own or its file's, `posed_by` the problem's. `asks` says what the
    problem is, `costs` what its FLOPs and bytes count, by quantity; a quantity that it does not
    declare is not there.
    """

    suite: str
    variant: str
    problem: str
    says: str
    asks: str
    papers: list[str]
    posed_by: list[str]
    costs: dict[str, str]
    needs: list[str]
    marks: list[str]
    options: dict[str, Plain] = field(default_factory=dict)


def describe(suite: str, variants: Iterable[Variant]) -> list[Described]:
    """Describe the variants of a suite, in their order."""
    return [_one(suite, variant) for variant in variants]


def _one(suite: str, variant: Variant) -> Described:
    problem = variant.problem_type
    own, posed = inspect.getdoc(variant.function) or "", inspect.getdoc(problem) or ""
    module = sys.modules.get(variant.function.__module__)
    around = (inspect.getdoc(module) if module else None) or ""
    return Described(
        suite,
        variant.name,
        problem.__name__,
        says=_summary(own),
        asks=_summary(posed),
        papers=papers(own) or papers(around),
        posed_by=papers(posed),
        costs=_costs(problem),
        needs=_needs(variant),
        marks=[mark for mark in variant.marks if mark != _GPU],
        options=variant.options,
    )


def papers(text: str) -> list[str]:
    """Find what a text cites: authors and year, with or without a place; each once."""
    return list(dict.fromkeys(_PAPER.findall(" ".join(text.split()))))


def _summary(text: str) -> str:
    """Return the first paragraph as one line."""
    return " ".join(text.partition("\n\n")[0].split())


def _costs(problem: type[Problem]) -> dict[str, str]:
    """Return what the counts of a problem say that they count."""
    counts = {"flops": Problem.flops, "bytes_moved": Problem.bytes_moved}
    return {
        name: _summary(inspect.getdoc(getattr(problem, name)) or "").removeprefix("Count ")
        for name, undeclared in counts.items()
        if getattr(problem, name) is not undeclared
    }


def _needs(variant: Variant) -> list[str]:
    """Say what must be there before the variant runs, and what it takes long for."""
    lacking, ranks = variant.lacking, variant.problem_type.ranks
    found = ["a GPU"] if _GPU in variant.marks else []
    found += [f"{name}{' (not installed)' if name in lacking else ''}" for name in variant.needs]
    found += ["a compiler in every process"] if variant.compiles else []
    found += ["training beforehand"] if variant.provision is not None else []
    found += ["several ranks"] if 1 not in ranks else []
    return found
