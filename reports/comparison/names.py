"""Short names of cases within one comparison: what all cases of a problem share is left out."""

from __future__ import annotations

from collections.abc import Iterable

from bench.cases.case import Case
from bench.judging.comparing.matching import Match
from bench.judging.words import name_of
from reports.words import shape


class Names:
    """Names the cases of some matches, apart from each other and no longer than that takes."""

    def __init__(self, matches: Iterable[Match]):
        each = {id(match): match for match in matches}.values()  # a match has many rows
        cases = [r.case for match in each for r in (match.base, match.new) if r]
        self._by_problem: dict[tuple[str, str], list[Case]] = {}
        for case in cases:
            self._by_problem.setdefault((case.suite, case.problem), []).append(case)
        self._twins: dict[tuple[str, str, str], list[Case]] = {}
        for case in cases:
            self._twins.setdefault((case.suite, case.problem, case.variant), []).append(case)
        self._constant = {key: _constant(found) for key, found in self._by_problem.items()}

    def name(self, match: Match) -> str:
        """Name suite, variant (both, where they differ) and what tells the case apart."""
        return f"{match.case.suite}/{self.within_suite(match)}"

    def within_suite(self, match: Match) -> str:
        """Name a case to a reader who knows the suite."""
        names = list(dict.fromkeys(self._variant(r.case) for r in (match.base, match.new) if r))
        return " ".join([" → ".join(names), *self._told(match.case)])

    def _variant(self, case: Case) -> str:
        return name_of(case, self._twins[case.suite, case.problem, case.variant])

    def _told(self, case: Case) -> list[str]:
        key = (case.suite, case.problem)
        constant = self._constant[key]
        words = [f"{case.problem}"] if self._several_problems(case.suite) else []
        told = shape(case, leave_out={name for name in case.values if name in constant})
        words += [told] if told else []
        return words + [word for name, word in _setting(case).items() if name not in constant]

    def _several_problems(self, suite: str) -> bool:
        return sum(own == suite for own, _ in self._by_problem) > 1


def _setting(case: Case) -> dict[str, str]:
    return {
        "dtype": case.dtype,
        "pass": case.pass_,
        "device": case.device,
        "threads": f"threads={case.threads}",
        "ranks": f"ranks={case.ranks}",
        "nodes": f"nodes={case.nodes}",
        "cache": case.cache,
        "allocator": f"allocator={case.allocator}",
    }


def _constant(cases: list[Case]) -> set[str]:
    """Return the values and settings that all cases share."""
    told = [{**case.values, **_setting(case)} for case in cases]
    return {name for name in told[0] if all(own.get(name) == told[0][name] for own in told)}
