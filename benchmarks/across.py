"""Whether a step's time is predicted across a wire: two nodes in networks of their own, throttled.

The two networks are on this machine, so that four ranks share its cores, and a token bucket bounds
what each may send. Costs are fitted to fewer ranks and hold, or do not, at the most.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.errors import UserError
from bench.reading import fold
from bench.store.run import Run
from benchmarks.results import FOLDER, Output, Quick, Row, Target, tell, write
from suites.distributed.planning.claims import cores_of
from suites.distributed.planning.step_time import HeldOut, check
from tests.conftest import BENCH_AS_IT_IS
from tests.running.nodes.made_nodes import Nodes
from tests.running.nodes.namespaces import ADDRESSES, NotPermitted, inside, limit, two_networks

RATE = 200
ROUNDS = 5
RANKS = "1,2,4,6"
PATTERN = "(Training and (single or ddp or fsdp2)) or AllReduce or AllGather or ReduceScatter"


def main(
    mbit: Annotated[int, typer.Option(min=1, help="Megabits a second of the wire.")] = RATE,
    rounds: Annotated[int, typer.Option(min=2, help="Rounds of the run.")] = ROUNDS,
    quick: Quick = False,
    output: Output = FOLDER,
) -> None:
    """Measure on both nodes, predict the most ranks from the others, keep what came of it."""
    records = fold(measured(mbit, 2 if quick else rounds))
    rows = [_row(one, mbit) for one in check(records, cores_of(records))]
    settings = {"rounds": rounds, "asked_ranks": RANKS}
    tell([_target(row) for row in rows], [write("across", rows, settings, output)], Console())


def measured(mbit: int, rounds: int) -> Run:
    """Return the run of two nodes; UserError where networks cannot be made or a node failed."""
    words = ["distributed", "--preset", "smoke", "--device", "cpu", "-k", PATTERN]
    asked = [f"ranks={RANKS}", "batch=12", f"rounds={rounds}"]
    try:
        with tempfile.TemporaryDirectory() as folder, two_networks() as networks:
            limit(networks, mbit)
            nodes = Nodes(Path(folder), BENCH_AS_IT_IS, patience_s=3600.0)
            nodes.host = ADDRESSES[0]
            for node in (1, 0):
                within = inside(networks[node])
                nodes.start(*words, *_each("--set", asked), node=node, within=within)
            for code, said in nodes.end():
                if code:
                    raise UserError(f"a node ended with {code}:\n{said}")
            return nodes.run()
    except NotPermitted as why:
        raise UserError(f"two networks cannot be made here: {why}") from why


def _each(option: str, values: list[str]) -> Iterator[str]:
    for value in values:
        yield from (option, value)


def _row(one: HeldOut, mbit: int) -> Row:
    return {
        "mbit": mbit,
        "strategy": one.step.strategy,
        "ranks": one.step.ranks,
        "fitted_on": " ".join(map(str, one.fitted_on)),
        "predicted_s": one.predicted.estimate,
        "measured_s": one.measured.estimate,
        "error": one.error,
        "stated_s": one.half_s,
        "within": one.within,
    }


def _target(row: Row) -> Target:
    got = f"{row['predicted_s']:.3f} s predicted, {row['measured_s']:.3f} s measured"
    return Target(f"{row['strategy']} on {row['ranks']} ranks", got, row["within"])


if __name__ == "__main__":
    typer.run(main)
