"""False alarms and power of our rule and the peers', on samples of this machine.

Records a run over the yardsticks with a known slowdown of 0, 1, 2, 3, 5 and 10 %, or takes one
that is there, and deals its rounds out again and again: see `benchmarks.pool`.
"""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from bench.cases.kind import kind_of
from bench.errors import UserError
from bench.store import read
from benchmarks import ours
from benchmarks.excluded import EXCLUDED, LIMIT, RULE, bounds_by_look
from benchmarks.peers import rules
from benchmarks.pool import LEVELS, Pool, read_pool
from benchmarks.results import FOLDER, Output, Quick, Row, Target, draw, tell, versions, write
from benchmarks.targets import better_in_both, found_a_change, number_of_alarms
from benchmarks.trials import Count, play_ours, play_peer

ROUNDS, BUDGET = 70, "12m"
# Left out of the recording: one call of these takes too much of an attempt for nine samples.
KEYWORD = "not RankSum and not 4194304"
RUNS = 300
QUICK_RUNS = 5
SEED = 20
SETTING = "this machine"
STEADY = 0.01  # spread of rounds at which the power is asked for
LOOKS = (10, 20, 32)  # pairs at which bounds are looked at: a pool has no more


def main(
    run: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Judge this run folder; record none.", show_default=False),
    ] = None,
    selector: Annotated[str, typer.Option(help="What to record.")] = "suites.yardsticks",
    keyword: Annotated[str, typer.Option("-k", "--keyword", help="Keep cases.")] = KEYWORD,
    rounds: Annotated[int, typer.Option(min=64, help="Rounds to record.")] = ROUNDS,
    budget: Annotated[str, typer.Option(help="Bound on the recording.")] = BUDGET,
    quantity: Annotated[
        str, typer.Option(help="What is judged: time, thread_time, time:faster_half, …")
    ] = "time",
    runs: Annotated[int, typer.Option(min=1, help="Comparisons dealt out, a rule.")] = RUNS,
    quick: Quick = False,
    output: Output = FOLDER,
) -> None:
    """Count real false alarms and found slowdowns, by relabelling rounds of one run."""
    console = Console(stderr=True)
    try:
        folder = run or record(selector, keyword, rounds, budget)
        pool = read_pool(folder, quantity)
    except UserError as error:
        console.print(f"error: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(error.exit_code) from None
    for line in pool.left_out:
        console.print(line, markup=False, soft_wrap=True)
    runs = QUICK_RUNS if quick else runs
    rows = play_all(pool, runs, console)
    each, bounded = play_each(pool, runs), play_bounds(pool)
    from benchmarks.figures import real_figure

    paths = [write("real", [*rows, *each, *bounded], told_of(folder, pool), output)]
    paths.append(draw("real", real_figure(rows), output))
    console.print(
        f"{pool.num_rounds} rounds of {pool.num_cases} unchanged cases; draws share these rounds, "
        "so that the intervals, which count them as independent, are too narrow.",
        highlight=False,
    )
    tell([*real_targets(rows, each), *map(told_excluded, bounded)], paths, console)


def record(selector: str, keyword: str, rounds: int, budget: str) -> Path:
    """Record a pool with `bench run` as anyone would; return its folder."""
    levels = ",".join(map(str, LEVELS))
    runs = Path("runs")
    before = set(runs.glob("*")) if runs.exists() else set()
    asked = [selector, "-k", keyword, "--set", f"times={levels}", "--rounds", str(rounds)]
    words = [sys.executable, "-P", "-m", "bench", "run", *asked, "--budget", budget]
    words += ["--output", str(runs)]
    done = subprocess.run(words)
    made = sorted(set(runs.glob("*")) - before)
    if done.returncode or not made:
        raise UserError(f"`bench run` ended with {done.returncode}; expected a run folder")
    return made[-1]


def play_all(pool: Pool, runs: int, console: Console) -> list[Row]:
    """Play our rule and every peer's on draws from the pool."""
    found, missing = rules()
    for line in missing:
        console.print(line, markup=False)
    rng = np.random.default_rng(SEED)
    told = {"setting": SETTING, "kind": "real"}
    tally, cost = play_ours(pool, rng, runs)
    rows: list[Row] = [{**told, **count.row()} for count in tally.counts()]
    console.print(f"our rule took {cost:.2f} times its first stage on average", highlight=False)
    for rule in track(found, "dealing out rounds", console=console):
        if rule.slots <= pool.num_rounds:
            played = play_peer(rule, pool, rng, runs)
            rows.extend({**told, **count.row()} for count in played.counts())
    return rows


def play_each(pool: Pool, runs: int) -> list[Row]:
    """Play our rule with a change in one workload at a time: how steady it is decides its power."""
    rows: list[Row] = []
    for number, name in enumerate(pool.workloads):
        rng = np.random.default_rng(SEED)
        tally, _ = play_ours(replace(pool, changed=number), rng, runs)
        told = {"setting": name, "kind": "real", "spread": pool.spread(number)}
        rows.extend({**told, **count.row()} for count in tally.counts())
    return rows


def play_bounds(pool: Pool) -> list[Row]:
    """Count the unchanged cases for which a slowdown beyond the limit is excluded by each look.

    Neighbouring rounds are a pair, a minute apart at the most; in a comparison it is a second.
    """
    logs = np.log(np.median(pool.times_WLRV, axis=-1)).reshape(pool.num_cases, -1)
    pairs = logs[:, : 2 * LOOKS[-1]].reshape(pool.num_cases, -1, 2)
    excluded = (bounds_by_look(list(pairs), LOOKS) <= math.log1p(LIMIT)).sum(axis=0)
    told = {"setting": SETTING, "kind": "real"}
    return [
        {**told, **Count(RULE, f"{look} pairs", EXCLUDED, 0.0, int(n), pool.num_cases).row()}
        for look, n in zip(LOOKS, excluded, strict=True)
    ]


def told_excluded(row: Row) -> Target:
    """Tell how many cases a comparison of equal code could have let go at a look."""
    what = f"a slowdown of more than {LIMIT:.0%} excluded after {row['samples']}"
    return Target(what, f"{row['hits']} of {row['trials']} unchanged cases", None)


def told_of(folder: Path, pool: Pool) -> dict[str, object]:
    """Describe the machine of the recording, as its run folder does, and the pool."""
    manifest = read(folder).manifest
    environment = manifest.sessions[0].environment if manifest.sessions else {}
    names = ("cpu", "cores_usable", "virtualisation", "kernel", "python")
    return {
        "run": folder.name,
        "rounds": pool.num_rounds,
        "cases": pool.num_cases,
        "kinds": " ".join(sorted({kind_of(case) for case in manifest.cases})),
        **{name: environment.get(name, "") for name in names},
        **versions(),
    }


def real_targets(rows: list[Row], each: list[Row]) -> list[Target]:
    """Hold what was counted to what was asked: power only where rounds are as steady as asked."""
    own = [row for row in rows if row["rule"] == ours.NAME]
    steady = [row for row in each if row["spread"] <= STEADY]
    power = found_a_change(steady, 0.03) or [
        Target(f"power where rounds spread by at most {STEADY:.0%}", "no workload does here", None)
    ]
    return [*number_of_alarms(own), *power, better_in_both(rows)]


if __name__ == "__main__":
    typer.run(main)
