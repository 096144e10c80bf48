"""False alarms and power of our rule and the peers', on drawn noise.

A run is 40 cases. Unchanged, an alarm in any of them is false; then one case is slower by 1 to
10 %. The peers are played twice: as they are used (their own numbers of processes and values, one
side wholly before the other), and on the same samples as ours (8 processes a side, more than ours
takes on average, in randomised pairs). Ours always measures in randomised pairs, as `bench ab`
does. Every setting is seeded, so that results do not depend on how many jobs played them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from benchmarks import ours
from benchmarks.noise import SETTINGS, Setting
from benchmarks.peers import rules
from benchmarks.results import FOLDER, Output, Quick, Row, draw, tell, versions, write
from benchmarks.targets import COST, simulated_targets
from benchmarks.trials import play_ours, play_peer

RUNS, PEER_RUNS = 2000, 500
QUICK_RUNS = 8
SEED = 20


def main(
    runs: Annotated[int, typer.Option(min=1, help="Runs of our rule in every setting.")] = RUNS,
    peer_runs: Annotated[int, typer.Option(min=1, help="Runs of a peer's rule.")] = PEER_RUNS,
    jobs: Annotated[int, typer.Option(min=1, help="Settings at a time.")] = os.cpu_count() or 1,
    quick: Quick = False,
    output: Output = FOLDER,
) -> None:
    """Simulate false alarms and power of verdict rules, over kinds of noise."""
    console = Console(stderr=True)
    for line in rules()[1]:
        console.print(line, markup=False)
    settings: tuple[Setting, ...] = SETTINGS
    if quick:
        runs = peer_runs = QUICK_RUNS
        settings = tuple(replace(setting, num_cases=8) for setting in SETTINGS[2::3])
    rows = list(play_all(settings, runs, peer_runs, jobs, console))
    from benchmarks.figures import verdict_figure

    paths = [write("simulated", rows, versions(), output)]
    paths.append(draw("simulated", verdict_figure(rows), output))
    tell(simulated_targets(rows), paths, console)


def play_all(
    settings: tuple[Setting, ...], runs: int, peer_runs: int, jobs: int, console: Console
) -> Iterator[Row]:
    """Play every setting, several at a time; yield rows in the settings' order."""
    play = partial(play_setting, runs=runs, peer_runs=peer_runs)
    context = get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(settings)), mp_context=context) as pool:
        played = pool.map(play, settings)
        for rows in track(played, "simulating", len(settings), console=console):
            yield from rows


def play_setting(setting: Setting, runs: int, peer_runs: int) -> list[Row]:
    """Play all rules in one setting, each on draws of its own from a seed of its own."""
    told = {"setting": setting.name, "kind": setting.kind, "spread": setting.spread}
    tally, cost = play_ours(setting, _generator(setting, ours.NAME), runs)
    rows: list[Row] = [{**told, **count.row()} for count in tally.counts()]
    paid = {"rule": ours.NAME, "samples": tally.samples, "quantity": COST, "change": 0.0}
    rows.append({**told, **paid, "trials": runs, "rate": cost})
    for rule in rules()[0]:
        generator = _generator(setting, f"{rule.name}, {rule.samples}")
        played = play_peer(rule, setting, generator, peer_runs)
        rows.extend({**told, **count.row()} for count in played.counts())
    return rows


def _generator(setting: Setting, name: str) -> np.random.Generator:
    return np.random.default_rng([SEED, *f"{setting.name}: {name}".encode()])


if __name__ == "__main__":
    typer.run(main)
