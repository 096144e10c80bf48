"""Does a yardstick run beside each timed process tell what the machine did then?

Records unchanged code with a yardstick before and after every process, or takes a run that is
there. The log ratio of both sides of a round is regressed on that of their yardsticks in even
rounds; odd ones, which the fit never saw, tell how much less is left of its spread.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Annotated

import typer
from rich.console import Console

from bench.cases.case import Attempt, Case
from bench.cases.kind import kind_of
from bench.running.proving.selftest.pretend import SIDES, PretendSides
from bench.running.step import Step
from bench.sides.servers import Servers, together
from bench.store import Run, read
from benchmarks.pretended import record, rounds_of
from benchmarks.results import FOLDER, Output, Row, Target, machine_facts, tell, write

SELECTORS = ["attention", "mixers", "precision", "suites.yardsticks"]
KEYWORD = (
    "(precision and (fp32 or bf16_autocast)) or (attention and (sdpa_flash or math) and 512 and "
    "not 2048) or (mixers and (lru or gau)) or (yardsticks and Product and not 192)"
)
YARDSTICK = "yardsticks"
ROUNDS = 16
APART = 1000  # numbers of the yardstick's processes: by the place of the case they stand beside

Pair = tuple[float, float]  # log ratio of a round's sides, and of the yardsticks beside them


class BesideYardsticks(PretendSides):
    """A session that runs the yardstick before, between and after both sides of every case."""

    def _round(self, number: int) -> None:
        lot = random.Random(f"{self.run.manifest.seed}-{number}")
        cases, own = self._sound(), self.attempts.side
        (yardstick,) = (case for case in cases if YARDSTICK in case.suite)
        places = {case.id: place for place, case in enumerate(self.run.manifest.cases, 1)}
        with together(*(self._servers(name, cases) for name in SIDES)) as (a, b):
            for case in lot.sample(cases, len(cases)):
                if case is yardstick:
                    continue
                self._announce("time", case, number)
                at = APART * places[case.id]
                beside = [Step(yardstick, "time", number, process=at + i) for i in range(3)]
                self._time("A", a, beside[0])
                for after, (name, servers) in enumerate(lot.sample([("A", a), ("B", b)], 2), 1):
                    self.progress.done(self._whole(name, servers, case, number))
                    self._time("A", a, beside[after])
        self.attempts.side = own

    def _whole(self, name: str, servers: Servers, case: Case, number: int) -> Attempt:
        return [self._time(name, servers, step) for step in self.attempts.timed(case, number)][-1]


def main(
    run: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Judge this run folder; record none.", show_default=False),
    ] = None,
    keyword: Annotated[str, typer.Option("-k", "--keyword", help="Keep cases.")] = KEYWORD,
    rounds: Annotated[int, typer.Option(min=6, help="Rounds to record.")] = ROUNDS,
    output: Output = FOLDER,
) -> None:
    """Tell what regressing on a yardstick leaves of the noise of rounds that the fit never saw."""
    found = read(run) if run else record(SELECTORS, keyword, rounds, BesideYardsticks)
    rows = list(rows_of(found))
    told = {"rounds": rounds_of(found), **machine_facts()}
    tell(targets(rows), [write("covariate", rows, told, output)], Console(stderr=True))


def rows_of(run: Run) -> Iterator[Row]:
    """Yield a row a case: the slope of even rounds, and what odd ones spread with and without."""
    kinds = {case.id: kind_of(case) for case in run.manifest.cases}
    for case, by_round in pairs_of(run).items():
        fitted = [pair for number, pair in by_round.items() if number % 2 == 0]
        judged = [pair for number, pair in by_round.items() if number % 2]
        slope = slope_of(fitted)
        plain = root_mean_square([ratio for ratio, _ in judged])
        left = root_mean_square([ratio - slope * beside for ratio, beside in judged])
        yield {
            "case": case,
            "kind": kinds[case],
            "slope": slope,
            "spread": plain,
            "spread_left": left,
            "gain": plain / left,
        }


def pairs_of(run: Run) -> dict[str, dict[int, Pair]]:
    """Return by case and round the log ratio of its sides, and of the yardsticks around them."""
    (yardstick,) = (case.id for case in run.manifest.cases if YARDSTICK in case.suite)
    places = {case.id: place for place, case in enumerate(run.manifest.cases, 1)}
    beside: dict[tuple[int, int], list[float]] = {}
    own: dict[str, dict[int, dict[str, list[float]]]] = {}
    for attempt in run.attempts:  # in the order in which they were made
        if attempt.role != "time" or attempt.outcome != "ok":
            continue
        (times,) = (m.samples for m in attempt.measurements if m.quantity == "time")
        value = math.log(median(times))
        if attempt.case == yardstick:
            beside.setdefault((attempt.process // APART, attempt.round), []).append(value)
        else:
            sides = own.setdefault(attempt.case, {}).setdefault(attempt.round, {})
            sides.setdefault(attempt.side, []).append(value)
    return {
        case: {
            number: _pair(sides, around)
            for number, sides in by_round.items()
            if len(sides) == 2 and len(around := beside.get((places[case], number), [])) == 3
        }
        for case, by_round in own.items()
    }


def _pair(sides: dict[str, list[float]], around: list[float]) -> Pair:
    """Return both log ratios, first side over second, whichever they are."""
    first, second = (fmean(values) for values in sides.values())
    before, between, after = around
    return first - second, fmean((before, between)) - fmean((between, after))


def slope_of(pairs: Sequence[Pair]) -> float:
    """Fit a line through zero: unchanged code beside an unchanged yardstick has ratio 1."""
    square = sum(beside**2 for _, beside in pairs)
    return sum(ratio * beside for ratio, beside in pairs) / square if square else 0.0


def root_mean_square(values: Sequence[float]) -> float:
    return math.sqrt(fmean(value**2 for value in values))


def targets(rows: list[Row]) -> list[Target]:
    """Tell the gain over all cases and by kind; it is kept where held-out rounds spread less."""
    found = []
    for kind in ("all", *sorted({row["kind"] for row in rows})):
        gains = [row["gain"] for row in rows if kind in ("all", row["kind"])]
        gain = math.exp(fmean(map(math.log, gains)))
        what = f"{kind}: held-out rounds spread less by a factor (geometric mean of {len(gains)})"
        found.append(Target(what, f"{gain:.2f}", None))
    return found


if __name__ == "__main__":
    typer.run(main)
