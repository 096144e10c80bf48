"""How much steadier a round is in several processes, on huge pages, and by which figure of each.

Records unchanged code with every way by turns in each round (`benchmarks.arms`), or takes a run
that is there. The spread is the standard deviation of the log ratio of both sides of a round.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, median
from typing import Annotated

import typer
from rich.console import Console

from bench.cases.kind import kind_of
from bench.judging.reducing import REDUCERS
from bench.store import Run, read
from benchmarks.arms import APART, ARMS, ArmsInTurn
from benchmarks.pretended import record, rounds_of
from benchmarks.results import FOLDER, Output, Row, Target, machine_facts, tell, write

SELECTORS = ["attention", "mixers", "precision"]
KEYWORD = (
    "(precision and (fp32 or bf16_autocast)) or (attention and (sdpa_flash or math) and 512 and "
    "not 2048) or (mixers and (lru or gau))"
)
ROUNDS = 8
LEAST_GAIN = {"all": 1.6, "training": 1.8}

Samples = dict[tuple[str, str], dict[tuple[int, str], list[list[float]]]]  # (arm, case)


def main(
    run: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Judge this run folder; record none.", show_default=False),
    ] = None,
    keyword: Annotated[str, typer.Option("-k", "--keyword", help="Keep cases.")] = KEYWORD,
    rounds: Annotated[int, typer.Option(min=3, help="Rounds to record.")] = ROUNDS,
    output: Output = FOLDER,
) -> None:
    """Measure how far rounds of unchanged code differ, by how their time is spent."""
    found = read(run) if run else record(SELECTORS, keyword, rounds, ArmsInTurn)
    rows = list(rows_of(found))
    path = write("allocation", rows, {"rounds": rounds_of(found), **machine_facts()}, output)
    tell(targets(rows), [path], Console(stderr=True))


def rows_of(run: Run) -> Iterator[Row]:
    """Yield how much less than today's way each way and figure spreads, over kinds of cases."""
    samples = samples_of(run)
    kinds = {case.id: kind_of(case) for case in run.manifest.cases}
    before = spreads(samples, ARMS[0].name, "median")
    for arm in ARMS:
        for reducer in REDUCERS:
            now = spreads(samples, arm.name, reducer)
            for kind in ("all", *sorted({kinds[case] for case in now})):
                own = [case for case in now if kind in ("all", kinds[case])]
                gains = [before[case] / now[case] for case in own]
                yield {
                    "arm": arm.name,
                    "reducer": reducer,
                    "kind": kind,
                    "num_cases": len(own),
                    "spread": median(now[case] for case in own),
                    "gain": math.exp(fmean(map(math.log, gains))),
                    "gain_median": median(gains),
                    "seconds_a_round": seconds(run, ARMS.index(arm), own),
                }


def samples_of(run: Run) -> Samples:
    """Return the samples of every process, by arm and case, round and side."""
    found: Samples = {}
    for attempt in run.attempts:
        if attempt.role == "time" and attempt.outcome == "ok":
            arm = ARMS[attempt.process // APART].name
            own = found.setdefault((arm, attempt.case), {})
            (times,) = (m.samples for m in attempt.measurements if m.quantity == "time")
            own.setdefault((attempt.round, attempt.side), []).append(times)
    return found


def spreads(samples: Samples, arm: str, reducer: str) -> dict[str, float]:
    """Return by case the standard deviation of a round's log ratio; the true one is 0."""
    found = {}
    for (own, case), sides in samples.items():
        if own == arm:
            value = {
                key: fmean(math.log(REDUCERS[reducer](process)) for process in processes)
                for key, processes in sides.items()
            }
            pairs = [(value[n, "A"], value[n, "B"]) for n, side in value if side == "A"]
            found[case] = math.sqrt(fmean((a - b) ** 2 for a, b in pairs))
    return found


def seconds(run: Run, place: int, cases: list[str]) -> float:
    """Return the seconds that a side's processes of these cases take in a round."""
    took = [
        attempt.elapsed_s
        for attempt in run.attempts
        if attempt.role == "time" and attempt.case in cases and attempt.process // APART == place
    ]
    return sum(took) / rounds_of(run) / 2


def targets(rows: list[Row]) -> list[Target]:
    """Hold the best way to what was asked of it, at the figure that serves all kinds best."""
    best = ARMS[-1].name
    return [
        Target(
            f"{kind}: a round's log ratio spreads less by a factor of {least}",
            f"{row['gain_median']:.2f} ({row['reducer']}, {row['seconds_a_round']:.1f} s a round)",
            row["gain_median"] >= least,
        )
        for kind, least in LEAST_GAIN.items()
        for row in rows
        if (row["arm"], row["reducer"], row["kind"]) == (best, "faster_half", kind)
    ]


if __name__ == "__main__":
    typer.run(main)
